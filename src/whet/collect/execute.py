"""One execution of the program, with the profilers that take part in it."""

from __future__ import annotations

import contextlib
import marshal
import os
import select
import signal
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path
from time import perf_counter_ns
from types import FrameType
from typing import Any

from whet.collect.collector_watch import CollectorWatch
from whet.collect.held_exec import HeldExec
from whet.collect.left_behind import find_left_behind
from whet.collect.outside import OutsideSamplers
from whet.collect.plan import Outcome, Plan
from whet.collect.resident import TreePoller
from whet.collect.standard_input import open_again
from whet.collect.successor import ImageWatch
from whet.collect.values import read_collector_lists
from whet.errors import StoreError, TargetError
from whet.model.run import ENDED_BY_DURATION, Notice
from whet.program.host import TargetHost
from whet.program.ptrace import permit_tracing
from whet.program.spec import TargetSpec
from whet.signals import handle_signals

HOOK = Path(__file__).parent.parent / "inprocess" / "launch" / "hook"
"""The folder whose ``sitecustomize`` the program's interpreter loads at its start."""
SETTINGS = "settings"
SETTINGS_VARIABLE = "_WHET_SETTINGS"
ROOM = 4_096
"""Bytes that there must be room for before the program is started."""
ROOM_HINT = "free some space, or set TMPDIR to a folder that can be written"
POLL_SECONDS = 0.05
GRACE_SECONDS = 5.0
"""How long a program that is to end gets before the next, harsher signal."""
READY_SECONDS = 30.0
"""How long the program's interpreter may take to come so far that it loads the hook."""
_PASSED_ON = ("SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")
_ANNOUNCING = ("PYTHONPROFILEIMPORTTIME", "PYTHONVERBOSE")
"""Variables that have the interpreter print each import."""
STARTS_ANOTHER = sys.platform == "win32"
"""Whether what was started may be a launcher: an environment's ``python.exe`` is, and starts the real one."""
_FROM_TERMINAL = ("SIGINT", "SIGQUIT")
"""A terminal sends these to whet and the target alike."""


def execute(plan: Plan) -> Outcome:
    """Run the program once and wait for it and its profilers.

    Raises :class:`TargetError` where it cannot be started, :class:`StoreError` where there is no room for captures.
    """
    try:
        plan.out.mkdir(parents=True, exist_ok=True)
        _settings_file(plan).write_bytes(bytes(ROOM))
    except OSError as error:
        raise StoreError(
            f"{plan.out} cannot hold what the profilers write: {error.strerror or error}", ROOM_HINT
        ) from error
    return _Execution(plan).run()


