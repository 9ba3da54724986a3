"""The samplers of time: whet's own, or a collector of another distribution, and who takes the place of whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from whet.collect.api import Collector, Launch, Missing
from whet.collect.pyinstrument import PyinstrumentCollector
from whet.collect.pyspy import PySpyCollector
from whet.collect.tachyon import TachyonCollector
from whet.errors import PluginError, UsageError
from whet.model.run import Notice
from whet.pipeline.run.options import AttachOptions, MeasureOptions, Sampler
from whet.plugins import BUILT_IN, Group, Plugin, find_plugins, load_plugin
from whet.program.host import TargetHost
from whet.program.spec import TargetSpec
from whet.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from whet.collect.plan import Outcome
    from whet.formats.api import ProfileFormat

Options = MeasureOptions | AttachOptions


def find_sampler(name: str) -> Sampler | Collector:
    """Return the sampler called ``name``.

    Raises :class:`UsageError` if there is none and :class:`PluginError` for one that does not load.
    """
    if name in tuple(Sampler):
        return Sampler(name)
    foreign = {each: plugin for each, plugin in find_plugins(Group.COLLECTORS).items() if each not in _NAMED_OTHERWISE}
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
    # Whet's own are not looked for among others': whoever brings one of the same name must not cost a run.
    own = BUILT_IN[Group.FORMATS]
    formats = [
        Plugin(Group.FORMATS, name, own[name], "whet").load() if name in own else load_plugin(Group.FORMATS, name)
        for name, _ in launch.captures
    ]
    return [cast("type[ProfileFormat]", each)() for each in formats]


def make_sampler(sampler: Sampler, options: Options, host: TargetHost, *, unstopped: bool = False) -> Collector:
    """Return the collector of one of whet's own samplers. ``unstopped``: it must not stop the program for a sample."""
    return _FACTORIES[sampler](options, host, unstopped)


def ask_collector(
    collector: Collector, spec: TargetSpec, host: TargetHost, out: Path, *, why_outside: str = ""
) -> Launch | Missing:
    """Return how ``collector`` takes part in an execution, or why it cannot.

    ``why_outside`` is what keeps whet out of the program, if anything does.
    """
    if (missing := collector.missing(host)) is not None:
        return missing
    launch = collector.launch(spec, out)
    if launch.agent and why_outside:
        return Missing(f"it runs inside the program, and {why_outside} keeps whet out of it")
    return replace(launch, tool=collector.name)


@dataclass(frozen=True, slots=True)
class Samplers:
    """Who samples time in one execution: ``first``, if anybody can.

    ``substitute`` is attached where that cannot attach, and ``fallback`` samples inside the program where neither can.
    """

    asked: str
    first: Launch | None = None
    substitute: Launch | None = None
    fallback: Launch | None = None
    notices: tuple[Notice, ...] = ()
    """Why others do not, that were to."""

    def find_used(self, outcome: Outcome) -> Launch | None:
        """Return the one that sampled, now that the execution has ended."""
        if outcome.fell_back:
            return self.fallback
        return self.substitute if outcome.substituted else self.first


def choose_samplers(
    options: MeasureOptions, spec: TargetSpec, host: TargetHost, out: Path, *, why_outside: str, unstopped: bool
) -> Samplers:
    """Ask the sampler that is wanted and those that may take its place, in this order; the first that can samples.

    Raises ``UsageError`` and ``PluginError`` where a format of another distribution's collector cannot be loaded.
    """
    asked = options.sampler
    order = (asked, *_INSTEAD) if asked is Sampler.PY_SPY else (asked,)
    able: list[Launch] = []
    unable: list[tuple[str, Missing]] = []
    for each in order:
        collector = make_sampler(each, options, host, unstopped=unstopped) if isinstance(each, Sampler) else each
        answer = ask_collector(collector, spec, host, out, why_outside=why_outside)
        if isinstance(answer, Missing):
            unable.append((collector.name, answer))
        else:
            able.append(answer)
    name = asked.value if isinstance(asked, Sampler) else asked.name
    if not able:
        # Of those that were not asked for, what can be remedied is worth a word.
        notices = [
            Notice(about, f"{missing.why}; times are missing", missing.remedy)
            for about, missing in unable
            if about == name or missing.remedy
        ]
        return Samplers(name, notices=tuple(notices))
    first, *others = able
    if first.reader is None:
        load_formats(first)
    return Samplers(
        name,
        first,
        substitute=next((each for each in others if each.attach and first.attach), None),
        fallback=next((each for each in others if each.agent and first.attach), None),
        notices=tuple(
            Notice(about, f"{missing.why}; {first.tool} samples instead", missing.remedy)
            for about, missing in unable
            if about == name
        ),
    )


_NAMED_OTHERWISE = frozenset(("line_profiler", "memray", "pyinstrument", "pyspy", "tachyon"))
"""Collectors that are chosen by an option of their own, or have a name among ``Sampler``."""
_INSTEAD = (Sampler.TACHYON, Sampler.PYINSTRUMENT)
"""Who takes the place of py-spy, which is the default. A sampler that was asked for by name gives way to none."""
_FACTORIES: Mapping[Sampler, Callable[[Options, TargetHost, bool], Collector]] = {
    Sampler.PY_SPY: lambda options, _host, unstopped: PySpyCollector(
        options.rate,
        options.native and not unstopped,
        options.children,
        nonblocking=unstopped or (isinstance(options, AttachOptions) and options.nonblocking),
        keep_rate=options.keep_rate,
    ),
    Sampler.TACHYON: lambda options, host, _: TachyonCollector(host, options.rate, options.native, options.children),
    Sampler.PYINSTRUMENT: lambda options, host, _: PyinstrumentCollector(host, options.rate),
}
