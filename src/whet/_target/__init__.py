"""Code that runs inside the target's interpreter.

Standard library only, plus the one profiler that a file starts; nothing of
whet is imported here, because whet need not be installed where the target
lives. ``compile_main.py`` and ``start.py`` are run by path and load their siblings as
the package ``_whet_target``.
"""
