"""All errors, as a tree.

::

    WhetError                 anything that whet reports to the user as an error
    ├── UsageError            the command line or a configuration is wrong
    ├── TargetError           the program to measure cannot be found or started
    ├── CollectorError        a profiler failed
    ├── FormatError           a profile or a saved run cannot be read
    ├── StoreError            a folder or file cannot be written
    └── PluginError           an entry point or a rule does not load

Each has a message (what, and where), a hint (how to fix it; may be empty)
and the exit status of the command. They are caught once, in ``whet.cli``.
"""

from __future__ import annotations


class WhetError(Exception):
    """Base of all errors that whet reports in one line instead of a traceback."""

    exit_code = 2

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(WhetError):
    """The command line or a configuration is wrong."""


class TargetError(WhetError):
    """The program to measure cannot be found or started."""


class CollectorError(WhetError):
    """A profiler failed."""


class FormatError(WhetError):
    """A profile or a saved run cannot be read. ``where`` is a position, such as ``line 3``."""

    def __init__(self, message: str, where: str = "", hint: str = "") -> None:
        super().__init__(f"{message} ({where})" if where else message, hint)
        self.where = where


class StoreError(WhetError):
    """A folder or file cannot be written."""


class PluginError(WhetError):
    """An entry point or a rule does not load."""
