"""Programs whose descriptors are others than a terminal's three."""

from __future__ import annotations

from collections.abc import Iterator

from lib.odd.program import Program

LIST = """
    import os, stat, sys
    from busy import burn

    def tell():
        for number in sorted(map(int, os.listdir("/proc/self/fd"))):
            try:
                info = os.fstat(number)
            except OSError:  # that of the list itself
                continue
            print(number, stat.S_IFMT(info.st_mode), os.get_inheritable(number), os.get_blocking(number),
                  file=sys.__stderr__ or open("told", "a"))
    tell()
    burn()
    tell()
    {0}
"""
READ = "print(os.read({0}, 100))"
# How the shell opens them, and what the program does with them.
OPENED = {
    "3<file": ('exec "$@" 3<data.txt', READ.format(3)),
    "9<file": ('exec "$@" 9<data.txt', READ.format(9)),
    "200<file": ('exec "$@" 200<data.txt', READ.format(200)),
    "3>file": ('exec "$@" 3>out.txt', "print(os.write(3, b'written'))"),
    "3>>file": ('exec "$@" 3>>data.txt', "print(os.write(3, b'appended'))"),
    "3<>file": ('exec "$@" 3<>data.txt', "print(os.read(3, 2), os.write(3, b'xy'))"),
    "3<pipe": ('exec "$@" 3< <(echo piped)', READ.format(3)),
    "here-document": ('exec "$@" 3<<< here', READ.format(3)),
    "many": ('exec "$@" 3<data.txt 4<data.txt 5<data.txt 6<data.txt 7<data.txt 8<data.txt', READ.format(8)),
    "0<&-": ('exec "$@" 0<&-', "print(sys.stdin, open('data.txt').fileno() >= 0)"),
    "1>&-": ('exec "$@" 1>&-', "print('nowhere')"),
    "2>&-": ('exec "$@" 2>&-', "print(sys.stderr)"),
    "all closed": ('exec "$@" 0<&- 1>&- 2>&-', "open('told', 'a').write('done')"),
    "0<file": ('exec "$@" <data.txt', "print(sys.stdin.read(), os.lseek(0, 0, 1))"),
    "0<pipe": ('echo piped | "$@"', "print(sys.stdin.read())"),
    "0<directory": ('exec "$@" <.', "print(os.fstat(0).st_nlink > 0)"),
    "0</dev/null": ('exec "$@" </dev/null', "print(repr(sys.stdin.read()))"),
    "1>file": ('exec "$@" >out.txt', "print('to a file', sys.stdout.line_buffering)"),
    "1>>file": ('exec "$@" >>data.txt', "print('to a file', os.lseek(1, 0, 1))"),
    "1>full": ('exec "$@" >/dev/full', "print('full')"),
    "1>&2": ('exec "$@" 1>&2', "print('to stderr')"),
    "2>&1": ('exec "$@" 2>&1', "print('to stdout', file=sys.stderr)"),
    "into head": ('"$@" | head -1; echo "${PIPESTATUS[0]}"', "for _ in range(100000): print('line' * 20)"),
    "into a closed pipe": ('"$@" | true; echo "${PIPESTATUS[0]}"', "burn(0.3); print('x' * 200000)"),
    "1 does not block": ('"$@" | cat', "os.set_blocking(1, False); print('some')"),
}
SCRIPTS = {
    "/dev/stdin": ('exec "$@" <prog.py', ("/dev/stdin",)),
    "/dev/fd/0": ('exec "$@" <prog.py', ("/dev/fd/0", "an argument")),
    "/dev/stdin from a pipe": ('cat prog.py | "$@"', ("/dev/stdin",)),
    "-": ('exec "$@" <prog.py', ("-", "an argument")),
    "- from a pipe": ('cat prog.py | "$@"', ("-",)),
    "nothing named, from a pipe": ('cat prog.py | "$@"', ()),
    "<(cat)": ('exec "$@" <(cat prog.py)', ()),
    "<(cat) with arguments": ('exec "$@" <(cat prog.py) an argument', ()),
    "FIFO": ('mkfifo pipe; cat prog.py >pipe & "$@" pipe; status=$?; wait; rm pipe; exit $status', ()),
    "/dev/fd/5": ('exec "$@" 5<prog.py', ("/dev/fd/5",)),
    "/proc/self/fd/5": ('exec "$@" 5<prog.py', ("/proc/self/fd/5",)),
    "/dev/null": ('exec "$@"', ("/dev/null",)),
}
SCRIPT = """
    import os, sys
    from busy import burn
    burn()
    print(__name__, sys.argv[1:], sorted(name for name in vars() if not name.startswith("__")))
    sys.exit(6)
"""
WRAPPER = """
import os, socket, sys
listening = socket.create_server(("127.0.0.1", 0))
os.dup2(listening.fileno(), 3, inheritable=True)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()), LISTEN_FDNAMES="web")
os.execvp(sys.argv[1], sys.argv[1:])
"""
ACTIVATED = """
    import os, socket
    from busy import burn
    burn()
    print(os.environ["LISTEN_FDS"], os.environ["LISTEN_PID"] == str(os.getpid()), os.environ["LISTEN_FDNAMES"])
    listening = socket.socket(fileno=3)
    client = socket.create_connection(listening.getsockname())
    client.sendall(b"hello")
    print(listening.accept()[0].recv(10), listening.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
"""
MAKEFILE = "all:\n\t+@$(COMMAND)\n"
JOBSERVER = """
    import os, re, select
    from busy import burn
    burn()
    found = re.search(r"--jobserver-(?:auth|fds)=(?:fifo:(\\S+)|(\\d+),(\\d+))", os.environ["MAKEFLAGS"])
    reading, writing = (os.open(found[1], os.O_RDONLY), os.open(found[1], os.O_WRONLY)) if found[1] else (
        int(found[2]), int(found[3]))
    token = os.read(reading, 1) if select.select([reading], [], [], 1)[0] else b""
    print(token, os.write(writing, token))
"""
OTHERS = {
    "all closed and used again": """
        import os, sys
        from busy import burn
        os.closerange(3, 4096)
        kept = [os.open("own", os.O_CREAT | os.O_RDWR, 0o600) for _ in range(40)]
        for number, descriptor in enumerate(kept): os.write(descriptor, b"%d" % number)
        burn(0.3)
        print(kept, [os.pread(each, 10, 0) for each in kept[:5]])
    """,
    "its three replaced": """
        import os, sys
        from busy import burn
        burn()
        file = os.open("own", os.O_CREAT | os.O_RDWR, 0o600)
        kept = os.dup(1)
        for number in 0, 1, 2: os.dup2(file, number)
        print("into the file", flush=True)
        os.system("echo from a child")
        burn()
        os.write(kept, b"at last")
    """,
    "closed in all children": """
        import os, subprocess, sys
        from busy import burn
        burn()
        code = "import os; print(sorted(map(int, os.listdir('/proc/self/fd'))))"
        for close in True, False:
            print(subprocess.run([sys.executable, "-c", code], close_fds=close, capture_output=True).stdout)
        reading, writing = os.pipe()
        print(subprocess.run([sys.executable, "-c", code], pass_fds=[writing], capture_output=True).stdout)
    """,
    "socket pair with a child": """
        import os, socket
        from busy import burn
        one, other = socket.socketpair()
        if os.fork() == 0:
            burn()
            socket.send_fds(other, [b"file"], [os.open("data.txt", os.O_RDONLY)])
            os._exit(0)
        text, descriptors, *_ = socket.recv_fds(one, 10, 1)
        print(text, os.read(descriptors[0], 10), os.wait()[1])
    """,
    "megabytes": """
        import sys
        from busy import burn
        for line in sys.stdin.buffer: sys.stdout.buffer.write(line[::-1])
        burn()
    """,
    "tuned": """
        import fcntl, os
        from busy import burn
        burn()
        reading, writing = os.pipe()
        print(fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 1 << 16), os.memfd_create("m") > 2, os.eventfd(1) > 2)
        file = os.open("own", os.O_CREAT | os.O_RDWR)
        fcntl.lockf(file, fcntl.LOCK_EX)
        print(os.sendfile(writing, os.open("data.txt", os.O_RDONLY), 0, 4), os.read(reading, 10))
    """,
}


def make() -> Iterator[Program]:
    """Yield the programs of this family."""
    data = {"data.txt": "some data\n"}
    for name, (shell, use) in OPENED.items():
        yield Program("descriptors", name, LIST.format(use), data, shell=shell)
    for name, (shell, words) in SCRIPTS.items():
        yield Program("scripts", name, SCRIPT, words=words, shell=shell)
    for name, text in OTHERS.items():
        stdin = b"some words to turn\n" * 200_000 if name == "megabytes" else b""
        yield Program("descriptors", name, text, data, stdin=stdin)
    shell = 'exec python3 wrapper.py "$@"'
    yield Program("descriptors", "socket activation", ACTIVATED, {"wrapper.py": WRAPPER}, shell=shell)
    for style in ("", "--jobserver-style=fifo "):
        shell = f"printf -v COMMAND '%q ' \"$@\"; export COMMAND; make -s -j2 {style}"
        name = f"make's jobserver{', by a FIFO' * bool(style)}"
        yield Program("descriptors", name, JOBSERVER, {"Makefile": MAKEFILE}, shell=shell)
