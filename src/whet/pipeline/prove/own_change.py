"""The user's own change, as something to prove: a patch, or the difference from a git commit."""

from __future__ import annotations

import ast
import os
import re
import subprocess
from collections.abc import Mapping
from difflib import SequenceMatcher
from pathlib import Path

from whet.advise.source_loops import parse_source
from whet.errors import UsageError, WhetError
from whet.fix.decoding import decode_source
from whet.fix.files import hash_bytes
from whet.model.finding import Edit
from whet.model.run import Run
from whet.model.trial import FileEdits, Proof, RewriteRef, Verdict
from whet.pipeline.project import find_repository
from whet.pipeline.prove.prove import ProvingPlan, ProvingRequest
from whet.pipeline.prove.workload import refuse_unrepeatable
from whet.program.spec import TargetSpec
from whet.prove.rewrites import Rewrite, Unit, apply_rewrites
from whet.prove.stats import FIRST_LOOK
from whet.prove.totals import LEAST_TOTAL
from whet.report.proof import add_memory, describe_checked, format_gain
from whet.scratch import scratch_folder

CHANGE = "change"
_WORDS = {
    Verdict.FASTER: "measured faster",
    Verdict.SLOWER: "measured slower",
    Verdict.LESS_MEMORY: "measured to need less memory",
}
_SECONDS = 60
MOST_HUNKS = 20
"""A change of more is told apart by files; one of more files not at all."""
CONTEXT = 3
"""Lines that are equal around a hunk, as git has it."""
_NEWLINE = re.compile(r"\r\n|\r|\n")
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
Versions = Mapping[str, tuple[bytes, bytes]]
"""Files by absolute path: for the baseline, and changed."""


def plan_patch(run: Run, request: ProvingRequest, patch: Path, *, spec: TargetSpec | None = None) -> ProvingPlan:
    """Return the plan of proving a unified diff against the current files. Raises as :func:`plan_against`."""
    refuse_unrepeatable(run, workload=request.workload, spec=spec, is_served=request.load is not None)
    try:
        data = patch.read_bytes()
    except OSError as error:
        raise UsageError(
            f"{patch} cannot be read: {error.strerror or error}", "give a readable file with --patch"
        ) from error
    return _plan(run, request, apply_patch(data, _bases(run)), f"the patch {patch.name}", ())


def plan_against(run: Run, request: ProvingRequest, ref: str, *, spec: TargetSpec | None = None) -> ProvingPlan:
    """Return the plan of proving the working tree against a commit.

    ``spec`` is the program as it was given, if still known. Raises ``UsageError``, and ``TargetError`` where the
    program cannot be run again.
    """
    refuse_unrepeatable(run, workload=request.workload, spec=spec, is_served=request.load is not None)
    repository = find_repository(Path(run.project or run.directory).resolve())
    versions, notes = read_changes(repository, ref)
    return _plan(run, request, versions, f"the working tree against {ref}", notes)


def tell_change(proof: Proof) -> str:
    """Return the verdict on the change in one sentence."""
    trial = next(iter(proof.trials), None)
    gain = proof.total or (trial.gain if trial is not None else None)
    if trial is None or trial.verdict is Verdict.NOT_RUN:
        return f"nothing could be measured{f': {trial.why}' if trial is not None and trial.why else ''}"
    if trial.verdict in (Verdict.FAILED, Verdict.DIFFERENT_OUTPUT) or gain is None:
        return f"the change is refuted: {trial.why or trial.verdict}"
    low, high = format_gain(gain.low).rstrip("×"), format_gain(gain.high).rstrip("×")
    interval = f"{format_gain(gain.estimate)} as fast [{low}, {high}]"
    verdict = proof.total_verdict if proof.total is not None else trial.verdict
    words = _WORDS.get(verdict, "no difference was shown")
    return f"the change: {words}, {interval}{add_memory(gain)} on this workload, {describe_checked(proof.checked)}"


