"""What the executions of a measurement record, one by one, and the ``Run`` that is built from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import whet
from whet.model.evidence import Evidence
from whet.model.profile import Profile
from whet.model.routes import Requests
from whet.model.run import Execution, Notice, Purpose, Resident, Run, StandardInput
from whet.program.host import TargetHost
from whet.program.spec import TargetSpec
from whet.records import dataclass

if TYPE_CHECKING:
    from whet.formats.request_counts import RequestCounts
    from whet.model.agent_report import AgentReport

_ON_DEMAND = {Purpose.MEMORY: ("memory", "--memory"), Purpose.EXACT_LINES: ("exact hits", "--lines")}


@dataclass(frozen=True, slots=True)
class Subject:
    """What is measured. ``program`` are its own paths; globs name others that are the user's."""

    spec: TargetSpec
    host: TargetHost
    project: Path
    program: tuple[str, ...]
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    started: datetime
    options: tuple[str, ...] = ()
    """What whet was asked besides the program."""
    labels: tuple[tuple[str, str], ...] = ()
    keep_arguments: bool = False
    """Whether the user agreed to have secrets of the command line saved."""
    source: Mapping[str, bytes] = field(default_factory=dict)
    """The program's own source as of before it started, by the path that frames use."""


@dataclass(slots=True)
class Record:
    """The data gathered so far."""

    executions: list[Execution] = field(default_factory=list)
    profiles: list[Profile] = field(default_factory=list)
    agents: list[AgentReport] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    resident: Resident = field(default_factory=Resident)
    requests: list[RequestCounts] = field(default_factory=list)
    timed_servers: tuple[str, ...] = ()
    """Modules of servers in which requests were to be timed."""
    asked: dict[Purpose, str] = field(default_factory=dict)
    """What is to be measured besides time, and the option that asked for it."""
    missing: dict[Purpose, str] = field(default_factory=dict)
    """Why that was not measured."""
    excluded: str = ""
    """Why it could not be asked for; empty where it could."""
    stdin: StandardInput = field(default_factory=StandardInput)
    can_run_again: bool = True
    unbuffered: str = ""
    compiled: int = 0

    def note(self, *notices: Notice) -> None:
        """Add a notice, unless it is there already."""
        self.notices += [each for each in dict.fromkeys(notices) if each not in self.notices]

    def miss(self, purpose: Purpose, why: str) -> None:
        """Note why something was not measured that was asked for. The first reason is the one that counts."""
        self.missing.setdefault(purpose, why)

    def list_not_measured(self) -> tuple[tuple[str, str], ...]:
        """Return what there are no figures of, and the option that measures it, or why nothing did."""
        done = {self.executions[profile.execution].purpose for profile in self.profiles}
        return tuple(
            self._name_missing(purpose, *named)
            for purpose, named in _ON_DEMAND.items()
            if purpose not in done or purpose in self.missing
        )

    def _name_missing(self, purpose: Purpose, what: str, option: str) -> tuple[str, str]:
        if purpose in self.asked:
            why = self.missing.get(purpose, "the program did not run again")
            return f"{what} ({self.asked[purpose]} asked for it: {why})", ""
        return (f"{what} (not with {self.excluded})", "") if self.excluded else (what, option)

    def assemble(self, subject: Subject) -> Run:
        """Return the run: profiles aligned, sources read, evidence pooled."""
        # Not needed before the program has ended.
        from whet.merge.align import align_profile
        from whet.merge.by_value import restore_files
        from whet.merge.computing import OWN_CODE, OWN_FOLDER
        from whet.merge.evidence import pool_evidence
        from whet.merge.exchange import count_spinning
        from whet.merge.given_code import name_given_code
        from whet.merge.ownership import Ownership
        from whet.merge.requests import find_route_names, name_requests
        from whet.pipeline.project import find_commit
        from whet.pipeline.run.machine import describe_machine
        from whet.pipeline.run.sources import gather_sources
        from whet.program.arguments import mask_spec, mask_words
        from whet.program.roots import find_launchers

        host = subject.host
        ownership = Ownership(
            project=str(subject.project),
            stdlib=host.stdlib,
            site_packages=host.site_packages,
            program=subject.program,
            include=subject.include,
            exclude=(*subject.exclude, *find_launchers(subject.spec)),
            hidden=(OWN_FOLDER, OWN_CODE, *(host.packages[name] for name in host.borrowed)),
        )
        names = find_route_names(named for counts in self.requests for named in counts.routes)
        profiles = [name_requests(profile, names) for profile in self.profiles]
        sources, changed = gather_sources(
            profiles, ownership, subject.project, since=subject.started.timestamp(), known=subject.source
        )
        is_given = "<string>" in subject.program
        command = mask_spec(subject.spec)
        return Run(
            whet_version=whet.__version__,
            command=command,
            started=subject.started.isoformat(timespec="seconds"),
            directory=subject.spec.directory,
            project=str(subject.project),
            interpreter=host.interpreter,
            host=describe_machine(),
            commit=find_commit(subject.project),
            executions=tuple(self.executions),
            profiles=tuple(
                count_spinning(align_profile(name_given_code(each, is_program=is_given), sources, ownership), sources)
                for each in restore_files(profiles, sources)
            ),
            sources=sources,
            evidence=pool_evidence([agent.evidence for agent in self.agents]) if self.agents else Evidence(),
            resident=self.resident,
            notices=(*self.notices, *changed),
            not_measured=self.list_not_measured(),
            stdin=self.stdin,
            options=mask_words(subject.options, subject.spec.directory),
            is_masked=command != subject.spec.words,
            arguments=subject.spec.words if subject.keep_arguments and command != subject.spec.words else (),
            can_run_again=self.can_run_again,
            unbuffered=self.unbuffered,
            compiled=self.compiled,
            labels=subject.labels,
            requests=self._pool_requests(subject.spec.directory),
        )

    def _pool_requests(self, directory: str) -> Requests:
        from whet.merge.requests import pool_routes

        counted = [each for each in self.requests if each.routes]
        routes = pool_routes(
            replace(route, file=str(Path(directory, route.file)) if route.file[:1] not in ("", "<") else route.file)
            for each in counted
            for _, route in each.routes
        )
        # Executions followed each other, processes of one did not.
        elapsed = sum(
            max(each.ended_ns for each in counted if each.execution == number)
            - min(each.began_ns for each in counted if each.execution == number)
            for number in {each.execution for each in counted}
        )
        return Requests(elapsed, routes, len(counted), self.timed_servers)
