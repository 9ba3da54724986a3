"""What whet's own interpreter sets for the C locale does not reach the program."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

CODE = "from whet.cli.coercion import undo_coercion; undo_coercion(); import os; print(os.environ.get('LC_CTYPE'))"


@pytest.mark.skipif(sys.platform != "linux", reason="the environment that was given is read from /proc")
@pytest.mark.parametrize("given", [None, "C.UTF-8"])
def test_only_what_was_given_stays(given: str | None) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "PYTHON"))}
    environ = {**kept, "LANG": "C", **({"LC_CTYPE": given} if given else {})}
    plain = [sys.executable, "-c", "import os; print(os.environ.get('LC_CTYPE'))"]
    told = subprocess.run(plain, env=environ, capture_output=True, text=True, check=True).stdout.strip()
    assert told == "C.UTF-8"
    done = subprocess.run([sys.executable, "-c", CODE], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(given)
