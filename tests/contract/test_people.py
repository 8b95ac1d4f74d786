"""Several people on one server, a stand-in and, where there is one, a real ComfyUI: what the gateway builds on.

A server keeps what a prompt carries, tells a file's Etag to a HEAD, takes an upload without a length, and tells events
to the client_id that was posted. Each is ComfyUI's own and not ours, so each is tried on the real one too.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator

import pytest

from tests.integration.studio import Studio, a_picture, load_prompt, open_studio, picture_prompt
from tests.integration.test_people_sockets import open_ear, wait_until

REAL = os.environ.get("MOORING_REAL_COMFYUI", "").partition(",")[0]


@pytest.fixture(params=["demo", pytest.param("real", marks=pytest.mark.skipif(not REAL, reason="no real ComfyUI"))])
async def studio(request: pytest.FixtureRequest) -> AsyncIterator[Studio]:
    """A studio of three people on each kind of server."""
    async with open_studio(server=REAL if request.param == "real" else "") as studio:
        yield studio


def new_picture() -> dict[str, object]:
    """A prompt that no server has in its cache."""
    return picture_prompt(color=int(time.time() * 1000) % 16_777_216)


async def test_each_sees_and_opens_their_own_pictures(studio: Studio) -> None:
    alice, bob = await studio.enter("alice"), await studio.enter("bob")
    prompt_id = await alice.submit(new_picture())
    file = await alice.made(prompt_id)
    status, bytes_ = await alice.get("/servers/a/view", params=file)
    assert status == 200 and bytes_.startswith(b"\x89PNG")
    assert (await alice.get("/servers/a/view", params={**file, "preview": "webp;80"}))[0] == 200
    headers = {"Range": "bytes=0-7"}
    assert await alice.get("/servers/a/view", params=file, headers=headers) == (206, bytes_[:8])
    bare = {key: value for key, value in file.items() if key != "seal"}
    assert (await bob.get("/servers/a/view", params=bare))[0] == 403
    assert (await bob.get(f"/servers/a/history/{prompt_id}"))[0] == 403
    assert prompt_id not in (await bob.get("/servers/a/history"))[1]
    assert prompt_id in (await alice.get("/servers/a/history"))[1]


async def test_events_reach_their_own_window_and_carry_seals(studio: Studio) -> None:
    alice, bob = await studio.enter("alice"), await studio.enter("bob")
    async with open_ear(alice) as hers, open_ear(bob) as his:
        prompt_id = await alice.submit(new_picture())
        await wait_until(lambda: "executed" in hers.kinds())
        await wait_until(lambda: any(text["data"].get("node", "") is None for text in hers.texts))
        assert hers.prompts() == {prompt_id} and his.prompts() == set()
        [executed] = [text for text in hers.texts if text["type"] == "executed"]
        assert (await alice.get("/servers/a/view", params=executed["data"]["output"]["images"][0]))[0] == 200


async def test_an_upload_is_ones_own_and_is_read_by_ones_own_prompts(studio: Studio) -> None:
    alice, bob = await studio.enter("alice"), await studio.enter("bob")
    name = f"näme 日本 #?% {time.time_ns()}.png"
    status, told = await alice.upload(name, a_picture(time.time_ns() % 200), overwrite="true", type="temp")
    assert (status, told["name"], told["subfolder"]) == (200, name, "mooring-people/alice")
    mine = f"{told['subfolder']}/{told['name']}"
    assert (await alice.result(await alice.submit(load_prompt(mine))))["status"]["status_str"] == "success"
    assert (await bob.post("/servers/a/prompt", bob.body(load_prompt(mine))))[0] == 403


async def test_a_picture_of_ones_own_is_read_again_by_its_output_name(studio: Studio) -> None:
    alice, bob = await studio.enter("alice"), await studio.enter("bob")
    file = await alice.made(await alice.submit(new_picture()))
    value = f"{file['filename']} [output]"
    assert (await alice.result(await alice.submit(load_prompt(value))))["status"]["status_str"] == "success"
    assert (await bob.post("/servers/a/prompt", bob.body(load_prompt(value))))[0] == 403


async def test_a_prompt_that_is_wrong_is_told_as_the_server_tells_it(studio: Studio) -> None:
    alice = await studio.enter("alice")
    prompt = {"1": {"class_type": "NoSuchNode", "inputs": {}}}
    status, answer = await alice.post("/servers/a/prompt", alice.body(prompt))
    assert status == 400 and "NoSuchNode" in str(answer)
    status, answer = await alice.post("/servers/a/prompt", alice.body(load_prompt("mooring-people/alice/none.png")))
    assert status == 400 and answer["node_errors"]


async def test_ones_own_prompts_are_deleted_and_interrupted(studio: Studio) -> None:
    alice = await studio.enter("alice")
    prompt_id = await alice.submit(new_picture())
    await alice.result(prompt_id)
    assert (await alice.post("/servers/a/interrupt", {"prompt_id": prompt_id}))[0] == 200
    assert (await alice.post("/servers/a/queue", {"delete": [prompt_id]}))[0] == 200
    assert (await alice.post("/servers/a/history", {"delete": [prompt_id]}))[0] == 200
    assert (await alice.get(f"/servers/a/history/{prompt_id}")) == (200, {})
