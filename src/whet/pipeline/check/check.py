"""``whet check``: from files to findings, without running anything."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from whet.engine.files import FileResult, examine_files
from whet.engine.limits import EVERY_LINE, SIZE_LIMIT, UnreadableError
from whet.engine.loading import RuleModule
from whet.engine.outcome import Task
from whet.engine.suppress import (
    UNUSED,
    UNUSED_PAGE,
    UNUSED_TITLE,
    Suppression,
    may_suppress,
    settle_suppressions,
)
from whet.errors import StoreError
from whet.model.checked import CheckedFinding, CheckResult, RuleInfo
from whet.model.finding import Finding
from whet.model.identity import identify_findings
from whet.model.source import Notice, SourceFile
from whet.pipeline.check.discovery import FileFinder
from whet.pipeline.project import find_repository
from whet.pipeline.rules.rulebook import load_rulebook
from whet.pipeline.rules.selection import Asked, Selection, choose_rules
from whet.reading import read_file
from whet.records import dataclass

if TYPE_CHECKING:
    from whet.pipeline.check.changed_lines import Changes
    from whet.pipeline.check.hot_lines import HotFiles


_EXCLUDE = "add it to exclude in [tool.whet]"


@dataclass(frozen=True, slots=True)
class CheckRequest:
    """Options of a check. Where a field is ``None`` or empty, the settings of the project apply."""

    paths: tuple[Path, ...] = ()
    asked: Asked = field(default_factory=Asked)
    stdin: tuple[str, bytes] | None = None
    """A source and its file name, instead of ``paths``."""
    config: Path | None = None
    profile: str | None = None
    min_share: float | None = None
    """Fraction of a run, 0 to 1."""
    rules: tuple[Path, ...] = ()
    exclude: tuple[str, ...] = ()
    force_exclude: bool = False
    workers: int | None = None
    cache: Path | None = None
    """The folder of cached results; ``None`` for none."""
    fix: bool = False
    project_rules: bool = True
    """Whether to run the project's own rules, where they are trusted."""
    diff_base: str = ""
    """A git commit: only findings on lines that changed since then."""
    diff: bool = False
    """Report what ``fix`` would change, and change nothing."""


def check(request: CheckRequest, start: Path) -> CheckResult:
    """Return the findings in the files that ``request`` names, relative to the folder ``start``.

    Raises :class:`whet.errors.WhetError` for an error in the request, the settings, the profile or a rule.
    """
    return _Check(request, start).run()


def list_files(request: CheckRequest, start: Path) -> tuple[Path, ...]:
    """Return the files that a check of ``request`` would examine. Raises :class:`whet.errors.WhetError`."""
    return _Check(request, start).find_files()