class _Execution:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.outcome = Outcome()
        self.samplers = OutsideSamplers(plan, self.outcome)
        self.process: subprocess.Popen[bytes] | None = None
        self.sampled = 0
        """The process that the profilers attach to, where it is not the one that was started."""
        self.is_prepared = False
        """Whether the program runs with whet's help inside it, and so says when it is about to begin."""
        self.ended = threading.Event()
        self.ended_at = 0
        self.usage_ns = 0

    @property
    def pid(self) -> int:
        """Whom the profilers look at."""
        assert self.process is not None
        return self.sampled or self.process.pid

    def run(self) -> Outcome:
        with contextlib.ExitStack() as stack:
            ready, go = self._start(stack)
            process = self.process
            assert process is not None
            stack.enter_context(self._signals_passed_on())
            waiter = threading.Thread(target=self._wait, daemon=True)
            waiter.start()
            if self.plan.started is not None:
                self.plan.started()
            # One that waits for whet is what it is to be; another may become something else at any moment.
            image = None if self.is_prepared else ImageWatch(self.pid)
            answer = self._attach(ready)
            poller = self.outcome.poller = TreePoller(process.pid)
            before = poller.cpu_ns()
            poller.note_sampler(self.samplers.process)
            poller.start_clocks()
            began = perf_counter_ns()
            with contextlib.suppress(OSError):
                os.write(go, answer)
            os.close(go)
            collector = self.outcome.collector = CollectorWatch(self.pid, partial(read_collector_lists, self.plan.out))
            if self.is_prepared:
                collector.begin()
            self._watch(poller, began, image or ImageWatch(self.pid))
            waiter.join()
            collector.end()
            self.outcome.wall_ns = max(0, self.ended_at - began)
            self.outcome.cpu_ns = max(0, self.usage_ns - before)
        self.samplers.finish()
        self._read_status()
        mark = os.fsencode(f"{SETTINGS_VARIABLE}={_settings_file(self.plan)}") if self.is_prepared else b""
        self.outcome.left_behind = tuple(find_left_behind(poller.parents, mark))
        return self.outcome

    # -- starting ---------------------------------------------------------------------------------------------------

    def _start(self, stack: contextlib.ExitStack) -> tuple[int, int]:
        plan = self.plan
        ready_read, ready_write = os.pipe()
        go_read, go_write = os.pipe()
        self.is_prepared = not plan.outside and not why_hook_is_not_loaded(plan.spec, plan.host)
        environment = None
        if self.is_prepared:
            environment = self._write_settings({"ready": _share(ready_write), "go": _share(go_read)})
        command = [plan.host.interpreter.path, *plan.spec.words]
        try:
            self.process = subprocess.Popen(
                command,
                cwd=plan.spec.directory,
                # What whet itself has opened is not inheritable; what whoever called it passed on is for the program.
                close_fds=False,
                **_prepare_child(environment),
                **self._streams(stack),
            )
        except OSError as error:
            raise TargetError(
                f"{plan.host.interpreter.path} cannot be started: {error.strerror or error}",
                "name another interpreter with --python",
            ) from error
        finally:
            os.close(ready_write)
            os.close(go_read)
        return ready_read, go_write

    def _write_settings(self, settings: dict[str, object]) -> dict[str, str]:
        """Write what the code inside the program reads; return the environment in which the program loads that."""
        plan = self.plan
        for launch in plan.launches:
            settings.update(launch.agent)
        if plan.fallback is not None:
            settings["fallback"] = plan.fallback.agent
        path = os.environ.get("PYTHONPATH")
        settings.update(pythonpath=path, folder=plan.spec.first_import_folder)
        file = _settings_file(plan)
        folders = f"{HOOK}{os.pathsep}{path}" if path else str(HOOK)
        if "requests" in settings:
            # Of the processes that a server starts to serve: they are not waited for.
            children = file.with_name(f"{SETTINGS}-children")
            kept = {name: settings[name] for name in ("requests", "pythonpath", "folder")}
            children.write_bytes(marshal.dumps(kept, 2))
            settings["children"] = {"PYTHONPATH": folders, SETTINGS_VARIABLE: str(children)}
        # The second version is read by every Python.
        file.write_bytes(marshal.dumps(settings, 2))
        return {**os.environ, "PYTHONPATH": folders, SETTINGS_VARIABLE: str(file)}

    def _streams(self, stack: contextlib.ExitStack) -> dict[str, Any]:
        if self.plan.owns_terminal:
            return {}
        # A file can be read again from its start; a pipe or a terminal cannot.
        file = open_again()
        return {
            "stdin": stack.enter_context(file) if file is not None else subprocess.DEVNULL,
            "stdout": stack.enter_context((self.plan.out / "stdout").open("wb")),
            "stderr": stack.enter_context((self.plan.out / "stderr").open("wb")),
            "start_new_session": os.name != "nt",
        }

    def _attach(self, ready: int) -> bytes:
        """Attach the profilers once the target has said that it is ready, and return the word to go on with."""
        process = self.process
        assert process is not None
        is_there = self._wait_until_ready(ready)
        os.close(ready)
        return self.samplers.attach(self.pid, has_hook=self.is_prepared) if is_there else b"G"

    def _wait_until_ready(self, ready: int) -> bool:
        """Wait until the program is about to begin; ``False`` when it ended before that."""
        if not self.is_prepared:
            return not self.ended.is_set()
        if os.name != "nt":
            deadline = perf_counter_ns() + READY_SECONDS * 1e9
            while not select.select([ready], [], [], POLL_SECONDS)[0]:
                if self.ended.is_set():
                    # Something that it started may hold the other end.
                    return False
                if perf_counter_ns() > deadline:
                    self.is_prepared = False
                    self.outcome.notices.append(Notice("whet", "whet's start hook did not run in the program"))
                    return True
        told = os.read(ready, 32)
        if STARTS_ANOTHER and told[1:].strip().isdigit():
            self.sampled = int(told[1:])
        return bool(told)

    # -- while it runs ----------------------------------------------------------------------------------------------

    def _wait(self) -> None:
        assert self.process is not None
        if hasattr(os, "wait4"):
            _, status, usage = os.wait4(self.process.pid, 0)
            self.ended_at = perf_counter_ns()
            self.usage_ns = round((usage.ru_utime + usage.ru_stime) * 1e9)
            self.process.returncode = os.waitstatus_to_exitcode(status)
        else:
            self.process.wait()
            self.ended_at = perf_counter_ns()
        self.ended.set()

    def _watch(self, poller: TreePoller, began: int, image: ImageWatch) -> None:
        plan, next_step = self.plan, 0
        steps = (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM))
        to_end_at: float | None = plan.duration
        limit_at: float | None = plan.limit
        held = HeldExec(self.pid)
        while not self.ended.wait(POLL_SECONDS):
            elapsed = (perf_counter_ns() - began) / 1e9
            poller.note_sampler(self.samplers.process)
            poller.poll_when_due(perf_counter_ns() - began)
            sampler = self.samplers.process
            if sampler is not None and held.is_held(sampler.pid):
                self.samplers.let_go()
            if image.has_changed():
                self.samplers.follow(elapsed)
            if not self.outcome.stopped:
                self.samplers.check()
            if plan.progress is not None:
                plan.progress(elapsed)
            if limit_at is not None and elapsed > limit_at:
                limit_at = None
                self.outcome.stopped = f"stopped, covers the first {elapsed:.0f} s"
                if plan.owns_terminal:
                    self.samplers.stop()
                else:
                    to_end_at, next_step = elapsed, 1
            if to_end_at is not None and elapsed >= to_end_at and next_step < len(steps):
                if not self.outcome.stopped:
                    self.outcome.stopped = f"{ENDED_BY_DURATION} after {elapsed:.0f} s"
                self._signal(steps[next_step])
                next_step += 1
                to_end_at = elapsed + GRACE_SECONDS

    def _signal(self, number: int) -> None:
        if self.process is not None and not self.ended.is_set():
            with contextlib.suppress(ProcessLookupError, OSError):
                if self.plan.owns_terminal or os.name == "nt":
                    os.kill(self.process.pid, number)
                else:
                    os.killpg(self.process.pid, number)

    def _signals_passed_on(self) -> contextlib.AbstractContextManager[None]:
        """Pass on to the target what is sent to whet; Ctrl-C at a terminal reaches the target by itself."""

        def pass_on(number: int, _frame: FrameType | None) -> None:
            self.outcome.received = number
            self._signal(number)

        def on_interrupt(number: int, _frame: FrameType | None) -> None:
            self.outcome.interrupted = True
            self.outcome.received = number
            if not (self.plan.owns_terminal and _is_in_foreground()):
                self._signal(number)

        return handle_signals(dict.fromkeys(_FROM_TERMINAL, on_interrupt) | dict.fromkeys(_PASSED_ON, pass_on))

    def _read_status(self) -> None:
        assert self.process is not None
        code = self.process.returncode
        self.outcome.signal = -code if code < 0 else 0
        self.outcome.status = 128 - code if code < 0 else code


