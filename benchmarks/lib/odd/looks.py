"""Programs that look at themselves: at code, frames, threads, objects, memory."""

from __future__ import annotations

from collections.abc import Iterator

from lib.odd.program import Program

TEXTS = {
    "traced": "import sys\nseen = set()\ndef t(f, e, a):\n    seen.add((f.f_code.co_name, e)); return t\n"
    "sys.settrace(t)\nburn()\nsys.settrace(None)\nprint(sorted(seen))",
    "profiled": "import sys\nseen = set()\nsys.setprofile(lambda f, e, a: seen.add((f.f_code.co_name, e)))\nburn()\n"
    "sys.setprofile(None)\nprint(sorted(seen))",
    "cProfile": "import cProfile, pstats\np = cProfile.Profile()\np.runcall(sorted, range(1000))\nburn()\n"
    "print(sorted((k[2], v[0]) for k, v in pstats.Stats(p).stats.items()))",
    "threads": "import sys, threading\nprint(threading.enumerate()[0].name, threading.active_count(), "
    "len(sys._current_frames()))\nburn()\nprint(threading.active_count(), len(sys._current_frames()))",
    "frames": "import inspect, sys\ndef f(): return [each.function for each in inspect.stack()]\nburn()\nprint(f(), "
    "sys._getframe().f_back)",
    "code": "import dis, hashlib\nburn()\nprint(hashlib.md5(burn.__code__.co_code).hexdigest(), burn.__code__.co_consts, "
    "burn.__code__.co_filename[-7:])\ndis.dis(burn)",
    "hooks": "import sys\nburn()\nprint(sys.meta_path, sys.path_hooks, sys.gettrace(), sys.getprofile(), sys.excepthook, "
    "sys.displayhook, sys.unraisablehook, sys.breakpointhook)",
    "collector": "import gc\nprint(gc.isenabled(), gc.get_threshold(), gc.get_debug(), gc.callbacks, gc.get_freeze_count())"
    "\nburn()\nprint(gc.callbacks)",
    "collector's callbacks": "import gc\nseen = []\ngc.callbacks.append(lambda phase, info: seen.append(phase))\nburn()\n"
    "gc.collect(); print(seen[-2:])",
    "memory traced": "import tracemalloc\ntracemalloc.start()\nburn()\nx = [bytes(1000) for _ in range(100)]\n"
    "top = tracemalloc.take_snapshot().statistics('filename')\nprint([t.traceback[0].filename[-8:] for t in top][:2])",
    "modules": "import sys\nprint(sorted(sys.modules))\nburn()\nprint(sorted(sys.modules))",
    "main": "import __main__, sys\nburn()\nprint(sorted(vars(__main__)), __main__.__loader__.__class__, __main__.__spec__)",
    "environment": "import os\nburn()\nprint(sorted((k, v) for k, v in os.environ.items() if k != '_' and 'SHLVL' not in k))",
    "monitoring": "import sys\nburn()\nm = getattr(sys, 'monitoring', None)\nprint(m and [m.get_tool(n) for n in range(6)])",
    "monitored": "import sys\nm = getattr(sys, 'monitoring', None)\nif m:\n    m.use_tool_id(2, 'own'); seen = []\n"
    "    m.register_callback(2, m.events.PY_START, lambda c, o: seen.append(c.co_name)); m.set_events(2, m.events.PY_START)\n"
    "    burn(0.01); print(set(seen))",
    "signals": "import signal\nburn()\nprint([signal.getsignal(n) for n in sorted(signal.valid_signals())])",
    "switch interval": "import sys\nprint(sys.getswitchinterval(), sys.getrecursionlimit())\nsys.setswitchinterval(1e-6)\n"
    "burn(0.3)",
    "descriptors": "import os\nprint(sorted(os.listdir('/proc/self/fd')))\nburn()\nprint(sorted(os.listdir('/proc/self/fd')))",
    "maps": "burn()\nprint(sum('whet' in line for line in open('/proc/self/maps')))",
    "children": "import glob\nburn()\nprint([open(f).read() for f in glob.glob('/proc/self/task/*/children')][:1])",
    "warnings": "import warnings\nburn()\nprint(warnings.filters, warnings.onceregistry)\nwarnings.warn('own', DeprecationWarning)",
    "references": "import sys\nx = object(); burn(); print(sys.getrefcount(x), sys.intern('abc') is sys.intern('abc'))",
    "weak references": "import weakref\nclass A: pass\nseen = []\na = A(); r = weakref.ref(a, seen.append); burn(); del a; "
    "print(r(), len(seen))",
    "contexts": "import contextvars\nv = contextvars.ContextVar('v'); v.set(1); burn(); print(list(contextvars.copy_context()))",
    "audit hook": "import sys\nseen = set()\nsys.addaudithook(lambda e, a: seen.add(e))\nburn()\nopen('busy.py').close()\n"
    # But what `docs/left-alone.md` names: the thread that samples values.
    "print(sorted(seen - {'builtins.id', 'object.__getattr__', 'os.rename', 'sys._current_frames'}))",
    "random": "import random\nrandom.seed(5); burn(); print(random.random(), hash('x') == hash('x'))",
    "ids": "import itertools\nc = itertools.count(); burn(); print(next(c), len({id(object()) for _ in range(3)}))",
    "coroutines": "import sys\nsys.set_coroutine_origin_tracking_depth(3)\nasync def f(): pass\nc = f(); burn()\n"
    "print(len(c.cr_origin)); c.close()",
    "traceback": "import traceback\nburn()\ntry: 1 / 0\nexcept Exception: traceback.print_exc(); traceback.print_stack()",
    "faulthandler": "import faulthandler, sys\nburn()\nfaulthandler.dump_traceback(sys.stdout, all_threads=False)",
    "asyncio in debug mode": "import asyncio\nasync def f():\n    await asyncio.sleep(0.01); burn(0.02); "
    "return len(asyncio.all_tasks())\nprint(asyncio.run(f(), debug=False))",
    "executor": "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor(4) as pool: "
    "print(list(pool.map(lambda n: (burn(0.01), n)[1], range(10))))",
    "locks": "import threading\nlock = threading.RLock()\ndef f():\n    with lock: burn(0.01)\n"
    "ts = [threading.Thread(target=f) for _ in range(8)]\nfor t in ts: t.start()\nfor t in ts: t.join()\nprint(lock)",
    "thread-local": "import threading\nl = threading.local(); l.x = 1\nt = threading.Thread(target=lambda: print(hasattr(l, 'x')));"
    " t.start(); t.join(); burn()",
    "tracing threads": "import threading, sys\nseen = set()\nthreading.setprofile(lambda f, e, a: seen.add(f.f_code.co_name))\n"
    "t = threading.Thread(target=burn); t.start(); t.join(); print('burn' in seen, sorted(seen)[:3])",
}


def make() -> Iterator[Program]:
    """Yield the programs of this family."""
    for name, text in TEXTS.items():
        # The order of what threads write is chance in both; so is what an address is.
        vary = r"0x[0-9a-f]+|owner=\d+" if name in ("locks", "hooks", "signals") else r"0x[0-9a-f]+"
        yield Program("introspection", name, f"from busy import burn\n{text}\n", vary=vary)
