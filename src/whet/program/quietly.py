"""Other programs, run for their exit status and their last words."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


def run_quietly(
    words: Sequence[str], seconds: float, *, cwd: Path | None = None, environ: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """Run a command with nothing to read; return its exit status and all that it said, stdout first.

    One that cannot be started, or does not end in ``seconds``, has status 1 and the reason as its words.
    """
    try:
        done = subprocess.run(
            words,
            cwd=cwd,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return 1, str(error)
    return done.returncode, f"{done.stdout}\n{done.stderr}"


def last_line(said: str, otherwise: str = "it failed without output") -> str:
    """Return the last line that says something: where programs put what went wrong."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1] if lines else otherwise
