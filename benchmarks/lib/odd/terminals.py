"""Programs that a person sits in front of."""

from __future__ import annotations

from collections.abc import Iterator

from lib.odd.program import Program

TEXTS: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "which streams are terminals": (
        """
        import os, sys
        from busy import burn
        burn()
        print([os.isatty(each) for each in (0, 1)], os.ttyname(0) == os.ttyname(1), sys.stdout.line_buffering)
        print(os.tcgetpgrp(0) == os.getpgrp(), os.get_terminal_size(0))
        """,
        (),
    ),
    "asks": (
        """
        from busy import burn
        print("name? ", flush=True)
        name = input()
        burn()
        print("hello", name, "again? ", flush=True)
        print(input())
        """,
        (("name? ", "Ada\r"), ("again? ", "Bob\r")),
    ),
    "asks with readline": (
        """
        import readline
        from busy import burn
        readline.set_completer(lambda text, state: ["complete"][state] if not state else None)
        readline.parse_and_bind("tab: complete")
        print(input("word? ").strip())
        burn()
        """,
        (("word? ", "com\t\r"),),
    ),
    "asks for a password": (
        """
        import getpass
        from busy import burn
        burn()
        print(len(getpass.getpass("secret? ")))
        """,
        (("secret? ", "12345\r"),),
    ),
    "reads single keys": (
        """
        import os, sys, termios, tty
        from busy import burn
        before = termios.tcgetattr(0)
        tty.setraw(0)
        os.write(1, b"key? ")
        key = os.read(0, 1)
        burn()
        termios.tcsetattr(0, termios.TCSADRAIN, before)
        print(key)
        """,
        (("key? ", "x"),),
    ),
    "curses": (
        """
        import curses
        from busy import burn
        def main(screen):
            screen.addstr(2, 3, "in the screen")
            screen.refresh()
            burn()
            return screen.getkey(), screen.getmaxyx()
        print(curses.wrapper(main))
        """,
        (("in the screen", "q"),),
    ),
    "Ctrl-C": (
        """
        import time
        from busy import burn
        burn()
        try:
            print("waits", flush=True)
            time.sleep(60)
        except KeyboardInterrupt:
            print("interrupted")
            raise SystemExit(9)
        """,
        (("waits", "\x03"),),
    ),
    "Ctrl-C, not caught": (
        """
        import time
        from busy import burn
        burn()
        print("waits", flush=True)
        time.sleep(60)
        """,
        (("waits", "\x03"),),
    ),
    "Ctrl-\\": (
        """
        import signal, sys, time
        from busy import burn
        burn()
        signal.signal(signal.SIGQUIT, lambda *_: sys.exit(8))
        print("waits", flush=True)
        time.sleep(60)
        """,
        (("waits", "\x1c"),),
    ),
    "Ctrl-D": (
        """
        import sys
        from busy import burn
        burn()
        print("reads", flush=True)
        print(repr(sys.stdin.read()))
        """,
        (("reads", "text\r\x04"),),
    ),
    "debugger": (
        """
        from busy import burn
        def work(number):
            burn()
            breakpoint()
            return number
        print(work(5))
        """,
        (("(Pdb) ", "p number\r"), ("5\r\n(Pdb) ", "c\r")),
    ),
    "console in the program": (
        """
        import code, readline
        from busy import burn
        burn()
        console = code.InteractiveConsole({"value": 6})
        console.interact(banner="welcome", exitmsg="bye")
        """,
        ((">>> ", "value * 7\r"), ("42\r\n>>> ", "\x04")),
    ),
    "grown window": (
        """
        import fcntl, os, signal, struct, termios
        from busy import burn
        caught = []
        signal.signal(signal.SIGWINCH, lambda *_: caught.append(os.get_terminal_size(0)))
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        burn()
        print(caught)
        """,
        (),
    ),
    "progress on one line": (
        """
        import sys
        from busy import burn
        for number in range(5):
            print(f"\\r{number} of 5", end="", flush=True)
            burn(0.05)
        print("\\rdone  ")
        """,
        (),
    ),
    "pager": (
        """
        import os, subprocess
        from busy import burn
        burn()
        subprocess.run(["sh", "-c", "read -p 'more? ' line </dev/tty; echo got $line"])
        """,
        (("more? ", "yes\r"),),
    ),
    "new session": (
        """
        import os
        from busy import burn
        burn()
        if os.fork() == 0:
            os.setsid()
            try: os.open("/dev/tty", os.O_RDWR)
            except OSError as error: print(error.strerror, flush=True)
            os._exit(0)
        os.wait()
        """,
        (),
    ),
    "stops itself, as by Ctrl-Z": (
        """
        import os, signal, subprocess
        from busy import burn
        burn()
        subprocess.Popen(["sh", "-c", f"sleep 0.5; kill -CONT {os.getpid()}"])
        print("stops", flush=True)
        os.kill(os.getpid(), signal.SIGSTOP)
        print("goes on")
        """,
        (),
    ),
}


def make() -> Iterator[Program]:
    """Yield the programs of this family."""
    for name, (text, typed) in TEXTS.items():
        vary = r"line \d+|, line.*|\s*[~^]+" if name.startswith("Ctrl-C, not") else r"(?!)"
        # With stderr on the terminal too, whet's own line comes and goes there.
        yield Program("terminal", name, text, shell='exec "$@" 2>errors', typed=typed or (("", ""),), vary=vary)
    for name in ("asks", "Ctrl-C", "curses", "progress on one line", "debugger", "reads single keys"):
        text, typed = TEXTS[name]
        yield Program("terminal", f"{name}, errors there too", text, shell='exec "$@"', typed=typed or (("", ""),))
    shell = 'exec "$@" 2>errors'
    quit_it = ((">>> ", "print(6 * 7)\r"), ("42\r\n>>> ", "exit()\r"))
    env = {"PYTHON_BASIC_REPL": "1"}
    yield Program("terminal", "-i", "x = 5\n", words=("-i", "prog.py"), shell='exec "$@"', typed=quit_it, env=env)
    yield Program("terminal", "TERM=dumb", TEXTS["asks"][0], shell=shell, typed=TEXTS["asks"][1], env={"TERM": "dumb"})
