"""Parses the Python files of a folder: recursion, which gives deep stacks of many kinds."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import libcst
from libcst.metadata import MetadataWrapper, PositionProvider, ScopeProvider

end = time.perf_counter() + float(sys.argv[1])
while True:
    for path in sorted(Path(sys.argv[2]).rglob("*.py")):
        wrapper = MetadataWrapper(libcst.parse_module(path.read_text("utf-8")), unsafe_skip_copy=True)
        wrapper.resolve_many((ScopeProvider, PositionProvider))
        compile(path.read_text("utf-8"), "x", "exec")
        if time.perf_counter() > end:
            sys.exit()
