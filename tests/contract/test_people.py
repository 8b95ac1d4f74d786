"""Several people on one server, a stand-in and, where there is one, a real ComfyUI: what the gateway builds on.

A server keeps what a prompt carries, tells a file's Etag to a HEAD, takes an upload without a length, and tells events
to the client_id that was posted. Each is ComfyUI's own and not ours, so each is tried on the real one too.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest

from gateway.fleet.rules import Rules
from tests.contract.conftest import REAL
from tests.integration.rig import until
from tests.integration.studio import Studio, load_prompt, open_listener, open_studio, picture_prompt, small_png

SERVERS = ["demo", *REAL]


@pytest.fixture(params=SERVERS)
async def studio(request: pytest.FixtureRequest) -> AsyncIterator[Studio]:
    """A studio of three people on each kind of server."""
    async with open_studio(server="" if request.param == "demo" else request.param) as studio:
        yield studio


def new_picture() -> dict[str, object]:
    """A prompt that no server has in its cache."""
    return picture_prompt(color=int(time.time() * 1000) % 16_777_216)


async def test_each_sees_and_opens_their_own_pictures(studio: Studio) -> None:
    alice, bob = await studio.log_in("alice"), await studio.log_in("bob")
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
    alice, bob = await studio.log_in("alice"), await studio.log_in("bob")
    async with open_listener(alice) as hers, open_listener(bob) as his:
        prompt_id = await alice.submit(new_picture())
        await until(lambda: "executed" in hers.kinds())
        await until(lambda: any(text["data"].get("node", "") is None for text in hers.texts))
        assert hers.prompts() == {prompt_id} and his.prompts() == set()
        [executed] = [text for text in hers.texts if text["type"] == "executed"]
        assert (await alice.get("/servers/a/view", params=executed["data"]["output"]["images"][0]))[0] == 200


async def test_an_upload_is_ones_own_and_is_read_by_ones_own_prompts(studio: Studio) -> None:
    alice, bob = await studio.log_in("alice"), await studio.log_in("bob")
    name = f"näme 日本 #?% {time.time_ns()}.png"
    status, told = await alice.upload(name, small_png(time.time_ns() % 200), overwrite="true", type="temp")
    assert (status, told["name"], told["subfolder"]) == (200, name, "mooring-people/alice")
    mine = f"{told['subfolder']}/{told['name']}"
    assert (await alice.result(await alice.submit(load_prompt(mine))))["status"]["status_str"] == "success"
    assert (await bob.post("/servers/a/prompt", bob.body(load_prompt(mine))))[0] == 403


async def test_a_picture_of_ones_own_is_read_again_by_its_output_name(studio: Studio) -> None:
    alice, bob = await studio.log_in("alice"), await studio.log_in("bob")
    file = await alice.made(await alice.submit(new_picture()))
    value = f"{file['filename']} [output]"
    assert (await alice.result(await alice.submit(load_prompt(value))))["status"]["status_str"] == "success"
    assert (await bob.post("/servers/a/prompt", bob.body(load_prompt(value))))[0] == 403


async def test_file_described_by_a_node_is_not_sealed(studio: Studio) -> None:
    if not await studio.direct("GET", "/object_info/Preview3D"):
        pytest.skip("this server has no Preview3D")
    alice, bob = await studio.log_in("alice"), await studio.log_in("bob")
    made = await alice.made(await alice.submit(new_picture()))
    file = {key: made[key] for key in ("filename", "subfolder", "type")}
    prompt = {"1": {"class_type": "Preview3D", "inputs": {"model_file": file["filename"], "camera_info": file}}}
    prompt_id = await bob.submit(prompt, extra_data={"x": file, "extra_pnginfo": {"workflow": {"nodes": [file]}}})
    entry = await bob.result(prompt_id)
    assert entry["outputs"]["1"]["result"][1] == file, "the server repeats it"
    for path in ("/history", f"/api/jobs/{prompt_id}", "/api/jobs"):
        assert "seal" not in str(await bob.get(f"/servers/a{path}"))
    assert (await bob.post("/servers/a/prompt", bob.body(load_prompt(f"{file['filename']} [output]"))))[0] == 403


@pytest.mark.parametrize("server", SERVERS)
async def test_denied_class_runs_under_no_other_name(server: str) -> None:
    flags = ("--jobs",) if server == "demo" else ()
    denied, url = ("Preview3D", "ImageInvert"), server.removeprefix("demo")
    async with open_studio(Rules(deny_nodes=denied), *flags, server=url) as studio:
        alice = await studio.log_in("alice")
        for class_type in ("Preview3D", "Preview3DAnimation", "ImageInvert", "OldInvert"):
            if class_type not in denied and await studio.direct("GET", f"/object_info/{class_type}"):
                continue  # an older server has it as a class of its own
            prompt = {"1": {"class_type": class_type, "inputs": {"model_file": "x"}, "_meta": {"title": "x"}}}
            status, answer = await alice.post("/servers/a/prompt", alice.body(prompt))
            assert (status, answer["error"]["cause"]) == (403, "denied-node")


async def test_a_prompt_that_is_wrong_is_told_as_the_server_tells_it(studio: Studio) -> None:
    alice = await studio.log_in("alice")
    prompt = {"1": {"class_type": "NoSuchNode", "inputs": {}}}
    status, answer = await alice.post("/servers/a/prompt", alice.body(prompt))
    assert status == 400 and "NoSuchNode" in str(answer)
    status, answer = await alice.post("/servers/a/prompt", alice.body(load_prompt("mooring-people/alice/none.png")))
    assert status == 400 and answer["node_errors"]


async def test_ones_own_prompts_are_deleted_and_interrupted(studio: Studio) -> None:
    alice = await studio.log_in("alice")
    prompt_id = await alice.submit(new_picture())
    await alice.result(prompt_id)
    assert (await alice.post("/servers/a/interrupt", {"prompt_id": prompt_id}))[0] == 200
    assert (await alice.post("/servers/a/queue", {"delete": [prompt_id]}))[0] == 200
    assert (await alice.post("/servers/a/history", {"delete": [prompt_id]}))[0] == 200
    assert (await alice.get(f"/servers/a/history/{prompt_id}")) == (200, {})
