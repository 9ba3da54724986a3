"""Run by path: ``python -I -S watchdog.py FOLDER`` ends what whet has started when whet itself is gone.

whet writes the running process group to its standard input, one per line, ``0``
for none. When that is closed without a last ``0``, whet was killed: nothing else would
end the program, which may run forever, or remove the session's folder. Standard library only.
"""

import contextlib
import os
import shutil
import signal
import sys


def watch(folder: str) -> None:
    """Wait for whet's end; then end the group that was named last and remove ``folder``."""
    # Signals to the terminal's group are handled by whet.
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"):
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    group = 0
    for line in sys.stdin.buffer:
        group = int(line)
        if group < 0:
            return
    if group:
        with contextlib.suppress(OSError):
            os.killpg(group, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    watch(sys.argv[1])
