"""memray's own captures (``memray run -o FILE``), which only memray can read: with lz4 or plain, aggregated or not.

memray reads them in a process of its own, limited in time and memory: a file of somebody else's may crash the library,
and must not take whet with it. What that process makes of it are :mod:`whet.formats.memray_records`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from whet.errors import FormatError
from whet.formats.memray_records import MemrayRecords
from whet.model.profile import Profile
from whet.scratch import scratch_folder

READER = Path(__file__).parents[1] / "inprocess" / "profilers" / "memray_reader.py"
READER_SECONDS = 600
"""How long one process may take."""
MOST_BYTES = 4 * 1024**3
_CHUNK = 1024 * 1024
_MAGICS = (b"\x04\x22\x4d\x18", b"memray\0")
"""LZ4's, in which captures are packed unless memray is told not to, and memray's own."""
_LIMITED = f"""
import runpy, sys
try:
    import resource
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, ({MOST_BYTES}, hard))
except (ImportError, ValueError, OSError):
    pass
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


class MemrayCapture:
    """Reads them."""

    name = "memray-capture"

    def recognizes(self, head: bytes) -> bool:
        """Return whether ``head`` begins as a capture does, packed or not."""
        return head.startswith(_MAGICS)

    def read(self, file: BinaryIO) -> Iterator[Profile]:
        """Yield the one profile in ``file``; raises ``FormatError`` with memray's own reason where it cannot be read.

        Of a process that was killed memray reads as far as the capture goes.
        """
        head = file.read(_CHUNK)
        if not self.recognizes(head):
            raise FormatError("not a capture of memray", where="byte 0")
        with scratch_folder("memray") as folder:
            capture, records = folder / "capture.bin", folder / "records.jsonl"
            size = 0
            with capture.open("wb") as copy:
                while head:
                    size += copy.write(head)
                    if size > MOST_BYTES:
                        raise FormatError(f"more than {MOST_BYTES:,} bytes", where=f"byte {MOST_BYTES}")
                    head = file.read(_CHUNK)
            words = [sys.executable, "-I", "-c", _LIMITED, str(READER), "", str(capture), str(records)]
            (why,) = run_reader(words, 1)
            if why:
                raise FormatError(
                    f"memray cannot read it: {why[:300]}",
                    where="the capture",
                    hint="install the memray that recorded it next to whet, or convert it where it was recorded: "
                    "`memray transform speedscope FILE`",
                )
            with records.open("rb") as lines:
                for profile in MemrayRecords().read(lines):
                    # The version in the records is that of the memray that read it.
                    yield replace(profile, collector="memray", missing=(*profile.missing, "time"))

    def write(self, profile: Profile, sink: BinaryIO) -> None:
        """Refuse: memray writes these."""
        raise FormatError("captures of memray are read, not written", hint="write speedscope or pprof")


def run_reader(command: Sequence[str], captures: int) -> list[str]:
    """Return why each capture could not be read, at most ``captures``; at least one, that of the process at the end.

    ``command`` runs :data:`READER`. Empty: it could.
    """
    try:
        done = subprocess.run(command, capture_output=True, timeout=READER_SECONDS, check=False)
        said, status = done.stdout, done.returncode
        last_words = (done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or ["no reason given"])[0]
    except subprocess.TimeoutExpired as error:
        said, status, last_words = error.stdout or b"", 1, f"it took more than {READER_SECONDS} seconds"
    except OSError as error:
        return [str(error)] * captures
    reasons: list[str] = []
    for line in said.splitlines()[:captures]:
        try:
            reasons.append(str(json.loads(line)))
        except ValueError:
            break
    if len(reasons) < captures and (status or not reasons):
        reasons.append(last_words)
    return reasons
