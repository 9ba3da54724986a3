"""Attributes of instances and methods of their classes, read without running the program's code."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any

_FUNCTION: Any = type(lambda: None)
_DICT_SLOT = type(_FUNCTION.__code__)
"""A getset descriptor."""
MAX_BASES = 16
"""Classes in which methods are searched."""
_get_order: Any = type.__dict__["__mro__"].__get__
_get_table: Any = type.__dict__["__dict__"].__get__


class _Plain:
    pass


_PLAIN_DOC = _get_table(_Plain)["__dict__"].__doc__
"""Of the slot that a class statement makes; types in C may have slots that run code of their own."""


def plain_attributes(instance: object, *, of_class: bool = False) -> dict[str, Any] | None:
    """Return the instance dictionary of an object, or ``None`` where reading it could run code of the program.

    With ``of_class`` only where a class statement made it.
    """
    for kind in _get_order(type(instance)):
        slot = _get_table(kind).get("__dict__")
        if slot is not None:
            if type(slot) is not _DICT_SLOT or (of_class and slot.__doc__ != _PLAIN_DOC):
                return None
            found = slot.__get__(instance)
            return found if type(found) is dict else None
    return None


def find_methods(instance: object, names: tuple[str, ...]) -> list[CodeType]:
    """Return the code of the functions that the class of ``instance`` has under some of ``names``, nothing wrapped."""
    found: list[CodeType] = []
    tables = [_get_table(each) for each in _get_order(type(instance))[:MAX_BASES]]
    for name in names:
        for table in tables:
            method = table.get(name)
            if method is not None:
                if type(method) is _FUNCTION:
                    found.append(method.__code__)
                break
    return found