def apply_patch(data: bytes, bases: tuple[Path, ...]) -> Versions:
    """Return the files that a patch names, before and after; nothing on disk changes.

    ``bases`` are the folders that its names may be relative to. Raises ``UsageError`` for
    a patch that does not apply, and for one that does more than change Python files.
    """
    with scratch_folder("patch") as name:
        folder = name.resolve()
        patch, tree = folder / "patch", folder / "tree"
        patch.write_bytes(data)
        tree.mkdir()
        names = _list_names(patch, tree)
        base = next((each for each in bases if all((each / file).is_file() for file in names)), None)
        if base is None:
            missing = next(file for file in names if not (bases[0] / file).is_file())
            raise UsageError(
                f"the patch names {missing}, which is not in {bases[0]}",
                "a patch can only change existing files; for new files use --against",
            )
        before = {file: (base / file).read_bytes() for file in names}
        for file, content in before.items():
            (tree / file).parent.mkdir(parents=True, exist_ok=True)
            (tree / file).write_bytes(content)
        status, said = _git(tree, "apply", "--whitespace=nowarn", str(patch))
        if status:
            raise UsageError(f"the patch does not apply: {said[-300:]}", "create it against the current files")
        gone = [file for file in names if not (tree / file).is_file()]
        if gone:
            raise UsageError(f"the patch deletes {gone[0]}", "a patch can only change existing files")
        return {str((base / file).resolve()): (before[file], (tree / file).read_bytes()) for file in names}


