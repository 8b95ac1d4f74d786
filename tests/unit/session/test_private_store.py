"""What a private window stores, without texts, and what its page holds, within its bounds."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from app.core.errors import NotOwner, StorageError, TaskNotFound
from app.core.model import (
    TEXT,
    BatchId,
    Delivery,
    Failure,
    FileFact,
    InputFile,
    Job,
    NodeError,
    NodeId,
    Part,
    PromptId,
    TaskState,
    Template,
    WindowId,
)
from app.core.ports.blobs import Blob, Keep, KeepSettings
from app.core.ports.store import WindowRecord
from app.core.records import encode
from app.core.waiting_runs import Attachment, Batch, WaitingRun, WaitingRuns
from app.session.memory.database import RESULTS, THUMBNAILS
from app.session.memory.documents import PrivateDocuments
from app.session.memory.private import PrivateStore, private_ports, redacted
from app.session.memory.sandbox import Sandbox
from tests.kit.builders import CLIENT, ME, OTHER, output, reservation, submitted, task
from tests.ports.database import kept_of
from tests.ports.memory_documents import MemoryDocuments
from tests.ports.tasks import changed
from tests.simulation.store import Bytes, SimDatabase, SimPageBlobs, SimStore
from tests.unit.session.test_report import Shelf as JournalInMemory

PICTURE = Bytes(b"picture", "image/png")


class PageBlobs(SimPageBlobs):
    """PageBlobs that remember their names."""

    def __init__(self) -> None:
        self.there: set[tuple[str, str]] = set()

    def put(self, kind: str, name: str, blob: Blob, at: float) -> None:
        self.there.add((kind, name))

    def drop(self, kind: str, name: str) -> None:
        self.there.discard((kind, name))


def a_store() -> tuple[PrivateStore, SimDatabase, PageBlobs]:
    """The store of a private window, the store of all windows below it, and its page's memory."""
    database, page_blobs = SimDatabase(), PageBlobs()
    return PrivateStore(SimStore(database), page_blobs), database, page_blobs


async def claimed(store: PrivateStore, window_id: WindowId = ME) -> None:
    """Claim that window as this tab's."""
    await store.claim(WindowRecord(window_id=window_id, client_id=CLIENT, created_at=1.0, seen_at=1.0))


async def registered(store: PrivateStore, prompt_id: str = "p-1") -> None:
    """Register a task of this window."""
    place = reservation(prompt_id)
    await store.reserve(lambda _: place)
    await store.register(task(prompt_id, title="zqtitle"))


async def wait(store: PrivateStore) -> tuple[WaitingRuns, WaitingRuns]:
    """Let two runs wait in this window, if none did; return the line before, and with them."""
    before = await store.read_line(ME)
    if before.entries:
        return before, before
    picture = Attachment(node_id="1", input_name="image", sha256="picture")
    batch = Batch(batch_id=BatchId("b"), workflow="{}", inputs=(picture,), editor_sha256="editor")
    part = Part(batch_id=BatchId("b"))
    entries = [WaitingRun(prompt_id=PromptId(name), owner=ME, part=part) for name in ("p-1", "p-2")]
    line = before.join(batch, entries, "line")
    await store.write_line(before.change_to(line))
    return before, await store.read_line(ME)


# No word


def test_stored_private_record_has_no_text() -> None:
    fault = NodeError(node_id="2", class_type="T", type="value", message="zqmessage", details="zqdetails")
    whole = submitted(
        title="zqtitle",
        workflow='{"6": "zqprompt"}',
        project="zqproject",
        inputs=(InputFile(node_id=NodeId("1"), input_name="image", name="zqname", original_name="zqfile"),),
        templates=(Template(NodeId("6"), "text", "zqtemplate"),),
        editor_sha256="zqsha",
        editor_fault="zqfault",
        again_of=PromptId("zqagain"),
        part=Part(batch_id=BatchId("zqbatch"), label="zqlabel"),
        warnings=(fault,),
        outputs=(
            output("a.png"),
            output("", folder=TEXT, text="zqtext", delivery=Delivery.KEPT),
            output("b.safetensors", facts=(FileFact("zqmetadata", "zqvalue"),)),
        ),
        job=Job(family="family", size=2.0, models=("zqmodel",)),
        failure=Failure(
            kind="execution", message="zqwords", traceback="zqtraceback", exception_type="E", node_errors=(fault,)
        ),
    )
    written = redacted(whole)
    assert "zq" not in json.dumps(encode(written))
    assert (written.server_id, written.address, written.owner) == (whole.server_id, whole.address, whole.owner)
    assert written.delivery.outputs[0] == whole.delivery.outputs[0], "it is to be fetched after a reload"
    assert written.delivery.outputs[1].delivery is Delivery.GONE, "a text lies nowhere else"
    assert written.job is not None and (written.job.family, written.job.size) == ("family", 2.0)
    failure = written.end.failure
    assert failure is not None and (failure.kind, failure.exception_type) == ("execution", "E")
    bare = redacted(submitted())
    assert (bare.job, bare.end.failure) == (None, None)


