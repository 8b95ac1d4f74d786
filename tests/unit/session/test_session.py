"""What the session itself does before it delegates: refusals, files of a form, removed servers."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from app.core.errors import BadInput, InvalidTransition
from app.core.model import Note, PromptId, ServerId
from app.core.ports.http import Response
from app.session import Run, Session
from app.session.memory.sandbox import HERE, Sandbox, make_fleet
from app.session.session import INPUT_KEPT
from app.session.submitting.remote_choices import LISTED
from tests.kit.stage import A, B, C, Stage, scene, task_of, window_of
from tests.simulation.store import Bytes
from tests.unit.session.test_files import Answering
from tests.unit.session.test_private import private_window

(ROUTE,) = LISTED


class Large(Bytes):
    """A file with the most bytes that a form allows, and `more`; its content is not read to know that."""

    more = 0

    @property
    def size(self) -> int:
        return INPUT_KEPT + self.more


class TooLarge(Large):
    more = 1


@scene
async def test_form_file_is_kept_by_hash_unless_too_large(stage: Stage) -> None:
    page = await stage.window()
    for blob in (Bytes(b"picture"), Large(b"large")):
        sha256 = await page.session.keep_input(blob)
        assert sha256 == hashlib.sha256(await blob.read()).hexdigest()
        found = await stage.store().read_input(sha256)
        assert found is not None and await found.read() == await blob.read()
    count = len(stage.world.database.inputs)
    assert await page.session.keep_input(TooLarge(b"too large")) == ""
    assert len(stage.world.database.inputs) == count


@scene
async def test_private_work_without_texts_is_not_run_again(stage: Stage) -> None:
    page = await private_window(stage)
    prompt_id = await stage.run(page, steps=400, server_id=A)
    page = await stage.reload(page)
    with pytest.raises(BadInput) as caught:
        await page.session.run_again(prompt_id)
    assert caught.value.cause == "words-not-kept"
    assert len(stage.requests("POST", "/prompt")) == 1


@scene
async def test_unfinished_task_is_not_deleted(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, steps=400)
    with pytest.raises(InvalidTransition):
        await page.session.delete_task(prompt_id)
    assert stage.world.database.task(prompt_id) == task_of(page, prompt_id)
    assert window_of(page).window_locked_server == task_of(page, prompt_id).server_id


@scene
async def test_failed_write_is_retried_after_a_deletion(stage: Stage) -> None:
    page = await stage.window()
    old = await stage.run(page)
    await stage.ended(page, old)
    prompt_id = await stage.run(page, steps=9000)
    await stage.until_running(page, prompt_id)
    stage.world.database.is_full = True
    note = Note(stage.now, "story")
    await page.session._state.records.amend(prompt_id, lambda task: task.with_note(note))
    assert page.session.store_error is not None
    stage.world.database.is_full = False
    await page.session.delete_task(old)
    assert page.session.store_error is None
    stored = stage.world.database.task(prompt_id)
    assert stored is not None and note in stored.notes


@scene
async def test_fleet_can_be_awaited_from_the_start(stage: Stage) -> None:
    page = stage.world.open()
    assert page.session.fleet.servers == ()
    await page.session.until_fleet()
    assert [server.server_id for server in page.session.fleet.servers] == [A, B, C]


@scene
async def test_removed_server_gets_no_requests(stage: Stage) -> None:
    page = await stage.window()
    gone = ServerId("gone")
    assert await page.session.choices(gone, ROUTE) == ()
    assert await page.session.catalogue(gone, frozenset({"SaveImage"})) is None
    assert [item for item in stage.asked if item.server_id == gone] == []


async def test_the_choices_that_a_server_lists_are_asked_of_it() -> None:
    servers = Answering(response=Response(200, text='["a.png"]'))
    session = Session(replace(Sandbox().ports, http=servers))
    session._state.servers.reported(make_fleet(), ())
    assert await session.choices(HERE, ROUTE) == ("a.png",)
    assert servers.asked == [f"GET /servers/{HERE}{ROUTE}"]


@scene
async def test_deletion_of_unfinished_task_does_not_reach_store(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, steps=400)
    stage.world.database.is_blocked = True
    with pytest.raises(InvalidTransition):
        await page.session.delete_task(prompt_id)
    stage.world.database.is_blocked = False


async def test_facts_of_new_click_and_new_window_are_zero() -> None:
    session = Session(Sandbox().ports)
    session._state.live.set_run(Run(prompt_id=PromptId("p-1"), title="", started_at=1.0))
    (run,) = session.runs
    assert (run.fraction, run.sent, run.size) == (0.0, 0, 0)
    assert (session.socket.reconnects, session.socket.deaf) == (0, 0)
