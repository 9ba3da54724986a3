"""Programs that fork, start others or become another."""

from __future__ import annotations

from collections.abc import Iterator

from lib.odd.program import Program

FORKS = {
    "three deep": """
        import os, sys
        from busy import burn
        def nest(depth):
            burn(0.05)
            if depth and (pid := os.fork()):
                sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) + 1)
            if not depth:
                print("leaf", flush=True)
                sys.exit(3)
            nest(depth - 1)
        nest(3)
    """,
    "exit functions in the child": """
        import atexit, os, sys
        from busy import burn
        burn()
        atexit.register(lambda: print("exit", os.getpid() == parent, flush=True))
        parent = os.getpid()
        if os.fork() == 0:
            sys.exit(4)
        print(os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
    """,
    "hooks of fork": """
        import os
        from busy import burn
        burn()
        told = []
        os.register_at_fork(before=lambda: told.append("before"), after_in_child=lambda: told.append("child"),
                            after_in_parent=lambda: told.append("parent"))
        if os.fork() == 0:
            print(told, flush=True)
            os._exit(0)
        os.wait()
        print(told)
    """,
    "from a thread": """
        import os, threading, warnings
        from busy import burn
        warnings.simplefilter("ignore")
        told = []
        def fork():
            for _ in range(5):
                if (pid := os.fork()) == 0:
                    burn(0.01)
                    os._exit(len(threading.enumerate()))
                told.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        threads = [threading.Thread(target=fork) for _ in range(3)]
        for each in threads: each.start()
        for each in threads: each.join()
        print(told)
    """,
    "all ways to wait": """
        import os, signal
        from busy import burn
        def child(status):
            if (pid := os.fork()) == 0:
                burn(0.02)
                os._exit(status)
            return pid
        print(os.waitstatus_to_exitcode(os.waitpid(child(1), 0)[1]))
        child(2); print(os.wait3(0)[1] >> 8)
        print(os.wait4(child(3), 0)[1] >> 8)
        print(os.waitid(os.P_PID, child(4), os.WEXITED).si_status)
        pid = child(5)
        while os.waitpid(pid, os.WNOHANG) == (0, 0): pass
        descriptor = os.pidfd_open(pid := child(6))
        print(os.waitid(os.P_PIDFD, descriptor, os.WEXITED).si_status)
        pid = os.fork()
        if not pid: signal.pause()
        os.kill(pid, signal.SIGSTOP)
        print(os.WIFSTOPPED(os.waitpid(pid, os.WUNTRACED)[1]))
        os.kill(pid, signal.SIGKILL)
        print(os.WTERMSIG(os.waitpid(pid, 0)[1]))
        try: os.wait()
        except ChildProcessError as error: print(error.strerror)
    """,
    "daemon": """
        import os, sys
        from busy import burn
        burn()
        reading, writing = os.pipe()
        if os.fork():
            os.close(writing)
            print(os.fdopen(reading).read())
            sys.exit()
        os.setsid()
        if os.fork(): os._exit(0)
        for number in 0, 1, 2: os.close(number)
        os.write(writing, b"far away")
    """,
    "child outlives the parent": """
        import os, time
        from busy import burn
        burn()
        if os.fork() == 0:
            time.sleep(0.5)
            print("child", flush=True)
            os._exit(0)
        print("parent", flush=True)
    """,
    "children that are not waited for": """
        import os, signal
        from busy import burn
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        for _ in range(10):
            if os.fork() == 0: os._exit(1)
        burn()
        try: os.wait()
        except ChildProcessError: print("none")
    """,
    "hundred children": """
        import os
        for number in range(100):
            if (pid := os.fork()) == 0: os._exit(number % 50)
            print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), end=" ")
    """,
    "forkpty": """
        import os, pty
        from busy import burn
        burn()
        pid, terminal = pty.fork()
        if pid == 0:
            print(os.isatty(0), os.getsid(0) == os.getpid(), flush=True)
            os._exit(3)
        text = b""
        try:
            while piece := os.read(terminal, 100): text += piece
        except OSError: pass
        print(text, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    """,
    "buffered output in both": """
        import os, sys
        from busy import burn
        burn()
        sys.stdout.write("once or twice ")
        if os.fork() == 0: sys.exit(0)
        os.wait()
    """,
    "subreaper": """
        import ctypes, os
        from busy import burn
        burn()
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
        if os.fork() == 0:
            if os.fork() == 0:
                burn(0.1)
                os._exit(5)
            os._exit(4)
        print(sorted(os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(2)))
    """,
    "subprocess in all ways": """
        import os, subprocess, sys
        from busy import burn
        burn()
        code = [sys.executable, "-c", "import os, sys; print(sys.argv[1:], os.getpgrp() == os.getpid()); sys.exit(3)"]
        for options in ({}, {"start_new_session": True}, {"process_group": 0}, {"close_fds": False}, {"cwd": "/"},
                        {"env": {}}, {"preexec_fn": os.setpgrp}, {"umask": 0o77}):
            done = subprocess.run([*code, str(options) if "preexec_fn" not in options else ""], capture_output=True,
                                  text=True, **options)
            print(done.returncode, done.stdout, done.stderr)
        print(subprocess.getstatusoutput("exit 4"), os.system("exit 5") >> 8, os.popen("echo 6").read())
    """,
    "asyncio's processes": """
        import asyncio, sys
        from busy import burn
        async def one(number):
            words = "import sys; sum(range(10 ** 5)); sys.exit(int(sys.argv[1]))"
            child = await asyncio.create_subprocess_exec(sys.executable, "-c", words, str(number))
            burn(0.01)
            return await child.wait()
        async def main(): print(await asyncio.gather(*map(one, range(5))))
        asyncio.run(main())
    """,
}
MULTIPROCESSING = """
    import multiprocessing, os, sys
    from concurrent.futures import ProcessPoolExecutor
    from busy import burn

    def work(number):
        burn(0.02)
        return number * number, len(__import__("threading").enumerate())

    def fill(queue):
        burn(0.02)
        queue.put("put")

    def stop(): sys.exit(6)

    if __name__ == "__main__":
        context = multiprocessing.get_context("{0}")
        {1}
"""
USES = {
    "Pool": "with context.Pool(2) as pool: print(pool.map(work, range(6), chunksize=1))",
    "Process": "each = context.Process(target=stop); each.start(); each.join(); print(each.exitcode)",
    "Queue": "queue = context.Queue(); each = context.Process(target=fill, args=(queue,)); each.start(); "
    "print(queue.get()); each.join()",
    "Manager": "manager = context.Manager(); queue = manager.Queue(); fill(queue); print(queue.get())",
    "ProcessPoolExecutor": "with ProcessPoolExecutor(2, mp_context=context) as pool: "
    "print(list(pool.map(work, range(6))))",
}
EXEC = """
    import os, sys, threading
    from busy import burn
    code = "import os, sys; sum(range(10 ** 6)); print(sys.argv, sorted(os.environ)[:3], sys.flags.isolated)"
    if "again" in sys.argv:
        burn()
        print("became", sys.argv)
        sys.exit(5)
    burn()
    print("before", flush=True)
    {0}
"""
EXECS = {
    "execv": "os.execv(sys.executable, [sys.executable, '-c', code, 'x'])",
    "execve, no environment": "os.execve(sys.executable, [sys.executable, '-c', code], {})",
    "execl": "os.execl(sys.executable, sys.executable, '-c', code, 'a b')",
    "execle": "os.execle(sys.executable, sys.executable, '-c', code, {'A': '1'})",
    "execvp": "os.execvp('sh', ['sh', '-c', 'echo shell; exit 4'])",
    "execvpe": "os.execvpe('sh', ['sh', '-c', 'echo $A; exit 4'], {'A': '1', 'PATH': os.environ['PATH']})",
    "execlp": "os.execlp('true', 'true')",
    "isolated": "os.execv(sys.executable, [sys.executable, '-I', '-c', code])",
    "itself": "os.execv(sys.executable, [sys.executable, *sys.argv, 'again'])",
    "through a shell": "os.execvp('sh', ['sh', '-c', 'exec \"$0\" prog.py again', sys.executable])",
    "from a thread": "thread = threading.Thread(target=os.execv, args=(sys.executable, [sys.executable, '-c', code])); "
    "thread.start(); thread.join()",
    "in a child": "pid = os.fork() or os.execv(sys.executable, [sys.executable, '-c', code]); os.waitpid(pid, 0)",
    "what is not there": "os.execv('/no/such', ['such'])",
    "what cannot be run": "os.execv('data.txt', ['data'])",
    "posix_spawn": "print(os.waitpid(os.posix_spawn(sys.executable, [sys.executable, '-c', code], os.environ), 0)[1])",
    "spawnv": "print(os.spawnv(os.P_WAIT, sys.executable, [sys.executable, 'prog.py', 'again']))",
}


def make() -> Iterator[Program]:
    """Yield the programs of this family."""
    for name, text in FORKS.items():
        yield Program("forks", name, text)
    for way in ("fork", "forkserver", "spawn"):
        for name, use in USES.items():
            yield Program("forks", f"{name} by {way}", MULTIPROCESSING.format(way, use))
    for name, call in EXECS.items():
        yield Program("exec", name, EXEC.format(call), {"data.txt": "no program"})
