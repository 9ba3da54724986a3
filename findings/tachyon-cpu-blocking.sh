#!/usr/bin/env bash
# One would think: `profiling.sampling` of CPython 3.15 in its mode "cpu" shows where a computing program computes, and
# --blocking, which stops the program for each sample, only makes its stacks more consistent.
# What happens: with both, not one sample of a program that does nothing but compute is captured, and the command ends
# well: a thread that the sampler has stopped is in the state "t" for the system, which does not count as on a CPU.
# Seen with CPython 3.15.2, Linux, as root (it needs the right to trace, as any sampler from outside).
set -euo pipefail
python=${PYTHON:-python3.15}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > program.py <<'PY'
import time

end = time.process_time() + 4
while time.process_time() < end:
    sum(range(1_000))
PY
count() {
    "$python" program.py &
    local pid=$!
    sleep 0.5
    "$python" -m profiling.sampling attach --mode cpu "$@" -d 2 --collapsed -o "$folder/out.txt" "$pid" >said.txt 2>&1 || true
    wait "$pid"
    if [ -s "$folder/out.txt" ]; then awk '{sum += $NF} END {print sum + 0}' "$folder/out.txt"; else echo 0; fi
    rm -f "$folder/out.txt"
}
plain=$(count)
blocking=$(count --blocking)
"$python" --version
echo "--mode cpu: $plain samples in 2 s; --mode cpu --blocking: $blocking"
[ "$plain" -gt 100 ]
[ "$blocking" -eq 0 ]
