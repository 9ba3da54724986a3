"""The number of rows of a pandas DataFrame, read without any code of pandas' in Python.

Only of the type itself, not of those that are derived from it: from its instance dictionary, by the members in C of its
block manager, and from an index that is a range or an array that is one of numpy's.
"""

from __future__ import annotations

import sys

from .objects import plain_attributes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_BLOCKS = 8
_MODULE = type(sys)
_modules = sys.modules
_get_order: Any = type.__dict__["__mro__"].__get__
_get_table: Any = type.__dict__["__dict__"].__get__
_GETTER = type(type(lambda: None).__code__)  # type: ignore[attr-defined]
"""A member in C."""
NAMES = frozenset({"pandas.DataFrame", "pandas.core.frame.DataFrame"})
"""What the type is called, from pandas 3 on and before."""


def find_member(module: str, name: str) -> Any:
    """Return what a loaded module has: types in C, too, may be others than when whet was loaded."""
    loaded = _modules.get(module) if type(_modules) is dict else None
    return loaded.__dict__.get(name) if type(loaded) is _MODULE else None


def count_rows(value: object) -> int | None:
    """Return the rows of a DataFrame; ``None`` for anything else, and where they cannot be read like that."""
    if type(value) is not find_member("pandas", "DataFrame"):
        return None
    attributes = plain_attributes(value)
    manager = attributes.get("_mgr") if attributes is not None else None
    axes = _read(manager, "BlockManager", "axes")
    index = plain_attributes(axes[1]) if type(axes) is list and len(axes) > 1 else None
    rows = index.get("_range") if index is not None else None
    if type(rows) is range:
        return len(rows)
    blocks = _read(manager, "BlockManager", "blocks")
    for block in blocks[:MAX_BLOCKS] if type(blocks) is tuple else ():
        values = _read(block, "Block", "values")
        if values is not None and type(values) is find_member("numpy", "ndarray"):
            return int(values.shape[-1])
    return None


def _read(value: object, kind: str, name: str) -> Any:
    """Return a member in C of a value of one of pandas' own types."""
    found = find_member("pandas._libs.internals", kind)
    if type(found) is not type or found not in _get_order(type(value)):
        return None
    member = _get_table(found).get(name)
    return member.__get__(value) if type(member) is _GETTER else None
