"""Programs that start processes, take all signals or close all descriptors run under ``whet run`` as without it."""

from __future__ import annotations

import sys

import pytest
from tests.integration.pieces import BUSY, mark_slow

QUICK = [
    *("spawned", "handlers for all signals", "waits, interrupted by signals of its own", "forks in threads"),
    *("daemon", "pseudo-terminal", "no more descriptors", "ends in the middle"),
]
"""Those of ``PROCESSES`` that `make test` runs."""
PROCESSES = {
    "called before exec": """
        import os, subprocess, sys
        from busy import burn
        for number in range(20):
            burn(0.01)
            child = subprocess.run(
                [sys.executable, "-c", "import os, sys; print(sys.argv[1:], os.getpgrp() == os.getpid())", str(number)],
                preexec_fn=os.setpgrp, capture_output=True, text=True,
            )
            print(number, child.returncode, child.stdout, child.stderr)

        def fail():
            raise LookupError("not in this child")
        try:
            subprocess.run(["true"], preexec_fn=fail)
        except subprocess.SubprocessError as error:
            print(error)
        """,
    "spawned": """
        import os, sys
        from busy import burn
        burn(0.1)
        words = [sys.executable, "-c", "import sys; sum(range(10 ** 6)); sys.exit(len(sys.argv))", "a", "b"]
        for spawn in os.posix_spawn, os.posix_spawnp:
            for _ in range(3):
                pid = spawn(sys.executable, words, os.environ)
                burn(0.02)
                print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        print(os.spawnv(os.P_WAIT, sys.executable, words), os.system(f"{sys.executable} -c 'sum(range(10 ** 6))'"))
        """,
    "becomes another program": """
        import os, sys
        from busy import burn
        burn(0.2)
        print("before", flush=True)
        words = "import signal, sys; sum(range(3 * 10 ** 7)); print(signal.getsignal(signal.SIGPROF), sys.argv)"
        os.execv(sys.executable, [sys.executable, "-c", words, "after"])
        """,
    "child becomes another program": """
        import os, sys
        from busy import burn
        burn(0.1)
        for _ in range(5):
            if (pid := os.fork()) == 0:
                burn(0.05)
                os.execve(sys.executable, [sys.executable, "-c", "print('other')"], {})
            print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
        """,
    "handlers for all signals": """
        import os, signal
        from busy import burn
        got = []
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            before = signal.signal(number, lambda number, frame: got.append(number))
            if before not in (signal.SIG_DFL, signal.SIG_IGN, signal.default_int_handler):
                print(number, before)
        burn(0.3)
        print(got)
        if (pid := os.fork()) == 0:
            for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
                signal.signal(number, signal.SIG_DFL)
            burn(0.3)
            os._exit(7)
        while True:
            done, status = os.waitpid(pid, 0)
            if done == pid:
                break
        print(os.waitstatus_to_exitcode(status), set(got) - {signal.SIGCHLD})
        """,
    "signals waited for": """
        import os, signal, threading
        from busy import burn
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        burn(0.1)
        for number in (signal.SIGUSR1, signal.SIGTERM, signal.SIGCHLD, signal.SIGPROF, signal.SIGINT):
            threading.Timer(0.1, os.kill, (os.getpid(), number)).start()
            print(signal.Signals(signal.sigwait(signal.valid_signals())).name)
        print(sorted(signal.sigpending()))
        """,
    "waits, interrupted by signals of its own": """
        import select, signal, socket, time
        from busy import burn
        ticks = []
        signal.signal(signal.SIGALRM, lambda *_: ticks.append(1))
        signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
        one, other = socket.socketpair()
        signal.set_wakeup_fd(other.setblocking(False) or other.fileno())
        for _ in range(5):
            select.select([one], [], [])
            one.recv(1)
            burn(0.01)
        signal.setitimer(signal.ITIMER_REAL, 0)
        print(len(ticks) >= 5, signal.getitimer(signal.ITIMER_PROF), signal.getitimer(signal.ITIMER_VIRTUAL))
        """,
    "pools": """
        import multiprocessing, sys
        from concurrent.futures import ProcessPoolExecutor
        from busy import burn

        def work(number):
            burn(0.02)
            return number * number, len(__import__("threading").enumerate())

        if __name__ == "__main__":
            burn(0.1)
            for way in "fork", "forkserver", "spawn":
                context = multiprocessing.get_context(way)
                # A pool's thread forks in place of workers that have done their part: what is in the buffer of stdout
                # just then may be written twice, plainly too. So nothing is printed while there is a pool.
                with context.Pool(3, maxtasksperchild=2) as pool:
                    squares = pool.map(work, range(12), chunksize=1)
                    pool.close()
                    pool.join()
                with ProcessPoolExecutor(2, mp_context=context) as executor:
                    more = list(executor.map(work, range(8)))
                print(way, squares, more, flush=True)
                queue = context.SimpleQueue()
                process = context.Process(target=burn, args=(0.1,), daemon=True)
                process.start()
                process.join()
                print(process.exitcode)
        """,
    "forks in threads": """
        import os, threading, warnings
        from busy import burn
        warnings.simplefilter("ignore")  # a fork beside threads, plainly too
        told = []

        def fork_and_wait():
            for _ in range(20):
                if (pid := os.fork()) == 0:
                    os._exit(len(threading.enumerate()))
                told.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
                burn(0.001)
        threads = [threading.Thread(target=fork_and_wait) for _ in range(6)]
        for each in threads: each.start()
        for each in threads: each.join()
        print(told)
        """,
    "a child of a child": """
        import os, sys, threading
        from busy import burn

        def nest(depth):
            burn(0.05)
            if depth and (pid := os.fork()):
                sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) + 1)
            if not depth:
                print(threading.active_count(), flush=True)
                sys.exit(3)
            nest(depth - 1)
        nest(4)
        """,
    "daemon": """
        import os, sys
        from busy import burn
        burn(0.1)
        reading, writing = os.pipe()
        if os.fork():
            os.close(writing)
            with os.fdopen(reading) as told:
                print(told.read())
            sys.exit()
        os.setsid()
        if os.fork():
            os._exit(0)
        for number in 0, 1, 2:
            os.close(number)
        burn(0.1)
        os.write(writing, b"far away")
        """,
    "processes of asyncio": """
        import asyncio, sys
        from busy import burn

        async def one(number):
            words = "import sys; sum(range(10 ** 6)); sys.exit(int(sys.argv[1]))"
            child = await asyncio.create_subprocess_exec(sys.executable, "-c", words, str(number))
            burn(0.01)
            return await child.wait()

        async def main():
            print(await asyncio.gather(*map(one, range(8))))
        asyncio.run(main())
        """,
    "pseudo-terminal": """
        import os, pty, sys
        from busy import burn
        burn(0.1)
        pid, terminal = pty.fork()
        if pid == 0:
            os.execv(sys.executable, [sys.executable, "-c", "import os; print(os.isatty(0), os.getsid(0))"])
        told = b""
        try:
            while piece := os.read(terminal, 1000):
                told += piece
        except OSError:
            pass
        print(told == f"True {pid}\\r\\n".encode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        """,
    "descriptors closed": """
        import os, sys
        from busy import burn
        print([each for each in map(int, os.listdir("/proc/self/fd")) if each < 60], flush=True)
        os.closerange(3, 4096)
        kept = [os.open("own", os.O_CREAT | os.O_RDWR, 0o600) for _ in range(40)]
        for number, descriptor in enumerate(kept):
            os.write(descriptor, b"%d" % number)
        burn(0.5)
        os.closerange(0, 3)
        first = [os.open("own", os.O_RDWR) for _ in range(3)]
        burn(0.3)
        with open("told", "w") as told:
            print(first, kept, [os.pread(each, 10, 0) for each in kept], file=told)
        if (pid := os.fork()) == 0:
            burn(0.1)
            os._exit(0 if first == [0, 1, 2] else 1)
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) or os.stat("told").st_size)
        """,
    "no more descriptors": """
        import os, resource
        from busy import burn
        resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))
        kept = []
        try:
            while True:
                kept.append(os.open("/dev/null", os.O_RDONLY))
        except OSError as error:
            print(kept, error.strerror)
        burn(0.4)
        print(os.fstat(kept[-1]).st_rdev, os.path.exists("prog.py"))
        """,
    "no more memory": """
        import resource
        from busy import burn
        resource.setrlimit(resource.RLIMIT_AS, (2 ** 28, 2 ** 28))
        burn(0.1)
        kept = []
        for size in (2 ** 24, 2 ** 16, 2 ** 9):
            try:
                while True:
                    kept.append(bytearray(size))
            except MemoryError:
                pass
        for _ in range(5_000):
            kept.pop()
        burn(0.3)
        print("done")
        """,
    "ends in the middle": """
        import os, threading, time
        from busy import burn
        threading.Thread(target=burn, args=(5,), daemon=True).start()
        burn(0.2)
        print("done", flush=True)
        os._exit(5)
        """,
    "aborts": """
        import faulthandler, os
        from busy import burn
        burn(0.1)
        os.abort()
        """,
}


def _write(runner, text):
    return runner.write(text, busy=BUSY)


@pytest.mark.skipif(sys.platform == "win32", reason="forks, signals and descriptors of POSIX")
@pytest.mark.parametrize("program", mark_slow(PROCESSES, QUICK))
def test_processes_and_signals_are_as_plainly(runner, alike, program):
    path = _write(runner, PROCESSES[program])
    plain, whet = runner.both(path, cwd=path.parent)
    assert plain.stdout or plain.status
    alike(plain, whet)
