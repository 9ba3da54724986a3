"""Plug-ins by name: the built-in ones, and those that distributions add by entry points.

Nothing is imported before it is used. A distribution adds a collector,
format, rule or renderer under the group ``whet.collectors``, ``whet.formats``,
``whet.rules`` or ``whet.renderers``. It cannot use the name of a built-in one,
nor one that another distribution uses: that is an error that names both.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from whet.errors import PluginError, UsageError
from whet.reading import name_error
from whet.records import dataclass


class Group(StrEnum):
    """The kind of a plug-in; the value is the entry-point group."""

    COLLECTORS = "whet.collectors"
    FORMATS = "whet.formats"
    RULES = "whet.rules"
    RENDERERS = "whet.renderers"


BUILT_IN: Mapping[Group, Mapping[str, str]] = {
    Group.COLLECTORS: {
        "line_profiler": "whet.collect.line_profiler:LineProfilerCollector",
        "memray": "whet.collect.memray:MemrayCollector",
        "pyinstrument": "whet.collect.pyinstrument:PyinstrumentCollector",
        "pyspy": "whet.collect.pyspy:PySpyCollector",
        "tachyon": "whet.collect.tachyon:TachyonCollector",
    },
    Group.FORMATS: {
        "callgrind": "whet.formats.callgrind:Callgrind",
        "chrome": "whet.formats.chrome:Chrome",
        "collapsed": "whet.formats.collapsed:Collapsed",
        "dask": "whet.formats.dask_profile:DaskProfile",
        "firefox": "whet.formats.firefox:Firefox",
        "flamegraph": "whet.formats.flamegraph_svg:FlamegraphSvg",
        "lprof": "whet.formats.lprof:Lprof",
        "memray": "whet.formats.memray_records:MemrayRecords",
        "memray-capture": "whet.formats.memray_capture:MemrayCapture",
        "pprof": "whet.formats.pprof:Pprof",
        "pstats": "whet.formats.pstats_:Pstats",
        "pyinstrument": "whet.formats.pyinstrument_session:PyinstrumentSession",
        "pyspy-raw": "whet.formats.pyspy_raw:PySpyRaw",
        "scalene": "whet.formats.scalene:Scalene",
        "speedscope": "whet.formats.speedscope:Speedscope",
        "tachyon": "whet.formats.tachyon_binary:TachyonBinary",
        "tachyon-jsonl": "whet.formats.tachyon_jsonl:TachyonJsonl",
        "whet-lines": "whet.formats.exact_lines:ExactLines",
    },
    Group.RULES: {},  # whet_rules is a folder: see whet.engine.loading
    Group.RENDERERS: {
        "csv": "whet.report.csv_table:CsvRenderer",
        "html": "whet.report.html:HtmlRenderer",
        "json": "whet.report.json_:JsonRenderer",
        "markdown": "whet.report.markdown:MarkdownRenderer",
        "terminal": "whet.report.terminal:TerminalRenderer",
    },
}

_OWN = "whet-perf"


@dataclass(frozen=True, slots=True)
class Plugin:
    """A plug-in that is known but not loaded: its ``module:object`` and its distribution."""

    group: Group
    name: str
    target: str
    distribution: str

    def load(self) -> object:
        """Import the plug-in. Raises :class:`PluginError`, whatever goes wrong inside it."""
        module_name, _, path = self.target.partition(":")
        try:
            found: object = importlib.import_module(module_name)
            for attribute in path.split(".") if path else ():
                found = getattr(found, attribute)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # an import can even exit
            raise PluginError(
                f"{self.group.value} plug-in {self.name!r} of {self.distribution} does not load: {name_error(error)}",
                f"fix or uninstall {self.distribution} (its entry point is {self.target})",
            ) from error
        return found


def find_plugins(group: Group) -> dict[str, Plugin]:
    """Return all plug-ins of ``group`` by name, sorted, none of them loaded.

    Raises :class:`PluginError` if two distributions use the same name.
    """
    found = {name: Plugin(group, name, target, _OWN) for name, target in BUILT_IN[group].items()}
    if not may_be_brought(group):
        return dict(sorted(found.items()))
    from importlib import metadata

    for entry in metadata.entry_points(group=group.value):
        distribution = (
            f"{entry.dist.name} {entry.dist.version}" if entry.dist is not None else "an unnamed distribution"
        )
        plugin = Plugin(group, entry.name, entry.value.replace(" ", ""), distribution)
        other = found.get(entry.name)
        if other is not None and (other.target, other.distribution) != (plugin.target, plugin.distribution):
            raise PluginError(
                f"{distribution} and {other.distribution} both provide a {group.value} plug-in named {entry.name!r}",
                f"uninstall one of them, or ask the authors of {distribution} for another name",
            )
        found[entry.name] = plugin
    return dict(sorted(found.items()))


def load_plugin(group: Group, name: str) -> object:
    """Import the plug-in ``name`` of ``group``.

    Raises :class:`UsageError` for an unknown name, :class:`PluginError` for one that does not load.
    """
    plugins = find_plugins(group)
    if name not in plugins:
        raise UsageError(f"there is no {group.value} plug-in named {name!r}", f"known are: {', '.join(plugins)}")
    return plugins[name].load()


def may_be_brought(group: Group) -> bool:
    """Return whether some distribution may provide plug-ins of ``group``.

    ``importlib.metadata`` would know for certain, but takes longer to load than a check of one file.
    """
    finders = [finder for finder in sys.meta_path if hasattr(finder, "find_distributions")]
    if any(getattr(finder, "__name__", "") != "PathFinder" for finder in finders):
        return True
    mark = group.value.encode()
    for folder in sys.path:
        try:
            names = os.listdir(folder or ".")  # noqa: PTH208 - names are enough
        except NotADirectoryError:  # an archive
            return True
        except OSError:
            continue
        for name in names:
            if not name.endswith((".dist-info", ".egg-info")):
                continue
            try:
                if mark in Path(folder, name, "entry_points.txt").read_bytes():
                    return True
            except OSError:
                continue
    return False
