"""What an agent does by MCP alone, with the SDK's own client: prints a JSON object. Run in a project's folder."""

import json
import sys
from pathlib import Path

import anyio
from mcp import Client, StdioServerParameters

SERVER = StdioServerParameters(command=sys.argv[1], args=["mcp"], cwd=Path.cwd())


async def call(client, name, **arguments):
    result = await client.call_tool(name, arguments)
    return {"error": bool(result.is_error), "text": result.content[0].text, "structured": result.structured_content}


async def improve():
    """Find the worst problem of the demo, patch it, prove the patch."""
    found, progress = {}, []

    async def note(done, total, message):
        progress.append([done, total, message])

    async with Client(SERVER, mode="auto") as client:
        found["tools"] = [tool.name for tool in (await client.list_tools()).tools]
        ran = await client.call_tool("run", {"program": ["orders.py", "--orders", "9000"]}, progress_callback=note)
        found["run"] = ran.content[0].text
        found["hotspots"] = await call(client, "hotspots", limit=2)
        file, _, line = found["hotspots"]["text"].split("lines 1 to")[1].splitlines()[1].split("  ")[1].partition(":")
        found["source"] = await call(client, "source", file=file, line=int(line), context=3)
        found["advice"] = await call(client, "advice", limit=20)
        found["proofs"] = []
        for patch in read_patches(found["advice"]["text"])[:3]:
            proof = await call(client, "prove_patch", patch=patch, budget_seconds=1800)
            found["proofs"].append({"patch": patch, **proof})
            if proof["text"].startswith("verdict: faster"):
                break
        found["refuted"] = await call(client, "prove_patch", patch=WRONG, program=["small.py"], budget_seconds=20)
        found["bench"] = await call(client, "bench", program=["small.py"], budget_seconds=2)
        found["check"] = await call(client, "check", paths=["orderbook"], limit=1)
        found["hot"] = await call(client, "check", profile=True, limit=50)
        found["paged"] = await call(client, "check", profile=True, limit=1)
        found["outside"] = [
            await call(client, "source", file="../../etc/passwd"),
            await call(client, "run", program=["/etc/passwd"]),
            await call(client, "hotspots", run="/etc"),
            await call(client, "check", paths=["/etc"]),
            await call(client, "prove_patch", patch=WRONG, program=["small.py"], compare=["/etc/*"]),
            await call(client, "bench", program=["small.py"], against="--upload"),
        ]
        found["wrong"] = [
            await call(client, "prove_patch", patch="no patch", program=["small.py"]),
            await call(client, "run", program=[]),
            await call(client, "run", program=["no-such-command"]),
            await call(client, "hotspots", limit=1000),
            await call(client, "source", file="nothing.py"),
        ]
    found["progress"] = progress
    return found


def read_patches(text):
    """Return the diffs of suggestions, as an agent reads them from an answer."""
    rows = [row[3:] if row.startswith("   ") else "" for row in text.splitlines()]
    starts = [index for index, row in enumerate(rows) if row.startswith("--- ")]
    patches = []
    for start in starts:
        end = start + 2
        while end < len(rows) and rows[end].startswith((" ", "+", "-", "@")) and end not in starts:
            end += 1
        patches.append("\n".join(rows[start:end]) + "\n")
    return patches


async def cancel():
    """Cancel a run, and leave another one running when the client goes."""
    Path("sleeper.py").write_text(
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "open(sys.argv[1], 'w').write(f'{os.getpid()} {child.pid} ')\ntime.sleep(600)\n"
    )
    async with Client(SERVER, mode="legacy") as client:
        tools = [tool.name for tool in (await client.list_tools()).tools]
        with anyio.move_on_after(600) as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(call_and_forget, client, "first")
                await begun("first")
                scope.cancel()
        first = await gone("first")
        async with anyio.create_task_group() as group:
            group.start_soon(call_and_forget, client, "second")
            await begun("second")
            group.cancel_scope.cancel()
    return {"tools": tools, "cancelled": first, "left": await gone("second")}


async def call_and_forget(client, name):
    await client.call_tool("run", {"program": ["sleeper.py", name]})


async def begun(name):
    while not (Path(name).exists() and Path(name).read_text().endswith(" ")):
        await anyio.sleep(0.05)


async def gone(name):
    """Whether all processes of a run have ended, at last."""
    for _ in range(600):
        if not any(is_alive(int(pid)) for pid in Path(name).read_text().split()):
            return True
        await anyio.sleep(0.1)
    return False


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


WRONG = """\
--- a/small.py
+++ b/small.py
@@ -1,2 +1,2 @@
-total = sum(number * number for number in range(300_000))
+total = 42
 print(total)
"""

print(json.dumps(anyio.run({"improve": improve, "cancel": cancel}[sys.argv[2]])))