class _Check:
    """One check: the settings, the rules and the profile, and the result for each file."""

    def __init__(self, request: CheckRequest, start: Path) -> None:
        self.request = request
        self.start = start.absolute()
        rulebook = load_rulebook(
            self.start,
            request.config,
            [self.start / folder for folder in request.rules],
            project_rules=request.project_rules,
            cache=request.cache,
        )
        self.config, self.rules = rulebook.config, rulebook.rules
        self.repository = find_repository(self.config.root)
        self.changes = self._find_changes()
        self.hot_lines = self._read_hot_lines()
        self.selection: Selection = choose_rules(
            self.rules, self.config, request.asked, profile=self.hot_lines is not None, absent=rulebook.absent
        )
        self.modules: Sequence[RuleModule] = [m for m in self.rules if m.rule.slug in self.selection.active]
        self.known = frozenset({UNUSED, *rulebook.absent, *(module.rule.slug for module in self.rules)})
        self.least = self.config.min_share if request.min_share is None else request.min_share
        self.notices: list[Notice] = []
        self.failures: list[Notice] = []
        self.found: list[tuple[str, Finding]] = []
        self.fixed: Counter[str] = Counter()
        self.diff: list[str] = []
        if self.hot_lines is not None:
            self.notices += self.hot_lines.notices
        self.mended_stdin: bytes | None = None if request.stdin is None or not request.fix else request.stdin[1]

    def run(self) -> CheckResult:
        files = 0
        for result in self._examine():
            files += 1
            self._take(result)
        return self._sum_up(files)

    def find_files(self) -> tuple[Path, ...]:
        """Return the files to check; folders that cannot be read become failures."""
        finder = self._make_finder()
        named = [self.start / path for path in self.request.paths or (Path(),)]
        paths = finder.find(named, force_exclude=self.request.force_exclude)
        for folder, reason in finder.unreadable:
            shown = self._show(folder)
            self.failures.append(Notice(shown, f"{shown} cannot be read: {reason}", "add it to exclude"))
        if self.changes is not None:
            return tuple(path for path in paths if self._relate(str(path), self.repository) in self.changes)
        if not paths and not self.request.force_exclude:
            words = " ".join(self._show(str(path)) for path in named)
            self.notices.append(Notice("files", f"no Python files were found in {words}", "check the path"))
        return paths

    def _make_finder(self) -> FileFinder:
        return FileFinder(
            self.config.root,
            self.config.include,
            (*self.config.exclude, *self.request.exclude),
            respect_gitignore=self.config.respect_gitignore,
        )

    def _find_changes(self) -> Changes | None:
        """Return the lines to report on by path in the repository; ``None`` for all."""
        if not self.request.diff_base:
            return None
        from whet.pipeline.check.changed_lines import find_changes_since

        return find_changes_since(self.repository, self.request.diff_base)

    def _is_changed(self, finding: Finding) -> bool:
        if self.changes is None:
            return True
        from whet.pipeline.check.changed_lines import overlaps

        changed = self.changes.get(self._relate(finding.file, self.repository), ())
        return overlaps(changed, finding.line, finding.end_line)

    def _read_hot_lines(self) -> HotFiles | None:
        """Return the hot profile from the command line or the settings; ``None`` without one."""
        named = self.request.profile
        path = self.start / named if named else self.config.root / self.config.profile if self.config.profile else None
        if path is None:
            return None
        from whet.pipeline.check.hot_lines import HotFiles

        return HotFiles.read(path, self._show(str(path)), "--profile" if named else f"{self.config.file}: profile")

    # --- the files

    def _examine(self) -> Iterator[FileResult]:
        if self.request.stdin is not None:
            name = self.start / self.request.stdin[0]
            if not self.request.force_exclude or self._make_finder().takes(name):
                yield self._examine_stdin(*self.request.stdin)
            return
        paths = self.find_files()
        yield from examine_files(
            paths,
            self.modules,
            root=self.config.root,
            hot=self._list_hot([str(path) for path in paths]),
            python=self.config.target_version,
            workers=self.request.workers,
            cache=self.request.cache,
            with_data=self.request.fix or self.request.diff,
        )

    def _examine_stdin(self, name: str, data: bytes) -> FileResult:
        file = os.path.normpath(self.start / name)
        return self._examine_data(FileResult(file, name, data=data), self._list_lines(file, data))

    def _examine_data(self, result: FileResult, lines: Collection[int] | None) -> FileResult:
        if lines is not None and not lines:
            return result
        from whet.engine.pool import examine_task

        useful = [module for module in self.modules if module.rule.applies_to(self.config.target_version)]
        task = Task(result.file, result.shown, result.data, lines, self.config.target_version)
        outcome = examine_task(task, useful)
        return replace(
            result,
            sha256=hashlib.sha256(result.data).hexdigest(),
            findings=outcome.findings,
            notices=outcome.notices,
            unreadable=outcome.unreadable,
            remedy=outcome.remedy,
            too_large=outcome.too_large,
        )

    def _list_hot(self, files: Sequence[str]) -> Mapping[str, Collection[int]] | None:
        if self.hot_lines is None:
            return dict.fromkeys(files, EVERY_LINE) if self.selection.everything else None
        hot: dict[str, Collection[int]] = {}
        for file in files:
            if file not in self.hot_lines:
                continue
            try:
                data = read_file(Path(file), SIZE_LIMIT)
            except OSError:
                data = b""
            hot[file] = self.hot_lines.find(file, data)
        return hot

    def _list_lines(self, file: str, data: bytes) -> Collection[int] | None:
        """Return the hot lines; all of them if each function counts as called many times."""
        if self.hot_lines is not None:
            return self.hot_lines.find(file, data)
        return EVERY_LINE if self.selection.everything else None

    # --- from a file's findings to the reported ones

    def _take(self, result: FileResult) -> None:
        shown = self._show(result.file)
        if result.too_large:
            self.notices.append(Notice("files", f"{shown} was not checked: it {result.too_large}", _EXCLUDE))
            return
        if result.unreadable:
            self.failures.append(Notice(shown, f"{shown} {result.unreadable}", f"{result.remedy}, or {_EXCLUDE}"))
            return
        self.failures.extend(result.notices)
        findings = self._judge(result)
        if self.request.fix or self.request.diff:
            findings = self._mend(result, findings, shown)
        self.found.extend((shown, finding) for finding in findings)
        if self.hot_lines is not None:
            self.notices.extend(self.hot_lines.tell_missing(result.file, shown))

    def _judge(self, result: FileResult) -> list[Finding]:
        """Return the findings of a file that are worth reporting."""
        ignored = self.selection.ignored_in(self._relate(result.file, self.config.root))
        findings, unused = self._settle(result, ignored)
        measured = self.hot_lines is not None
        kept = [
            finding
            for finding in findings
            if finding.rule not in ignored and self.selection.is_shown(finding, measured=measured)
        ]
        if self.hot_lines is not None:
            kept = [finding for finding in kept if self._is_hot(self.hot_lines.share(result.file, finding.lines))]
        return list(filter(self._is_changed, kept if UNUSED in ignored else [*kept, *unused]))

    def _mend(self, result: FileResult, findings: list[Finding], shown: str) -> list[Finding]:
        """Apply the fixes that are allowed; return the findings that are left."""
        if not any(map(self.selection.is_fixable, findings)):
            return findings
        from whet.pipeline.check.fix import mend_source, show_changes

        def find(data: bytes) -> Sequence[Finding]:
            again = replace(result, data=data)
            return self._judge(self._examine_data(again, self._list_lines(result.file, data)))

        mended = mend_source(result.data, findings, self.selection.is_fixable, find)
        self.failures += [Notice(shown, f"{shown} {words}") for words in mended.troubles]
        for lost in mended.gave_way:
            place = f"{shown}:{lost.finding.line}"
            message = f"{place} {lost.finding.rule} was not applied: {lost.to.rule} changes the same text"
            self.notices.append(Notice("fix", message))
        if self.request.diff:
            self.diff.append(show_changes(self._relate(result.file, self.repository), result.data, mended.data))
        elif self.request.stdin is not None:
            self.mended_stdin = mended.data
        elif mended.data != result.data and not self._write(result, mended.data):
            return findings
        self.fixed.update(mended.fixed)
        return list(mended.left)

    def _write(self, result: FileResult, data: bytes) -> bool:
        """Write a fixed file; return whether that succeeded."""
        from whet.fix.files import replace_file

        try:
            replace_file(Path(result.file), hashlib.sha256(result.data).hexdigest(), data)
        except StoreError as error:
            self.failures.append(Notice(self._show(result.file), error.message, error.hint))
            return False
        return True

    def _is_hot(self, share: float) -> bool:
        return share > 0 and share >= self.least

    def _settle(self, result: FileResult, ignored: frozenset[str]) -> tuple[Sequence[Finding], Sequence[Finding]]:
        """Return the findings that no comment suppresses, and the comments that suppress nothing."""
        if not may_suppress(result.data):
            return result.findings, ()
        text = result.text

        @cache  # a file may have many comments, and all of it is examined for one
        def find_hot(slug: str) -> frozenset[int] | None:
            return self._find_hot(slug, result.file, text)

        def is_idle(slug: str, place: Suppression) -> bool:
            if slug in ignored or (slug != UNUSED and find_hot(slug) is None):
                return False
            return slug == UNUSED or not any(place.first <= line <= place.last for line in find_hot(slug) or ())

        settled = settle_suppressions(text, result.file, result.findings, known=self.known, is_idle=is_idle)
        judged = UNUSED in self.selection.active and self.hot_lines is None
        return settled.kept, settled.unused if judged else ()

    def _find_hot(self, slug: str, file: str, text: str) -> frozenset[int] | None:
        """Return the lines where a rule would have a finding if all were hot; ``None`` if it was not run here."""
        module = next((module for module in self.modules if module.rule.slug == slug), None)
        if module is None or not module.rule.applies_to(self.config.target_version):
            return None
        from whet.engine.run import examine_source

        source = SourceFile(file, file, "", text)
        try:
            found, _ = examine_source(source, [module], EVERY_LINE)
        except UnreadableError:
            return None
        return frozenset(finding.line for finding in found)

    # --- the result

    def _sum_up(self, files: int) -> CheckResult:
        if self.hot_lines is not None:
            self.notices.extend(self.hot_lines.tell_gone(self._show))
        self.found.sort(key=lambda pair: (pair[0], pair[1].line, pair[1].column, pair[1].rule))
        related = [(self._relate(finding.file, self.config.root), finding) for _, finding in self.found]
        checked = tuple(
            CheckedFinding(
                id=identity,
                finding=finding,
                shown=shown,
                path=self._relate(finding.file, self.repository),
                share=self._find_share(finding),
                fixable=self.selection.is_fixable(finding),
            )
            for identity, (shown, finding) in zip(identify_findings(related), self.found, strict=True)
        )
        return CheckResult(
            findings=checked,
            notices=tuple(self.notices),
            failures=tuple(self.failures),
            files=files,
            rules=self._describe_rules({finding.rule for _, finding in self.found}),
            fixed=dict(sorted(self.fixed.items())),
            diff="".join(self.diff),
            mended_stdin=self.mended_stdin,
        )

    def _find_share(self, finding: Finding) -> float | None:
        return None if self.hot_lines is None else self.hot_lines.share(finding.file, finding.lines)

    def _describe_rules(self, slugs: set[str]) -> dict[str, RuleInfo]:
        infos = {
            module.rule.slug: RuleInfo(
                module.rule.slug, module.rule.title, module.rule.family, module.page, module.rule.ruff
            )
            for module in self.rules
            if module.rule.slug in slugs
        }
        if UNUSED in slugs:
            infos[UNUSED] = RuleInfo(UNUSED, UNUSED_TITLE, "whet", UNUSED_PAGE)
        return infos

    def _show(self, file: str) -> str:
        return self._relate(file, self.start)

    def _relate(self, file: str, folder: Path) -> str:
        return _relate(file, str(folder))


@cache  # for each finding of a file, and mostly one folder is all of the three
def _relate(file: str, folder: str) -> str:
    """Return a path with slashes, relative to ``folder`` if it is inside."""
    prefix = os.path.join(folder, "")  # noqa: PTH118 - for thousands of paths
    if file.startswith(prefix):
        return file[len(prefix) :].replace(os.sep, "/")
    try:
        return Path(file).relative_to(folder).as_posix()
    except ValueError:
        return Path(file).as_posix()
