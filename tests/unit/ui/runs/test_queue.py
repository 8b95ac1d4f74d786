"""The queue's rows: their order and size, what a failure does there, and that nothing moves under the pointer."""

from __future__ import annotations

from app.core.model import BatchId, Failure, Part, PromptId, Task, TaskState
from app.session import Run
from app.ui.kit.state import UiState
from app.ui.runs.queue import MOST_FAILURES, SHOWN
from app.ui.runs.state import CardPlace, Hold, RunsState
from tests.kit.page.elements import element, elements
from tests.kit.page.rig import PageRig
from tests.kit.page.stills import StillSession, ended, task, window
from tests.kit.page.trouble import page
from tests.kit.page.views import Seen, markup

ERROR = Failure(kind="execution", message="no", node_type="Glaze")


def queued(name: str, at: float, **more: object) -> Task:
    return task(name, state=TaskState.QUEUED, created_at=at, **{"place": 2, **more})


def failed(name: str, at: float, **more: object) -> Task:
    return ended(name, state=TaskState.FAILED, failure=ERROR, created_at=at, **{"ended_at": at + 5, **more})


def shown(*tasks: Task, state: RunsState | None = None, runs: tuple[Run, ...] = ()) -> Seen:
    ui = UiState().with_slices(state or RunsState())
    return page(StillSession(window=window(*tasks), runs=runs), ui)


def rows(view: Seen) -> list[tuple[PromptId, CardPlace]]:
    return [(card.task.prompt_id, card.place) for card in view.now.cards]


def ids(*names: str) -> list[PromptId]:
    return [task(name).prompt_id for name in names]


def test_running_task_is_large_and_first_then_the_others_in_order() -> None:
    a, b, c = queued("a", 1.0), task("b", created_at=2.0), queued("c", 3.0, place=3)
    view = shown(a, b, c)
    assert rows(view) == list(zip(ids("b", "a", "c"), (CardPlace.LARGE, CardPlace.ROW, CardPlace.ROW), strict=True))
    assert [card.rank for card in view.now.cards] == [0, 1, 2]


def test_task_that_begins_is_as_large_before_it_runs() -> None:
    for first in (task("a", state=TaskState.REGISTERED), queued("a", 1.0, place=1), task("a")):
        assert rows(shown(first))[0][1] is CardPlace.LARGE
    assert rows(shown(queued("a", 1.0, place=4)))[0][1] is CardPlace.ROW, "others are before it"
    click = Run(prompt_id=PromptId("r"), title="", started_at=1.0)
    assert shown(runs=(click,)).now.runs[0].is_large
    assert not shown(task("a"), runs=(click,)).now.runs[0].is_large


def test_only_two_of_many_running_tasks_are_large() -> None:
    view = shown(*(task(name, created_at=float(place)) for place, name in enumerate("abcd")))
    assert [place for _id, place in rows(view)] == [CardPlace.LARGE, CardPlace.LARGE, CardPlace.ROW, CardPlace.ROW]


def test_long_queue_shows_its_start_until_all_is_asked_for() -> None:
    many = [queued(f"t{place:02}", float(place), place=place + 2) for place in range(SHOWN + 3)]
    view = shown(*many)
    assert (len(view.now.cards), view.now.more, view.now.busy) == (SHOWN, 3, SHOWN + 3)
    assert "3 more" in element(markup(view, "now"), data_testid="show-queue").text
    assert len(shown(*many, state=RunsState(is_whole=True)).now.cards) == SHOWN + 3


def test_failure_stays_in_the_queue_until_the_user_starts_another_run() -> None:
    old = failed("a", 1.0)
    view = shown(old)
    assert rows(view) == [(old.prompt_id, CardPlace.ROW)] and not view.results.cards
    assert view.now.busy == 0, "it is not under way"
    row = element(markup(view, "now"), data_testid="task-card")
    assert row["data-state"] == "failed"
    later = shown(old, task("b", created_at=10.0))
    assert [card.task.prompt_id for card in later.now.cards] == ids("b")
    assert [card.task.prompt_id for card in later.results.cards] == ids("a")
    click = Run(prompt_id=PromptId("r"), title="", started_at=10.0)
    assert not shown(old, runs=(click,)).now.cards


def test_failures_of_one_click_stay_while_its_other_runs_follow() -> None:
    part = [Part(batch_id=BatchId("x"), index=place) for place in range(2)]
    view = shown(failed("a", 1.0, part=part[0]), task("b", created_at=20.0, part=part[1]))
    assert [card.task.prompt_id for card in view.now.cards] == ids("a", "b")
    many = shown(*(failed(f"t{place}", 1.0, part=part[0], ended_at=float(place)) for place in range(1, 7)))
    assert len(many.now.cards) == MOST_FAILURES and len(many.results.cards) == 6 - MOST_FAILURES


def test_run_that_the_user_has_cancelled_is_no_failure() -> None:
    cancelled = ended("a", state=TaskState.CANCELLED, cancel_asked_at=3.0)
    assert not shown(cancelled).now.cards
    assert element(markup(shown(cancelled), "results"), data_testid="task-card")["data-state"] == "cancelled"


async def test_dismissed_failure_is_a_row_of_the_results() -> None:
    old = failed("a", 1.0)
    view = shown(old, state=RunsState(dismissed=frozenset({old.prompt_id})))
    assert not view.now.cards and [card.task for card in view.results.cards] == [old]
    rig = PageRig()
    await rig.act("dismiss-failure", promptId=old.prompt_id)
    assert rig.ui.of(RunsState).dismissed == {old.prompt_id}


# Under the pointer


def test_rows_keep_place_and_size_under_the_pointer() -> None:
    before = Hold(rows=tuple(ids("a", "b", "c")), large=frozenset(ids("a")))
    done, runs, waits = ended("a", created_at=1.0), task("b", created_at=2.0), queued("c", 3.0)
    fresh = task("d", created_at=0.5)
    view = shown(done, runs, waits, fresh, state=RunsState(hold=before))
    assert rows(view) == [
        (done.prompt_id, CardPlace.STAYING), (runs.prompt_id, CardPlace.ROW), (waits.prompt_id, CardPlace.ROW),
        (fresh.prompt_id, CardPlace.LARGE),
    ]  # fmt: skip
    row = element(markup(view, "now"), data_testid="staying-row")
    assert "is-large" in (row["class"] or "") and "Finished" in markup(view, "now")
    assert not elements(markup(view, "now"), data_action="cancel", data_prompt_id=done.prompt_id)
    assert [card.task for card in view.results.cards] == [done], "its picture is shown already"
    let_go = shown(done, runs, waits, fresh)
    assert [prompt_id for prompt_id, _place in rows(let_go)] == ids("d", "b", "c")


def test_failure_under_the_pointer_keeps_its_place() -> None:
    hold = Hold(rows=tuple(ids("b", "a")), large=frozenset(ids("b")))
    view = shown(failed("b", 2.0), queued("a", 1.0), state=RunsState(hold=hold))
    assert [prompt_id for prompt_id, _place in rows(view)] == ids("b", "a")


async def test_page_reports_what_is_under_the_pointer() -> None:
    rig = PageRig()
    await rig.act("hold-queue", rows="a b", large="a", waiting="")
    assert rig.ui.of(RunsState).hold == Hold(("a", "b"), frozenset({"a"}), ())  # type: ignore[arg-type]
    await rig.act("release-queue")
    assert rig.ui.of(RunsState).hold is None
