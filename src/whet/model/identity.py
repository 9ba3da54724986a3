"""The identity of a finding: the same in every report, and after edits elsewhere in the file."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator

from whet.model.finding import Finding

_LENGTH = 10


def identify_findings(findings: Iterable[tuple[str, Finding]]) -> Iterator[str]:
    """Yield the identity of each finding, given with its path inside the project.

    It is made from rule, path, qualified name and snippet; findings alike in all of these differ by their order.
    """
    met: Counter[tuple[str, str, str, str]] = Counter()
    for path, finding in findings:
        key = (finding.rule, path, finding.function, finding.snippet)
        met[key] += 1
        parts = (*key, str(met[key])) if met[key] > 1 else key
        digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
        yield digest[:_LENGTH]