def read_changes(repository: Path, ref: str) -> tuple[Versions, tuple[str, ...]]:
    """Return the Python files that differ from a commit, and notes on the others."""
    if not (repository / ".git").exists():
        raise UsageError(f"{repository} is not a git repository", "try a change without one with --patch FILE")
    found = "" if ref.startswith("-") else _text(repository, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
    commit = found.strip()
    if not commit:
        raise UsageError(f"there is no git commit {ref[:80]!r} in {repository}", "use --against HEAD, or a branch")
    status, listed = _run_git(repository, "diff", "--name-status", "--no-renames", "-z", commit, "--")
    if status:
        raise UsageError(
            f"git cannot compare with {ref!r}: {listed.decode('utf-8', 'replace')[-200:]}", "try `git diff`"
        )
    words = [os.fsdecode(part) for part in listed.split(b"\0") if part]
    versions: dict[str, tuple[bytes, bytes]] = {}
    notes: list[str] = []
    for kind, name in zip(words[::2], words[1::2], strict=True):
        if not name.endswith(".py"):
            notes.append(f"{name} is the same for both variants: only Python files are replaced")
        elif kind == "D":
            raise UsageError(f"{name} was deleted since {ref}", "only changes of existing files can be tried")
        elif kind == "M":
            shown, old = _run_git(repository, "cat-file", "--filters", f"{commit}:{name}")
            if shown:
                raise UsageError(f"git cannot show {name} at {ref}", "try `git show`")
            versions[str((repository / name).resolve())] = (old, (repository / name).read_bytes())
    if not versions:
        raise UsageError(f"no Python file differs from {ref}", "change something, or give another commit")
    return versions, tuple(notes[:5])


def _plan(run: Run, request: ProvingRequest, versions: Versions, title: str, notes: tuple[str, ...]) -> ProvingPlan:
    originals = {file: before for file, (before, _) in versions.items()}
    edits = {file: find_edits(file, before, after) for file, (before, after) in versions.items()}
    if not any(edits.values()):
        raise UsageError(f"nothing but line ends differs by {title}", "change something, or try another change")
    changes = tuple(_change(file, before, edits[file]) for file, (before, _) in versions.items())
    files = f"{len(changes)} file{'' if len(changes) == 1 else 's'}"
    rewrite = Rewrite(RewriteRef(CHANGE, CHANGE, title, files), changes)
    try:
        apply_rewrites(originals, [Unit((rewrite,))])
    except (WhetError, UnicodeError) as error:
        raise UsageError(f"the change cannot be made: {error}", "files must keep their encoding") from error
    hunks = _make_hunks(run, versions, edits)
    runs = request.options.runs or FIRST_LOOK
    least = 3 + 2 * runs + 2 * (request.options.runs or LEAST_TOTAL) + (2 * runs if hunks else 0)
    seconds = request.tell_seconds(run)
    return ProvingPlan((rewrite,), (), originals, 2, least, seconds, least * seconds, notes, hunks)


def find_edits(file: str, before: bytes, after: bytes) -> list[tuple[Edit, ...]]:
    """Return the edits of each hunk: lines replaced as a whole, hunks as `git diff` forms them."""
    try:
        old, new = decode_source(before)[0], decode_source(after)[0]
    except WhetError as error:
        raise UsageError(f"{file}: {error.message}", "only files that Python can parse can be tried") from error
    olds, news = _split_lines(old), _split_lines(new)
    groups = SequenceMatcher(None, olds, news).get_grouped_opcodes(CONTEXT)
    hunks = [
        tuple(
            Edit(first + 1, 0, last + 1, 0, "".join(news[start:end]))
            for tag, first, last, start, end in group
            if tag != "equal"
        )
        for group in groups
    ]
    return list(filter(None, hunks))


def _split_lines(text: str) -> list[str]:
    """Return lines with their ends, all line feeds; the last one may have none."""
    return _LINE.findall(_NEWLINE.sub("\n", text.removeprefix("\ufeff")))


def _change(file: str, before: bytes, hunks: list[tuple[Edit, ...]]) -> FileEdits:
    return FileEdits(file, hash_bytes(before), tuple(edit for hunk in hunks for edit in hunk))


def _make_hunks(run: Run, versions: Versions, edits: Mapping[str, list[tuple[Edit, ...]]]) -> tuple[Rewrite, ...]:
    """Return the hunks as rewrites of their own; whole files where they are many, none where there is only one."""
    if sum(map(len, edits.values())) > MOST_HUNKS:
        edits = {file: [tuple(edit for hunk in hunks for edit in hunk)] for file, hunks in edits.items()}
    project = Path(run.project or run.directory).resolve()
    made: list[Rewrite] = []
    for file, hunks in edits.items():
        shown = os.path.relpath(file, project) if Path(file).is_relative_to(project) else file
        functions = _find_functions(versions[file][0])
        for hunk in hunks:
            ref = RewriteRef(f"hunk {len(made) + 1}", CHANGE, f"hunk {len(made) + 1}", f"{shown}:{hunk[0].line}")
            # What a hunk saves need not show on its own lines: `seen = set()` pays where `seen` is asked.
            lines = {line for edit in hunk for line in _lines_around(edit, functions)}
            change = _change(file, versions[file][0], [hunk])
            made.append(Rewrite(ref, (change,), lines=tuple((file, line) for line in sorted(lines))))
    return tuple(made) if 1 < len(made) <= MOST_HUNKS else ()


def _find_functions(data: bytes) -> list[range]:
    """Return the lines of all functions, the inner ones after those around them; none of what cannot be parsed."""
    tree = parse_source(decode_source(data)[0].removeprefix("\ufeff"))
    if tree is None:
        return []
    found = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [range(node.lineno, (node.end_lineno or node.lineno) + 1) for node in found]


def _lines_around(edit: Edit, functions: list[range]) -> range:
    """Return the lines of the innermost function around an edit, or none."""
    last = max(edit.line, edit.end_line - 1)
    return next((lines for lines in reversed(functions) if edit.line in lines and last in lines), range(0))


def _list_names(patch: Path, tree: Path) -> list[str]:
    status, listed = _run_git(tree, "apply", "--numstat", "-z", str(patch))
    if status:
        said = listed.decode("utf-8", "replace").strip()[-200:]
        raise UsageError(f"git cannot read the patch: {said}", "give a unified diff, as written by `git diff`")
    names = [os.fsdecode(entry.split(b"\t", 2)[-1]) for entry in listed.split(b"\0") if entry]
    for name in names:
        path = Path(name)
        if path.is_absolute() or ".." in path.parts:
            raise UsageError(
                f"the patch changes a file outside the project: {name}", "paths must be inside the project"
            )
        if path.suffix != ".py":
            raise UsageError(f"the patch changes {name}", "only changes of Python files can be tried")
    if not names:
        raise UsageError("the patch changes nothing", "give a unified diff, as written by `git diff`")
    return list(dict.fromkeys(names))


def _bases(run: Run) -> tuple[Path, ...]:
    project = Path(run.project or run.directory).resolve()
    return tuple(dict.fromkeys((project, find_repository(project), Path(run.directory).resolve())))


def _text(folder: Path, *words: str) -> str:
    status, said = _run_git(folder, *words)
    return "" if status else said.decode("utf-8", "replace")


def _git(folder: Path, *words: str) -> tuple[int, str]:
    status, said = _run_git(folder, *words)
    return status, said.decode("utf-8", "replace").strip()


def _run_git(folder: Path, *words: str) -> tuple[int, bytes]:
    """Run git; return its status, and its output or error message."""
    environ = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_CEILING_DIRECTORIES": str(folder.parent)}
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words],  # noqa: S607  whichever git the user has
            capture_output=True,
            timeout=_SECONDS,
            check=False,
            env=environ,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"git cannot be run: {error}", "install git") from error
    return done.returncode, done.stdout if done.returncode == 0 else done.stderr
