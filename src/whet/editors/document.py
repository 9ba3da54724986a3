"""A file that an editor shows, and what there is to say of the text that it has now."""

from __future__ import annotations

import asyncio
from pathlib import Path

from whet.editors.align import Lines
from whet.editors.issues import Issue, join_issues, place_advice
from whet.editors.measured import FileCosts, Placed, place_costs
from whet.editors.project import Project
from whet.editors.text import Text


class Document:
    """A file that the editor shows: its text, what is known of it, and what is being found out."""

    def __init__(self, uri: str, path: Path, project: Project, text: Text) -> None:
        self.uri = uri
        self.path = path
        self.project = project
        self.text = text
        self.findings: list[Issue] = []
        self.checked: int | None = None
        """The version that ``findings`` are of."""
        self.hot: dict[int, float] = {}
        """Shares by line, of the hot profile, for the version ``checked``."""
        self.proofs: dict[str, tuple[str, str]] = {}
        """What proving said here, by the issue's id: the text that it was about, and the words."""
        self.task: asyncio.Task[None] | None = None
        self._lines: tuple[Text, FileCosts, Lines] | None = None

    @property
    def costs(self) -> FileCosts | None:
        """What the latest run says of the file."""
        measured = self.project.measured
        return measured.files.get(str(self.path)) if measured is not None else None

    def find_lines(self, costs: FileCosts) -> Lines:
        """Return where the measured lines are in the text."""
        if self._lines is None or self._lines[0] is not self.text or self._lines[1] is not costs:
            now = self.text.lines[:-1] if self.text.lines[-1] == "" else self.text.lines
            self._lines = (self.text, costs, Lines(costs.source, now))
        return self._lines[2]

    def place(self) -> Placed | None:
        """Return the measured lines and functions that are in the text; ``None`` where no run has the file."""
        costs = self.costs
        return place_costs(costs, self.find_lines(costs), self.project.least) if costs is not None else None

    def list_issues(self) -> list[Issue]:
        """Return what is known of the text as it is now."""
        costs = self.costs
        advice = place_advice(costs.advice, self.find_lines(costs)) if costs is not None else []
        return join_issues(advice, self.findings if self.checked == self.text.version else [])

    def tell_proof(self, issue: Issue) -> str:
        """Return what proving said of an issue in this very text; empty for nothing."""
        text, words = self.proofs.get(issue.id, ("", ""))
        return words if text == self.text.text else ""
