"""Runs with a file each as a value: what comes next, what became of them, and which files are found again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.core.file_runs import (
    DONE,
    DROPPED,
    FAILED,
    GIVEN,
    TO_COME,
    FileFault,
    FileInput,
    FilePlan,
    FileRun,
    FileRuns,
    matches,
    read_works,
    write_plans,
    write_progress,
)
from app.core.model import BatchId, Failure, InputFile, NodeId, Part, PromptId, Task, TaskState, WindowId
from app.core.ports.files import ChosenFile
from app.core.waiting_runs import Batch
from tests.kit.builders import task as a_task
from tests.ports.tasks import changed

ME = WindowId("me")
BATCH = BatchId("batch")


def works(*paths: str, per_file: int = 1, marks: str = "") -> FileRuns:
    files = tuple(ChosenFile(path, 10 + index, 5) for index, path in enumerate(paths))
    runs = tuple(FileRun("[]", f"{path} {number}") for path in paths for number in range(per_file))
    batch = Batch(batch_id=BATCH, workflow="{}", title="photos")
    plan = FilePlan(window_id=ME, batch=batch, places=(FileInput("1", "image"),), files=files, runs=runs)
    found = FileRuns.of(plan)
    return replace(found, progress=replace(found.progress, marks=marks)) if marks else found


def ended(index: int, state: TaskState, name: str = "", **more: object) -> Task:
    task = a_task(name or f"task-{index}", state=state)
    return changed(task, part=Part(batch_id=BATCH, index=index), **more)  # type: ignore[arg-type]


def test_files_come_in_order_as_far_as_they_are_at_hand() -> None:
    work = works("a", "b", "c", per_file=2)
    assert work.next_file({0, 1, 2}) == 0
    assert work.next_file({1, 2}) == 1
    assert work.next_file({0, 1, 2}, without={0}) == 1
    work = work.marked(work.runs_of(0), GIVEN).marked([2], GIVEN)
    assert work.progress.marks == "www..."
    assert work.next_file({0, 1, 2}) == 1
    assert work.to_come(1) == [3]
    assert work.next_file(()) is None
    assert work.missing({2}) == [1]


def test_ends_of_tasks_are_followed() -> None:
    work = works(*"abcdef", marks="wwwww.")
    tasks = [
        ended(0, TaskState.SUCCEEDED),
        ended(1, TaskState.FAILED, failure=Failure(kind="execution", message="no pixels")),
        ended(2, TaskState.RUNNING),
        ended(3, TaskState.CANCELLED),
    ]
    work = work.followed({4}, tasks)
    assert work.progress.marks == "dfwcw."
    assert [(item.run, item.cause, item.detail) for item in work.progress.faults] == [(1, "failed", "no pixels")]
    assert work.followed({4}, tasks) is work, "nothing changed"


def test_lost_run_names_the_file_that_it_used() -> None:
    item = InputFile(node_id=NodeId("1"), input_name="image", name="x.png", sha256="abc", original_name="a")
    work = works("a", marks="w").followed((), [ended(0, TaskState.LOST, inputs=(item,))])
    assert work.progress.faults == (FileFault(run=0, cause="lost", prompt_id=PromptId("task-0"), sha256="abc"),)


def test_given_run_that_is_nowhere_was_removed() -> None:
    assert works("a", "b", marks="w.").followed((), ()).progress.marks == "c."


def test_failed_run_comes_once_more_and_its_old_task_is_history() -> None:
    failed = ended(0, TaskState.FAILED, "first")
    work = works("a", marks="w").followed((), [failed]).retried()
    assert (work.progress.marks, work.progress.faults) == (TO_COME, ())
    assert work.followed((), [failed]).progress.marks == TO_COME
    work = work.marked([0], GIVEN)
    assert work.followed({0}, [failed]).progress.marks == GIVEN
    later = changed(ended(0, TaskState.SUCCEEDED, "second"), created_at=failed.created_at + 1)
    assert work.followed((), [later, failed]).is_over


def test_run_that_went_back_to_the_line_has_not_failed() -> None:
    work = works("a", marks="w").followed((), [ended(0, TaskState.FAILED)])
    assert work.count(FAILED) == 1
    work = work.followed({0}, [ended(0, TaskState.FAILED)])
    assert (work.progress.marks, work.progress.faults) == (GIVEN, ())


def test_run_that_was_repeated_from_its_card_is_done() -> None:
    failed = ended(0, TaskState.FAILED, "first")
    again = changed(a_task("again", state=TaskState.SUCCEEDED), again_of=failed.prompt_id)
    assert works("a", marks="w").followed((), [failed]).followed((), [failed, again]).is_over


def test_failures_and_the_rest_can_be_dropped() -> None:
    work = works("a", "b", "c", marks="d..").failed(FileFault(run=1, cause="empty"))
    assert not work.is_over
    assert work.marked(work.with_mark(TO_COME), DROPPED).progress.marks == "dfc"
    assert work.marked(work.with_mark(FAILED), DROPPED).progress.faults == ()
    assert works("a", "b", marks=DONE + DROPPED).is_over


def test_files_are_found_by_name_size_and_time() -> None:
    wanted = {3: ChosenFile("h/a.png", 10, 5), 4: ChosenFile("h/b/a.png", 10, 5), 7: ChosenFile("h/c.png", 9, 5)}
    found = [
        ChosenFile("h/c.png", 9, 6),  # was changed
        ChosenFile("h/b/a.png", 10, 5),
        ChosenFile("h/a.png", 10, 5),
        ChosenFile("h/a.png", 11, 5),  # another size
    ]
    assert matches(wanted, found) == {3: 2, 4: 1}


def test_folder_may_be_chosen_from_elsewhere() -> None:
    wanted = {0: ChosenFile("h/a.png", 10, 5), 1: ChosenFile("h/b/a.png", 10, 5)}
    assert matches(wanted, [ChosenFile("b/a.png", 10, 5)]) == {0: 0}
    assert matches(wanted, [ChosenFile("x/h/b/a.png", 10, 5), ChosenFile("x/h/a.png", 10, 5)]).keys() == {0, 1}


def test_plans_survive_a_reload_in_their_own_window() -> None:
    work = works("a", "b", per_file=2).failed(FileFault(run=3, cause="not-a-picture", detail="x"))
    plans, progress = write_plans([work]), write_progress([work])
    assert read_works(plans, progress, ME) == (work,)
    assert read_works(plans, progress, WindowId("a twin")) == ()


@pytest.mark.parametrize(
    ("plans", "progress"),
    [
        ("", ""),
        ("{", "[]"),
        ("[1]", "[]"),
        ("null", "null"),
        (write_plans([works("a")]), ""),
        (write_plans([works("a")]), '[{"marks": ".."}]'),
        (write_plans([works("a")]).replace('"runs": [{', '"runs": [{}, {'), '[{"marks": "."}]'),
        (write_plans([works("a")]).replace('"files": [', '"files": [], "x": ['), '[{"marks": "."}]'),
    ],
)
def test_what_cannot_be_read_is_forgotten(plans: str, progress: str) -> None:
    assert read_works(plans, progress, ME) == ()
