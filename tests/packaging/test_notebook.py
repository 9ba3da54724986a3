"""`%load_ext whet` in a real kernel, driven by nbclient, in an environment of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from whet.program.ptrace import ptrace_trouble

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        sys.platform == "win32" or ptrace_trouble() is not None, reason="sampling from outside is not permitted here"
    ),
]
CELLS = [
    "%load_ext whet",
    "def dedupe(values):\n    seen = []\n    for value in values:\n        if value not in seen:\n"
    "            seen.append(value)\n    return seen\n",
    "%%whet\nresult = dedupe(range(12_000))\nlen(result)",
    "%whet other = dedupe(range(9_000))",
    "len(other)",
    "%%whet --memory --lines\ntexts = [str(number) for number in range(400_000)]\nlen(dedupe(range(6_000)))",
    "%%whet\nimport asyncio\nawait asyncio.sleep(0.1)\nlen(dedupe(range(9_000)))",
    "%%whet\n1 / 0",
    "%%whet --nonsense\n41 + 1",
    "import whet\nwith whet.profile() as run:\n    dedupe(range(9_000))\nrun.show()",
    "%whet --memory dedupe(range(9))",
    "%unload_ext whet",
    "%whet 1",
]
DRIVER = """
import json, sys, nbformat
from nbclient import NotebookClient
book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in json.load(sys.stdin)])
NotebookClient(book, timeout=900, kernel_name="python3", allow_errors=True).execute()
print(json.dumps([cell.outputs for cell in book.cells]))
"""


@pytest.fixture(scope="module")
def kernel(make_environment, wheel):
    environment = make_environment(borrow=True)
    environment.install(wheel)
    pip = [sys.executable, "-m", "pip", "--python", str(environment.python), "install", "--quiet"]
    done = subprocess.run([*pip, "ipykernel", "nbclient", "nbformat"], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return environment


def run(environment, cells: list[str], folder: Path) -> list[list[dict]]:
    (folder / "driver.py").write_text(DRIVER)
    done = subprocess.run(
        [environment.python, "driver.py"],
        check=False,
        cwd=folder,
        input=json.dumps(cells),
        capture_output=True,
        text=True,
        env={"PATH": str(environment.bin), "HOME": str(folder)},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def shown(outputs: list[dict]) -> dict[str, str]:
    (found,) = [each["data"] for each in outputs if each["output_type"] == "display_data"]
    return found


def values(outputs: list[dict]) -> list[str]:
    return [each["data"]["text/plain"] for each in outputs if each["output_type"] == "execute_result"]


def test_cells_are_measured_and_do_what_they_do_without(kernel, tmp_path):
    outputs = run(kernel, CELLS, tmp_path)
    assert outputs[0] == outputs[1] == []
    assert values(outputs[2]) == ["12000"]
    for at in (2, 3, 5, 6):
        text = shown(outputs[at])["text/plain"]
        assert "dedupe  In[2] def dedupe(values):1" in text, text
        assert "Membership test on a list" in text
        assert "ipykernel_launcher.py" not in text
        assert "In[2] def dedupe(values):4" in shown(outputs[at])["text/html"]
    assert values(outputs[4]) == ["9000"]
    text = shown(outputs[5])["text/plain"]
    assert "allocated" in text
    assert "hits" in text
    assert "MB" in text.partition("<module>  In[6]")[0].splitlines()[-1]
    assert values(outputs[6]) == ["9000"], "await works as in any cell"
    assert [each["ename"] for each in outputs[7] if each["output_type"] == "error"] == ["ZeroDivisionError"]
    assert values(outputs[8]) == ["42"]
    assert "unrecognized arguments: --nonsense" in "".join(each.get("text", "") for each in outputs[8])
    text = "".join(each.get("text", "") for each in outputs[9])
    assert text.startswith("In[10] "), "a block of the library is of the cell too"
    assert "dedupe  In[2] def dedupe(values):1" in text
    assert "ipykernel" not in text
    assert "takes no options" in "".join(each.get("text", "") for each in outputs[10])
    assert "not found" in "".join(each.get("text", "") for each in outputs[12])


def test_a_cell_is_proven_as_a_script_of_the_cells(kernel, tmp_path):
    outputs = run(kernel, [*CELLS[:2], "%%whet --prove\nprint(len(dedupe(range(6_000))))"], tmp_path)
    text = "".join(each.get("text", "") for each in outputs[2] if each["output_type"] == "stream")
    assert "1. Membership test on a list: faster" in text, text
    assert "All together: faster" in text
    assert "output identical" in text
