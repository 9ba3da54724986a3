"""A process that is killed while it writes leaves each file old or new, never between."""

import random
import subprocess
import sys
import time

CHILD = """
import hashlib, sys
from pathlib import Path
from whet.fix.files import replace_file

path = Path(sys.argv[1])
sides = [b"old = 1\\n" * 50_000, b"new = 2\\n" * 50_000]
print("ready", flush=True)
turn = 0
while True:
    replace_file(path, hashlib.sha256(sides[turn % 2]).hexdigest(), sides[(turn + 1) % 2])
    turn += 1
"""


def test_each_file_is_old_or_new_whenever_the_process_is_killed(tmp_path):
    path = tmp_path / "a.py"
    sides = {b"old = 1\n" * 50_000, b"new = 2\n" * 50_000}
    pauses = random.Random(7)
    seen = set()
    rounds = 0
    # A machine that is slow, or busy, needs longer until the first file is written.
    while rounds < 15 or (seen != sides and rounds < 150):
        rounds += 1
        path.write_bytes(b"old = 1\n" * 50_000)
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE, text=True)
        assert child.stdout.readline() == "ready\n"
        time.sleep(pauses.uniform(0, 0.002 * max(15, rounds)))
        child.kill()
        child.communicate()
        content = path.read_bytes()
        assert content in sides
        seen.add(content)
    assert seen == sides
    assert all(
        name == "a.py" or (name.startswith(".a.py.") and name.endswith(".whet"))
        for name in (item.name for item in tmp_path.iterdir())
    )
