"""What whet writes as pprof, read by the classes that protobuf makes of its description, and by flameshow."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from tests.packages.suites import install, list_variables
from tests.unit.formats.test_round_trips import CPU, write

from whet.formats.pprof import Pprof

pytestmark = pytest.mark.slow
# The parsers of flameshow, with the module that protoc made of profile.proto, and the protobuf that it needs.
WANTED = ["flameshow==1.1.5", "flamegraph-textual==0.1.2", "protobuf==4.25.9"]
READ = """
import gzip, json, sys
from pathlib import Path
from flamegraph_textual.parsers import parse, profile_pb2

data = Path(sys.argv[1]).read_bytes()
message = profile_pb2.Profile.FromString(gzip.decompress(data))
text = message.string_table
locations = {each.id: each for each in message.location}
functions = {each.id: each for each in message.function}
leaves = []
for sample in message.sample:
    labels = {text[each.key]: text[each.str] or each.num for each in sample.label}
    (line,) = locations[sample.location_id[0]].line
    function = functions[line.function_id]
    name, file = text[function.name], text[function.filename]
    leaves.append([name, file, line.line, labels["thread_name"], labels["thread_id"], list(sample.value)])
shown = parse(data, "run.pprof")
tree = {}
open_ = [((), shown.root_stack)]
while open_:
    path, frame = open_.pop()
    for child in frame.children:
        below = (*path, child.name)
        tree[";".join(below)] = list(child.values)
        open_.append((below, child))
types = [[text[each.type], text[each.unit]] for each in message.sample_type]
print(json.dumps([types, text[message.default_sample_type], leaves, list(shown.root_stack.values), tree]))
"""


def test_protobuf_and_flameshow_read_the_same_functions_lines_threads_and_totals(tmp_path: Path) -> None:
    python = install("viewers", WANTED, "\n".join(WANTED))
    path = tmp_path / "run.pprof"
    path.write_bytes(write(Pprof()))
    done = subprocess.run(
        [python, "-c", READ, path], capture_output=True, text=True, check=True, env=list_variables(), timeout=300
    )
    types, default, leaves, totals, tree = json.loads(done.stdout)
    assert [kind for kind, _ in types] == ["cpu", "wait", "alloc_space", "inuse_space"]
    assert default == "cpu"
    assert totals == [CPU, 500_000_000, 5_096, 3_000_000]
    assert [sum(column) for column in zip(*(each[-1] for each in leaves), strict=True)] == totals
    assert ["add", "/srv/naïve café/tax; rate.py", 4, "worker", 77, [70_000_000, 0, 0, 0]] in leaves
    assert tree["<module>;Order.total;add"] == [71_234_567, 0, 1_000, 3_000_000]
    assert tree["<module>;memcpy"] == [30_000_000, 500_000_000, 0, 0]
