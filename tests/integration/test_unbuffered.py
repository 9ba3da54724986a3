"""Programs whose output is not buffered: nothing of whet's stands between them and their streams."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="pipes and devices of POSIX")

WHAT = """
import io, sys
for stream in (sys.stdout, sys.stderr, sys.__stdout__):
    print(type(stream), type(stream.buffer), stream.buffer.name, stream.mode, file=sys.stderr)
print(io.FileIO.__subclasses__(), file=sys.stderr)
sys.stdout.write("text " * 10)
"""


@pytest.mark.parametrize("options", [["-u"], []])
@pytest.mark.parametrize("output", ["/dev/full", "closed pipe", "pipe"])
def test_streams_and_errors_are_those_of_the_interpreter(runner, options, output):
    program = runner.write(WHAT)
    said = []
    variables = {} if options else {"PYTHONUNBUFFERED": "1"}
    for command in ([sys.executable, *options, str(program)], runner.command(*options, program)):
        reader, writer = os.pipe()
        if output != "pipe":
            os.close(reader)
        with open("/dev/full" if output == "/dev/full" else writer, "wb", closefd=output == "/dev/full") as stdout:
            folder = runner.make_folder()
            environ = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")} | variables
            process = runner.start(command, folder, stdout=stdout, env=environ)
            said.append(runner.finish(process, folder))
        os.close(writer)
        if output == "pipe":
            os.close(reader)
    plain, whet = said
    assert whet.status == plain.status
    assert whet.words.startswith(plain.words), whet.words
    assert "_whet_inprocess" not in whet.words and "frozen io" not in whet.words


WRITES = """
import sys
for number in range(150):
    sys.stdout.write("".join(f"{1000 * number + row:09d} {'x' * 89}\\n" for row in range(1000)))
"""


@pytest.mark.parametrize("reads", ["slowly", "at once"])
def test_no_output_is_lost_to_the_sampler(runner, reads):
    """A sampler that stopped the program amid a write to a full pipe made it lose a quarter of it."""
    folder, program = runner.make_folder(), runner.write(WRITES)
    digest, size = hashlib.sha256(), 0
    with runner.start(runner.command("-u", program), folder, stderr=subprocess.DEVNULL) as process:
        while chunk := process.stdout.read1(8_192 if reads == "slowly" else 1 << 16):
            digest.update(chunk)
            size += len(chunk)
            if reads == "slowly":
                sum(range(3_000))
        assert process.wait(240) == 0
    expected = b"".join(b"%09d %s\n" % (number, b"x" * 89) for number in range(150_000))
    assert (size, digest.hexdigest()) == (len(expected), hashlib.sha256(expected).hexdigest())


BUSY = """
import sys, time
def work():
    end = time.process_time() + 0.5
    while time.process_time() < end:
        sum(range(500))
work()
print("done")
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no write is cut short")
def test_the_report_says_how_it_was_sampled(runner):
    ran = runner.whet("-u", runner.write(BUSY))
    assert ran.find_functions("work"), ran.words
    (said,) = [each for each in ran.warnings_about("py-spy") if "unbuffered" in each]
    assert said.startswith("python's option -u leaves the program's output unbuffered")
    folder, program = runner.make_folder(), runner.write(BUSY)
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        process = runner.start(runner.command("-u", program), folder, stdout=out, stderr=err)
        ran = runner.finish(process, folder)
    assert ran.status == 0
    assert (Path(folder) / "out").read_bytes() == b"done\n"
    assert not [each for each in ran.warnings_about("py-spy") if "unbuffered" in each]
