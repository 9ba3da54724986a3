"""``whet apply``: write the rewrites that were measured faster."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

from whet.cli.console import say
from whet.cli.declare import Argument, Option
from whet.errors import StoreError, UsageError


def apply_command(
    words: Annotated[
        list[str] | None,
        Argument("SLUG|NUMBER", "Which rewrites; default: all measured faster."),
    ] = None,
    run: Annotated[str | None, Option("--run", metavar="RUN", help="Of another run than the latest.")] = None,
    allow: Annotated[
        list[str] | None,
        Option("--allow", metavar="SLUG", help="Write the offers of this rule or family too, even untested."),
    ] = None,
    diff: Annotated[bool, Option("--diff", help="Show the changes on stdout and write nothing.")] = False,
    patch: Annotated[
        Path | None, Option("--patch", metavar="FILE", help="Write the changes to FILE as a patch, nothing else.")
    ] = None,
    accept_unchecked: Annotated[
        bool, Option("--accept-unchecked", help="Also where no output could be compared.")
    ] = False,
    undo: Annotated[bool, Option("--undo", help="Take the last `whet apply` back, and do nothing else.")] = False,
) -> int:
    """Write the rewrites that were measured faster.

    Nothing is written where a source is not what was proven any more.
    `whet apply --undo` takes all that was written back.
    """
    if undo and (words or allow or diff or patch is not None or accept_unchecked):
        raise UsageError("--undo takes the whole of the last `whet apply` back", "leave the rest out")
    if diff and patch is not None:
        raise UsageError("--diff shows the changes, --patch writes them to a file", "give one of them")
    from whet.pipeline.prove.apply import carry_out, finish_earlier, plan_apply
    from whet.pipeline.prove.apply import undo as take_back
    from whet.pipeline.prove.outcome import describe_applied, name_offers_command
    from whet.store import find_run, load_run

    saved = load_run(find_run(run, Path.cwd()))
    if undo:
        for path in take_back(saved):
            say(f"whet: {path} is as it was before")
        return 0
    for path in finish_earlier(saved):
        say(f"whet: {path} was still to be written by an earlier whet apply that was cut off")
    plan = plan_apply(saved, words or (), allow=allow or (), accept_unchecked=accept_unchecked)
    if diff:
        _write_raw(plan.diff)
        return 0
    if patch is not None:
        try:
            patch.write_bytes(plan.diff.encode("utf-8", "surrogateescape"))
        except OSError as error:
            raise StoreError(
                f"{patch} cannot be written: {error.strerror}", "name another file with --patch"
            ) from error
        say(f"whet: wrote {patch}: {_name_patching(patch, plan.folder)} makes the changes")
        return 0
    carry_out(saved, plan)
    for trial in plan.trials:
        again = ", written before" if trial.ref.id in plan.earlier else ""
        say(f"{trial.ref.place}  {trial.ref.title} ({trial.ref.rule}){again}")
    count, files = len(plan.trials), len(plan.changes)
    say(
        f"whet: {count} rewrite{'' if count == 1 else 's'} in {files} file{'' if files == 1 else 's'}"
        f"{describe_applied(plan)}; whet apply --undo takes {'it' if count == 1 else 'them'} back"
    )
    if plan.offers:
        say("whet: measured faster too, and not written, because each changes something small (the report says what):")
        for trial in plan.offers:
            say(f"{trial.ref.place}  {trial.ref.title} ({trial.ref.rule})")
        say(f"whet: {name_offers_command(saved)} writes them as well")
    return 0


def _name_patching(patch: Path, folder: Path) -> str:
    """Return the commands that make the changes of ``patch``, whose names start from ``folder``."""
    name = shlex.quote(str(patch))
    if folder == Path.cwd():
        return f"`git apply {name}` or `patch -p1 < {name}`"
    return f"`patch -p1 -d {shlex.quote(str(folder))} < {name}`"


def _write_raw(text: str) -> None:
    """Write a diff to stdout byte for byte, so that `patch` can read it; harmless where a terminal shows it."""
    if sys.stdout.isatty():
        from whet.cli.console import write_line

        write_line(text.rstrip("\n"), sys.stdout)
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
        sys.stdout.buffer.flush()
