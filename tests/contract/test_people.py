"""Several users on a demo server of each version, and on real ones where there are any: facts for the gateway.

A server keeps what a prompt carries, answers a HEAD with a file's ETag, accepts an upload without a length, and sends
events to the client_id of the prompt. Each is ComfyUI's own behaviour, so each is tried on the real one too.
"""

from __future__ import annotations

import time

import pytest

from gateway.fleet.rules import Rules
from tests.contract.conftest import REAL, Demos, address_of
from tests.kit.gateways import until
from tests.kit.studio import Studio, load_prompt, open_listener, open_studio, picture_prompt, small_png
from wire.versions import NEWEST


def new_picture() -> dict[str, object]:
    """Return a prompt that no server has in its cache."""
    return picture_prompt(color=int(time.time() * 1000) % 16_777_216)


async def test_users_see_and_open_their_own_pictures(studio: Studio) -> None:
    alice, bob = await studio.log_in("alice"), await studio.log_in("bob")
    prompt_id = await alice.submit(new_picture())
    file = await alice.made(prompt_id)
    status, bytes_ = await alice.get("/servers/a/view", params=file)
    assert status == 200 and bytes_.startswith(b"\x89PNG")
    assert (await alice.get("/servers/a/view", params={**file, "preview": "webp;80"}))[0] == 400
    headers = {"Range": "bytes=0-7"}
    assert await alice.get("/servers/a/view", params=file, headers=headers) == (206, bytes_[:8])
    bare = {key: value for key, value in file.items() if key != "seal"}
    assert (await bob.get("/servers/a/view", params=bare))[0] == 403
    assert (await bob.get(f"/servers/a/history/{prompt_id}"))[0] == 403
    assert prompt_id not in (await bob.get("/servers/a/history"))[1]
    assert prompt_id in (await alice.get("/servers/a/history"))[1]


async def test_events_reach_their_own_window_with_seals(studio: Studio) -> None:
    alice, bob = await studio.log_in("alice"), await studio.log_in("bob")
    async with open_listener(alice) as hers, open_listener(bob) as his:
        prompt_id = await alice.submit(new_picture())
        await until(lambda: "executed" in hers.kinds())
        await until(lambda: any(text["data"].get("node", "") is None for text in hers.texts))
        assert hers.prompts() == {prompt_id} and his.prompts() == set()
        [executed] = [text for text in hers.texts if text["type"] == "executed"]
        assert (await alice.get("/servers/a/view", params=executed["data"]["output"]["images"][0]))[0] == 200


async def test_upload_is_private_and_readable_by_own_prompts(studio: Studio) -> None:
    alice, bob = await studio.log_in("alice"), await studio.log_in("bob")
    name = f"näme 日本 #?% {time.time_ns()}.png"
    status, answer = await alice.upload(name, small_png(time.time_ns() % 200), overwrite="true", type="temp")
    assert (status, answer["name"], answer["subfolder"]) == (200, name, "mooring-people/alice")
    mine = f"{answer['subfolder']}/{answer['name']}"
    assert (await alice.result(await alice.submit(load_prompt(mine))))["status"]["status_str"] == "success"
    assert (await bob.post("/servers/a/prompt", bob.body(load_prompt(mine))))[0] == 403


async def test_own_picture_is_readable_by_its_output_name(studio: Studio) -> None:
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
    path, camera = entry["outputs"]["1"]["result"][:2]
    assert (path, camera) == (file["filename"], file), "the server repeats them"
    for path in ("/history", f"/api/jobs/{prompt_id}", "/api/jobs"):
        assert "seal" not in str(await bob.get(f"/servers/a{path}"))
    assert (await bob.post("/servers/a/prompt", bob.body(load_prompt(f"{file['filename']} [output]"))))[0] == 403


async def test_model_shown_by_its_path_is_sealed_for_its_maker(studio: Studio) -> None:
    if not await studio.direct("GET", "/object_info/Load3DAdvanced"):
        pytest.skip("this server has no Load3DAdvanced")
    alice, bob = await studio.log_in("alice"), await studio.log_in("bob")
    _, uploaded = await alice.upload("box.gltf", b'{"asset": {"version": "2.0"}}')
    view = {"viewport_state": {}, "width": 64, "height": 64}
    mine = f"{uploaded['subfolder']}/{uploaded['name']}"
    prompt = {"1": {"class_type": "Load3DAdvanced", "inputs": {"model_file": mine, **view}}}
    prompt["2"] = {"class_type": "Preview3D", "inputs": {"model_file": ["1", 0]}}
    [model] = (await alice.result(await alice.submit(prompt)))["outputs"]["2"]["mooring_3d"]
    assert (await alice.get("/servers/a/view", params=model))[0] == 200
    named = {"1": {"class_type": "Preview3D", "inputs": {"model_file": model["filename"]}}}
    [claimed] = (await bob.result(await bob.submit(named)))["outputs"]["1"]["mooring_3d"]
    assert claimed["filename"] == model["filename"] and "seal" not in claimed


@pytest.mark.parametrize("server", [NEWEST, *REAL])
async def test_denied_class_runs_under_no_other_name(server: str, demos: Demos) -> None:
    denied = ("Preview3D", "ImageInvert")
    async with open_studio(Rules(deny_nodes=denied), server=address_of(server, demos)) as studio:
        alice = await studio.log_in("alice")
        for class_type in ("Preview3D", "Preview3DAnimation", "ImageInvert", "OldInvert"):
            if class_type not in denied and await studio.direct("GET", f"/object_info/{class_type}"):
                continue  # an older server still has this class
            prompt = {"1": {"class_type": class_type, "inputs": {"model_file": "x"}, "_meta": {"title": "x"}}}
            status, answer = await alice.post("/servers/a/prompt", alice.body(prompt))
            assert (status, answer["error"]["cause"]) == (403, "denied-node")


async def test_invalid_prompt_gets_the_servers_own_error(studio: Studio) -> None:
    alice = await studio.log_in("alice")
    prompt = {"1": {"class_type": "NoSuchNode", "inputs": {}}}
    status, answer = await alice.post("/servers/a/prompt", alice.body(prompt))
    assert status == 400 and "NoSuchNode" in str(answer)
    status, answer = await alice.post("/servers/a/prompt", alice.body(load_prompt("mooring-people/alice/none.png")))
    assert status == 400 and answer["node_errors"]


async def test_own_prompts_can_be_deleted_and_interrupted(studio: Studio) -> None:
    alice = await studio.log_in("alice")
    prompt_id = await alice.submit(new_picture())
    await alice.result(prompt_id)
    assert (await alice.post("/servers/a/interrupt", {"prompt_id": prompt_id}))[0] == 200
    assert (await alice.post("/servers/a/queue", {"delete": [prompt_id]}))[0] == 200
    assert (await alice.post("/servers/a/history", {"delete": [prompt_id]}))[0] == 200
    assert (await alice.get(f"/servers/a/history/{prompt_id}")) == (200, {})
