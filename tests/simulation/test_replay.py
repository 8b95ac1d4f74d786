"""Recorded lives of simulated windows replay exactly; a changed record does not."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from app.core.model import ENDS
from app.session.report import make_report
from tests.simulation.life import live
from tests.simulation.replay import Replayed, replay, replay_bundle

_ENDS = {state.value for state in ENDS}
Entries = list[dict[str, Any]]
Tamper = Callable[[Entries], None]


lived = cache(live)


@cache
def reports(seed: int, *, prompts: bool = False) -> tuple[dict[str, Any], ...]:
    """Return the reports of all windows of a life, dead ones too, as read from a file."""
    world = lived(seed)
    pages = (*world.pages, *world.graveyard)
    reported = [make_report(page.session, version="0", prompts=prompts, at=0.0) for page in pages]
    return tuple(json.loads(json.dumps(report, allow_nan=False)) for report in reported)


@pytest.mark.parametrize("prompts", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_recorded_life_replays_exactly(seed: int, prompts: bool) -> None:
    replayed = [replay_bundle(report) for report in reports(seed, prompts=prompts)]
    assert [report.problems for report in replayed] == [[]] * len(replayed)
    assert sum(report.judged for report in replayed) > 20
    assert sum(report.window_steps for report in replayed) > 10
    assert not any(report.skipped for report in replayed)


def _first(entries: Entries, kind: str, **facts: Any) -> dict[str, Any]:
    return next(
        item for item in entries if item["kind"] == kind and all(item["facts"].get(key) == facts[key] for key in facts)
    )


def _change_the_end(entries: Entries) -> None:
    _first(entries, "evidence", now="succeeded")["facts"]["now"] = "failed"


def _change_the_state(entries: Entries) -> None:
    _first(entries, "evidence", evidence="Accepted")["facts"]["after"]["answered_at"] = 1.0


def _change_the_evidence(entries: Entries) -> None:
    facts = _first(entries, "evidence", now="succeeded")["facts"]
    facts["evidence"], facts["said"] = "NoAnswer", {"at": facts["said"]["at"], "cause": "timeout"}


def _remove_evidence(entries: Entries) -> None:
    """Remove the answer of a submit whose task has a later entry that shows its state."""
    last = {item["facts"]["prompt_id"]: item for item in entries if item["kind"] == "evidence"}
    answers = [item for item in entries if item["facts"].get("evidence") == "Accepted" and item not in last.values()]
    entries.remove(next(item for item in answers if item["facts"]["was"] == "registered"))


def _remove_the_end(entries: Entries) -> None:
    """Remove the end that freed the window."""
    freed = entries.index(_first(entries, "moored", now=None))
    ends = [item for item in entries[:freed] if item["kind"] == "evidence" and item["facts"].get("now") in _ENDS]
    entries.remove(ends[-1])


def _submit_elsewhere(entries: Entries) -> None:
    _first(entries, "submitting")["facts"]["server_id"] = "gpu-9"


def _submit_twice(entries: Entries) -> None:
    item = _first(entries, "submitting")
    entries.insert(entries.index(item), copy.deepcopy(item))


def _submit_unregistered(entries: Entries) -> None:
    submitting = _first(entries, "submitting")
    item = _first(entries, "registered", prompt_id=submitting["facts"]["prompt_id"])
    entries.remove(item)
    entries.insert(entries.index(submitting) + 1, item)


def _moor_elsewhere(entries: Entries) -> None:
    _first(entries, "moored")["facts"]["now"] = "gpu-9"


def _reserve_elsewhere(entries: Entries) -> None:
    _first(entries, "reserved")["facts"]["server_id"] = "gpu-9"


def _connect_elsewhere(entries: Entries) -> None:
    _first(entries, "socket", state="opening")["facts"]["server_id"] = "gpu-9"


def _remove_all_entries(entries: Entries) -> None:
    entries[0] = {"kind": "claimed"}


TAMPERS: dict[str, tuple[Tamper, str]] = {
    "another end": (_change_the_end, "now: recorded failed"),
    "another standing": (_change_the_state, "after: recorded"),
    "other evidence": (_change_the_evidence, "after: recorded"),
    "evidence left out": (_remove_evidence, "changed without evidence"),
    "end left out": (_remove_the_end, "promise 4"),
    "submitted elsewhere": (_submit_elsewhere, "promise 2"),
    "submitted twice": (_submit_twice, "promise 5"),
    "submitted before it was registered": (_submit_unregistered, "promise 5"),
    "moored elsewhere": (_moor_elsewhere, "promise 4"),
    "reserved elsewhere": (_reserve_elsewhere, "the window refuses"),
    "connected elsewhere": (_connect_elsewhere, "promise 1"),
    "not an entry": (_remove_all_entries, "is none"),
}


@cache
def _richest_report() -> dict[str, Any]:
    """Return the longest report with work that succeeded and a window that became free."""
    every = [report for seed in range(3) for report in reports(seed)]
    good = [report for report in every if _has(report, "evidence", "succeeded") and _has(report, "moored", None)]
    return max(good, key=lambda report: len(_entries(report)))


def _has(report: dict[str, Any], kind: str, now: str | None) -> bool:
    return any(item["kind"] == kind and item["facts"].get("now", "") == now for item in _entries(report))


def _entries(report: dict[str, Any]) -> Entries:
    entries: Entries = report["journal"]["entries"]
    return entries


@pytest.mark.parametrize("name", TAMPERS)
def test_changed_record_does_not_replay(name: str) -> None:
    tamper, reported = TAMPERS[name]
    report = copy.deepcopy(_richest_report())
    tamper(report["journal"]["entries"])
    assert reported in "\n".join(replay_bundle(report).problems)


def test_dropped_entries_are_counted_and_rest_is_judged() -> None:
    report = copy.deepcopy(_richest_report())
    entries = report["journal"]["entries"]
    begin = entries.index(_first(entries, "registered")) + 1
    del entries[:begin]
    replayed = replay_bundle(report)
    assert replayed.problems == []
    assert replayed.judged
    assert replayed.skipped["window unknown"]


def test_report_is_read_from_its_file(tmp_path: Any) -> None:
    file = tmp_path / "report.json"
    file.write_text(json.dumps(_richest_report()), "utf-8")
    replayed = replay(file)
    assert isinstance(replayed, Replayed)
    assert replayed.ok
    assert replayed.entries == len(_richest_report()["journal"]["entries"])
