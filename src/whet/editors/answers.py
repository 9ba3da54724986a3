"""What is answered of a document: hints, hovers, diagnostics and code actions, made from what is known by now."""

from __future__ import annotations

from collections.abc import Iterator

from lsprotocol import types

from whet.editors import show
from whet.editors.document import Document
from whet.editors.issues import Issue
from whet.fix.edits import EditError

PROVE = "whet.prove"
"""The command that proves a rewrite, named by document, version and id."""
_SOURCE = "whet"


def list_hints(document: Document, first: int, last: int) -> list[types.InlayHint]:
    """Return what the lines ``first`` to ``last`` cost by the latest run, or for a file it lacks by the hot profile."""
    return [
        types.InlayHint(document.text.end_of(line), label, tooltip=tooltip, padding_left=True)
        for line, label, tooltip in sorted(_list_costs(document))
        if first <= line <= last
    ]


def _list_costs(document: Document) -> Iterator[tuple[int, str, str]]:
    """Yield line, label and tooltip of each hint."""
    placed, measured = document.place(), document.project.measured
    if placed is not None and measured is not None:
        run = list(show.describe_run(measured, placed))
        for line, row in placed.lines:
            yield line, show.label_line(row), show.join_blocks([[*show.describe_line(row), *run]])
    elif document.checked == document.text.version:
        for line, share in document.hot.items():
            yield line, f"≥ {share * 100:.0f} %", show.describe_class(share, document.project.hot_name)


def make_hover(document: Document, line: int) -> types.Hover | None:
    """Return what is known of a line: its cost, what there is to improve, and the evidence."""
    placed, measured = document.place(), document.project.measured
    blocks: list[list[str]] = []
    if placed is not None:
        blocks += [[show.describe_function(row)] for at, row in placed.functions if at == line]
        blocks += [list(show.describe_line(row)) for at, row in placed.lines if at == line]
    blocks += [
        list(show.describe_issue(issue, document.tell_proof(issue)))
        for issue in document.list_issues()
        if issue.line <= line <= issue.end_line
    ]
    if not blocks:
        return None
    if placed is not None and measured is not None:
        blocks.append(list(show.describe_run(measured, placed)))
    text = types.MarkupContent(types.MarkupKind.PlainText, show.join_blocks(blocks))
    return types.Hover(text, document.text.range_of(line, 0, line))


def make_diagnostics(document: Document) -> list[types.Diagnostic]:
    """Return the issues, those with a measured cost as warnings, and whether measured lines are gone."""
    made = [
        types.Diagnostic(
            document.text.range_of(issue.line, issue.column, issue.end_line),
            "\n".join(show.describe_issue(issue, document.tell_proof(issue))),
            severity=types.DiagnosticSeverity.Information if issue.share is None else types.DiagnosticSeverity.Warning,
            code=issue.rule,
            source=_SOURCE,
        )
        for issue in document.list_issues()
    ]
    placed = document.place()
    if placed is not None and placed.gone:
        said = f"The file changed since it was measured: {show.describe_change(placed)}, and their cost is not shown."
        place = document.text.range_of(1, 0, 1)
        kind = types.DiagnosticSeverity.Information
        made.insert(0, types.Diagnostic(place, said, severity=kind, code="changed-since", source=_SOURCE))
    return made


def list_actions(document: Document, first: int, last: int, *, versioned: bool) -> list[types.CodeAction]:
    """Return the rewrites of the lines ``first`` to ``last``, and for each how to prove it.

    ``versioned``: whether the editor takes edits of one version of a document.
    """
    actions: list[types.CodeAction] = []
    for issue in document.list_issues():
        if issue.is_rewrite and issue.line <= last and first <= issue.end_line:
            actions += _offer(document, issue, versioned=versioned)
    return actions


def _offer(document: Document, issue: Issue, *, versioned: bool) -> Iterator[types.CodeAction]:
    try:
        edits = document.text.write_edits(issue.edits)
    except EditError:
        return
    is_safe = issue.safety == "safe"
    if versioned:
        named = types.OptionalVersionedTextDocumentIdentifier(document.uri, document.text.version)
        edit = types.WorkspaceEdit(document_changes=[types.TextDocumentEdit(named, list(edits))])
    else:
        edit = types.WorkspaceEdit(changes={document.uri: edits})
    yield types.CodeAction(
        f"whet: {issue.title}{'' if is_safe else f' ({issue.safety})'}",
        kind=types.CodeActionKind.QuickFix,
        edit=edit,
        is_preferred=is_safe,
    )
    measured = document.project.measured
    if measured is not None and document.costs is not None:
        title = f"whet: prove this: {issue.title} (runs {show.name_program(measured.command)})"
        command = types.Command(title, PROVE, arguments=[document.uri, document.text.version, issue.id])
        yield types.CodeAction(title, kind=types.CodeActionKind.QuickFix, command=command)
