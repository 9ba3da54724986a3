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
        Argument("SLUG|NUMBER", "Which rewrites; default: all that were measured faster."),
    ] = None,
    run: Annotated[str | None, Option("--run", metavar="RUN", help="Use this run instead of the latest.")] = None,
    allow: Annotated[
        list[str] | None,
        Option(
            "--allow",
            metavar="SLUG",
            help="Also write this rule's or family's offers: rewrites with a minor behaviour change, even untested.",
        ),
    ] = None,
    diff: Annotated[bool, Option("--diff", help="Print the changes as a diff and write nothing.")] = False,
    patch: Annotated[
        Path | None, Option("--patch", metavar="FILE", help="Write the changes to FILE as a patch instead.")
    ] = None,
    accept_unchecked: Annotated[
        bool, Option("--accept-unchecked", help="Apply even if the output could not be compared.")
    ] = False,
    undo: Annotated[bool, Option("--undo", help="Undo the last `whet apply`.")] = False,
) -> int:
    """Write the rewrites that were measured faster.

    Nothing is written if a source file has changed since it was proven.
    `whet apply --undo` restores every file that was written.

    Examples:
        whet apply --diff
        whet apply
        whet apply 1 3
        whet apply --allow pop0-deque
        whet apply --undo
    """
    if undo and (words or allow or diff or patch is not None or accept_unchecked):
        raise UsageError("--undo restores everything that the last `whet apply` wrote", "drop the other arguments")
    if diff and patch is not None:
        raise UsageError("--diff prints the changes, --patch writes them to a file", "give only one of them")
    from whet.pipeline.prove.apply import NothingProvenError, carry_out, finish_earlier, name_proven, plan_apply
    from whet.pipeline.prove.apply import undo as take_back
    from whet.pipeline.prove.outcome import describe_applied, name_offers_command
    from whet.pipeline.prove.place import bring_here
    from whet.store import find_run, load_run, name_reference, using_run

    here = Path.cwd()
    if undo:
        say("\n".join(f"whet: restored {path}" for path in take_back(here)))
        return 0
    for path in finish_earlier(here):
        say(f"whet: finished writing {path}, which an interrupted `whet apply` had left")
    found = find_run(run, here)
    saved = load_run(found)
    if not diff and patch is None:
        saved = bring_here(saved, here)
    try:
        with using_run(found):
            plan = plan_apply(saved, words or (), allow=allow or (), accept_unchecked=accept_unchecked)
    except NothingProvenError as error:
        raise (name_proven(here, besides=found) if run is None else None) or error from None
    if diff:
        _write_raw(plan.diff)
        return 0
    if patch is not None:
        try:
            patch.write_bytes(plan.diff.encode("utf-8", "surrogateescape"))
        except OSError as error:
            raise StoreError(
                f"{patch} cannot be written: {error.strerror}", "give another file with --patch"
            ) from error
        say(f"whet: wrote {patch}: apply it with {_name_patching(patch, plan.folder)}")
        return 0
    carry_out(saved, plan)
    for trial in plan.trials:
        again = ", already written" if trial.ref.id in plan.earlier else ""
        say(f"{trial.ref.place}  {trial.ref.title} ({trial.ref.rule}){again}")
    count, files = len(plan.trials), len(plan.changes)
    say(
        f"whet: {count} rewrite{'' if count == 1 else 's'} in {files} file{'' if files == 1 else 's'}"
        f"{describe_applied(plan)}; undo with `whet apply --undo`"
    )
    if plan.offers:
        say("whet: also measured faster, but not written, because each is a minor behaviour change (see the report):")
        for trial in plan.offers:
            say(f"{trial.ref.place}  {trial.ref.title} ({trial.ref.rule})")
        say(f"whet: write them too with `{name_offers_command(saved, name_reference(run, found, here))}`")
    return 0


def _name_patching(patch: Path, folder: Path) -> str:
    """Return the commands that apply ``patch``, whose paths are relative to ``folder``."""
    name = shlex.quote(str(patch))
    if folder == Path.cwd():
        return f"`git apply {name}` or `patch -p1 < {name}`"
    return f"`patch -p1 -d {shlex.quote(str(folder))} < {name}`"


def _write_raw(text: str) -> None:
    """Write a diff to stdout byte for byte, so that `patch` can read it; sanitised on a terminal."""
    if sys.stdout.isatty():
        from whet.cli.console import write_line

        write_line(text.rstrip("\n"), sys.stdout)
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
        sys.stdout.buffer.flush()
