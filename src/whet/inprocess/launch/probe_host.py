"""Says what the interpreter that runs it is, and where it finds the profilers.

Run by path, once, before the program is started; prints one line: a marker and
a literal. Written so that it compiles on any Python, old ones included (they are
to be named, not to be crashed into), and imports nothing that the start of the
interpreter has not imported already: the whole question costs one bare start.
"""

import sys

# The folder of this file is on sys.path because the file was run by path; a
# program started plainly does not have it, so nothing may be found through it.
if sys.path and sys.path[0].replace("\\", "/").endswith("whet/inprocess/launch"):
    del sys.path[0]

import os
import site

try:
    from _imp import extension_suffixes
except ImportError:  # Python 2
    extension_suffixes = None  # type: ignore[assignment]

answer = {
    "executable": sys.executable,
    "version": list(sys.version_info[:3]),
    "level": sys.version_info[3],
    "implementation": getattr(getattr(sys, "implementation", None), "name", "cpython"),
    "free_threaded": "free-threading" in sys.version or "t" in getattr(sys, "abiflags", ""),
    "debug": hasattr(sys, "gettotalrefcount"),
    "ignores_environment": bool(sys.flags.ignore_environment or getattr(sys.flags, "isolated", 0)),
    "no_site": bool(sys.flags.no_site),
    "prefix": sys.prefix,
    "base_prefix": getattr(sys, "base_prefix", sys.prefix),
    "machine": os.uname()[4] if hasattr(os, "uname") else "",
    "platform": sys.platform,
    "abi": "",
    "scripts": os.path.join(sys.prefix, "Scripts" if os.name == "nt" else "bin"),
}

if extension_suffixes is not None:
    # ".cpython-313-x86_64-linux-gnu.so", ".cp313-win_amd64.pyd"
    answer["abi"] = extension_suffixes()[0].strip(".").rpartition(".")[0]

library = getattr(sys, "_stdlib_dir", None) or os.path.dirname(os.__file__)
answer["stdlib"] = [library] + [
    entry
    for entry in sys.path
    if entry != library
    and (
        os.path.basename(entry) in ("lib-dynload", "DLLs")
        or (os.path.basename(entry).startswith("python") and entry.endswith(".zip"))
    )
]

folders = list(site.getsitepackages()) if hasattr(site, "getsitepackages") else []
if site.ENABLE_USER_SITE and site.USER_SITE:
    folders.append(site.USER_SITE)
folders += [entry for entry in sys.path if os.path.basename(entry) in ("site-packages", "dist-packages")]
seen = []
for folder in folders:
    # On Windows the prefix itself is among the site folders: it holds the standard library too.
    if folder not in seen and os.path.isdir(folder) and folder not in (sys.prefix, answer["base_prefix"]):
        seen.append(folder)
answer["site_packages"] = seen

# Asking the finders loads nothing of the packages themselves; all finders are asked,
# since editable installs bring their own.
found = {}
known = []
for name in sys.argv[1:]:
    for finder in sys.meta_path:
        ask = getattr(finder, "find_spec", None)
        spec = ask(name, None) if ask else None
        if spec is not None:
            known.append(name)
            if spec.origin and spec.submodule_search_locations is not None:
                found[name] = os.path.dirname(os.path.dirname(spec.origin))
            elif spec.origin:
                found[name] = os.path.dirname(spec.origin)
            break
answer["found"] = found
answer["known"] = known

# What the answer would change with: an installation changes a folder, an edited .pth file itself only. Folders
# that are not there count too, since they may come to be.
rests_on = {os.__file__, getattr(sys, "_base_executable", None) or sys.executable}
for folder in seen + [site.USER_SITE or ""] + sys.path:  # noqa: RUF005  Python 2
    folder = os.path.abspath(folder)  # noqa: PLW2901
    rests_on.add(folder)
    names = os.listdir(folder) if folder in seen else []
    names = [name for name in names if name.endswith(".pth") or name.startswith("__editable__")]
    for name in ["sitecustomize.py", "usercustomize.py"] + names:  # noqa: RUF005
        if os.path.exists(os.path.join(folder, name)):
            rests_on.add(os.path.join(folder, name))
answer["rests_on"] = sorted(rests_on)

try:
    show = ascii
except NameError:  # Python 2
    show = repr
sys.stdout.write("whet-host " + show(answer) + "\n")
