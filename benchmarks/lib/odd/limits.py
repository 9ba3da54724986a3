"""Programs in narrow rooms: limits, permissions, folders that are not there."""

from __future__ import annotations

from collections.abc import Iterator

from lib.odd.program import Program

TELL = """
    import os, resource, sys
    from busy import burn
    burn()
    for name in sorted(name for name in dir(resource) if name.startswith("RLIMIT_")):
        print(name, resource.getrlimit(getattr(resource, name)))
    print(oct(os.umask(0)), os.getpriority(os.PRIO_PROCESS, 0), sorted(os.sched_getaffinity(0)), os.getgroups())
    with open("made", "w") as file: file.write("x" * 500)
    print(os.stat("made").st_size)
"""
SHELL = {
    "ulimit -v 600000": "ulimit -v 600000",
    "ulimit -v 400000": "ulimit -v 400000",
    "ulimit -v 1000000": "ulimit -v 1000000",
    "ulimit -d 300000": "ulimit -d 300000",
    "ulimit -n 32": "ulimit -n 32",
    "ulimit -n 20": "ulimit -n 20",
    "ulimit -f 2000": "ulimit -f 2000",
    "ulimit -t 60": "ulimit -t 60",
    "ulimit -s 1024": "ulimit -s 1024",
    "ulimit -s unlimited": "ulimit -s unlimited",
    "ulimit -c 0": "ulimit -c 0",
    "ulimit -l 0": "ulimit -l 0",
    "ulimit -i 0": "ulimit -i 0",
    "ulimit -q 0": "ulimit -q 0",
    "umask 077": "umask 077",
    "umask 000": "umask 000",
    "nice": 'set -- nice -n 10 "$@"',
    "one CPU": 'set -- taskset -c 0 "$@"',
    "no aslr": 'set -- setarch -R "$@"',
    "no PATH": "unset PATH",
    "no HOME": "unset HOME",
    "HOME that is not there": "export HOME=/no/such",
    "no variables": 'set -- /usr/bin/env -i "$@"',
    "TMPDIR that is not there": "export TMPDIR=/no/such",
    "a cache folder that cannot be made": "export XDG_CACHE_HOME=/proc/cache",
    "new session": 'set -- setsid --wait "$@"',
    "after cd to a link": "ln -s . link; cd link",
}
INSIDE = {
    "no more descriptors": """
        import os, resource
        from busy import burn
        resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))
        kept = []
        try:
            while True: kept.append(os.open("/dev/null", os.O_RDONLY))
        except OSError as error: print(kept, error.strerror)
        burn(0.3)
    """,
    "no more memory": """
        import resource
        from busy import burn
        resource.setrlimit(resource.RLIMIT_AS, (2 ** 28, 2 ** 28))
        kept = []
        for size in (2 ** 24, 2 ** 16, 2 ** 9):
            try:
                while True: kept.append(bytearray(size))
            except MemoryError: pass
        for _ in range(5_000): kept.pop()
        burn(0.2)
        print("done")
    """,
    "no more files": """
        import resource, signal
        from busy import burn
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        burn()
        try:
            with open("made", "w") as file: file.write("x" * 5000)
        except OSError as error: print(error.strerror)
    """,
    "no more processes": """
        import os, resource
        from busy import burn
        os.setgid(54321), os.setuid(54321)
        resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
        burn()
        try: os.fork()
        except OSError as error: print(error.strerror)
    """,
    "out of CPU time": """
        import resource, signal
        from busy import burn
        resource.setrlimit(resource.RLIMIT_CPU, (1, 5))
        signal.signal(signal.SIGXCPU, lambda *_: (print("time is up"), exit(4)))
        burn(20)
    """,
    "out of CPU time, killed": """
        import resource
        from busy import burn
        resource.setrlimit(resource.RLIMIT_CPU, (1, 1))
        burn(20)
    """,
    "another user": """
        import os
        from busy import burn
        burn()
        os.setgroups([]), os.setgid(65534), os.setuid(65534)
        burn()
        print(os.getuid(), os.getgid())
    """,
    "another root": """
        import os
        from busy import burn
        burn()
        os.makedirs("root"), os.chroot("root"), os.chdir("/")
        burn()
        print(os.listdir("/"))
    """,
    "folder removed": """
        import os
        from busy import burn
        os.mkdir("gone"), os.chdir("gone"), os.rmdir("../gone")
        burn()
        try: os.getcwd()
        except OSError as error: print(error.strerror)
    """,
    "its script removed": """
        import os
        from busy import burn
        burn()
        os.unlink(__file__), os.unlink("busy.py")
        burn()
        print(os.listdir("."))
    """,
    "not to be dumped": """
        import ctypes
        from busy import burn
        burn()
        print(ctypes.CDLL(None).prctl(4, 0, 0, 0, 0))
        burn(0.2)
    """,
    "traced by its parent": """
        import ctypes, os
        from busy import burn
        burn()
        if os.fork() == 0:
            print(ctypes.CDLL(None).ptrace(0, 0, 0, 0), flush=True)
            burn(0.1)
            os._exit(3)
        print(os.waitstatus_to_exitcode(os.wait()[1]))
    """,
    "asks to be traced": """
        import ctypes
        from busy import burn
        burn()
        print(ctypes.CDLL(None).ptrace(0, 0, 0, 0))
        burn(0.1)
    """,
    "no new privileges": """
        import ctypes
        from busy import burn
        print(ctypes.CDLL(None).prctl(38, 1, 0, 0, 0))
        burn(0.2)
    """,
    "deep recursion": """
        import sys
        from busy import burn
        sys.setrecursionlimit(20_000)
        def down(depth): return burn(0.3) if not depth else down(depth - 1)
        down(15_000)
        def endless(): return endless()
        try: endless()
        except RecursionError as error: print(error)
    """,
    "small stacks of threads": """
        import threading
        from busy import burn
        threading.stack_size(64 * 1024)
        threads = [threading.Thread(target=burn, args=(0.05,)) for _ in range(10)]
        for each in threads: each.start()
        for each in threads: each.join()
        print(threading.stack_size())
    """,
    "two hundred threads": """
        import threading
        from busy import burn
        wait = threading.Event()
        threads = [threading.Thread(target=wait.wait) for _ in range(200)]
        for each in threads: each.start()
        burn(0.3)
        print(threading.active_count())
        wait.set()
    """,
    "clock set back": """
        import time
        from busy import burn
        real, time.time = time.time, lambda: 0.0
        time.monotonic = time.perf_counter = time.time
        burn(0.2)
        print(time.time(), time.perf_counter())
    """,
}


def make() -> Iterator[Program]:
    """Yield the programs of this family."""
    for name, before in SHELL.items():
        vary = r"(?!)"
        yield Program("limits", name, TELL, shell=f'{before}; exec "$@"', vary=vary)
    for name, text in INSIDE.items():
        yield Program("limits", name, text)
