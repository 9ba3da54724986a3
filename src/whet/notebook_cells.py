"""The cells of the notebook that this process is the kernel of, as reports name them."""

from __future__ import annotations

import linecache
import sys
from typing import Any

LONGEST_NAME = 24
"""Characters of a cell's first line that name it."""


def find_shell() -> Any:  # noqa: ANN401  an IPython shell
    """Return the shell of this process; ``None`` where there is none, as in all programs that do not run in IPython."""
    ipython = sys.modules.get("IPython")
    if ipython is None or not hasattr(ipython, "get_ipython"):
        return None
    shell = ipython.get_ipython()
    compiler = getattr(shell, "compile", None)
    return shell if hasattr(shell, "history_manager") and hasattr(compiler, "_filename_map") else None


def find_number(shell: Any) -> int:  # noqa: ANN401
    """Return the number of the cell that runs, or has just run."""
    return max(1, len(shell.user_ns.get("In", ())) - 1)


def list_cells(shell: Any) -> dict[str, tuple[str, str]]:  # noqa: ANN401
    """Return the cells that ran, by the names of their code: as they are shown, and their text as Python."""
    typed = shell.history_manager.input_hist_raw
    found: dict[str, tuple[str, str]] = {}
    for name, number in shell.compile._filename_map.items():
        entry = linecache.cache.get(name)
        if entry is not None and len(entry) == 4:
            text = "".join(entry[2])
            first = _first_line(typed[number] if 0 < number < len(typed) else text)
            found[name] = (f"In[{number}] {first}", text)
    return found


def _first_line(cell: str) -> str:
    from whet.report.sanitize import shorten

    lines = [line.strip() for line in cell.splitlines() if line.strip() and not line.startswith("%%")]
    return shorten(lines[0].rstrip(":"), LONGEST_NAME) if lines else ""