# The page's memory


@pytest.mark.parametrize(("bound", "expected"), [(21, ["one", "two", "three"]), (20, ["two", "three"])])
async def test_inputs_have_a_bound_and_the_oldest_go_first(bound: int, expected: list[str]) -> None:
    store, database, _ = a_store()
    store.database.inputs_bound = bound
    for name in ("one", "two", "three"):
        await store.keep_input(name, PICTURE, 1.0)
    assert await those_of(store, "one", "two", "three") == expected
    await store.keep_input("two", PICTURE, 2.0)  # kept a second time: it is the latest now
    await store.keep_input("four", Bytes(bytes(13)), 3.0)
    assert await those_of(store, "one", "two", "three", "four") == ["two", "four"]
    await store.keep_input("huge", Bytes(bytes(100)), 4.0)
    assert await those_of(store, "two", "four", "huge") == ["huge"]
    assert database.inputs == {}


async def those_of(store: PrivateStore, *names: str) -> list[str]:
    """Those of these inputs that exist."""
    return [name for name in names if await store.read_input(name) is not None]


async def test_inputs_of_waiting_runs_are_not_dropped() -> None:
    store, _, _ = a_store()
    store.database.inputs_bound = 10
    for name in ("picture", "editor"):
        await store.keep_input(name, PICTURE, 1.0)
        await wait(store)
    await store.keep_input("later", PICTURE, 2.0)
    await store.keep_input("latest", PICTURE, 3.0)
    assert await those_of(store, "picture", "editor", "later", "latest") == ["picture", "editor", "latest"]


async def test_repeated_result_replaces_itself_and_oldest_are_dropped() -> None:
    store, database, page_blobs = a_store()
    await store.write_settings(KeepSettings(cap_bytes=14))
    for prompt_id in ("p-1", "p-2", "p-3"):
        await registered(store, prompt_id)
    for at, prompt_id in enumerate(("p-1", "p-2", "p-1")):
        assert await store.keep_result(task(prompt_id), 0, PICTURE, at) is True
    assert page_blobs.there == {(RESULTS, "p-1/0"), (RESULTS, "p-2/0")}, "exactly what there is room for"
    assert await kept_of(store) == {("p-1", 0), ("p-2", 0)}
    await store.keep_result(task("p-3"), 0, PICTURE, 4.0)
    assert page_blobs.there == {(RESULTS, "p-1/0"), (RESULTS, "p-3/0")}
    assert await store.read_result(PromptId("p-2"), 0) is None
    await store.write_settings(KeepSettings(cap_bytes=1))
    assert page_blobs.there == {(RESULTS, "p-3/0")}, "the latest is looked at"
    assert (await store.read_settings()).cap_bytes == database.settings.cap_bytes == 1
    assert database.results == {}


async def test_bound_set_by_another_window_applies_except_to_the_latest() -> None:
    store, database, page_blobs = a_store()
    await SimStore(database).write_settings(KeepSettings(cap_bytes=2 * PICTURE.size))
    for prompt_id in ("p-1", "p-2", "p-3", "p-4"):
        await registered(store, prompt_id)
    for at, prompt_id in enumerate(("p-1", "p-2", "p-3")):
        await store.keep_result(task(prompt_id), 0, PICTURE, at)
    assert page_blobs.there == {(RESULTS, "p-2/0"), (RESULTS, "p-3/0")}
    assert await store.keep_result(task("p-4"), 0, Bytes(bytes(3 * PICTURE.size)), 3.0) is True
    assert page_blobs.there == {(RESULTS, "p-4/0")}, "the latest is looked at"


