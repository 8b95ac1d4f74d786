"""Waiting lines in the store: each belongs to one window, and a run leaves its line when its task is registered."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from app.core.errors import InvalidTransition, NotOwner, TaskNotFound
from app.core.model import BatchId, Cell, Part, PromptId, Task, TaskState, WindowId
from app.core.ports.store import TaskStore
from app.core.waiting_runs import Attachment, Batch, Pause, WaitingRun, WaitingRuns, numbered_window, write_values
from tests.ports.database import BOUND, EmptyDatabase, raises, reservation, task
from tests.ports.tasks import changed

W1, W2, W3 = WindowId("w-1"), WindowId("w-2"), WindowId("w-3")
GRAPH = '{"3": {"class_type": "KSampler", "inputs": {"seed": 1}}}'


EXTRA = {"newer": [1]}


def batch(name: str, *hashes: str) -> Batch:
    inputs = tuple(Attachment(node_id="1", input_name="image", sha256=item, name="沙丘.png") for item in hashes)
    return Batch(
        batch_id=BatchId(name), workflow=GRAPH, title="沙丘 \ud83c", inputs=inputs, editor_sha256="editor", extra=EXTRA
    )


def entry(name: str, prompt_id: str, index: int) -> WaitingRun:
    cell = Cell(column=index, row=0, column_label="cfg 7.5", row_label="雪")
    return WaitingRun(
        prompt_id=PromptId(prompt_id),
        owner=W1,
        part=Part(batch_id=BatchId(name), index=index, label=f"seed {index}", cell=cell),
        values=write_values({("3", "seed"): 2**64 - 1 - index, ("6", "text"): '"x", 雪\n'}),
        extra={"later": {"a": None}},
    )


async def waiting(
    store: TaskStore, *ids: str, name: str = "b", owner: WindowId = W1, hashes: tuple[str, ...] = ()
) -> WaitingRuns:
    """Return a line with these runs at its end, written as the session does."""
    known = await store.read_line(owner)
    after = known.join(batch(name, *hashes), [entry(name, item, n) for n, item in enumerate(ids)], f"line of {name}")
    await store.write_line(known.change_to(after))
    return after


async def sent(store: TaskStore, prompt_id: str, owner: str = "w-1", name: str = "b") -> Task:
    """Turn a run into a task."""
    await store.reserve(lambda _claims: reservation(prompt_id, owner))
    made = changed(task(prompt_id, owner), part=Part(batch_id=BatchId(name)))
    await store.register(made)
    return made


def ids(line: WaitingRuns) -> str:
    return " ".join(item.prompt_id for item in line.entries)


async def check_line_is_read_back_unchanged(database: EmptyDatabase) -> None:
    store = database.store()
    assert await store.read_line(W1) == WaitingRuns(window_id=W1)
    assert dict(await store.read_lines()) == {}
    first = await waiting(store, "p-1", "p-2", hashes=("aa",))
    assert await database.store().read_line(W1) == first
    both = await waiting(store, "p-3", name="c")
    after = both.move(PromptId("p-3"), PromptId("p-2")).spread(3).send_all().hold(Pause.REJECTED, PromptId("p-0"))
    await store.write_line(both.change_to(after))
    assert await database.store().read_line(W1) == after
    assert ids(after) == "p-1 p-3 p-2"
    await waiting(store, "q-1", name="d", owner=W2)
    assert dict(await store.read_lines()) == {"w-1": 3, "w-2": 1}
    assert await store.read_line(W1) == after


async def check_empty_line_is_deleted(database: EmptyDatabase) -> None:
    store = database.store()
    known = await waiting(store, "p-1", "p-2")
    fewer = known.without(PromptId("p-1"))
    await store.write_line(known.change_to(fewer))
    assert await store.read_line(W1) == fewer
    await store.write_line(fewer.change_to(fewer.cleared()))
    assert await store.read_line(W1) == WaitingRuns(window_id=W1)
    assert dict(await store.read_lines()) == {}
    waiting_later = await waiting(store, "p-1", name="later")
    assert waiting_later.line_id == "line of later"


async def check_run_leaves_its_line_when_its_task_is_registered(database: EmptyDatabase) -> None:
    store = database.store()
    known = await waiting(store, "p-1", "p-2")
    made = await sent(store, "p-1")
    assert await store.read_task(made.prompt_id) == made
    assert await store.read_line(W1) == known.without(PromptId("p-1"))
    await sent(store, "p-2")
    assert await store.read_line(W1) == WaitingRuns(window_id=W1)
    assert dict(await store.read_lines()) == {}


async def check_line_ends_with_the_last_run_in_the_store(database: EmptyDatabase) -> None:
    """A run is removed by who does not know yet that the other one, the last of the line, is a task."""
    store = database.store()
    known = await waiting(store, "p-1", "p-2")
    await sent(store, "p-2")
    await store.write_line(known.change_to(known.without(PromptId("p-1"))))
    assert dict(await store.read_lines()) == {}
    assert ids(await waiting(store, "p-3", name="c")) == "p-3"


async def check_run_leaves_its_line_by_reserve_and_register(database: EmptyDatabase) -> None:
    store = database.store()
    known = await waiting(store, "p-1", "p-2")
    made = changed(task("p-1"), part=Part(batch_id=BatchId("b")))
    await raises(NotOwner, store.reserve_and_register(replace(made, owner=W2), lambda _claims: None))
    assert await store.read_task(made.prompt_id) is None
    await store.reserve_and_register(made, lambda _claims: None)
    assert await store.read_task(made.prompt_id) == made
    assert await store.read_line(W1) == known.without(PromptId("p-1"))
    await raises(InvalidTransition, store.reserve_and_register(made, lambda _claims: None))


async def check_other_windows_take_runs_from_the_sessions_line(database: EmptyDatabase) -> None:
    store = database.store()
    await waiting(store, "p-1", "p-2")
    made = await sent(store, "p-1", numbered_window(W1, 2))
    assert (await store.read_task(made.prompt_id)) == made
    assert ids(await store.read_line(W1)) == "p-2"


async def check_run_outside_the_line_is_not_registered(database: EmptyDatabase) -> None:
    store = database.store()
    known = await waiting(store, "p-1", "p-2")
    await raises(NotOwner, sent(store, "p-1", "w-2"))
    await store.write_line(known.change_to(known.without(PromptId("p-1"))))
    await raises(NotOwner, sent(store, "p-1"))
    assert await store.read_task(PromptId("p-1")) is None
    assert ids(await store.read_line(W1)) == "p-2"


async def check_run_is_registered_once(database: EmptyDatabase) -> None:
    store = database.store()
    await waiting(store, "p-1", "p-2")
    made = await sent(store, "p-1")
    await raises(InvalidTransition, sent(store, "p-1"))
    assert await store.read_task(made.prompt_id) == made
    assert ids(await store.read_line(W1)) == "p-2"


async def check_sent_run_does_not_return_to_the_line(database: EmptyDatabase) -> None:
    """Another session that still has the run in memory changes and removes nothing, of this run or any other."""
    store = database.store()
    known = await waiting(store, "p-1", "p-2", "p-3")
    await sent(store, "p-1")
    now = await store.read_line(W1)
    moved = known.move(PromptId("p-1")).edit(PromptId("p-2"), {("3", "seed"): 5}, "seed 5")
    error = await raises(TaskNotFound, store.write_line(known.change_to(moved)))
    assert isinstance(error, TaskNotFound)
    assert error.prompt_id == "p-1"
    await raises(TaskNotFound, store.write_line(known.change_to(known.cleared())))
    assert await store.read_line(W1) == now


async def check_run_that_returns_to_the_line_restores_its_batch(database: EmptyDatabase) -> None:
    """Another session of the tab has just taken the batch's last run, which this one does not know yet."""
    store = database.store()
    await waiting(store, "p-1", "p-2")
    known = await waiting(store, "q-1", name="c")
    first = known.entry(PromptId("p-1"))
    await sent(store, "p-1")
    await sent(store, "p-2", numbered_window(W1, 2))
    before = known.without(PromptId("p-1"))
    await store.write_line(before.change_to(before.put_back(first, PromptId("p-3"), "unused", known)))
    found = await database.store().read_line(W1)
    assert ids(found) == "p-3 q-1"
    assert found.batches[BatchId("b")] == batch("b")


