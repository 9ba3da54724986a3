"""Code that runs inside the program's interpreter: the standard library and one profiler, nothing else of whet's.

``hook/sitecustomize.py`` is loaded by the interpreter's own start-up and loads the rest as the package
``_whet_inprocess``. Nothing here is imported by whet itself.
"""
