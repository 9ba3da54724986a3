"""Programs that send, catch, ignore, block or wait for signals."""

from __future__ import annotations

import signal
from collections.abc import Iterator

from lib.odd.program import Program

FATAL = ("TERM", "HUP", "USR1", "USR2", "INT", "ALRM", "PROF", "VTALRM", "QUIT", "SEGV", "ABRT", "KILL", "XCPU")
OWN = ("TERM", "HUP", "USR1", "USR2", "INT", "ALRM", "PROF", "VTALRM", "PIPE", "CHLD", "WINCH", "TRAP", "RTMIN")
PASSED_ON = ("TERM", "HUP", "USR1", "USR2", "INT")
KILL_SELF = """
    import os, signal
    from busy import burn
    burn()
    print("before", flush=True)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIG{0})
    signal.pause()
"""
HANDLE = """
    import os, signal, threading
    from busy import burn
    caught = []
    print(signal.signal(signal.SIG{0}, lambda number, frame: caught.append((number, frame.f_code.co_name))))
    def work():
        burn()
        for _ in range(3):
            signal.raise_signal(signal.SIG{0})
        os.kill(os.getpid(), signal.SIG{0})
        burn(0.05)
    work()
    print(caught)
"""
WAIT = """
    import signal, sys, time
    from busy import burn
    burn()
    {0}
    print("ready", flush=True)
    time.sleep(60)
    print("in vain")
"""
HANDLERS = {
    "by default": "signal.signal(signal.SIGINT, signal.default_int_handler)",
    "caught": "signal.signal(signal.SIG{0}, lambda *_: (print('caught', flush=True), sys.exit(7)))",
    "raised": "signal.signal(signal.SIG{0}, lambda *_: [][1])",
}
OTHERS = {
    "timers": """
        import signal
        from busy import burn
        for timer, name in (("REAL", "ALRM"), ("PROF", "PROF"), ("VIRTUAL", "VTALRM")):
            ticks = []
            signal.signal(getattr(signal, f"SIG{name}"), lambda *_: ticks.append(1))
            signal.setitimer(getattr(signal, f"ITIMER_{timer}"), 0.01, 0.01)
            burn(0.2)
            signal.setitimer(getattr(signal, f"ITIMER_{timer}"), 0)
            print(timer, len(ticks) >= 5, signal.getitimer(getattr(signal, f"ITIMER_{timer}")))
    """,
    "waited for": """
        import os, signal, threading
        from busy import burn
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        burn()
        for number in signal.SIGUSR1, signal.SIGTERM, signal.SIGPROF, signal.SIGINT, signal.SIGRTMIN:
            threading.Timer(0.05, os.kill, (os.getpid(), number)).start()
            print(signal.sigwaitinfo(signal.valid_signals()).si_signo)
        print(signal.sigtimedwait([signal.SIGUSR2], 0.05), signal.sigpending())
    """,
    "wakeup descriptor": """
        import os, signal, socket
        from busy import burn
        one, other = socket.socketpair()
        other.setblocking(False)
        print(signal.set_wakeup_fd(other.fileno()))
        signal.signal(signal.SIGUSR1, lambda *_: None)
        os.kill(os.getpid(), signal.SIGUSR1)
        burn()
        print(one.recv(10), signal.set_wakeup_fd(-1) == other.fileno())
    """,
    "to a thread": """
        import signal, threading
        from busy import burn
        caught = []
        signal.signal(signal.SIGUSR1, lambda *_: caught.append(threading.current_thread().name))
        thread = threading.Thread(target=burn, args=(0.3,))
        thread.start()
        signal.pthread_kill(thread.ident, signal.SIGUSR1)
        thread.join()
        print(caught)
    """,
    "interrupted calls": """
        import os, select, signal, time
        from busy import burn
        burn()
        class Stop(Exception): pass
        def stop(*_): raise Stop
        signal.signal(signal.SIGALRM, stop)
        reading, writing = os.pipe()
        for call in (lambda: time.sleep(20), lambda: os.read(reading, 1), lambda: select.select([reading], [], [])):
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            try:
                call()
            except Stop:
                print("stopped")
    """,
    "asyncio's handlers": """
        import asyncio, os, signal
        from busy import burn
        async def main():
            loop, seen = asyncio.get_running_loop(), asyncio.Queue()
            for number in signal.SIGUSR1, signal.SIGTERM, signal.SIGHUP:
                loop.add_signal_handler(number, seen.put_nowait, number)
                os.kill(os.getpid(), number)
                print((await seen.get()).name)
                burn(0.05)
        asyncio.run(main())
    """,
    "fault handler": """
        import faulthandler, os, signal, sys
        from busy import burn
        burn()
        faulthandler.register(signal.SIGUSR1, file=sys.stdout, all_threads=False)
        os.kill(os.getpid(), signal.SIGUSR1)
        faulthandler.unregister(signal.SIGUSR1)
        faulthandler.enable(file=sys.stderr, all_threads=False)
        os.kill(os.getpid(), signal.SIGSEGV)
    """,
    "ends its own group": """
        import os, signal, subprocess, sys, time
        from busy import burn
        burn()
        os.setpgid(0, 0)
        child = subprocess.Popen(["sleep", "60"])
        print("before", flush=True)
        os.killpg(0, signal.SIGTERM)
        time.sleep(60)
    """,
    "stops and goes on": """
        import os, signal, threading, subprocess, time
        from busy import burn
        burn()
        resume = subprocess.Popen(["sh", "-c", f"sleep 0.5; kill -CONT {os.getpid()}"])
        os.kill(os.getpid(), signal.SIGSTOP)
        print("again", resume.wait())
        burn()
    """,
}


def make() -> Iterator[Program]:
    """Yield the programs of this family."""
    for name in FATAL:
        yield Program("signals", f"ended by its own SIG{name}", KILL_SELF.format(name))
    for name in OWN:
        yield Program("signals", f"its own SIG{name} caught", HANDLE.format(name))
    for how, handler in HANDLERS.items():
        for name in PASSED_ON:
            text = WAIT.format(handler.format(name))
            number = getattr(signal, f"SIG{name}")
            yield Program("signals", f"SIG{name} from outside, {how}", text, send=number)
    inherited = """
        import signal
        from busy import burn
        burn()
        print(signal.getsignal(signal.SIG{0}), signal.pthread_sigmask(signal.SIG_BLOCK, ()))
        signal.raise_signal(signal.SIG{0})
        print("goes on")
    """
    for name in ("HUP", "INT", "TERM", "QUIT", "USR1"):
        shell = f"trap '' {name}; exec \"$@\""
        yield Program("signals", f"SIG{name} ignored from the start", inherited.format(name), shell=shell)
    yield Program("signals", "under nohup", inherited.format("HUP"), shell='exec nohup "$@"')
    for name, text in OTHERS.items():
        yield Program("signals", name, text)
