"""Run by the expression ahead of the program's first statement: sets everything up and lets the program begin.

Its globals hold ``SETTINGS``, a path. It leaves nothing in the program's namespace.
"""

from __future__ import annotations

import sys
from importlib import import_module, util
from os import path

LOADED_BEFORE = set(sys.modules)

folder = path.dirname(path.abspath(__file__))
spec = util.spec_from_file_location(
    "_whet_target", path.join(folder, "__init__.py"), submodule_search_locations=[folder]
)
assert spec is not None and spec.loader is not None  # the file stands beside this one
package = util.module_from_spec(spec)
sys.modules["_whet_target"] = package
spec.loader.exec_module(package)
import_module("_whet_target.runner").start(
    globals()["SETTINGS"],
    sys._getframe(1).f_code,
    LOADED_BEFORE,
)