async def check_new_line_is_distinguished_from_the_old_one(database: EmptyDatabase) -> None:
    store = database.store()
    known = await waiting(store, "p-1", "p-2")
    await raises(NotOwner, store.write_line(WaitingRuns(window_id=W1).change_to(known)))
    await store.write_line(known.change_to(known.cleared()))
    await raises(NotOwner, store.write_line(known.change_to(known.hold(Pause.ASKED))))
    later = await waiting(store, "p-3", name="later")
    await raises(NotOwner, store.write_line(known.change_to(known.cleared())))
    assert await store.read_line(W1) == later


async def check_adopted_line_belongs_to_one_window(database: EmptyDatabase) -> None:
    store = database.store()
    known = await waiting(store, "p-1", "p-2")
    held = known.hold(Pause.REJECTED, PromptId("p-0")).spread(2)
    await store.write_line(known.change_to(held))
    adopted = await store.adopt_line(W1, W2, "line-2")
    assert adopted == await database.store().read_line(W2)
    assert (ids(adopted), adopted.line_id, adopted.senders) == ("p-1 p-2", "line-2", 2)
    assert (adopted.pause, adopted.paused_by) == (Pause.REJECTED, "p-0")
    assert adopted.batches == held.batches
    assert [item.part for item in adopted.entries] == [item.part for item in held.entries]
    assert await store.read_line(W1) == WaitingRuns(window_id=W1)
    await raises(NotOwner, store.write_line(held.change_to(held.resume())))
    await raises(NotOwner, sent(store, "p-1", "w-1"))
    await raises(TaskNotFound, store.adopt_line(W1, W3, "line-3"))
    await sent(store, "p-1", "w-2")
    assert ids(await store.read_line(W2)) == "p-2"


