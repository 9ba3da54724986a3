"""``whet trust``: let rules, settings and the environment of another user's project be used."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from whet.cli.console import print_line, say
from whet.cli.declare import Argument, Option
from whet.errors import UsageError


def trust_command(
    folder: Annotated[Path | None, Argument("FOLDER", "A project's folder; default: the current project.")] = None,
    revoke: Annotated[bool, Option("--revoke", help="Trust the folder no longer.")] = False,
    list_: Annotated[bool, Option("--list", help="List the trusted folders and exit.")] = False,
) -> int:
    """Trust a project that belongs to another user.

    whet uses the settings, the rules in `.whet/rules` and the `.venv` of a project only if they belong to you or to the
    system, or if you trust its folder. Rules and interpreters are code that whet runs: look at them first.

    Examples:
        whet trust
        whet trust /srv/shared/project
        whet trust --list
    """
    from whet.config import find_root
    from whet.trust import distrust, list_trusted, trust

    if list_:
        for each in list_trusted():
            print_line(str(each))
        return 0
    path = folder.absolute() if folder is not None else find_root(Path.cwd())
    if revoke:
        if not distrust(path):
            raise UsageError(f"{path} is not a trusted folder", "`whet trust --list` lists them")
        say(f"whet: {path} is no longer trusted")
        return 0
    if not path.is_dir():
        raise UsageError(f"there is no folder {path}", "check the path")
    trust(path)
    say(f"whet: {path} is trusted: whet uses its settings and environment, and runs its rules")
    return 0
