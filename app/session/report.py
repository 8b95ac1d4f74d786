"""The report of a session, for support: what its windows know, redacted, and its journal.

    report = make_report(session, version="0.1.1", prompts=False)     # JSON-like

Without `prompts` it has no text that the user wrote, that a server answered, or that a workflow contains; with it,
those too. It never has pictures or credentials. `tests/simulation/replay.py` checks a report's journal.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from app.core.journal import JournalEntry, plain
from app.core.journal_entries import holders, recorded_fields
from app.core.model import Fleet, Task
from app.core.redaction import Redactor
from app.core.window import Window
from app.session.session import Session

REPORT_VERSION = 1

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def make_report(
    session: Session, *, version: str, prompts: bool, at: float, page: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the report as one JSON-like value. `page` is what the browser reports about itself, unchanged."""
    redactor, window = Redactor(texts=prompts), session.window
    known = window if isinstance(window, Window) else None
    facts = {
        "fleet": _fleet(session.fleet),
        "fleetError": session.fleet_error,
        "mooring": _mooring(known),
        "socket": asdict(session.socket),
        "violations": [_violation(text) for text in session.violations()],
        "runs": [
            {"prompt_id": run.prompt_id, "state": run.stage, "server_id": run.server_id, "failed": run.error}
            for run in session.runs
        ],
        "unreadable_records": [asdict(record) for window in session.windows for record in window.unreadable],
        "store": {"failed": session.store_error, "failed_journals": session.journal.failures},
    }
    return {
        "v": REPORT_VERSION,
        "version": version,
        "madeAt": at,
        "windowId": session.identity.window_id if session.identity else None,
        "hasPrompts": prompts,
        "page": dict(page or {}),
        **redactor.facts(plain(facts)),
        "tasks": _tasks(redactor, (task for window in session.windows for task in window.tasks.values())),
        "quarantined": _tasks(redactor, (task for window in session.windows for task in window.quarantined)),
        "journal": {
            "dropped": session.journal.journal.dropped,
            "entries": [_entry(redactor, entry) for entry in session.journal.journal.entries],
        },
    }


def _fleet(fleet: Fleet) -> dict[str, Any]:
    kept = ("server_id", "address", "base", "health", "detail", "running", "pending", "version", "is_demo")
    servers = [{name: getattr(server, name) for name in kept} for server in fleet.servers]
    return {"source": fleet.source, "servers": servers}


def _mooring(window: Window | None) -> dict[str, Any] | None:
    if window is None:
        return None
    return {
        "locked": window.window_locked_server,
        "holders": holders(window),
        "reservations": [
            {"prompt_id": item.prompt_id, "server_id": item.server_id, "address": item.address, "at": item.at}
            for item in window.reservations.values()
        ],
    }


def _violation(text: str) -> dict[str, Any]:
    """A violation by its kind and task; its text may quote a record."""
    return {"kind": text.partition(":")[0], "prompt_ids": _ID.findall(text), "message": text}


def _tasks(redactor: Redactor, tasks: Iterable[Task]) -> list[dict[str, Any]]:
    return [_task(redactor, task) for task in tasks]


def _task(redactor: Redactor, task: Task) -> dict[str, Any]:
    more = {"title": task.title, "choice": task.choice, "inputs": task.inputs, "notes": task.notes}
    facts: dict[str, Any] = redactor.facts({**recorded_fields(task), **plain(more)})
    return {**facts, "workflow": redactor.workflow(task.workflow)}


def _entry(redactor: Redactor, entry: JournalEntry) -> dict[str, Any]:
    facts = {"at": entry.at, "kind": entry.kind, "facts": redactor.facts(entry.facts)}
    return {**facts, "times": entry.times, "until": entry.until} if entry.times > 1 else facts
