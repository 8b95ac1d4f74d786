"""Promise 8 under a cap: dropped results are recorded as such, and fetched only if the file is still the same."""

from __future__ import annotations

import asyncio

import pytest

from app.core.errors import TaskNotFound, TransportError
from app.core.model import Delivery, Note, PromptId, TaskDelivery, TaskState
from app.core.ports.blobs import Keep, KeepSettings
from app.session.delivery.results import MOST_FRESH
from tests.kit.builders import output
from tests.kit.stage import A, Stage, bytes_of, scene, task_of
from tests.simulation.server import Answer
from tests.simulation.store import Bytes
from tests.simulation.world import Page


async def one_dropped(stage: Stage) -> tuple[Page, PromptId, bytes]:
    """A page with a task whose original was dropped from the store, and that original."""
    page = await stage.window()
    prompt_id = await stage.run(page, server_id=A)
    await stage.ended(page, prompt_id)
    data = await bytes_of(page, prompt_id)
    assert data is not None
    await page.session.results.configure(KeepSettings(0))
    assert delivery_of(page, prompt_id) is Delivery.DROPPED
    return page, prompt_id, data


def delivery_of(page: Page, prompt_id: PromptId) -> Delivery:
    (output,) = task_of(page, prompt_id).delivery.outputs
    return output.delivery


async def small_of(page: Page, prompt_id: PromptId) -> bytes | None:
    blob = await page.session.results.read_thumbnail(prompt_id)
    return await blob.read() if blob else None