async def test_with_thumbnails_only_no_picture_is_held() -> None:
    store, database, page_blobs = a_store()
    await store.write_settings(KeepSettings(keep=Keep.THUMBNAILS))
    await registered(store)
    assert await store.keep_result(task(), 0, PICTURE, 1.0) is False
    assert await store.keep_thumbnail(task(), 1, PICTURE, 1.0) is True
    assert await store.keep_thumbnail(task(), 2, Bytes(b"text"), 1.0) is False
    assert page_blobs.there == {(THUMBNAILS, "p-1/1")}
    small = await store.read_thumbnail(PromptId("p-1"), 1)
    assert small is not None and await small.read() == b"small picture"
    assert database.thumbnails == {}


async def test_deleting_one_task_keeps_thumbnails_of_others() -> None:
    store, _, page_blobs = a_store()
    for prompt_id in ("p-1", "p-2"):
        await registered(store, prompt_id)
        await store.keep_result(task(prompt_id), 0, PICTURE, 1.0)
        await store.keep_thumbnail(task(prompt_id), 0, PICTURE, 1.0)
    await store.delete_results(PromptId("p-1"))
    assert page_blobs.there == {(RESULTS, "p-2/0"), (THUMBNAILS, "p-2/0")}
    assert await store.read_thumbnail(PromptId("p-1"), 0) is None
    await store.delete_results()
    assert page_blobs.there == set()
    assert await kept_of(store) == frozenset()


async def test_preview_is_not_kept_and_persistence_only_on_request() -> None:
    store, database, _ = a_store()
    assert await store.keep_preview(task(), PICTURE, "image/png", 1.0) is False
    assert await store.persist() is None
    assert database.persist_asked == 0
    for count in (1, 2):
        assert await store.persist(is_asked=True) is False
        assert database.persist_asked == count


async def test_usage_and_inputs_of_other_windows_are_readable() -> None:
    store, database, _ = a_store()
    await SimStore(database).keep_input("theirs", PICTURE, 1.0)
    found = await store.read_input("theirs")
    assert found is not None and await found.read() == PICTURE.data
    assert (await store.usage()).inputs_size == PICTURE.size
    await store.keep_input("ours", PICTURE, 1.0)
    found_names = [await store.find_input(start) for start in ("the", "our", "no")]
    assert found_names == ["theirs", "ours", None]


# Records


async def test_unknown_run_of_plan_is_not_registered() -> None:
    store, database, _ = a_store()
    await store.reserve(lambda _: reservation())
    with pytest.raises(NotOwner):
        await store.register(task(part=Part(batch_id=BatchId("b"))))
    assert database.tasks == {}
    await store.release_reservation(PromptId("p-1"))
    assert database.reservations == {}


async def test_unknown_run_is_not_registered_in_moored_window() -> None:
    store, database, _ = a_store()
    with pytest.raises(NotOwner):
        await store.reserve_and_register(task(part=Part(batch_id=BatchId("b"))), lambda _: None)
    assert database.tasks == {}


async def test_moored_registration_stores_no_text_but_keeps_it_here() -> None:
    store, database, _ = a_store()
    await claimed(store)
    _, line = await wait(store)
    made = task(title="zqtitle", part=Part(batch_id=BatchId("b")))
    await store.reserve_and_register(made, lambda _: None)
    assert "zqtitle" not in json.dumps(database.tasks) and database.tasks
    assert await store.read_task(made.prompt_id) == made
    assert await store.read_line(ME) == line.without(made.prompt_id)


async def test_waiting_run_is_registered_once_and_leaves_line() -> None:
    store, database, _ = a_store()
    _, line = await wait(store)
    taken_back = line.change_to(line.without(PromptId("p-1")))
    await store.reserve(lambda _: reservation())
    await store.register(task(part=Part(batch_id=BatchId("b"))))
    there = await store.read_line(ME)
    assert [item.prompt_id for item in there.entries] == ["p-2"]
    assert await store.read_lines() == {ME: 1}
    with pytest.raises(TaskNotFound):
        await store.write_line(taken_back)
    with pytest.raises(NotOwner):
        await store.write_line(WaitingRuns(window_id=ME).change_to(line))
    assert await store.read_line(ME) == there
    await store.write_line(there.change_to(there.cleared()))
    assert await store.read_lines() == {}
    assert (database.waiting, database.lines, database.batches) == ({}, {}, {})


