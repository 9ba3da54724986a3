"""The report as JSON, for programs. Documented key by key in ``docs/json.md``."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, BinaryIO

from whet.model.advice import MemoryWorth
from whet.model.evidence import Seen
from whet.report.findings_json import list_edits
from whet.report.growth import GrowthRow, GrowthView
from whet.report.job import ImbalanceFigures, PartRow, TaskRow
from whet.report.parts import CostFigures, FunctionRow, LineRow, Suggestion
from whet.report.routes import RouteRow
from whet.report.sanitize import encodable
from whet.report.tests import UnitRow
from whet.report.view import ReportView

SCHEMA = 3
"""Incremented whenever a key is removed or changes its meaning, not for new keys."""


class JsonRenderer:
    """Writes the report as one JSON object in ASCII, two spaces per level."""

    extension = "json"
    mark = re.compile(rb'\{\s*"schema": \d+,\s*"whet": "')

    def render(self, view: ReportView, sink: BinaryIO) -> None:
        """Write ``view`` to ``sink``."""
        text = json.dumps(to_object(view), indent=2, allow_nan=False)
        sink.write(text.encode("ascii") + b"\n")


def to_object(view: ReportView) -> dict[str, Any]:
    """Return the report as plain lists and dictionaries."""
    provenance = view.provenance
    report: dict[str, Any] = {
        "schema": SCHEMA,
        "whet": provenance.whet,
        "command": list(provenance.command),
        "python": {
            "path": provenance.python_path,
            "version": provenance.python_version,
            "implementation": provenance.python_implementation,
            "free_threaded": provenance.python_free_threaded,
            "why": provenance.python_why,
        },
        "origins": [
            {
                "label": origin.label,
                "file": origin.file,
                "format": origin.format,
                "tool": origin.tool,
                "samples": origin.samples,
                "wall_time": origin.wall,
                "missing": list(origin.missing),
            }
            for origin in provenance.origins
        ],
        "duration_seconds": view.summary.duration.value,
        "cpu_seconds": view.summary.cpu.value,
        "gil_seconds": view.summary.gil.value,
        "exit_status": provenance.exit_status,
        "samples": view.summary.samples,
        "functions": [_write_function(row) for row in view.functions],
        "lines": [_write_line(row) for row in view.lines],
        "growth": _write_growth(view.growth) if view.growth is not None else None,
        "parts": [_write_part(row) for row in view.job.parts] if view.job else [],
        "imbalance": _write_imbalance(view.job.imbalance) if view.job else None,
        "tasks": [_write_task(row) for row in view.job.tasks] if view.job else [],
        "units": [_write_unit(row) for row in view.units],
        "routes": [_write_route(row) for row in view.routes.rows] if view.routes is not None else [],
        "advice": [_write_suggestion(suggestion) for suggestion in view.suggestions],
        "warnings": [
            {"about": caution.about, "message": caution.message, "hint": caution.hint} for caution in view.cautions
        ],
    }
    cleaned: dict[str, Any] = _clean(report)
    return cleaned


def _write_growth(growth: GrowthView) -> dict[str, Any]:
    scaling = growth.scaling
    return {
        "sizes": list(growth.sizes),
        "clock": growth.clock.lower(),
        "confidence": growth.confidence,
        "ahead": growth.ahead_size,
        "whole": _write_growth_row(growth.whole, 1e-9),
        "memory": _write_growth_row(growth.memory, 1.0) if growth.memory is not None else None,
        "functions": [_write_growth_row(row) for row in growth.functions],
        "lines": [_write_growth_row(row) for row in growth.lines],
        "sentences": list(growth.sentences),
        "notes": list(growth.notes),
        "runs": [
            {
                "size": run.size,
                "wall_seconds": run.wall_ns / 1e9,
                "cpu_seconds": run.cpu_ns / 1e9,
                "samples": run.samples,
                "peak_bytes": run.peak_bytes,
            }
            for run in scaling.runs
        ],
    }


def _write_growth_row(row: GrowthRow, unit: float = 1.0) -> dict[str, Any]:
    """Return a row; ``unit`` turns its costs into seconds or bytes."""

    def scale(value: float | None) -> float | None:
        return None if value is None else value * unit

    return {
        "file": row.file,
        "name": row.name,
        "line": row.line or row.function_line,
        "exponent": row.exponent.value,
        "low": row.low,
        "high": row.high,
        "shape": row.shape or None,
        "cost": scale(row.cost.value),
        "constant": scale(row.constant.value),
        "share": row.share.value,
        "ahead": scale(row.ahead.value),
        "ahead_low": scale(row.ahead_low),
        "ahead_high": scale(row.ahead_high),
        "ahead_share": row.ahead_share.value,
        "allocated_exponent": row.allocated.value,
        "causes": list(row.causes),
    }


def _write_part(row: PartRow) -> dict[str, Any]:
    return {
        "label": row.label,
        "work_seconds": row.work.value,
        "cpu_seconds": row.cpu.value,
        "waiting_seconds": row.waiting.value,
        "exchange_seconds": row.exchange.value,
        "idle_seconds": row.idle.value,
        "wall_seconds": row.wall.value,
        "clock_seconds": row.clock.value,
        "samples": row.samples,
        "hottest": row.hottest,
        "place": row.place,
        "note": row.note,
    }


def _write_imbalance(found: ImbalanceFigures | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "slowest": found.label,
        "work_seconds": found.work.value,
        "others_median_seconds": found.others.value,
        "max_over_mean": found.ratio,
        "function": found.function,
        "place": found.place,
        "lost_seconds": found.lost.value,
        "is_significant": found.is_significant,
    }


def _write_task(row: TaskRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "count": row.count.value,
        "seconds_each": row.each.value,
        "cpu_seconds": row.cpu.value,
        "blocked_seconds": row.blocked.value,
        "transfer_seconds": row.transfer.value,
        "spill_seconds": row.spill.value,
        "serialize_seconds": row.serialize.value,
        "other_seconds": row.other.value,
        "transferred_bytes": row.transferred.value,
    }


def _write_function(row: FunctionRow) -> dict[str, Any]:
    return {
        "file": row.file,
        "name": row.name,
        "line": row.line,
        "end_line": row.end_line,
        "owner": row.owner,
        "exponent": row.growth.value,
        **_write_cost(row.cost),
    }


def _write_line(row: LineRow) -> dict[str, Any]:
    return {
        "file": row.file,
        "name": row.function,
        "line": row.line,
        "end_line": row.line,
        "function_line": row.function_line,
        "owner": row.owner,
        "exponent": row.growth.value,
        "grows": row.grows,
        **_write_cost(row.cost),
        "callees": [
            {"name": each.name, "file": each.file, "line": each.line, "share": each.share} for each in row.callees
        ],
    }


def _write_unit(row: UnitRow) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "name": row.name,
        "file": row.file,
        "line": row.line,
        "spent_seconds": row.spent_seconds.value,
        "waiting_seconds": row.waiting_seconds.value,
        "share": row.share.value,
        "share_error": row.share_error,
        "lines": [{"file": each.file, "line": each.line, "share": each.share.value} for each in row.lines],
    }


def _write_route(row: RouteRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "file": row.file,
        "line": row.line,
        "function": row.function,
        "requests": row.requests.value,
        "requests_per_second": row.rate.value,
        "p50_seconds": row.p50.value,
        "p95_seconds": row.p95.value,
        "spent_seconds": row.spent_seconds.value,
        "waiting_seconds": row.waiting_seconds.value,
        "share": row.share.value,
        "share_error": row.share_error,
        "lines": [{"file": each.file, "line": each.line, "share": each.share.value} for each in row.lines],
    }


def _write_cost(cost: CostFigures) -> dict[str, Any]:
    return {
        "self_seconds": cost.self_seconds.value,
        "total_seconds": cost.total_seconds.value,
        "attributed_seconds": cost.attributed_seconds.value,
        "waiting_seconds": cost.waiting_seconds.value,
        "spent_seconds": cost.spent_seconds.value,
        "self_share": cost.self_share.value,
        "total_share": cost.total_share.value,
        "spent_share": cost.spent_share.value,
        "share_error": cost.share_error,
        "samples": cost.samples,
        "hits": cost.hits.value,
        "hit_seconds": cost.hit_seconds.value,
        "allocated_bytes": cost.allocated_bytes.value,
        "allocations": cost.allocations.value,
        "peak_bytes": cost.peak_bytes.value,
        "live_bytes": cost.live_bytes.value,
        "grown_bytes": cost.grown_bytes.value,
        "collectors": list(cost.collectors),
    }


def _write_suggestion(suggestion: Suggestion) -> dict[str, Any]:
    return {
        "id": suggestion.id,
        "rule": suggestion.rule,
        "kind": suggestion.kind.value,
        "file": suggestion.file,
        "line": suggestion.line,
        "end_line": suggestion.end_line,
        "function": suggestion.function,
        "function_line": suggestion.function_line,
        "title": suggestion.title,
        "message": suggestion.message,
        "safety": suggestion.safety,
        "share": suggestion.share.value,
        "share_error": suggestion.share_error,
        "estimate": {
            "low": suggestion.low,
            "high": suggestion.high,
            "is_measured": suggestion.is_measured,
        },
        "memory": _write_memory(suggestion.memory) if suggestion.memory is not None else None,
        "verdict": suggestion.verdict,
        "proof": suggestion.proof.sentence if suggestion.proof is not None else None,
        "evidence": list(suggestion.evidence),
        "diff": suggestion.diff,
        "edits": list_edits(suggestion.edits),
        "seen": [_write_seen(seen) for seen in suggestion.seen],
    }


def _write_memory(memory: MemoryWorth) -> dict[str, Any]:
    return {
        "held_bytes": memory.held_bytes,
        "peak_bytes": memory.peak_bytes,
        "low": memory.low,
        "high": memory.high,
    }


def _write_seen(seen: Seen) -> dict[str, Any]:
    return {
        "name": seen.name,
        "samples": seen.samples,
        "distinct": seen.distinct,
        "types": dict(seen.types),
        "elements": dict(seen.elements),
        "min_length": seen.min_length,
        "median_length": seen.median_length,
        "max_length": seen.max_length,
    }


def _clean(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return ``value`` with lone surrogates escaped, which strict readers of JSON refuse."""
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, Mapping):
        return {encodable(key): _clean(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_clean(item) for item in value]
    return value