def _prepare_child(environment: dict[str, str] | None) -> dict[str, Any]:
    """Return the program's environment and what its process does before it becomes the program, for ``Popen``.

    Sockets that a service manager passes on are for the process that ``LISTEN_PID`` names: that is to be the program.
    """
    permit = permit_tracing()
    if os.name == "nt" or os.environ.get("LISTEN_PID") != str(os.getpid()):
        return {"env": environment, "preexec_fn": permit}

    def prepare() -> None:
        if permit is not None:
            permit()
        # An environment that is given to Popen is fixed before there is a process id.
        os.environ.update(environment or {}, LISTEN_PID=str(os.getpid()))

    return {"env": None, "preexec_fn": prepare}


def _settings_file(plan: Plan) -> Path:
    """Return the file that the code inside the program reads."""
    return plan.out / SETTINGS


def why_hook_is_not_loaded(spec: TargetSpec, host: TargetHost) -> str:
    """Return what keeps the hook out of the program; empty where nothing does.

    Where the interpreter prints what it imports, it is kept out by whet: its own imports would be among them.
    """
    if option := spec.isolating_option or spec.announcing_option:
        return f"python's option {option}"
    for variable in _ANNOUNCING:
        if os.environ.get(variable):
            return variable
    if host.ignores_environment or host.no_site:
        return "an interpreter that takes no notice of PYTHONPATH"
    return ""


def _share(descriptor: int) -> int:
    """Return the number by which the target can open one end of a pipe: itself, or on Windows its handle."""
    if sys.platform == "win32":
        import msvcrt

        handle = msvcrt.get_osfhandle(descriptor)
        os.set_handle_inheritable(handle, True)
        return handle
    os.set_inheritable(descriptor, True)
    return descriptor


def _is_in_foreground() -> bool:
    """Whether whet and the target stand in the foreground of a terminal, whose Ctrl-C goes to both."""
    if sys.platform == "win32":
        # A console sends it to all of its programs; to pass it on would be to end this one without a word.
        return True
    try:
        with Path("/dev/tty").open("rb") as terminal:
            return os.tcgetpgrp(terminal.fileno()) == os.getpgrp()
    except (OSError, AttributeError):
        return False