async def test_run_removed_during_registration_stays_removed() -> None:
    store, database, _ = a_store()
    _, line = await wait(store)
    removals = [line.change_to(line.without(PromptId("p-2")))]

    async def remove() -> None:
        while removals:
            await store.write_line(removals.pop())

    store._inner = SimStore(database, remove)
    await store.reserve_and_register(task(part=Part(batch_id=BatchId("b"))), lambda _: None)
    assert await store.read_lines() == {}


async def test_window_reads_only_its_own_whole_tasks() -> None:
    store, database, _ = a_store()
    await claimed(store)
    await registered(store)
    place = reservation("p-2", window_id=OTHER)
    others = SimStore(database)
    await others.reserve(lambda _: place)
    await others.register(task("p-2", owner=OTHER))
    for owner in (None, ME):
        assert [item.title for item in (await store.read_tasks(owner)).tasks] == ["zqtitle"]
    assert (await store.read_tasks(OTHER)).tasks == ()
    found = await store.read_task(PromptId("p-1"))
    assert found is not None and found.title == "zqtitle"
    assert await store.read_task(PromptId("never was")) is None


async def test_task_taken_by_another_window_is_returned_as_stored() -> None:
    store, database, _ = a_store()
    await claimed(store)
    await registered(store)
    adopted = await SimStore(database).adopt(PromptId("p-1"), (ME, 1), OTHER)
    assert await store.read_task(PromptId("p-1")) == adopted


async def test_delivered_task_lives_in_page_memory_only() -> None:
    store, database, _ = a_store()
    await claimed(store)
    await registered(store)
    await store.update(task(title="zqtitle", state=TaskState.RUNNING))
    under_way = await store.read_task(PromptId("p-1"))
    assert under_way is not None and (under_way.title, under_way.state) == ("zqtitle", TaskState.RUNNING)
    done = task(title="zqtitle", state=TaskState.SUCCEEDED, ended_at=200.0, is_proven=True, answered_at=101.0)
    await store.update(changed(done, outputs=(output("a.png"),)))
    assert len(database.tasks) == 1, "it is not home yet"
    await store.update(done)
    assert (database.tasks, store._stored) == ({}, set())
    later = changed(done, project="zqproject")
    await store.update(later)
    assert await store.read_task(done.prompt_id) == later
    assert (await store.read_tasks(ME)).tasks == (later,)
    assert (await store.read_tasks(OTHER)).tasks == ()
    await store.keep_result(done, 0, PICTURE, 1.0)
    await store.delete_task(done)
    assert await store.read_task(done.prompt_id) is None
    assert await kept_of(store) == frozenset()


async def test_task_stays_whole_while_its_record_cannot_be_deleted() -> None:
    store, database, _ = a_store()
    await claimed(store)
    await registered(store)
    done = task(title="zqtitle", state=TaskState.CANCELLED, ended_at=200.0, is_proven=True)
    database.watchers.append(lambda: setattr(database, "is_blocked", True))  # what follows the end in the same step
    with pytest.raises(StorageError):
        await store.update(done)
    database.watchers.clear()
    database.is_blocked = False
    assert await store.read_task(done.prompt_id) == done
    await store.update(done)
    assert database.tasks == {}
    assert await store.read_task(done.prompt_id) == done


async def test_ended_undeliverable_task_is_deleted_from_store() -> None:
    store, database, _ = a_store()
    await claimed(store)
    await registered(store)
    lost = task(state=TaskState.LOST, ended_at=200.0)
    await store.update(lost)
    await store.delete_task(lost)
    assert (database.tasks, store._stored) == ({}, set())


async def test_adopted_task_is_delivered() -> None:
    store, database, _ = a_store()
    await claimed(store)
    place, others = reservation("p-2", window_id=OTHER), SimStore(database)
    await others.reserve(lambda _: place)
    await others.register(task("p-2", owner=OTHER))
    adopted = await store.adopt(PromptId("p-2"), (OTHER, 1), ME)
    assert (adopted.owner, adopted.is_ward) == (ME, True)
    done = changed(adopted, state=TaskState.CANCELLED, ended_at=200.0, is_proven=True)
    await store.update(done)
    assert database.tasks == {}
    assert await store.read_task(adopted.prompt_id) == done


