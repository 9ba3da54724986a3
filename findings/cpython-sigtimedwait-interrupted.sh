#!/usr/bin/env bash
# One would think: `signal.sigtimedwait` returns None once the timeout is over, also where something has interrupted it:
# since PEP 475 it goes on with the time that remains.
# What happens: if the interruption lasts past the end of the timeout, it returns a `struct_siginfo` of no signal at all,
# whose fields nobody has set: a program that waits for a signal with a timeout takes that for the signal. A signal
# handler that takes long does it, and so does a tracer that stops the process near the end, as samplers do that stop a
# program for each sample.
# Seen with CPython 3.11.7, 3.12.1, 3.13.0, 3.14.10 and 3.15.2, Linux.
set -euo pipefail
python=${PYTHON:-python3.14}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > program.py <<'PY'
import signal
import sys
import time

signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
print(sys.version.split()[0])
print("not interrupted:", signal.sigtimedwait([signal.SIGUSR1], 0.3))
signal.signal(signal.SIGALRM, lambda number, frame: time.sleep(pause))
for pause, expects_none in ((0, True), (0.6, False)):
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    given = signal.sigtimedwait([signal.SIGUSR1], 0.3)
    said = "None" if given is None else "a struct_siginfo"
    print(f"a handler of {pause} s meanwhile: {said}; pending is", signal.sigpending() or "nothing")
    assert (given is None) is expects_none, given
    assert given is None or given.si_signo != signal.SIGUSR1
PY
"$python" program.py
