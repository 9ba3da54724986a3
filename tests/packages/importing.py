"""Imports each module below a folder, each in a fork of a process that has imported only the packages around it.

    python importing.py FOLDER PACKAGE ...

Writes JSON: for each module its names, or the error that importing it ends with. Run by the interpreter under test,
with its standard library alone.
"""

import contextlib
import importlib
import json
import os
import re
import select
import signal
import sys
import warnings
from pathlib import Path

SECONDS, ALL_SECONDS = 60, 1200
"""For one module, and for all of a package."""
LEFT_OUT = re.compile(r"\.(?:__main__|setup|conftest)$|\.(?:tests?|testing|_?vendor(?:ed)?)\b")
"""Modules that do something when imported; tests, which import as much as they can; copies of other packages."""


def list_modules(folder, package):
    """Return the names of the modules and packages in ``package``, packages before what is in them."""
    top = Path(folder, package)
    if not (top / "__init__.py").exists():
        return [package] if top.with_suffix(".py").exists() else []
    found = {package}
    for path in top.rglob("*.py"):
        parts = path.relative_to(folder).with_suffix("").parts
        if all(part.isidentifier() for part in parts):
            found.add(".".join(parts).removesuffix(".__init__"))
    return sorted(name for name in found if not LEFT_OUT.search(name))


def describe(error):
    """Return an error as text, without what differs each time."""
    text = f"{type(error).__name__}: {error}"
    return re.sub(r"0x[0-9a-f]+|/\S+|line \d+|\bpid \d+", "…", text)[:300]


def import_one(name):
    """Return the names that a module has, or the text of the error."""
    try:
        module = importlib.import_module(name)
    except BaseException as error:  # a module can even exit
        return describe(error)
    return sorted(part for part in vars(module) if not part.startswith("__"))


def fork(work, seconds=SECONDS):
    """Return what ``work`` returns in a fork of this process, which has some seconds for it."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        with contextlib.suppress(BaseException):
            os.close(reading)
            answer = json.dumps(work()).encode()
            with os.fdopen(writing, "wb") as file:
                file.write(answer)
        os._exit(0)
    os.close(writing)
    parts = []
    with os.fdopen(reading, "rb") as file:
        while select.select([file], [], [], seconds)[0]:
            part = os.read(file.fileno(), 65536)
            if not part:
                break
            parts.append(part)
        else:
            os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return json.loads(b"".join(parts)) if parts else "no answer"


def import_below(package, modules):
    """Return the outcome of ``package`` and of what is in it; its own subpackages are done in forks of their own."""
    outcome = import_one(package)
    found = {package: outcome}
    inside = [name for name in modules if name.startswith(f"{package}.")]
    if isinstance(outcome, str):
        return {**found, **dict.fromkeys(inside, "the package around it is not there")}
    direct = [name for name in inside if "." not in name.removeprefix(f"{package}.")]
    for name in direct:
        if any(other.startswith(f"{name}.") for other in inside):
            below = fork(lambda name=name: import_below(name, inside), ALL_SECONDS)
            found.update(below if isinstance(below, dict) else {name: below})
        else:
            found[name] = fork(lambda name=name: import_one(name))
    return found


def main():
    folder, *packages = sys.argv[1:]
    sys.path.insert(0, folder)
    warnings.simplefilter("ignore")
    out = os.dup(1)
    with Path(os.devnull).open("r+") as nothing:  # modules print, and read
        for descriptor in 0, 1, 2:
            os.dup2(nothing.fileno(), descriptor)
    found = {}
    for package in packages:
        modules = list_modules(folder, package)
        if modules:
            below = fork(lambda package=package, modules=modules: import_below(package, modules), ALL_SECONDS)
            found.update(below if isinstance(below, dict) else {package: below})
    with os.fdopen(out, "w") as file:
        json.dump(found, file)


if __name__ == "__main__":
    main()
