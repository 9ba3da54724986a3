"""The samplers of time: py-spy, Tachyon, pyinstrument, or a collector of another distribution."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from whet.errors import PluginError, UsageError
from whet.pipeline.run.options import Sampler
from whet.plugins import BUILT_IN, Group, find_plugins

if TYPE_CHECKING:
    from collections.abc import Sequence

    from whet.collect.api import Collector, Launch
    from whet.formats.api import ProfileFormat


def find_sampler(name: str) -> Sampler | Collector:
    """Return the sampler called ``name``.

    Raises :class:`UsageError` if there is none and :class:`PluginError` for one that does not load.
    """
    if name in tuple(Sampler):
        return Sampler(name)
    foreign = {each: plugin for each, plugin in find_plugins(Group.COLLECTORS).items() if each not in _OWN}
    if name not in foreign:
        known = [f"--sampler {each}" for each in (*Sampler, *foreign)]
        raise UsageError(f"unknown sampler {name!r}", f"use {', '.join(known[:-1])} or {known[-1]}")
    plugin = foreign[name]
    try:
        return cast("type[Collector]", plugin.load())()
    except (TypeError, ValueError, OSError) as error:
        hint = f"fix or uninstall {plugin.distribution} (its entry point is {plugin.target})"
        raise PluginError(
            f"the collector {name!r} of {plugin.distribution} cannot be created: {error}", hint
        ) from error


def load_formats(launch: Launch) -> Sequence[ProfileFormat]:
    """Return the formats of a collector's captures, in its order. Raises ``UsageError`` and ``PluginError``."""
    from whet.plugins import load_plugin

    return [cast("type[ProfileFormat]", load_plugin(Group.FORMATS, name))() for name, _ in launch.captures]


_OWN = frozenset(BUILT_IN[Group.COLLECTORS])
