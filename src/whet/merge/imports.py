"""Which module an import is for: the import system's own frames say little, the module that they run says all."""

from __future__ import annotations

from collections.abc import Sequence

from whet.merge.codemap import MODULE_NAME
from whet.merge.names import IMPORT_SYSTEM, is_import_machinery, module_name
from whet.merge.tree import Preorder, outermost_rows
from whet.model.frame import Frame
from whet.model.profile import ROOT, Profile
from whet.records import dataclass

NO_MODULE = -1


@dataclass(frozen=True, slots=True)
class ImportRows:
    """How the rows of a stack table take part in imports.

    ``entry[row]`` is the row at which the import began that ``row`` works for
    (finding, loading; not the module's own code), ``NO_MODULE`` for all others.
    ``module[entry]`` is the row of the module that the import ran: the heaviest
    one where an import ran several (a package and its submodule), ``NO_MODULE``
    where none was seen. ``bodies`` are the rows of all modules run by imports.
    """

    entry: list[int]
    module: dict[int, int]
    bodies: list[int]


def find_imports(profile: Profile, sums: Sequence[int]) -> ImportRows:
    """Find the imports in ``profile``; ``sums`` are the subtree sums that tell which module weighs most."""
    machinery = [is_import_machinery(frame) for frame in profile.frames]
    is_body = [frame.name == MODULE_NAME for frame in profile.frames]
    entry = [NO_MODULE] * len(profile.stacks)
    module: dict[int, int] = {}
    bodies: list[int] = []
    if not any(machinery):
        return ImportRows(entry, module, bodies)
    for row, (parent, frame) in enumerate(zip(profile.stacks.parent, profile.stacks.frame, strict=True)):
        began = entry[parent] if parent != ROOT else NO_MODULE
        if began != NO_MODULE and is_body[frame]:
            bodies.append(row)
            if began not in module or sums[row] > sums[module[began]]:
                module[began] = row
        elif began != NO_MODULE:
            # The import system, or a loader or finder of someone else that it called.
            entry[row] = began
        elif machinery[frame]:
            entry[row] = row
    return ImportRows(entry, module, bodies)


def sum_imports(
    profile: Profile, sums: Sequence[int], order: Preorder, roots: Sequence[str], into: dict[tuple[str, str], int]
) -> None:
    """Add to ``into`` the time of each imported module by ``(module, file)``, what it imports included.

    Finding and loading count for the module that the import ran.
    """
    imports = find_imports(profile, sums)
    if not imports.bodies and all(began == NO_MODULE for began in imports.entry):
        return
    names: dict[tuple[str, str], int] = {}
    key = [NO_MODULE] * len(sums)
    rest = {row: sums[row] for row, began in enumerate(imports.entry) if began == row}
    for row in imports.bodies:
        name = _name(profile.frames[profile.stacks.frame[row]], roots)
        key[row] = names.setdefault(name, len(names))
        rest[imports.entry[profile.stacks.parent[row]]] -= sums[row]
    named = list(names)
    for row in outermost_rows(order, key, len(named)):
        if sums[row]:
            into[named[key[row]]] = into.get(named[key[row]], 0) + sums[row]
    for began, value in rest.items():
        body = imports.module.get(began)
        name = (IMPORT_SYSTEM, "") if body is None else named[key[body]]
        if value:
            into[name] = into.get(name, 0) + value


def _name(frame: Frame, roots: Sequence[str]) -> tuple[str, str]:
    return module_name(frame.file, roots), frame.file
