"""How far a batch is: while its runs are under way, and that it is over, until another run starts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.core.model import BatchId, Failure, Part, PromptId, Task, TaskState
from app.core.past import RECENT
from app.core.waiting_runs import WaitingRuns
from app.session import Run
from app.ui.kit.state import UiState
from app.ui.notices.announcements import announcements
from app.ui.runs.batches import BatchFollower
from app.ui.runs.progress_words import word_batch
from app.ui.runs.state import BatchView, RunsState
from tests.kit.page.elements import element, elements
from tests.kit.page.rig import PageRig
from tests.kit.page.stills import ENGLISH, StillLine, StillPictures, StillSession, ended, task, window, workflows
from tests.kit.page.views import Seen, markup, project
from tests.unit.ui.runs.test_waiting import waiting

BATCH = BatchId("b")  # as that of `waiting`


def part(index: int) -> Part:
    return Part(batch_id=BATCH, index=index)


def session(*tasks: Task, line: WaitingRuns | None = None, runs: tuple[Run, ...] = ()) -> StillSession:
    return StillSession(window=window(*tasks), line=StillLine(line=line), runs=runs)


def words(view: BatchView | None) -> str:
    return word_batch(view, ENGLISH).replace("\N{NO-BREAK SPACE}", " ") if view is not None else ""


def shown(session: StillSession, batch: BatchView | None, ui: UiState | None = None) -> Seen:
    return project(
        session, ui or UiState(), workflows=workflows(), pictures=StillPictures(), language="en", batch=batch
    )


LINE = waiting("one", "two", "three").without(PromptId("p-0")).without(PromptId("p-1"))  # its third run waits
UNDER_WAY = session(ended("a", part=part(0)), task("b", part=part(1)), line=LINE)
DONE = (ended("a", part=part(0)), ended("b", part=part(1)))


@pytest.fixture
def follower() -> BatchFollower:
    """A follower of a batch of two runs that has ended."""
    found = BatchFollower()
    found.follow(session(DONE[0], task("b", part=part(1))))
    found.follow(session(*DONE))
    return found


def test_batch_is_counted_until_it_is_over() -> None:
    follower = BatchFollower()
    follower.follow(UNDER_WAY)
    assert follower.view == BatchView(batch_id=BATCH, done=1, total=3)
    follower.follow(session(*DONE, ended("c", part=part(2))))
    assert follower.view is not None and follower.view.is_over and words(follower.view) == "3 of 3 done"


def test_failed_and_stopped_runs_of_a_batch_are_named() -> None:
    follower = BatchFollower()
    follower.follow(UNDER_WAY)
    failure = ended("b", part=part(1), state=TaskState.FAILED, failure=Failure(kind="execution", message="no"))
    stopped = ended("c", part=part(2), state=TaskState.CANCELLED, cancel_asked_at=3.0)
    follower.follow(session(DONE[0], failure, stopped))
    assert words(follower.view) == "1 of 3 done · 1 failed · 1 stopped"


def test_run_that_is_removed_counts_as_stopped() -> None:
    follower = BatchFollower()
    follower.follow(UNDER_WAY)
    follower.follow(session(*DONE))
    assert words(follower.view) == "2 of 3 done · 1 stopped"


def test_run_that_is_just_sent_counts_once() -> None:
    follower = BatchFollower()
    line = waiting("one", "two")
    follower.follow(session(task("a", part=part(0)), task("b", part=part(1)), line=line))
    assert words(follower.view) == "0 of 2 done"


def test_run_that_failed_and_is_run_again_counts_once() -> None:
    follower = BatchFollower()
    follower.follow(session(DONE[0], task("b", part=part(1))))
    failed = ended("b", part=part(1), state=TaskState.FAILED, failure=Failure(kind="execution", message="no"))
    follower.follow(session(DONE[0], failed))
    assert words(follower.view) == "1 of 2 done · 1 failed"
    again = task("c", part=part(1), created_at=9e9)
    follower.follow(session(DONE[0], failed, again))
    assert words(follower.view) == "1 of 2 done"
    follower.follow(session(DONE[0], failed, replace(again, state=TaskState.SUCCEEDED)))
    assert words(follower.view) == "2 of 2 done"


def test_deleted_results_of_a_batch_still_count(follower: BatchFollower) -> None:
    follower.follow(session(DONE[1]))
    assert words(follower.view) == "2 of 2 done"


def test_runs_that_were_past_at_the_start_count_as_done() -> None:
    follower = BatchFollower()
    kept = [ended(f"t{place}", part=part(place)) for place in range(5, 5 + RECENT)]
    follower.follow(session(*kept, line=waiting("one")))
    assert words(follower.view) == f"{RECENT + 5} of {RECENT + 6} done"


def test_end_of_a_batch_is_stated_until_another_run_starts(follower: BatchFollower) -> None:
    follower.follow(session(*DONE))
    assert follower.view is not None
    follower.follow(session(*DONE, runs=(Run(prompt_id=PromptId("r"), title="", started_at=9e9),)))
    assert follower.view is None


def test_single_runs_and_ends_from_before_are_no_batch() -> None:
    follower = BatchFollower()
    follower.follow(session(task("a"), line=waiting("one")))
    assert follower.view is None
    follower.follow(session(*DONE))
    assert follower.view is None


def test_end_of_a_batch_is_announced_once(follower: BatchFollower) -> None:
    assert follower.view is not None
    under_way = replace(follower.view, done=1)
    before, after = shown(session(*DONE), under_way), shown(session(*DONE), follower.view)
    assert announcements(before.view, after.view, ENGLISH) == ["2 of 2 done"]
    assert announcements(after.view, after.view, ENGLISH) == []


STOPPED = ended("b", part=part(1), state=TaskState.CANCELLED, cancel_asked_at=3.0)


def counted(*lives: StillSession) -> str:
    """Return what the page says of a batch after these states of the session."""
    follower = BatchFollower()
    for life in lives:
        follower.follow(life)
    return words(shown(lives[-1], follower.view).now.batch)


def test_batch_that_the_user_has_stopped_is_counted_no_more() -> None:
    stopping = session(DONE[0], STOPPED, line=LINE)
    assert counted(UNDER_WAY, stopping) == "1 of 3 done · 1 stopped"
    assert counted(UNDER_WAY, stopping, session(DONE[0], STOPPED)) == ""
    assert counted(UNDER_WAY, session(DONE[0], task("b", part=part(1))), session(*DONE)) == "", "the rest was removed"


def test_end_is_stated_if_runs_started_after_the_stop() -> None:
    later = ended("c", part=part(2), created_at=9e9)
    assert counted(UNDER_WAY, session(DONE[0], STOPPED, line=LINE), session(DONE[0], STOPPED, later)) == (
        "2 of 3 done · 1 stopped"
    )


def test_failures_of_a_stopped_batch_are_still_stated() -> None:
    failed = ended("a", part=part(0), state=TaskState.FAILED, failure=Failure(kind="execution", message="no"))
    life = session(failed, STOPPED)
    assert counted(session(failed, task("b", part=part(1))), life) == "0 of 2 done · 1 failed · 1 stopped"


async def test_end_of_a_batch_can_be_dismissed(follower: BatchFollower) -> None:
    text = markup(shown(session(*DONE), follower.view), "now")
    assert element(text, data_testid="batch-done").text == "2 of 2 done"
    rig = PageRig()
    await rig.act("dismiss-batch", batchId=element(text, data_testid="dismiss-batch")["data-batch-id"])
    assert rig.ui.of(RunsState).dismissed == {BATCH}
    assert not elements(markup(shown(session(*DONE), follower.view, rig.ui), "now"), data_testid="batch-done")
