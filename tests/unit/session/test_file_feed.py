"""Runs with a file each: copied one by one before they wait, through reloads, full stores and unusable files."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from app.core.errors import BadInput, StorageError
from app.core.file_runs import DONE, GIVEN, TO_COME, FileInput, FilePlan, FileRun, FileRuns
from app.core.model import BatchId, NodeId, StoredTasks, Task, TaskState, Template
from app.core.ports.blobs import Blob
from app.core.ports.files import ChosenFile, FileSet
from app.core.ports.http import Request, Response
from app.core.ports.store import WindowRecord
from app.core.waiting_runs import Batch, LineChange, WaitingRun, write_values
from app.session.waiting import file_feed
from app.session.waiting.file_feed import FileFeed
from app.workflows.editor.copy import ready_copy
from app.workflows.plans.runs import Count, plan_runs
from tests.kit.stage import A, B, C, Stage, line_of, scene
from tests.simulation.store import Bytes
from tests.simulation.world import Page, a_picture, a_workflow
from tests.unit.session.test_worker import settled

PLACE = FileInput("1", "image")


@dataclass
class Memory:
    """What a tab remembers."""

    texts: dict[str, str] = field(default_factory=dict)
    recalled: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)

    def recall(self, key: str) -> str:
        self.recalled.append(key)
        return self.texts.get(key, "")

    def remember(self, key: str, value: str) -> None:
        self.texts[key] = value
        self.written.append(key)


@dataclass(frozen=True)
class Heavy(Bytes):
    """Few bytes that count as many."""

    weight: int = 0

    @property
    def size(self) -> int:
        return self.weight


@dataclass
class Folder:
    """Pictures by path, and how often each was opened."""

    pictures: dict[str, bytes]
    opened: list[str] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)  # those that another window has claimed

    @classmethod
    def of(cls, *paths: str) -> Folder:
        return cls({path: a_picture(random.Random(path)) for path in paths})

    def chosen(self, *, size: int | None = None) -> FileSet:
        paths = list(self.pictures)
        files = tuple(
            ChosenFile(path, len(self.pictures[path]) if size is None else size, 7, "image/png") for path in paths
        )

        def open_file(index: int) -> Blob:
            self.opened.append(paths[index])
            return Heavy(self.pictures[paths[index]], "image/png", files[index].size)

        async def claim(index: int) -> bool:
            assert files[index].path in self.opened
            return paths[index] not in self.taken

        return FileSet(files, open_file, claim=claim)


async def check(blob: Blob, name: str, media: str) -> None:
    assert media == "picture"
    if not (await blob.read()).startswith(b"\x89PNG"):
        raise BadInput("not-a-picture", name)


def feed_of(page: Page) -> FileFeed:
    return page.session.line.files


def work_of(page: Page) -> FileRuns:
    return feed_of(page).works[0]


def use(page: Page, memory: Memory) -> None:
    feed_of(page).use(memory, check)


async def start(
    page: Page,
    folder: Folder,
    *,
    per_file: int = 1,
    steps: int = 2,
    size: int | None = None,
    places: tuple[FileInput, ...] = (PLACE,),
    name: str = "",
    editor: str = "",
) -> None:
    """Let a run come for each file."""
    workflow = a_workflow(steps, 5, next(iter(folder.pictures.values())))
    batch = await page.session.line.new_batch(workflow, title="photos", editor=editor)
    files = folder.chosen(size=size)
    runs = tuple(
        FileRun(
            write_values({("2", "nonce"): index}),
            f"{files.files[index // per_file].path} #{index % per_file}",
            templates=(Template(NodeId("2"), "nonce", f"{{{index}|{index}}}"),),
        )
        for index in range(per_file * len(files.files))
    )
    plan = FilePlan(
        batch=batch,
        places=places,
        files=files.files,
        runs=runs,
        media="picture",
        folder=name,
        senders=3,
        editor=editor,
    )
    feed_of(page).start(plan, files)


async def waiting_and_paused(stage: Stage, page: Page) -> None:
    """Let two runs wait in a line that is paused."""
    workflow = a_workflow(400, 1, None)
    await page.session.line.add(workflow, plan_runs(workflow, Count(4)), senders=1)
    await stage.until(lambda: len(line_of(page).entries) == 2 and not page.session.line.sending)
    await page.session.line.pause()


def tasks_of(page: Page) -> list[Task]:
    """The tasks of this tab, by the number of their run."""
    tasks = (task for window in page.windows for task in window.tasks.values())
    return sorted(tasks, key=lambda task: task.part.index if task.part else -1)


def is_settled(page: Page) -> bool:
    """Whether nothing is under way."""
    return all(not work.count(GIVEN) and not work.count(TO_COME) for work in feed_of(page).works)


def is_over(page: Page) -> bool:
    return not feed_of(page).works


@scene
async def test_each_file_is_kept_before_its_run_waits(stage: Stage) -> None:
    page, folder, memory = await stage.window(), Folder.of("a.png", "b/a.png", "c.png", "d.png", "e.png"), Memory()
    use(page, memory)
    kept_late: list[str] = []

    def watch() -> None:
        inputs = (item for entry in line_of(page).entries for item in entry.inputs)
        kept_late.extend(item.name for item in inputs if item.sha256 not in stage.world.database.inputs)

    page.session.subscribe(watch)
    await start(page, folder)
    await stage.until(lambda: is_over(page))
    assert not kept_late
    assert folder.opened == [*folder.pictures], "each is opened once, in order"
    tasks = tasks_of(page)
    assert [task.inputs[0].original_name for task in tasks] == [*folder.pictures]
    assert [task.templates[0].text for task in tasks] == [f"{{{index}|{index}}}" for index in range(5)]
    assert [task.state for task in tasks] == [TaskState.SUCCEEDED] * 5
    assert {task.server_id for task in tasks} == {A, B, C}, "they are spread over the servers"
    assert [task.part.label for task in tasks if task.part] == [f"{path} #0" for path in folder.pictures]
    assert memory.texts == {file_feed.PLANS_KEY: "", file_feed.PROGRESS_KEY: ""}, "nothing is left of it"
    assert memory.recalled == [file_feed.PLANS_KEY, file_feed.PROGRESS_KEY], "read once"
    assert memory.written.count(file_feed.PLANS_KEY) == 2, "the plan is long: only its progress is written often"
    name = tasks[0].part.batch_id if tasks[0].part else BatchId("")
    assert feed_of(page).held(name) == {}, "the page releases the files"
    assert feed_of(page).supply(name, folder.chosen()) == 0


@scene
async def test_file_that_another_window_has_claimed_is_not_run(stage: Stage) -> None:
    page, folder = await stage.window(), Folder.of("a.png", "b.png", "c.png")
    folder.taken.append("b.png")
    use(page, Memory())
    await start(page, folder)
    await stage.until(lambda: is_settled(page))
    assert [task.inputs[0].original_name for task in tasks_of(page)] == ["a.png", "c.png"]
    assert [(fault.run, fault.cause) for fault in work_of(page).progress.faults] == [(1, "shared-gone")]
    await feed_of(page).retry(work_of(page).plan.batch.batch_id)
    await stage.until(lambda: is_settled(page))
    assert len(tasks_of(page)) == 2


@scene
async def test_line_that_was_empty_for_a_moment_still_uses_all_servers(stage: Stage) -> None:
    page, folder = await stage.window(), Folder.of(*(f"{number}.png" for number in range(7)))
    store, gate = page.session._state.ports.store, asyncio.Event()
    write = store.write_line

    async def delay(change: LineChange, *kept: Any) -> None:
        if len(change.added) == 2:  # the second step waits until the first run was sent, so that nothing waits
            await stage.until(lambda: not stage.world.database.waiting)
            gate.set()
        await write(change, *kept)

    store.write_line = delay  # type: ignore[method-assign]
    use(page, Memory())
    await start(page, folder, steps=60)
    await stage.until(gate.is_set)
    await stage.until(lambda: len({task.server_id for task in tasks_of(page)}) == 3)
    await stage.until(lambda: is_over(page))


@scene
async def test_files_that_join_other_runs_use_as_many_servers(stage: Stage) -> None:
    page = await stage.window()
    await waiting_and_paused(stage, page)
    use(page, Memory())
    await start(page, Folder.of("a.png", "b.png"))
    await stage.until(lambda: len(line_of(page).entries) == 4)
    assert line_of(page).senders == 1


@scene
async def test_editor_file_of_a_plan_is_kept_with_its_first_run(stage: Stage) -> None:
    page = await stage.window()
    await waiting_and_paused(stage, page)
    use(page, Memory())
    store, waiting = page.session._state.ports.store, list[int]()
    keep, editor = store.keep_input, ready_copy({"nodes": []})

    async def note(sha256: str, blob: Blob, kept_at: float) -> None:
        if blob.media_type == "application/json":
            waiting.append(len(line_of(page).entries))
        await keep(sha256, blob, kept_at)

    await start(page, Folder.of("a.png", "b.png", "c.png"), editor=editor)
    stage.world.database.inputs.clear()  # as before a reload: no run needs it yet
    store.keep_input = note  # type: ignore[method-assign]
    await stage.until(lambda: len(line_of(page).entries) == 5)
    assert waiting == [2], "kept once, before the first of its runs waits"
    await page.session.line.remove(*(item.prompt_id for item in line_of(page).entries[:2]))
    await page.session.line.send_all()
    await page.session.line.resume()
    await stage.until(lambda: is_over(page))
    done = [task for task in tasks_of(page) if task.inputs]
    assert [(bool(task.editor_sha256), task.editor_fault) for task in done] == [(True, "")] * 3


@scene
async def test_file_with_several_runs_is_opened_once(stage: Stage) -> None:
    page, folder = await stage.window(), Folder.of("a.png", "b.png")
    use(page, Memory())
    await start(page, folder, per_file=3)
    await stage.until(lambda: is_over(page))
    assert folder.opened == ["a.png", "b.png"]
    assert [task.inputs[0].original_name for task in tasks_of(page)] == ["a.png"] * 3 + ["b.png"] * 3


@scene
async def test_file_goes_to_each_input_under_its_path_in_the_folder(stage: Stage) -> None:
    page, folder = await stage.window(), Folder.of("trip/day/a.png")
    await start(page, folder, places=(PLACE, FileInput("5", "mask")), name="trip")
    use(page, Memory())
    entries: list[WaitingRun] = []
    page.session.subscribe(lambda: entries.extend(line_of(page).entries))
    await stage.until(lambda: entries)
    inputs = entries[0].inputs
    assert [(item.node_id, item.input_name) for item in inputs] == [("1", "image"), ("5", "mask")]
    assert {(item.name, item.size) for item in inputs} == {("day/a.png", len(folder.pictures["trip/day/a.png"]))}
    assert {item.sha256 for item in inputs} == {*stage.world.database.inputs}


@scene
async def test_broken_file_stops_nothing_and_is_listed(stage: Stage) -> None:
    page, folder = await stage.window(), Folder.of("a.png", "b.png", "c.png")
    folder.pictures["b.png"] = b"no picture"
    use(page, Memory())
    await start(page, folder)
    await stage.until(lambda: work_of(page).count(DONE) == 2)
    assert [(item.run, item.cause) for item in work_of(page).progress.faults] == [(1, "not-a-picture")]
    folder.pictures["b.png"] = folder.pictures["a.png"]
    await feed_of(page).retry(work_of(page).plan.batch.batch_id)
    await stage.until(lambda: is_over(page))
    assert [task.inputs[0].original_name for task in tasks_of(page)] == ["a.png", "b.png", "c.png"]


@scene
async def test_files_beyond_the_room_are_not_read_until_others_are_sent(stage: Stage) -> None:
    page, folder = await stage.window(), Folder.of(*(f"{number}.png" for number in range(9)))
    use(page, Memory())
    await start(page, folder, steps=60, size=file_feed.ROOM // 2)
    await stage.until(lambda: len(tasks_of(page)) == 6 and len(line_of(page).entries) == 2)
    await stage.sleep(0.5)
    assert len(folder.opened) == 8
    assert feed_of(page).has_unread
    assert page.session.has_loose_ends, "the browser asks before the page is left"
    await stage.until(lambda: is_over(page))
    assert not page.session.has_loose_ends


@scene
async def test_reload_needs_the_folder_again_for_files_that_were_not_copied(stage: Stage) -> None:
    page, folder, memory = await stage.window(), Folder.of(*(f"{number}.png" for number in range(9))), Memory()
    stage.world.database.inputs_bound = 2 * file_feed.ROOM  # the files that wait, and one that is copied
    use(page, memory)
    await start(page, folder, steps=60, size=file_feed.ROOM // 2)
    await stage.until(lambda: len(tasks_of(page)) == 6 and len(line_of(page).entries) == 2)
    await stage.until(lambda: not page.session.line.sending)
    page = await stage.reload(page)
    use(page, memory)
    await stage.until(lambda: bool(feed_of(page).works))
    name = work_of(page).plan.batch.batch_id
    assert work_of(page).missing(feed_of(page).held(name)) == [8]
    assert feed_of(page).supply(name, Folder.of("other.png").chosen()) == 0
    again = Folder(folder.pictures)
    assert feed_of(page).supply(name, again.chosen(size=file_feed.ROOM // 2)) == 1
    await stage.until(lambda: is_over(page))
    assert again.opened == ["8.png"], "the others are not read again"
    assert [task.inputs[0].original_name for task in tasks_of(page)] == [*folder.pictures]


@scene
async def test_plan_is_shown_as_soon_as_the_page_is_back(stage: Stage) -> None:
    page, memory = await stage.window(), Memory()
    use(page, memory)
    await start(page, Folder.of("a.png"))
    page = await stage.reload(page)
    shown: list[int] = []
    page.session.subscribe(lambda: shown.append(len(feed_of(page).works)))
    use(page, memory)
    await settled()
    assert shown[-1] == 1
    assert not feed_of(page).has_unread


@scene
async def test_unreadable_file_has_to_be_chosen_again(stage: Stage) -> None:
    page, folder = await stage.window(), Folder.of("a.png", "b.png")
    unreadable = ["b.png"]

    async def check_once(blob: Blob, name: str, media: str) -> None:
        if name in unreadable:
            raise BadInput("unreadable", unreadable.pop())
        await check(blob, name, media)

    feed_of(page).use(Memory(), check_once)
    await start(page, folder)
    await stage.until(lambda: is_settled(page))
    work = work_of(page)
    name = work.plan.batch.batch_id
    await feed_of(page).retry(name)
    assert work_of(page).missing(feed_of(page).held(name)) == [1]
    assert feed_of(page).supply(name, folder.chosen()) == 1
    await stage.until(lambda: is_over(page))
    assert [task.inputs[0].original_name for task in tasks_of(page)] == ["a.png", "b.png"]


@pytest.mark.parametrize(("per_file", "limits"), [(1, {"ROOM": 40}), (1, {"MOST_AHEAD": 4}), (2, {"MOST_AHEAD": 8})])
@scene
async def test_waiting_runs_stay_within_their_limits(stage: Stage, per_file: int, limits: dict[str, int]) -> None:
    page, folder = await stage.window(), Folder.of(*(f"{number}.png" for number in range(12)))
    most = 0

    def count() -> None:
        nonlocal most
        most = max(most, len(line_of(page).entries))

    page.session.subscribe(count)
    with pytest.MonkeyPatch.context() as patch:
        for name, limit in limits.items():
            patch.setattr(file_feed, name, limit)
        use(page, Memory())
        await start(page, folder, per_file=per_file, size=10)
        await stage.until(lambda: is_over(page))
    assert most == 4 * per_file, "the files that there is room for, each with all its runs"
    assert len(tasks_of(page)) == 12 * per_file


@scene
async def test_file_larger_than_the_room_waits_alone(stage: Stage) -> None:
    page, most = await stage.window(), 0

    def count() -> None:
        nonlocal most
        most = max(most, len(line_of(page).entries))

    page.session.subscribe(count)
    use(page, Memory())
    await start(page, Folder.of("a.png", "b.png"), size=file_feed.ROOM + 1)
    await stage.until(lambda: is_over(page))
    assert (most, len(tasks_of(page))) == (1, 2)


@scene
async def test_plan_that_is_too_large_leaves_the_tabs_storage_to_forms(stage: Stage) -> None:
    page, memory = await stage.window(), Memory()
    use(page, memory)
    await start(page, Folder.of("a.png", "b.png"), steps=60)
    first = work_of(page).plan.batch.batch_id
    remembered = memory.texts[file_feed.PLANS_KEY]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(file_feed, "MOST_REMEMBERED", len(remembered))
        await start(page, Folder.of("c.png"), steps=60)
    second = feed_of(page).works[1].plan.batch.batch_id
    assert memory.texts[file_feed.PLANS_KEY] == remembered
    assert (feed_of(page).is_remembered(first), feed_of(page).is_remembered(second)) == (True, False)
    await stage.until(lambda: is_over(page))
    assert memory.texts == {file_feed.PLANS_KEY: "", file_feed.PROGRESS_KEY: ""}


@scene
async def test_no_run_is_lost_or_sent_twice_wherever_the_page_crashes(stage: Stage) -> None:
    for number in range(4):
        page, folder, memory = await stage.window(), Folder.of("a.png", "b.png", "c.png", "d.png"), Memory()
        use(page, memory)
        await start(page, folder, steps=20)
        await stage.until(lambda page=page, number=number: len(tasks_of(page)) >= number)
        page = await stage.reload(page, crashed=True)
        use(page, memory)
        await stage.sleep(1)
        for work in feed_of(page).works:
            feed_of(page).supply(work.plan.batch.batch_id, folder.chosen())
        await stage.until(lambda page=page: is_settled(page))
        for work in feed_of(page).works:  # a run that the crash has lost is listed
            await feed_of(page).retry(work.plan.batch.batch_id)
        await stage.until(lambda page=page: is_over(page))
        done = [task for task in tasks_of(page) if task.state is TaskState.SUCCEEDED]
        assert [task.part.index for task in done if task.part] == [0, 1, 2, 3]


@pytest.mark.parametrize("status", [400, 413, 415, 422])
@scene
async def test_file_that_a_server_refuses_leaves_the_line(stage: Stage, status: int) -> None:
    page, folder = await stage.window(), Folder.of("a.png", "b.png", "c.png")
    use(page, Memory())
    http = page.session._state.ports.http
    upload, refused = http.upload, folder.pictures["b.png"]

    async def refuse(request: Request, progress: Callable[[float], None]) -> Response:
        if request.form is not None and await request.form.file.read() == refused:
            return Response(status, {}, "too large")
        return await upload(request, progress)

    http.upload = refuse  # type: ignore[method-assign]
    await start(page, folder)
    await stage.until(lambda: work_of(page).count(DONE) == 2 and not line_of(page).entries)
    assert [(item.run, item.cause, item.detail) for item in work_of(page).progress.faults] == [
        (1, "refused-file", str(status))
    ]
    assert line_of(page).pause is None


@scene
async def test_failing_server_lists_no_file(stage: Stage) -> None:
    page, folder = await stage.window(), Folder.of("a.png", "b.png")
    use(page, Memory())
    http = page.session._state.ports.http
    upload, failures = http.upload, [500]

    async def fail_once(request: Request, progress: Callable[[float], None]) -> Response:
        return Response(failures.pop(), {}, "broken") if failures else await upload(request, progress)

    http.upload = fail_once  # type: ignore[method-assign]
    await start(page, folder)
    await stage.until(lambda: is_settled(page))
    assert not failures and is_over(page)
    assert len(tasks_of(page)) == 2


@scene
async def test_run_sent_while_a_window_has_no_store_is_not_repeated(stage: Stage) -> None:
    page, folder = await stage.window(), Folder.of("a.png", "b.png")
    store = page.session._state.ports.store
    claim = store.claim

    async def fail(fresh: WindowRecord) -> tuple[WindowRecord, StoredTasks]:
        raise StorageError("claim", "closed")

    async def check_late(blob: Blob, name: str, media: str) -> None:
        if name == "b.png":
            await stage.until(lambda: page.session.line.whole is None)
        await check(blob, name, media)

    store.claim = fail  # type: ignore[method-assign]
    feed_of(page).use(Memory(), check_late)
    await start(page, folder)
    await stage.until(lambda: len(tasks_of(page)) == 2)
    store.claim = claim  # type: ignore[method-assign]
    page.session.wake("visible")
    await stage.until(lambda: is_over(page))
    assert len(tasks_of(page)) == 2


@scene
async def test_full_store_delays_a_file_and_loses_none(stage: Stage) -> None:
    page, folder = await stage.window(), Folder.of("a.png", "b.png")
    use(page, Memory())
    store = page.session._state.ports.store
    keep, failures = store.keep_input, [1]

    async def fail_once(sha256: str, blob: Blob, kept_at: float) -> None:
        if failures:
            failures.pop()
            raise StorageError("keep_input", "quota")
        await keep(sha256, blob, kept_at)

    store.keep_input = fail_once  # type: ignore[method-assign]
    await start(page, folder)
    await stage.until(lambda: feed_of(page).error is not None)
    await stage.until(lambda: is_over(page))
    assert feed_of(page).error is None
    assert len(tasks_of(page)) == 2


@pytest.mark.parametrize("is_reloaded", [True, False])
@scene
async def test_lost_run_is_listed_and_runs_again_with_its_file(stage: Stage, is_reloaded: bool) -> None:
    page, folder, memory = await stage.window(), Folder.of("a.png"), Memory()
    use(page, memory)
    await start(page, folder, steps=900)
    await stage.until(lambda: any(task.state is TaskState.RUNNING for task in tasks_of(page)))
    server_id = tasks_of(page)[0].server_id
    if is_reloaded:
        page = await stage.reload(page)
        use(page, memory)
    stage.world.network.servers[server_id].restart()
    await stage.until(lambda: bool(feed_of(page).works) and bool(work_of(page).progress.faults))
    if is_reloaded:
        page = await stage.reload(page)
        use(page, memory)
        await stage.until(lambda: bool(feed_of(page).works))
    fault = work_of(page).progress.faults[0]
    assert (fault.cause, fault.prompt_id) == ("lost", tasks_of(page)[0].prompt_id)
    await feed_of(page).retry(work_of(page).plan.batch.batch_id)
    await stage.until(lambda: is_over(page))
    assert [task.state for task in tasks_of(page)] == [TaskState.LOST, TaskState.SUCCEEDED]
    assert len(folder.opened) == (1 if is_reloaded else 2), "the kept copy is for a page that lacks the file"


@scene
async def test_removed_runs_are_not_waited_for(stage: Stage) -> None:
    page, folder = (
        await stage.window(),
        Folder.of(*(f"{number}.png" for number in range(8))),
    )
    use(page, Memory())
    await start(page, folder, steps=60)
    await stage.until(lambda: len(tasks_of(page)) == 6 and len(line_of(page).entries) == 2)
    await page.session.line.remove(*(item.prompt_id for item in line_of(page).entries))
    await stage.until(lambda: is_over(page))
    assert len(tasks_of(page)) == 6


@scene
async def test_cancelling_everything_leaves_no_file_to_follow(stage: Stage) -> None:
    page, folder = await stage.window(), Folder.of(*(f"{number}.png" for number in range(9)))
    use(page, Memory())
    await start(page, folder, steps=60, size=file_feed.ROOM // 2)
    await stage.until(lambda: len(tasks_of(page)) == 6 and len(line_of(page).entries) == 2)
    assert feed_of(page).has_unread
    await page.session.line.cancel_mine()
    await stage.until(lambda: is_over(page))
    assert {task.state for task in tasks_of(page)} == {TaskState.CANCELLED}
    assert (len(tasks_of(page)), len(folder.opened)) == (6, 8)


@scene
async def test_runs_that_are_dropped_while_they_join_are_removed(stage: Stage) -> None:
    page, folder = await stage.window(), Folder.of("a.png", "b.png")
    use(page, Memory())
    await start(page, Folder.of(*(f"{number}.png" for number in range(8))), steps=60)
    await stage.until(lambda: len(tasks_of(page)) == 6 and len(line_of(page).entries) == 2)
    await page.session.line.pause()
    waiting, join = line_of(page).entries, page.session.line.join
    joined: list[tuple[WaitingRun, ...]] = []

    async def join_late(batch: Batch, entries: list[WaitingRun], senders: int, editor: str) -> None:
        feed_of(page).drop_rest(batch.batch_id)
        await join(batch, entries, senders, editor)
        joined.append(line_of(page).entries)

    page.session.line.join = join_late  # type: ignore[method-assign]
    await start(page, folder)
    await stage.until(lambda: bool(joined) and line_of(page).entries == waiting)
    assert [len(entries) for entries in joined] == [3]
    assert folder.opened == ["a.png"]


@scene
async def test_dropped_rest_can_be_taken_back(stage: Stage) -> None:
    page, folder = await stage.window(), Folder.of(*(f"{number}.png" for number in range(9)))
    use(page, Memory())
    await start(page, folder, steps=60, size=file_feed.ROOM // 2)
    await stage.until(lambda: len(line_of(page).entries) == 2)
    undo = feed_of(page).drop_rest(work_of(page).plan.batch.batch_id)
    assert not feed_of(page).has_unread
    undo()
    assert feed_of(page).has_unread
    await stage.until(lambda: is_over(page))
    assert len(tasks_of(page)) == 9


@scene
async def test_dropped_failures_can_be_taken_back(stage: Stage) -> None:
    page, folder, memory = await stage.window(), Folder.of("a.png", "b.png"), Memory()
    folder.pictures["b.png"] = b"no picture"
    use(page, memory)
    await start(page, folder)
    await stage.until(lambda: is_settled(page))
    work, remembered = work_of(page), dict(memory.texts)
    undo = feed_of(page).drop_failures(work.plan.batch.batch_id)
    assert is_over(page) and memory.texts != remembered
    undo()
    assert (work_of(page), memory.texts) == (work, remembered)
    folder.pictures["b.png"] = folder.pictures["a.png"]
    await feed_of(page).retry(work.plan.batch.batch_id)
    await stage.until(lambda: is_over(page))
    assert [task.inputs[0].original_name for task in tasks_of(page)] == ["a.png", "b.png"]


@scene
async def test_dropping_the_whole_plan_can_be_taken_back(stage: Stage) -> None:
    page, folder, memory = await stage.window(), Folder.of("a.png", "b.png"), Memory()
    use(page, memory)
    await start(page, folder)
    remembered = dict(memory.texts)
    undo = feed_of(page).drop_rest(work_of(page).plan.batch.batch_id)
    assert is_over(page) and memory.texts != remembered
    undo()
    assert memory.texts == remembered, "a reload keeps it"
    await stage.until(lambda: is_over(page))
    assert len(tasks_of(page)) == 2


@scene
async def test_plan_dropped_while_its_file_is_read_sends_nothing(stage: Stage) -> None:
    page, folder = await stage.window(), Folder.of("a.png")

    async def drop(blob: Blob, name: str, media: str) -> None:
        feed_of(page).drop_rest(work_of(page).plan.batch.batch_id)
        await check(blob, name, media)

    feed_of(page).use(Memory(), drop)
    await start(page, folder)
    await stage.until(lambda: folder.opened and is_over(page))
    await start(page, Folder.of("b.png"))
    await stage.until(lambda: is_over(page))
    assert line_of(page).entries == () and tasks_of(page) == []
