"""The last preview after a reload: kept at intervals, shown until a newer one comes, deleted with the end."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from app.core.errors import MooringError, NotOwner, StorageError, TaskNotFound
from app.core.model import PromptId, Task, TaskState
from app.core.ports.blobs import Blob
from app.core.window import Window
from app.session.delivery.last_previews import FIRST_PAUSE, PAUSE, LastPreviews
from app.session.facts import Preview
from app.session.memory.sandbox import Sandbox
from app.session.memory.store import MemoryStore
from app.session.state import State
from tests.kit.builders import CLIENT, ME, submitted
from tests.simulation.store import Bytes
from tests.unit.session.test_worker import Patience, settled

ID = PromptId("p-1")


@dataclass(eq=False)
class Shelf(MemoryStore):
    """A store for previews only, which may fail."""

    kept: list[tuple[PromptId, str]] = field(default_factory=list)  # every write: the task, and what the picture shows
    previews: dict[PromptId, Blob] = field(default_factory=dict)
    reads: list[PromptId] = field(default_factory=list)
    deleted: list[PromptId] = field(default_factory=list)
    error: MooringError | None = None

    async def keep_preview(self, task: Task, blob: Blob, media_type: str, kept_at: float) -> bool:
        if self.error is not None:
            raise self.error
        self.kept.append((task.prompt_id, (await blob.read()).decode()))
        self.previews[task.prompt_id] = blob
        return True

    async def read_preview(self, prompt_id: PromptId) -> Blob | None:
        self.reads.append(prompt_id)
        if self.error is not None:
            raise self.error
        return self.previews.get(prompt_id)

    async def delete_preview(self, prompt_id: PromptId) -> None:
        if self.error is not None:
            raise self.error
        self.previews.pop(prompt_id, None)
        self.deleted.append(prompt_id)


@dataclass
class Table:
    """A state whose window has one running task, with the keeper of its previews."""

    shelf: Shelf = field(default_factory=Shelf)
    clock: Patience = field(default_factory=Patience)

    def __post_init__(self) -> None:
        self.state = State(replace(Sandbox(store=self.shelf).ports, clock=self.clock))
        self.put(submitted(ID, state=TaskState.RUNNING))
        self.previews = LastPreviews(self.state)

    def put(self, *tasks: Task) -> None:
        """Give the window these tasks."""
        self.state.records.set_window(Window(ME, CLIENT, tasks={task.prompt_id: task for task in tasks}))

    async def see(self, shown: str, serial: int, prompt_id: PromptId = ID) -> None:
        """Let the socket receive a preview."""
        self.state.live.show_preview(prompt_id, Preview(Bytes(shown.encode(), "image/png"), "image/png", serial))
        await self.change()

    async def change(self) -> None:
        self.state.changed()
        await settled()

    async def end(self) -> None:
        """End the task, and forget what is shown of unfinished ones."""
        self.put(submitted(ID, state=TaskState.SUCCEEDED, ended_at=200.0))
        self.state.live.forget(ID)
        await self.change()


@pytest.fixture
def table() -> Table:
    return Table()


async def test_first_preview_is_kept_soon_then_at_intervals(table: Table) -> None:
    await table.see("one", 1)
    await table.see("two", 2)
    assert (table.clock.seconds, table.shelf.kept) == ([FIRST_PAUSE], [])
    await table.clock.end(0)
    await settled()
    assert table.shelf.kept == [(ID, "two")]
    await table.change()
    assert len(table.clock.waits) == 1, "there is nothing new"
    await table.see("three", 3)
    await table.see("four", 4)
    assert table.clock.seconds == [FIRST_PAUSE, PAUSE]
    await table.clock.end(1)
    await settled()
    assert table.shelf.kept == [(ID, "two"), (ID, "four")]


async def test_end_deletes_kept_preview(table: Table) -> None:
    await table.see("one", 1)
    await table.clock.end(0)
    await table.see("two", 2)
    await table.end()
    assert table.shelf.previews == {}
    await table.clock.end(1)
    await table.change()
    assert (table.shelf.previews, table.shelf.deleted) == ({}, [ID])
    assert [text for _, text in table.shelf.kept] == ["one"]


async def test_ended_task_keeps_no_preview(table: Table) -> None:
    await table.see("one", 1)
    table.put(submitted(ID, state=TaskState.SUCCEEDED, ended_at=200.0))
    await table.clock.end(0)
    assert table.shelf.kept == []


async def test_preview_of_task_taken_by_another_window_stays(table: Table) -> None:
    await table.see("one", 1)
    await table.clock.end(0)
    table.put()
    table.state.live.forget(ID)
    await table.change()
    assert list(table.shelf.previews) == [ID]
    await table.see("two", 2)
    await table.clock.end(1)
    assert [text for _, text in table.shelf.kept] == ["one"], "it is not ours to write"


@pytest.mark.parametrize(
    "error", [StorageError("keep_preview", "quota"), NotOwner("keep_preview", ID), TaskNotFound("keep_preview", ID)]
)
async def test_failure_to_keep_one_preview_does_not_stop_later_ones(
    table: Table, error: MooringError, caplog: pytest.LogCaptureFixture
) -> None:
    table.shelf.error = error
    await table.see("one", 1)
    await table.clock.end(0)
    await settled()
    table.shelf.error = None
    await table.see("two", 2)
    await table.clock.end(1)
    await settled()
    assert table.shelf.kept == [(ID, "two")]
    table.shelf.error = StorageError("delete_preview", "blocked")
    await table.end()
    assert [item for item in caplog.records if item.levelname == "ERROR"] == []


# After a reload


async def test_kept_preview_is_shown_and_read_once(table: Table) -> None:
    table.shelf.previews[ID] = Bytes(b"before", "image/webp")
    seen_states: list[bool] = []
    table.state.subscribe(lambda: seen_states.append(ID in table.state.live.previews))
    await table.previews.restore()
    shown = table.state.live.previews[ID]
    assert (await shown.blob.read(), shown.media_type, shown.serial) == (b"before", "image/webp", 0)
    assert seen_states == [True]
    await table.previews.restore()
    assert table.shelf.reads == [ID]
    await settled()
    assert table.clock.waits == [], "it is kept already"
    await table.see("one", 1)
    assert table.clock.seconds == [PAUSE]
    await table.clock.end(0)
    await settled()
    assert table.shelf.kept == [(ID, "one")]
    await table.end()
    assert table.shelf.previews == {}


async def test_missing_preview_does_not_hide_others(table: Table) -> None:
    other = PromptId("p-2")
    table.put(submitted(ID, state=TaskState.RUNNING), submitted(other, state=TaskState.RUNNING))
    table.shelf.previews[other] = Bytes(b"before", "image/webp")
    await table.previews.restore()
    assert set(table.state.live.previews) == {other}
    await table.previews.restore()
    assert table.shelf.reads == [ID, other, ID], "what is known is not read again, what follows it is"


async def test_newer_preview_is_not_replaced_by_kept_one(table: Table) -> None:
    table.shelf.previews[ID] = Bytes(b"before", "image/webp")
    await table.see("newer", 1)
    await table.previews.restore()
    assert table.state.live.previews[ID].serial == 1


async def test_one_that_is_read_after_the_end_is_not_shown(table: Table) -> None:
    table.shelf.previews[ID] = Bytes(b"before", "image/webp")
    read = table.shelf.read_preview

    async def read_slowly(prompt_id: PromptId) -> Blob | None:
        blob = await read(prompt_id)
        table.put(submitted(ID, state=TaskState.SUCCEEDED, ended_at=200.0))
        return blob

    table.shelf.read_preview = read_slowly  # type: ignore[method-assign]
    await table.previews.restore()
    assert table.state.live.previews == {}
    await settled()
    assert table.shelf.previews == {}, "nor is it left behind"


async def test_unreadable_store_is_read_next_time(table: Table) -> None:
    table.shelf.previews[ID] = Bytes(b"before", "image/webp")
    table.shelf.error = StorageError("read_preview", "blocked")
    await table.previews.restore()
    assert table.state.live.previews == {}
    table.shelf.error = None
    await table.previews.restore()
    assert set(table.state.live.previews) == {ID}
