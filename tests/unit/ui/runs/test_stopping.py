"""What the page says of runs that the user has stopped."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.core.model import Contact, Task, TaskState
from app.ui.kit.state import UiState
from app.ui.kit.words import SEPARATOR
from app.ui.notices.notice_words import word_notice
from app.ui.runs.state import RunsState, Stopped
from tests.kit.page.stills import ENGLISH, StillLine, StillSession, ended, fleet, server, task, window
from tests.kit.page.trouble import page
from tests.unit.ui.runs.test_own_windows import mate
from tests.unit.ui.runs.test_waiting import waiting

ASKED = {"cancel_asked_at": 5.0}
LINE = waiting("x", "y")
X, Y = (item.prompt_id for item in LINE.entries)
A, B = task("a").prompt_id, task("b").prompt_id


def gone(name: str) -> Task:
    return ended(name, state=TaskState.CANCELLED, **ASKED)


def said(stopped: Stopped, *tasks: Task, line: object = None) -> str:
    """Return the title and the rest of the notice. The second task is one of another session of the tab."""
    session = StillSession(fleet=fleet(server("gpu-1"), server("gpu-2", name="Two")), window=window(*tasks[:1]))
    session.others = tuple(mate(number, item) for number, item in enumerate(tasks[1:], 1))
    session.line = StillLine(line=line) if line is not None else StillLine()
    ui = UiState().with_slices(RunsState(stopped=stopped))
    (notice,) = page(session, ui).errors
    words = word_notice(notice, ENGLISH)
    return f"{words.title} | {words.advice.replace(SEPARATOR, ' + ')}"


@pytest.mark.parametrize(
    ("tasks", "words"),
    [
        ([task("a", **ASKED), task("b", **ASKED)], "Stopping 2 runs | 2 waited and are not sent"),
        ([gone("a"), task("b", **ASKED)], "Stopping 1 run | 1 stopped + 2 waited and are not sent"),
        ([gone("a"), gone("b")], "4 runs stopped | 2 waited and are not sent"),
        ([gone("a"), ended("b")], "3 of 4 runs stopped | 2 waited and are not sent + 1 had ended by then"),
        (
            [ended("a", state=TaskState.FAILED), task("b", contact=Contact.UNREACHABLE, server_name="gpu-2", **ASKED)],
            "2 of 4 runs stopped | 2 waited and are not sent + 1 had ended by then + 1 still to be confirmed by Two",
        ),
        (
            [task("a", **ASKED), task("b", state=TaskState.UNCLEAR, server_name="gpu-2", **ASKED)],
            "Stopping 2 runs | 2 waited and are not sent + 1 still to be confirmed by Two",
        ),
        (
            [ended("a", state=TaskState.LOST), task("b", contact=Contact.MOVED)],
            "2 of 4 runs stopped | 2 waited and are not sent + the end of 1 is not known + 1 not stopped",
        ),
        ([gone("a")], "3 runs stopped | 2 waited and are not sent"),
    ],
)
def test_notice_counts_what_became_of_each_run(tasks: list[Task], words: str) -> None:
    assert said(Stopped((X, Y), (A, B), number=1, is_asked=True), *tasks) == words


def test_run_that_was_sent_meanwhile_is_not_called_unsent() -> None:
    stopped = Stopped((X, Y), number=1, is_asked=True)
    assert said(stopped) == "2 runs are not sent | "
    assert said(stopped, task(prompt_id=X, **ASKED)) == "Stopping 1 run | 1 waited and is not sent"
    assert said(stopped, ended(prompt_id=X), ended(prompt_id=Y)) == "All 2 runs had ended by then | "


def test_run_that_still_waits_after_an_error_is_not_called_stopped() -> None:
    stopped = Stopped((X, Y), number=1)
    assert said(stopped, line=LINE) == "2 runs are not sent | ", "they are about to be removed"
    assert said(replace(stopped, is_asked=True), line=LINE) == "0 of 2 runs stopped | 2 not stopped"


def test_runs_of_files_count_and_records_that_are_gone_do_not() -> None:
    assert said(Stopped(tasks=(A,), to_come=3, number=1, is_asked=True)) == "3 runs are not sent | "
    assert said(Stopped(tasks=(A,), number=1, is_asked=True)) == "Nothing was left to stop | "


def test_run_is_being_stopped_before_its_server_was_asked() -> None:
    stopped = Stopped(tasks=(A,), number=1)
    assert said(stopped, task("a")) == "Stopping 1 run | "
    assert said(replace(stopped, is_asked=True), gone("a")) == "1 run stopped | "
