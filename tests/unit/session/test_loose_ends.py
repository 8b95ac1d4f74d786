"""What a closing page would lose: a click, an upload or a write that is not durable, but never running work."""

from __future__ import annotations

import pytest

from app.core.errors import NotOwner, StorageError
from app.core.model import PromptId, Task
from app.session import Run, RunStage
from app.session.loose_ends import LooseEnds
from tests.kit.stage import Stage, scene, task_of
from tests.simulation.store import Bytes

ID = PromptId("a")
FULL = StorageError("update", "quota")


def a_run(stage: RunStage) -> Run:
    return Run(prompt_id=ID, title="", started_at=0.0, stage=stage)


@pytest.mark.parametrize(
    ("stage", "is_loose"),
    [
        (RunStage.RESERVING, True),
        (RunStage.CONNECTING, True),
        (RunStage.UPLOADING, True),
        (RunStage.REGISTERING, True),
        (RunStage.SUBMITTING, False),
        (RunStage.DONE, False),
        (RunStage.FAILED, False),
    ],
)
def test_a_click_is_loose_until_its_record_is_durable(stage: RunStage, is_loose: bool) -> None:
    assert LooseEnds(lambda: None).any([a_run(stage)], None) is is_loose


def test_write_counts_until_it_succeeds_or_store_recovers() -> None:
    ends = LooseEnds(lambda: None)
    with ends.write(ID, is_end=True):
        assert ends.any([], None)
    assert not ends.any([], None)
    with pytest.raises(StorageError), ends.write(ID, is_end=True):
        raise FULL
    assert ends.any([], FULL)
    assert not ends.any([], None), "the store has taken another write since"
    with ends.write(ID, is_end=True):
        pass
    assert not ends.any([], FULL), "it is written; the error was another's"


def test_record_of_another_window_is_no_loose_end() -> None:
    ends = LooseEnds(lambda: None)
    with pytest.raises(StorageError), ends.write(ID, is_end=True):
        raise FULL
    with pytest.raises(NotOwner), ends.write(ID, is_end=True):
        raise NotOwner("update", ID, None)
    assert not ends.any([], FULL)


@scene
async def test_running_work_is_nothing_to_lose(stage: Stage) -> None:
    page = await stage.window()
    changes: list[tuple[set[RunStage], bool]] = []
    page.session.subscribe(
        lambda: changes.append(({run.stage for run in page.session.runs}, page.session.has_loose_ends))
    )
    prompt_id = await stage.run(page, steps=6, picture=b"picture")
    assert any(is_loose for _, is_loose in changes), "while its file was not stored"
    await stage.until_running(page, prompt_id)
    await stage.until(lambda: not page.session.has_loose_ends)
    assert not task_of(page, prompt_id).state.is_end
    await stage.ended(page, prompt_id)
    assert not page.session.has_loose_ends
    assert not any(is_loose for stages, is_loose in changes if RunStage.CONNECTING in stages), "the press is kept"


@scene
async def test_only_the_record_of_an_end_could_be_lost(stage: Stage) -> None:
    page = await stage.window()
    store = page.session._state.ports.store
    written, update = set[tuple[bool, bool]](), store.update

    async def observe(task: Task) -> None:
        written.add((task.state.is_end, page.session.has_loose_ends))
        await update(task)

    store.update = observe  # type: ignore[method-assign]
    prompt_id = await stage.run(page, steps=6)
    await stage.ended(page, prompt_id)
    assert written == {(False, False), (True, True)}, "the next page learns again what a running task does"


@scene
async def test_a_scripts_upload_is_loose_while_it_is_under_way(stage: Stage) -> None:
    page = await stage.window()
    seen: list[bool] = []
    stage.once_requested("POST", "/upload/image", lambda _: seen.append(page.session.has_loose_ends))
    await page.session.upload_image(Bytes(b"picture", "image/png"), "photo.png")
    assert seen == [True]
    assert not page.session.has_loose_ends
    await page.session.release_uploads()


def test_listeners_are_notified_of_loose_ends_and_finished_uploads() -> None:
    changes: list[bool] = []
    ends = LooseEnds(lambda: changes.append(ends.any([], None)))
    with ends.upload():
        assert changes == [True]
    assert changes == [True, False]
    with ends.write(ID, is_end=True):
        assert changes == [True, False, True]
