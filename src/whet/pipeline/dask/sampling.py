"""Samples one worker from outside, capture after capture, for as long as the worker lets it.

It is started by the plugin inside the worker with a JSON object as its argument, says ``ready`` on stdout once samples
are taken, or a JSON object with an error, and goes on until stdin has a line or its end. Each capture is a saved run in
the spool folder; a worker that is killed leaves the last one to be found there.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

from whet.collect.resident import TreePoller
from whet.errors import WhetError
from whet.merge.computing import find_waits
from whet.merge.corrections import Corrections, sum_times
from whet.merge.tasks import split_tasks
from whet.model.codec import write_run
from whet.model.metric import Metric
from whet.model.profile import Profile, Samples
from whet.model.run import Purpose, Run
from whet.pipeline.dask.spool import Spool
from whet.pipeline.run.attach import sample
from whet.pipeline.run.options import AttachOptions, Step
from whet.program.process import is_alive

READY = "ready"
SECONDS = 60.0
"""How long captures are. Ending one takes about a second of processor time; what a killed worker had is kept anyway."""
LATE_SECONDS = 1.0
MOST_BETWEEN = 2.0
LEAST_SAMPLED_NS = 50_000_000
EXCLUDED = ("dask", "distributed", "tornado")
"""Code that is nobody's to change, although it is the program that a worker is."""


def main() -> None:
    """Sample the parent process until it says so, or is gone."""
    request = json.loads(sys.argv[1])
    spool = Spool(request["token"])
    lock = spool.open()
    try:
        _Sampler(request, spool).run()
    except WhetError as error:
        _say(json.dumps({"message": error.message, "hint": error.hint}))
    finally:
        if request["memory"]:
            Path(request["memory"]).unlink(missing_ok=True)
        os.close(lock)
        spool.remove()


def find_factor(sampled_ns: int, whole_ns: int) -> float:
    """Return by how much the CPU time since the capture before exceeds what the worker spent while it was sampled.

    Starting a sampler takes a moment, in which the worker goes on. 1.0 where the worker is gone, or did nothing.
    """
    return min(max(whole_ns / sampled_ns, 1.0), MOST_BETWEEN) if sampled_ns > LEAST_SAMPLED_NS else 1.0


def cut_waits(profile: Profile) -> Profile:
    """Return ``profile`` without computing in stacks that are known to wait, for a machine on which threads queued.

    There the sampler sees each of a worker's many threads that was about to wait again as computing, if only for a
    moment. What is cut is scaled to the worker's clock together with the time between captures.
    """
    waits = find_waits(profile)
    samples: list[Samples] = []
    for each in profile.samples:
        pairs = list(zip(each.stack, each.value, strict=True))
        kept = [(row, value) for row, value in pairs if row not in waits]
        if each.metric is not Metric.CPU or len(kept) == len(pairs):
            samples.append(each)
        elif kept:
            part = sum(value for _, value in kept) / max(1, sum(each.value))
            stack, values = [row for row, _ in kept], [value for _, value in kept]
            samples.append(replace(each, stack=stack, value=values, count=max(1, round(each.count * part))))
    corrections = Corrections()
    cut = corrections.note("computing in stacks that wait left out", profile, replace(profile, samples=samples))
    return replace(cut, corrections=(*profile.corrections, *corrections.attach(cut).corrections))


def scale_between(profile: Profile, factor: float) -> Profile:
    """Return ``profile`` with computing scaled up by ``factor``: as if it had been sampled between captures, too."""
    if factor == 1.0:
        return profile
    samples = [
        replace(each, value=[round(value * factor) for value in each.value]) if each.metric is Metric.CPU else each
        for each in profile.samples
    ]
    corrections = Corrections()
    scaled = corrections.note("time between captures added", profile, replace(profile, samples=samples))
    return replace(scaled, corrections=(*profile.corrections, *corrections.attach(scaled).corrections))


def _say(text: str) -> None:
    with contextlib.suppress(OSError, ValueError):  # a worker that was killed reads nothing
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


class _Sampler:
    def __init__(self, request: dict[str, Any], spool: Spool) -> None:
        self.request = request
        self.spool = spool
        self.pid = request["pid"]
        self.to_end = threading.Event()
        self.is_ready = False
        self.captures: dict[Purpose, Path] = {}
        """What the worker itself recorded, once that is complete."""
        self.has_memory = False
        self.poller = TreePoller(self.pid)
        self.cpu_ns = 0
        """The worker's CPU clock at the end of the capture before."""
        self.sent: set[str] = set()
        """Hashes of sources that an earlier capture holds."""
        threading.Thread(target=self._wait_for_end, daemon=True).start()

    def _wait_for_end(self) -> None:
        sys.stdin.readline()
        memory = self.request["memory"]
        if memory and Path(memory).exists():
            self.captures[Purpose.MEMORY] = Path(memory)
        self.to_end.set()

    def run(self) -> None:
        number = 0
        self.cpu_ns = self.poller.cpu_ns()
        while not self._is_done() and is_alive(self.pid):
            try:
                run = sample(self.pid, self._options())
            except WhetError:
                # Nothing was sampled, or the worker is gone; what was sampled before stays.
                if not self.is_ready or not is_alive(self.pid):
                    raise
                if self.to_end.wait(1):
                    return
                continue
            self._put(run, number)
            self.has_memory = any(execution.purpose is Purpose.MEMORY for execution in run.executions)
            number += 1

    def _is_done(self) -> bool:
        return self.to_end.is_set() and (self.has_memory or not self.captures)

    def _put(self, run: Run, number: int) -> None:
        kept = {file: source for file, source in run.sources.items() if source.sha256 not in self.sent}
        self.sent.update(source.sha256 for source in kept.values())
        before, self.cpu_ns = self.cpu_ns, self.poller.cpu_ns()
        profiles, sampled_ns = run.profiles, run.executions[0].cpu_ns
        if any(notice.about == "machine" for notice in run.notices):
            profiles = tuple(cut_waits(profile) for profile in profiles)
            sampled_ns = sum(sum_times(profile, Metric.CPU) for profile in profiles)
        factor = find_factor(sampled_ns, self.cpu_ns - before)
        profiles = tuple(split_tasks(scale_between(profile, factor)) for profile in profiles)
        packed = io.BytesIO()
        labels = (("worker", self.request["label"]),)
        write_run(replace(run, profiles=profiles, sources=kept, labels=labels, command=("dask",)), packed)
        self.spool.put(number, self.pid, packed.getvalue())

    def _options(self) -> AttachOptions:
        request = self.request
        # The end may have come between two captures, and what the worker recorded itself be in neither.
        is_late = self.to_end.is_set()
        return AttachOptions(
            duration=LATE_SECONDS if is_late else SECONDS,
            rate=request["rate"],
            keep_rate=request["keep_rate"],
            native=request["native"],
            children=False,
            nonblocking=True,
            include=tuple(request["include"]),
            exclude=(*request["exclude"], *EXCLUDED),
            hidden=(request["plugin"],),
            to_end=threading.Event() if is_late else self.to_end,
            captures=self.captures,
            progress=self._note,
        )

    def _note(self, _: Step) -> None:
        if not self.is_ready:
            self.is_ready = True
            _say(READY)