async def test_adopted_task_that_has_ended_leaves_no_record_once_laid_by() -> None:
    store, database, _ = a_store()
    await claimed(store)
    others = SimStore(database)
    place = reservation("p-2", window_id=OTHER)
    await others.reserve(lambda _: place)
    await others.register(task("p-2", owner=OTHER))
    await others.update(task("p-2", owner=OTHER, state=TaskState.CANCELLED, ended_at=200.0, is_proven=True))
    await store.archive(await store.adopt(PromptId("p-2"), (OTHER, 1), ME))
    assert (database.tasks, database.laid_by) == ({}, {})
    assert await store.read_past_ids() == ["p-2"]


async def test_a_record_that_cannot_be_read_is_deleted_below() -> None:
    store, database, _ = a_store()
    await claimed(store)
    await registered(store)
    database.tasks["p-1"] = {**database.tasks["p-1"], "state": "paused"}
    await store.delete_unreadable(PromptId("p-1"), ME)
    assert database.tasks == {}


async def test_past_tasks_are_read_latest_first_and_deleted_with_bytes() -> None:
    store, database, page_blobs = a_store()
    for name, at in (("p-1", 200.0), ("p-2", 300.0), ("p-3", 250.0)):
        done = task(name, state=TaskState.CANCELLED, ended_at=at, is_proven=True)
        await registered(store, name)
        await store.update(done)
        await store.keep_result(done, 0, PICTURE, at)
        await store.archive(done)
    assert await store.read_past_ids() == ["p-2", "p-3", "p-1"]
    await store.delete_past([PromptId("p-2"), PromptId("never was")])
    assert await store.read_past_ids() == ["p-3", "p-1"]
    assert page_blobs.there == {(RESULTS, "p-1/0"), (RESULTS, "p-3/0")}
    assert database.laid_by == {}


def test_the_journal_of_a_private_window_goes_with_its_page() -> None:
    ports = private_ports(replace(Sandbox().ports, journal=JournalInMemory()), PageBlobs())
    assert ports.journal is None
    assert ports.store is ports.past


async def test_task_ended_just_before_close_is_deleted() -> None:
    store, database, _ = a_store()
    await claimed(store)
    await registered(store, "p-1")
    await registered(store, "p-2")
    done = task(state=TaskState.CANCELLED, ended_at=200.0, is_proven=True)
    await SimStore(database).update(done)
    later = PrivateStore(SimStore(database), PageBlobs())
    fresh = WindowRecord(window_id=ME, client_id=CLIENT, created_at=1.0, seen_at=1.0)
    _, records = await later.claim(fresh)
    assert [item.prompt_id for item in records.tasks] == ["p-2"]
    assert set(database.tasks) == {"p-2"}


async def test_a_private_window_finds_no_line_to_adopt() -> None:
    store, _, _ = a_store()
    with pytest.raises(TaskNotFound):
        await store.adopt_line(OTHER, ME, "line")


# Documents


async def test_private_window_reads_documents_but_forgets_its_own() -> None:
    shelf = {("preset", "a"): "theirs", ("preset", "b"): "theirs", ("favourite", "a"): "x"}
    documents = PrivateDocuments(MemoryDocuments(shelf))
    assert await documents.read_document("preset", "a") == "theirs"
    await documents.write_documents({("preset", "a"): "mine", ("preset", "b"): None, ("preset", "c"): "mine"})
    assert await documents.read_kind("preset") == {"a": "mine", "c": "mine"}
    assert await documents.read_kind("favourite") == {"a": "x"}
    assert [await documents.read_document("preset", name) for name in ("a", "b", "c", "d")] == [
        "mine",
        None,
        "mine",
        None,
    ]
    await documents.change_documents(
        [("favourite", "a"), ("preset", "b"), ("preset", "c")],
        lambda texts: {("favourite", "a"): repr(sorted(texts.values()))},
    )
    assert await documents.read_kind("favourite") == {"a": "['mine', 'x']"}
    assert shelf == {("preset", "a"): "theirs", ("preset", "b"): "theirs", ("favourite", "a"): "x"}
