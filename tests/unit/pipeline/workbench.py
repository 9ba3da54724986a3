"""A project with a run of it, and advice on that: what proving starts from."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from whet.model.advice import Advice, Estimate, refer_to
from whet.model.finding import Edit, Finding, Safety, Speed
from whet.model.run import Execution, Interpreter, Purpose, Run, SourceFile
from whet.model.trial import Checked, FileEdits, Gain, Proof, Trial, Verdict
from whet.pipeline.advise import advise
from whet.pipeline.prove import apply
from whet.pipeline.prove import prove as proving
from whet.pipeline.rules import allow as allowing

SOURCE = "def f(x):\n    return x in [1, 2]\n\n\ndef g(x):\n    return x + 1\n"


def _finding(file: Path, line: int, edit: Edit | None, safety: Safety = Safety.SAFE, rule: str = "rule") -> Finding:
    return Finding(
        rule, str(file), line, line, 4, "f", line - 1, f"Title {line}", "Message", safety, Speed.FACTOR, (line,),
        edits=(edit,) if edit else (), snippet=f"line {line}",
    )  # fmt: skip


class Workbench:
    """A project with one file, a run of it, and advice on it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        (folder / "pyproject.toml").write_text("")
        self.file = folder / "app.py"
        self.file.write_text(SOURCE, encoding="utf-8")
        digest = hashlib.sha256(self.file.read_bytes()).hexdigest()
        self.run = Run(
            "1.0", ("app.py", "x"), "2024-01-01T00:00:00+00:00", str(folder), str(folder),
            Interpreter("/usr/bin/python3", "3.13.0"),
            executions=(Execution(Purpose.TIME, (), 2_000_000_000, 2_000_000_000, 0),),
            sources={str(self.file): SourceFile(str(self.file), "app.py", digest, SOURCE)},
        )  # fmt: skip
        findings = (
            _finding(self.file, 2, Edit(2, 16, 2, 22, "(1, 2)")),
            _finding(self.file, 6, Edit(6, 11, 6, 16, "1 + x"), Safety.OFFER, "offer"),
            _finding(self.file, 5, None, Safety.ADVICE, "words"),
        )
        self.advice = tuple(
            Advice(f"id{number}", finding, 0.3, 0.01, Estimate(1, 1.5)) for number, finding in enumerate(findings)
        )
        advised = advise.Advised(self.run, None, self.advice)  # type: ignore[arg-type]
        for module in (proving, apply):
            monkeypatch.setattr(module, "advise_run", lambda _run: advised)
        rules = [SimpleNamespace(rule=SimpleNamespace(slug=slug, family="kind")) for slug in ("rule", "offer", "words")]
        self.config = SimpleNamespace(allow=(), file=None)
        monkeypatch.setattr(
            allowing,
            "load_rulebook",
            lambda _start, **_how: SimpleNamespace(config=self.config, rules=tuple(rules), absent=frozenset()),
        )

    def prove(self, *verdicts: Verdict, checked: Checked | None = None, whole: bool = True) -> Run:
        gain = Gain(1.5, 1.4, 1.6, 20, 0.99)
        trials = tuple(
            Trial(
                refer_to(item, "app.py"), verdict, gain, "because", (),
                (FileEdits(str(self.file), self.run.sources[str(self.file)].sha256, item.finding.edits),),
            )
            for item, verdict in zip(self.advice, verdicts, strict=False)
        )  # fmt: skip
        applied = tuple(trial.ref.id for trial in trials if trial.verdict is Verdict.FASTER)
        proof = Proof(
            started="2024-01-01T00:10:00+00:00",
            trials=trials,
            total=gain if applied and whole else None,
            total_verdict=Verdict.FASTER if applied and whole else Verdict.NOT_RUN,
            applied=applied,
            checked=checked or Checked(stdout_bytes=10),
        )
        return replace(self.run, proof=proof)
