"""Previews: each prompt asks its server for the user's choice, and animated ones are kept frame by frame."""

from __future__ import annotations

import asyncio
import json
import struct
from dataclasses import replace
from typing import Any

import pytest

from app.core.model import Fleet, PromptId, ServerId
from app.core.previews import Previews
from app.session.console import ConsoleContract
from app.session.facts import MOST_BYTES, MOST_FRAMES, Preview
from app.session.watching.socket import USUAL_RATE
from tests.kit.stage import A, B, Stage, scene, window_of
from tests.simulation.server.sockets import SimSocket
from tests.simulation.store import Bytes
from tests.simulation.world import Page, a_workflow
from tests.unit.session.test_windows import all_home, spread

JPEG = b"\xff\xd8\xff\xe0"


def asked_methods(stage: Stage) -> list[tuple[ServerId, str]]:
    """Return each server that gets a prompt from now on, with the method that it asks for."""
    asked: list[tuple[ServerId, str]] = []

    def note(server_id: ServerId, method: str, path: str, body: bytes) -> None:
        if (method, path) == ("POST", "/prompt?"):
            asked.append((server_id, json.loads(body)["extra_data"]["preview_method"]))

    stage.world.network.on_request.append(note)
    return asked


@scene
async def test_choice_applies_to_clicks_scripts_and_waiting_runs(stage: Stage) -> None:
    asked = asked_methods(stage)
    page = await stage.window()
    await stage.ended(page, await stage.run(page))
    page.session.choose_previews(Previews.BEST)
    await stage.ended(page, await stage.run(page))
    await ConsoleContract(page.session, dict).submit_workflow(a_workflow(3, 77, None).text)
    await spread(stage, page, 6, 2)
    await stage.until(all_home(page, 9))
    assert [method for _, method in asked] == ["auto", *["taesd"] * 8]
    assert len({server_id for server_id, _ in asked}) > 1, "other windows have sent some of them"


@scene
async def test_automatic_previews_respect_the_operators_method(stage: Stage) -> None:
    asked = asked_methods(stage)
    network = stage.world.network
    servers = tuple(
        replace(network._server(server_id), preview_method="taesd" if server_id == A else "") for server_id in (A, B)
    )
    network.fleet = lambda: Fleet(servers, "simulation")  # type: ignore[method-assign]
    for server_id in (A, B):
        page = await stage.window()
        await stage.ended(page, await stage.run(page, server_id=server_id))
    assert asked == [(A, "default"), (B, "auto")]


def animate(stage: Stage, client_id: str | None, *indexes: int, node: str = "2") -> None:
    """Send frames of an animated preview as VideoHelperSuite does; without a client_id, to all clients."""
    for index in indexes:
        payload = struct.pack(">III16p", 1, 1, index, node.encode()) + JPEG + bytes([index])
        stage.world.sims[A].post(1, payload, client_id)


def shown(page: Page, prompt_id: PromptId) -> Preview | None:
    """Return the preview of a task."""
    return page.session.previews.get(prompt_id)


async def frames_of(page: Page, prompt_id: PromptId) -> dict[int, bytes]:
    """Return the frames of a task's preview by index."""
    preview = page.session.previews[prompt_id]
    return {index: await frame.blob.read() for index, frame in preview.frames.items()}


@scene
async def test_animated_preview_of_the_running_task_is_kept_by_index(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, steps=900, server_id=A)
    client_id = window_of(page).client_id
    await stage.until(lambda: prompt_id in page.session.progress)
    animate(stage, client_id, 3)
    await stage.until(lambda: (preview := shown(page, prompt_id)) is not None and 3 in preview.frames)
    assert page.session.previews[prompt_id].rate == USUAL_RATE
    assert not page.session.previews[prompt_id].is_named, "it is only taken for that of the running task"
    stage.world.sims[A].post("VHS_latentpreview", {"length": 9, "rate": 16, "id": "2"}, None)
    animate(stage, client_id, 8, 0, 0)
    await stage.until(lambda: (preview := shown(page, prompt_id)) is not None and 0 in preview.frames)
    preview = page.session.previews[prompt_id]
    assert (preview.rate, preview.media_type, preview.node) == (16, "image/jpeg", "2")
    assert await frames_of(page, prompt_id) == {8: JPEG + b"\x08", 0: JPEG + b"\x00"}, "and none of the earlier film"
    animate(stage, client_id, 5, node="7")
    await stage.until(lambda: (preview := shown(page, prompt_id)) is not None and preview.node == "7")
    assert [*await frames_of(page, prompt_id)] == [5], "another node has another film"


@scene
async def test_preview_that_names_its_prompt_is_known_to(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, steps=900, server_id=A)
    await stage.until(lambda: shown(page, prompt_id))
    assert page.session.previews[prompt_id].is_named


@pytest.mark.parametrize("before", ["another prompt", "its own end", "a reconnect"])
@scene
async def test_frames_are_those_of_the_prompt_that_the_socket_shows_running(stage: Stage, before: str) -> None:
    """A prompt without client_id broadcasts what it sends."""
    page = await stage.window()
    prompt_id = await stage.run(page, steps=900, server_id=A)
    await stage.until(lambda: prompt_id in page.session.progress)
    server = stage.world.sims[A]
    send = server.post
    match before:
        case "another prompt":
            send("progress_state", {"prompt_id": "nameless", "nodes": {}}, None)
            animate(stage, None, 1)
        case "its own end":
            send("executing", {"prompt_id": prompt_id, "node": None}, None)
            animate(stage, None, 1)
        case "a reconnect":
            connect, greeted = server.connect, asyncio.Event()

            def greet(*given: Any) -> SimSocket:
                socket = connect(*given)
                animate(stage, None, 1)
                greeted.set()
                return socket

            server.connect = greet  # type: ignore[method-assign]
            server.drop(server.all_sockets[0])
            await greeted.wait()
    frames = list[list[int]]()  # a plain preview may follow immediately

    def note() -> None:
        preview = shown(page, prompt_id)
        frames.append([*preview.frames] if preview is not None else [])

    page.session.subscribe(lambda: None, note)
    send("progress_state", {"prompt_id": prompt_id, "nodes": {}}, None)
    animate(stage, None, 2)
    await stage.until(lambda: any(frames))
    assert next(item for item in frames if item) == [2]


def test_only_the_latest_frames_are_kept() -> None:
    def picture(serial: int, size: int = 10) -> Preview:
        return Preview(Bytes(bytes(size), "image/jpeg"), "image/jpeg", serial)

    film: Preview | None = None
    for serial in range(MOST_FRAMES + 5):
        film = picture(serial).as_frame(serial, 8, film)
    film = picture(900).as_frame(7, 8, film)
    assert film is not None
    assert [*film.frames] == [5, 6, *range(8, MOST_FRAMES + 5), 7], "the oldest went, and the seventh is the latest"
    assert film.frames[7].serial == 900
    assert len(picture(903, MOST_BYTES - 10).as_frame(1, 8, picture(1).as_frame(0, 8, None)).frames) == 2, "just enough"
    large = picture(901, MOST_BYTES - 15).as_frame(1, 8, film)
    assert [*large.frames] == [7, 1], "frames of so many bytes are fewer"
    assert [*picture(902, MOST_BYTES + 1).as_frame(2, 8, large).frames] == [2], "the latest always stays"