@scene
async def test_oldest_original_is_dropped_and_recorded_with_its_thumbnail(stage: Stage) -> None:
    page = await stage.window()
    first = await stage.run(page)
    size = (await stage.ended(page, first)).delivery.outputs[0].size
    await page.session.results.configure(KeepSettings(size * 5 // 2))
    others = [await stage.run(page) for _ in range(2)]
    for prompt_id in others:
        await stage.ended(page, prompt_id)
    await stage.until(lambda: delivery_of(page, first) is Delivery.DROPPED)
    assert [delivery_of(page, item) for item in others] == [Delivery.KEPT] * 2
    assert await bytes_of(page, first) is None
    assert all([await small_of(page, item) for item in (first, *others)])
    back = await stage.reload(page)
    assert delivery_of(back, first) is Delivery.DROPPED, "it is in the record"


@scene
async def test_result_dropped_by_another_window_is_noticed_on_wake(stage: Stage) -> None:
    page, other = await stage.window(), await stage.window()
    prompt_id = await stage.run(page)
    await stage.ended(page, prompt_id)
    await stage.until(lambda: page.session.results.usage is not None and page.session.results.usage.count == 1)
    await other.session.results.delete_all()
    await stage.sleep(60.0)
    assert delivery_of(page, prompt_id) is Delivery.KEPT, "nobody has looked"
    page.session.wake("visible")
    await stage.until(lambda: delivery_of(page, prompt_id) is Delivery.DROPPED)
    assert await small_of(page, prompt_id) is None


@scene
async def test_dropped_result_is_fetched_from_its_own_server(stage: Stage) -> None:
    page, prompt_id, data = await one_dropped(stage)
    asked = len(stage.requests("GET", "/view"))
    blob = await page.session.results.fetch(prompt_id)
    assert blob is not None
    assert await blob.read() == data
    assert [item.server_id for item in stage.requests("GET", "/view")[asked:]] == [A]
    assert delivery_of(page, prompt_id) is Delivery.DROPPED, "it was shown, not kept"


@scene
async def test_drawing_of_own_task_becomes_its_thumbnail(stage: Stage) -> None:
    page, other = await stage.window(), await stage.window()
    prompt_id = await stage.run(page)
    await stage.ended(page, prompt_id)
    for at, data in ((page, b"drawing"), (other, b"stranger's")):
        await at.session.results.keep_drawing(prompt_id, 0, Bytes(data, "image/png"))
    assert await small_of(page, prompt_id) == b"small drawing"


@scene
async def test_dropped_result_with_overwritten_file_is_never_returned(stage: Stage) -> None:
    page, prompt_id, data = await one_dropped(stage)
    files = stage.world.sims[A].files
    files.update(dict.fromkeys(files, (bytes(len(data)), stage.now + 60.0)))
    assert await page.session.results.fetch(prompt_id) is None
    assert delivery_of(page, prompt_id) is Delivery.OVERWRITTEN
    assert await small_of(page, prompt_id) is not None


@scene
async def test_dropped_result_of_another_size_is_never_returned(stage: Stage) -> None:
    """A file restored from a backup has an old date."""
    page, prompt_id, _ = await one_dropped(stage)
    files = stage.world.sims[A].files
    files.update({key: (b"another picture", at) for key, (_, at) in files.items()})
    assert await page.session.results.fetch(prompt_id) is None
    assert delivery_of(page, prompt_id) is Delivery.OVERWRITTEN


@pytest.mark.parametrize(("mark", "is_given"), [('"aaa"', True), ('W/"aaa"', True), ('"bbb"', False), ("", True)])
@scene
async def test_a_dropped_result_with_another_mark_is_never_given_out(stage: Stage, mark: str, is_given: bool) -> None:
    sim = stage.world.sims[A]
    whole, marks = sim.files.view, ['"aaa"']

    def view(query: dict[str, str]) -> Answer:
        answer = whole(query)
        answer.headers["etag"] = marks[0]
        return answer

    sim.files.view = view  # type: ignore[method-assign]
    page, prompt_id, _ = await one_dropped(stage)
    assert task_of(page, prompt_id).delivery.outputs[0].etag == '"aaa"'
    marks[0] = mark
    assert (await page.session.results.fetch(prompt_id) is not None) is is_given
    assert delivery_of(page, prompt_id) is (Delivery.DROPPED if is_given else Delivery.OVERWRITTEN)


@scene
async def test_dropped_result_gone_from_server_is_recorded(stage: Stage) -> None:
    page, prompt_id, data = await one_dropped(stage)
    stage.world.sims[A].files.clear()
    assert await page.session.results.fetch(prompt_id) is None
    (output,) = task_of(page, prompt_id).delivery.outputs
    assert (output.delivery, output.size) == (Delivery.GONE, len(data))


@scene
async def test_a_server_that_does_not_answer_changes_nothing(stage: Stage) -> None:
    page, prompt_id, _ = await one_dropped(stage)
    stage.world.sims[A].is_down = True
    with pytest.raises(TransportError):
        await page.session.results.fetch(prompt_id)
    assert delivery_of(page, prompt_id) is Delivery.DROPPED


@scene
async def test_with_thumbnails_only_the_picture_stays_on_its_server(stage: Stage) -> None:
    page = await stage.window()
    await page.session.results.configure(KeepSettings(1_000_000, Keep.THUMBNAILS))
    prompt_id = await stage.run(page)
    await stage.ended(page, prompt_id)
    assert delivery_of(page, prompt_id) is Delivery.THUMBNAIL
    assert stage.world.database.results == {}
    assert await small_of(page, prompt_id) is not None
    assert await page.session.results.fetch(prompt_id) is not None


@scene
async def test_a_full_disk_never_stops_the_truth(stage: Stage) -> None:
    """Run after run, with room for few pictures: each task is durable, runs once, and its end is durable."""
    page = await stage.window()
    first = await stage.ended(page, await stage.run(page))
    for index in range(1, 8):
        await stage.store().keep_result(first, index, Bytes(bytes(20_000)), stage.now)
    quota = stage.world.database.quota = stage.world.database.used + 10_000
    done = [await stage.ended(page, await stage.run(page)) for _ in range(12)]
    assert [task.state for task in done] == [TaskState.SUCCEEDED] * 12
    assert stage.world.database.used <= quota
    assert [stage.world.database.task(task.prompt_id).state for task in done] == [TaskState.SUCCEEDED] * 12  # type: ignore[union-attr]
    assert len(stage.world.database.results) < 20, "the disk never got full"
    assert delivery_of(page, first.prompt_id) is Delivery.DROPPED
    assert page.session.store_error is None


@scene
async def test_deleting_all_updates_records_and_usage(stage: Stage) -> None:
    page = await stage.window()
    ids = [await stage.run(page) for _ in range(2)]
    for prompt_id in ids:
        await stage.ended(page, prompt_id)
    deletions = page.session.results.deletions
    await page.session.results.delete_all()
    assert page.session.results.deletions > deletions, "thumbnails that the page shows are released"
    assert [delivery_of(page, item) for item in ids] == [Delivery.DROPPED] * 2
    usage = page.session.results.usage
    assert usage is not None
    assert (usage.count, usage.size, usage.thumbnails) == (0, 0, 0)


@scene
async def test_delivery_updates_usage(stage: Stage) -> None:
    page = await stage.window()
    await stage.until(lambda: page.session.results.usage is not None)
    prompt_id = await stage.run(page)
    await stage.ended(page, prompt_id)

    def count() -> int:
        usage = page.session.results.usage
        return usage.count if usage else 0

    await stage.until(lambda: count() == 1)
    assert await page.session.results.read(prompt_id) is not None
    assert await page.session.read_result(prompt_id) is not None
    assert await page.session.results.read(prompt_id, 1) is None
    await page.session.delete_task(prompt_id)
    await stage.until(lambda: count() == 0)


@scene
async def test_persistent_storage_is_requested_once_there_are_results(stage: Stage) -> None:
    page = await stage.window()
    await asyncio.sleep(60.0)
    assert stage.world.database.persist_asked == 0
    for _ in range(2):
        await stage.ended(page, await stage.run(page))
    page = await stage.reload(page)
    await stage.ended(page, await stage.run(page))
    await asyncio.sleep(60.0)
    assert stage.world.database.persist_asked == 1
    await page.session.results.ask_promise()
    assert stage.world.database.persist_asked == 2


@scene
async def test_new_result_is_not_recorded_as_dropped(stage: Stage) -> None:
    """A check of the store that began before the bytes were stored proves nothing about them."""
    page = await stage.window()

    async def look_often() -> None:
        while True:
            await page.session.results.refresh()

    looking = asyncio.ensure_future(look_often())
    ids = [await stage.run(page) for _ in range(12)]
    for prompt_id in ids:
        await stage.ended(page, prompt_id)
    looking.cancel()
    assert [delivery_of(page, item) for item in ids] == [Delivery.KEPT] * 12


# Checks of the store


def count_calls(page: Page, name: str) -> list[str]:
    """Count the calls of that operation of the page's store."""
    store, calls = page.session._state.ports.store, list[str]()
    inner = getattr(store, name)

    async def counted(*args: object, **more: object) -> object:
        calls.append(name)
        return await inner(*args, **more)

    setattr(store, name, counted)
    return calls


@scene
async def test_several_refreshes_in_a_row_run_once(stage: Stage) -> None:
    page = await stage.window()
    await stage.until(lambda: page.session.results.usage is not None)
    await stage.sleep(1.0)
    looks = count_calls(page, "usage")
    for _ in range(5):
        page.session.results.refresh_soon()
    await stage.sleep(1.0)
    assert len(looks) == 1
    page.session.results.refresh_soon()
    await stage.sleep(1.0)
    assert len(looks) == 2


@scene
async def test_failed_refresh_is_repeated_next_time(stage: Stage) -> None:
    page = await stage.window()
    await stage.ended(page, await stage.run(page))
    await stage.until(lambda: page.session.results.usage is not None and page.session.results.usage.count == 1)
    usage = page.session.results.usage
    await stage.store().delete_results()
    stage.world.database.is_blocked = True
    page.session.results.refresh_soon()
    await stage.sleep(1.0)
    assert page.session.results.usage is usage, "nothing is known beyond that"
    stage.world.database.is_blocked = False
    page.session.results.refresh_soon()
    await stage.until(lambda: page.session.results.usage is not None and page.session.results.usage.count == 0)


@scene
async def test_the_promise_is_sought_once_a_page(stage: Stage) -> None:
    page = await stage.window()
    asked = count_calls(page, "persist")
    for _ in range(3):
        await stage.ended(page, await stage.run(page))
    await stage.sleep(5.0)
    assert len(asked) == 1
    looks = count_calls(page, "usage")
    await page.session.results.ask_promise()
    assert (len(asked), len(looks)) == (2, 1), "the usage has the promise of the browser"


@pytest.mark.parametrize("how", ["deleted", "smaller", "past"])
@scene
async def test_failed_write_is_retried_once_results_made_room(stage: Stage, how: str) -> None:
    page = await stage.window()
    old = await stage.ended(page, await stage.run(page))
    await stage.store().archive(old)
    page.session._state.records.forget(old.prompt_id)
    prompt_id = await stage.run(page, steps=9000)
    await stage.until_running(page, prompt_id)
    stage.world.database.is_full = True
    await page.session._state.records.amend(prompt_id, lambda task: task.with_note(Note(stage.now, "story")))
    assert page.session.store_error is not None
    stage.world.database.is_full = False
    if how == "deleted":
        await page.session.results.delete_all()
    elif how == "past":
        await page.session.past.delete([old.prompt_id])
    else:
        await page.session.results.configure(KeepSettings(1))
    assert page.session.store_error is None
    assert page.session._state.records.loose_ends.unwritten == ()


def test_only_the_missing_one_of_several_files_is_recorded() -> None:
    kept = [output(name, delivery=Delivery.KEPT) for name in ("a.png", "b.png")]
    gone = output("c.png", delivery=Delivery.GONE)
    delivery = TaskDelivery(outputs=(*kept, gone))
    updated = delivery.with_dropped(kept[1].file)
    assert [item.delivery for item in updated.outputs] == [Delivery.KEPT, Delivery.DROPPED, Delivery.GONE]
    assert delivery.with_dropped(gone.file) == delivery, "another delivery stays unchanged"


# What was laid by


@scene
async def test_picture_of_past_task_is_fetched_without_changing_its_record(stage: Stage) -> None:
    page = await stage.window()
    await page.session.results.configure(KeepSettings(1_000_000, Keep.THUMBNAILS))
    prompt_id = await stage.run(page, server_id=A)
    task = await stage.ended(page, prompt_id)
    await stage.store().archive(task)
    page.session._state.records.forget(prompt_id)
    blob = await page.session.results.fetch(prompt_id)
    assert blob is not None
    stage.world.sims[A].files.clear()
    assert await page.session.results.fetch(prompt_id) is None
    assert await page.session.past.read_task(prompt_id) == task
    with pytest.raises(TaskNotFound):
        await page.session.results.fetch(PromptId("never was"))


@scene
async def test_page_gets_bytes_of_latest_deliveries_once(stage: Stage) -> None:
    page = await stage.window()
    made = [await stage.run(page) for _ in range(MOST_FRESH + 1)]
    for prompt_id in made:
        await stage.ended(page, prompt_id)
    fresh = page.session.results.take_fresh()
    assert fresh.keys() == {(prompt_id, 0) for prompt_id in made[1:]}, "no more than a page draws"
    latest = fresh[made[-1], 0]
    assert latest.original is not None and latest.thumbnail is not None
    assert await latest.original.read() == await bytes_of(page, made[-1])
    assert await latest.thumbnail.read() == await small_of(page, made[-1])
    assert page.session.results.take_fresh() == {}