async def check_adopted_line_waits_behind_earlier_runs(database: EmptyDatabase) -> None:
    store = database.store()
    await waiting(store, "p-1", "p-2")
    mine = await waiting(store, "q-1", "q-2", name="c", owner=W2)
    adopted = await store.adopt_line(W1, W2, "unused")
    assert (ids(adopted), adopted.line_id) == ("q-1 q-2 p-1 p-2", mine.line_id)
    assert await store.read_line(W2) == adopted


async def check_one_of_two_adopters_of_a_line_wins(database: EmptyDatabase) -> None:
    store = database.store()
    await waiting(store, "p-1", "p-2")
    outcomes = await asyncio.gather(
        *(database.store().adopt_line(W1, WindowId(f"w-{number}"), f"line-{number}") for number in range(2, 7)),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, WaitingRuns) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, TaskNotFound) for outcome in outcomes) == 4
    assert list((await store.read_lines()).values()) == [2]


async def check_inputs_of_waiting_runs_are_kept(database: EmptyDatabase) -> None:
    """Neither with the last task that had it, nor to make room for another input."""
    store = database.store()
    part = BOUND * 2 // 5
    await store.keep_input("aa", database.blob(b"a" * part, "image/png"), 40.0)
    await store.keep_input("editor", database.blob(b"{}"), 39.0)
    known = await waiting(store, "p-1", "p-2", hashes=("aa",))
    made = await sent(store, "p-1")
    done = changed(made, state=TaskState.SUCCEEDED, ended_at=50.0)
    await store.update(done)
    await store.delete_task(done)
    for number, name in enumerate(("bb", "cc")):
        await store.keep_input(name, database.blob(name.encode() * (part // 2), "image/png"), 41.0 + number)
    assert await store.read_input("aa") is not None
    assert await store.read_input("editor") is not None
    assert await store.read_input("bb") is None
    rest = known.without(PromptId("p-1"))
    await store.write_line(rest.change_to(rest.cleared()))
    await store.keep_input("dd", database.blob(b"dd" * (part // 2), "image/png"), 43.0)
    assert await store.read_input("aa") is None
    assert await store.read_input("editor") is None


async def check_inputs_of_sent_runs_give_way(database: EmptyDatabase) -> None:
    store = database.store()
    part = BOUND * 2 // 5
    await store.keep_input("aa", database.blob(b"a" * part, "image/png"), 40.0)
    await waiting(store, "p-1", hashes=("aa",))
    await waiting(store, "q-1", name="c")
    await sent(store, "p-1")
    for number, name in enumerate(("bb", "cc")):
        await store.keep_input(name, database.blob(name.encode() * (part // 2), "image/png"), 41.0 + number)
    assert await store.read_input("aa") is None
    assert ids(await store.read_line(W1)) == "q-1"


def press(prompt_id: str, *hashes: str) -> tuple[Batch, WaitingRun]:
    """Return what a click adds to its line: its batch has its id."""
    made = replace(batch(prompt_id, *hashes), is_click=True)
    return made, replace(entry(prompt_id, prompt_id, 0), pressed_at=7.5)


async def pressed(store: TaskStore, prompt_id: str, owner: WindowId = W1) -> WaitingRuns:
    """Return a line after a click, written as the session does."""
    known, (made, run) = await store.read_line(owner), press(prompt_id)
    after = known.join(made, [run], "line of clicks")
    await store.write_line(known.change_to(after))
    return after


async def check_files_are_kept_with_their_press(database: EmptyDatabase) -> None:
    store = database.store()
    known, (made, run) = await store.read_line(W1), press("p-1", "aa")
    await store.write_line(known.change_to(known.join(made, [run], "l")), {"aa": database.blob(b"dune")}, 9.0)
    assert (await store.read_line(W1)).entries[0].pressed_at == 7.5
    found = await store.read_input("aa")
    assert found is not None and await found.read() == b"dune"


async def check_click_leaves_its_line_without_being_part_of_a_plan(database: EmptyDatabase) -> None:
    store = database.store()
    await pressed(store, "p-1")
    await store.reserve(lambda _claims: reservation("p-1"))
    await store.register(task("p-1"))
    assert await store.read_line(W1) == WaitingRuns(window_id=W1)
    await pressed(store, "p-2")
    await store.reserve_and_register(task("p-2"), lambda _claims: None)
    assert dict(await store.read_lines()) == {}


async def check_click_that_another_window_adopted_is_not_registered(database: EmptyDatabase) -> None:
    store = database.store()
    await pressed(store, "p-1")
    await store.adopt_line(W1, W2, "adopted")
    await store.reserve(lambda _claims: reservation("p-1"))
    await raises(NotOwner, store.register(task("p-1")))
    assert ids(await store.read_line(W2)) == "p-1"


async def check_press_that_is_a_task_does_not_wait(database: EmptyDatabase) -> None:
    store = database.store()
    await pressed(store, "p-1")
    await store.reserve(lambda _claims: reservation("p-1"))
    await store.register(task("p-1"))
    await raises(InvalidTransition, pressed(store, "p-1", W2))
    assert await store.read_line(W2) == WaitingRuns(window_id=W2)


async def check_refused_click_stays_until_it_is_dismissed(database: EmptyDatabase) -> None:
    store = database.store()
    known = await pressed(store, "p-1")
    refused = known.refuse(PromptId("p-1"), "the reason")
    await store.write_line(known.change_to(refused))
    assert await store.read_line(W1) == refused
    assert [item.refusal for item in refused.refused] == ["the reason"] and not refused.entries
    both = refused.join(batch("b"), [entry("b", "q-1", 0)], "unused")
    await store.write_line(refused.change_to(both))
    made = await sent(store, "q-1")
    assert await store.read_task(made.prompt_id) == made
    assert await store.read_line(W1) == refused
    assert await store.adopt_line(W1, W2, "adopted") == replace(
        refused,
        window_id=W2,
        line_id="adopted",
        refused=tuple(replace(item, owner=W2) for item in refused.refused),
    )
    theirs = await store.read_line(W2)
    await store.write_line(theirs.change_to(theirs.dismiss(PromptId("p-1"))))
    assert dict(await store.read_lines()) == {}
