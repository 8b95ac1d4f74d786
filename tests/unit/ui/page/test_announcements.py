"""What screen readers announce: each change once."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from app.core.model import Contact, Task, TaskState
from app.core.progress import Progress
from app.ui.header.state import HeaderView
from app.ui.notices.announcements import announcements
from app.ui.runs.waiting import WaitingView
from tests.kit.page.stills import ENGLISH, StillSession, ended, fleet, server, task, window
from tests.kit.page.trouble import page
from tests.kit.page.views import Seen
from tests.kit.services import ROOT
from tests.ports.tasks import changed
from wire.health import Health

RUNNING = task("a")


def _page(*tasks: Task, **facts: Any) -> Seen:
    return page(StillSession(window=window(*tasks), **facts))


def said(before: Seen | None, after: Seen) -> list[str]:
    return announcements(before.view if before is not None else None, after.view, ENGLISH)


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ({"state": TaskState.SUCCEEDED}, "Finished"),
        ({"state": TaskState.CANCELLED, "cancel_asked_at": 5.0}, "Stopped"),
        ({"contact": Contact.UNREACHABLE}, "gpu-1 does not answer"),
        ({"cancel_asked_at": 5.0}, "Stopping at the server's next step …"),
    ],
)
def test_change_of_a_run_is_announced_once(change: dict[str, Any], state: str) -> None:
    after = _page(changed(RUNNING, **change))
    assert said(_page(RUNNING), after) == [f"Enlarge and sharpen on gpu-1: {state}"]
    assert said(after, _page(changed(RUNNING, **change))) == []


def test_answer_of_a_lost_server_is_announced() -> None:
    silent = changed(RUNNING, contact=Contact.UNREACHABLE)
    assert said(_page(silent), _page(RUNNING)) == ["Enlarge and sharpen on gpu-1: The server answers"]


def test_progress_and_place_are_not_announced() -> None:
    progress = {RUNNING.prompt_id: Progress(RUNNING.prompt_id, 4, fraction=0.5)}
    assert said(_page(RUNNING), _page(RUNNING, progress=progress)) == []
    queued = changed(RUNNING, state=TaskState.QUEUED, place=3)
    assert said(_page(queued), _page(changed(queued, place=2))) == []


def test_run_is_announced_when_it_is_accepted() -> None:
    assert said(_page(), _page(replace(RUNNING, state=TaskState.REGISTERED))) == []
    assert said(_page(), _page(changed(RUNNING, state=TaskState.QUEUED, place=1))) == [
        "Enlarge and sharpen on gpu-1: Next in line"
    ]


def test_runs_that_end_together_are_one_announcement() -> None:
    names = ("a", "b", "c")
    before, after = _page(*(task(name) for name in names)), _page(*(ended(name) for name in names))
    assert said(before, after) == ["3 runs on gpu-1: Finished"]


def test_records_and_restored_runs_are_not_announced() -> None:
    assert said(None, _page(RUNNING)) == []
    assert said(_page().with_part(HeaderView()), _page(RUNNING)) == []
    assert said(_page(task("b", created_at=9.0)), _page(task("b", created_at=9.0), ended("a", created_at=3.0))) == []


def test_waiting_runs_are_announced_when_added() -> None:
    before, after = _page(), _page().with_part(WaitingView(count=7))
    assert said(before, after) == ["7 runs wait in this window"]
    assert said(after, before) == []


def test_loss_and_return_of_an_unused_server_are_announced() -> None:
    well = fleet(server("gpu-1"), server("gpu-2"))
    ill = fleet(server("gpu-1"), server("gpu-2", health=Health.DOWN))
    assert said(_page(fleet=well), _page(fleet=ill)) == ["1 server is not well"]
    assert said(_page(fleet=ill), _page(fleet=well)) == ["All servers answer again"]


def test_only_marked_elements_with_an_id_announce() -> None:
    for file in sorted((ROOT / "app" / "ui").rglob("*.html")):
        for tag in file.read_text(encoding="utf-8").split("<"):
            start = tag.partition(">\n")[0]
            assert "data-live" not in start or " id=" in start, f"{file.name}: {start}"
            assert not re.search(r'aria-live|role="(alert|status)"|^output', start), f"{file.name}: {start}"
