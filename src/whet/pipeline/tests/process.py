"""Makes the report of a pytest session, in a process of its own: see :mod:`whet.pytest_session`.

It reads a JSON object on stdin and prints the summary to stdout.
"""

from __future__ import annotations

import json
import sys

from whet.errors import WhetError
from whet.pipeline.tests.report import Request, Test, report_tests


def main() -> None:
    """Report on the session that is described on stdin."""
    asked = json.load(sys.stdin)
    tests = tuple(Test(*each) for each in asked.pop("slowest"))
    words = tuple(map(str, asked.pop("words")))
    try:
        text = report_tests(Request(slowest=tests, words=words, **asked))
    except WhetError as error:
        text = f"whet: error: {error.message}\n" + (f"whet: {error.hint}\n" if error.hint else "")
    sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
