"""What the tests of ``measure`` are made of: executions in which nothing is really started."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from whet.collect import line_profiler, pyspy
from whet.collect.plan import Outcome, Plan
from whet.model.run import Run
from whet.pipeline.run.measure import Measured

SECOND = 10**9
SAMPLES = 'process 7:"python app.py";thread (7): MainThread;main ({file}:2) 100\n'
KEPT_OUT = "it runs inside the program, and an interpreter that takes no notice of PYTHONPATH keeps whet out of it"
SOURCE = "def main():\n    return sum(range(10**8))\n\n\nmain()\n"


@dataclass
class Executions:
    """Stands in for starting the program: notes each plan, leaves captures, and answers with an outcome."""

    file: str
    plans: list[Plan] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    """For the first, second, … execution; a plain success where there is none."""
    leave: Callable[[Plan], None] | None = None

    def __call__(self, plan: Plan) -> Outcome:
        self.plans.append(plan)
        plan.out.mkdir(parents=True)
        if plan.progress is not None:
            plan.progress(1.5)
        captures = [path.name for launch in plan.launches for _, path in launch.captures]
        if pyspy.ACTIVE in captures:
            (plan.out / pyspy.ACTIVE).write_text(SAMPLES.format(file=self.file))
        if line_profiler.CAPTURE in captures:
            exact = {"schema": 2, "lines": [[self.file, 1, 2, 1]], "too_large": [], "alike": []}
            (plan.out / line_profiler.CAPTURE).write_text(json.dumps(exact))
        if self.leave is not None:
            self.leave(plan)
        number = len(self.plans) - 1
        return self.outcomes[number] if number < len(self.outcomes) else succeed()

    @property
    def kinds(self) -> list[str]:
        """What each execution was for, by the settings that its program was given."""
        return ["+".join(sorted(name for launch in plan.launches for name in launch.agent)) for plan in self.plans]


def succeed(**more: object) -> Outcome:
    return Outcome(**{"wall_ns": SECOND, "cpu_ns": SECOND, **more})  # type: ignore[arg-type]


Ask = Callable[..., Measured]


def tell(run: Run, about: str) -> list[str]:
    return [f"{notice.message} | {notice.hint}" for notice in run.notices if notice.about == about]
