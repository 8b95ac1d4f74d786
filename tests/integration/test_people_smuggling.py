"""Foreign file names smuggled into a server's answers about one's own prompt: none of them opens a picture."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import quote

import pytest

from tests.integration.echo_server import SECONDS, EchoServer, serve_echo
from tests.kit.gateways import until
from tests.kit.studio import Client, Studio, open_listener, open_studio

SAVE = {"1": {"class_type": "Save", "inputs": {}}}


@pytest.fixture
async def echo() -> AsyncIterator[EchoServer]:
    """Start a server whose nodes show their inputs."""
    async with serve_echo() as echo:
        yield echo


@pytest.fixture
async def studio(echo: EchoServer) -> AsyncIterator[Studio]:
    """Start a studio of three users for it."""
    async with open_studio(server=echo.url) as studio:
        yield studio


def show(ui: object, **more: Any) -> dict[str, Any]:
    """Return a prompt whose only node shows this."""
    return {"1": {"class_type": "Echo", "inputs": {"ui": ui, **more}}}


def load(value: object) -> dict[str, Any]:
    """Return a prompt that reads a file."""
    return {"1": {"class_type": "LoadImage", "inputs": {"image": value}}}


def descriptions(value: object) -> Iterator[dict[str, Any]]:
    """Yield everything in an answer that names a file."""
    if isinstance(value, dict):
        if "filename" in value:
            yield value
        for inner in value.values():
            yield from descriptions(inner)
    if isinstance(value, list):
        for inner in value:
            yield from descriptions(inner)


async def hers(studio: Studio, echo: EchoServer) -> dict[str, str]:
    """Return the bare description of a picture that Alice made a minute ago and can see herself."""
    alice = await studio.log_in("alice")
    made = await alice.made(await alice.submit(SAVE))
    assert (await alice.get("/servers/a/view", params=made))[0] == 200
    echo.now += 60
    return {key: made[key] for key in ("filename", "subfolder", "type")}


async def answers(client: Client, prompt_id: str) -> dict[str, Any]:
    """Return everything that the gateway answers about a prompt."""
    paths = ("/history", f"/history/{prompt_id}", "/queue", "/api/jobs", f"/api/jobs/{prompt_id}")
    found = {}
    for path in paths:
        status, found[path] = await client.get(f"/servers/a{path}")
        assert status == 200, (path, found[path])
    return found


async def opens(client: Client, answer: object) -> list[dict[str, Any]]:
    """Return the descriptions in an answer that open a picture."""
    found = []
    for described in descriptions(answer):
        address = {key: value for key, value in described.items() if isinstance(value, str) and key in ADDRESS}
        status, _ = await client.get("/servers/a/view", params=address)
        found += [described] if status == 200 else []
    return found


ADDRESS = ("filename", "subfolder", "type", "seal")


def in_pieces(value: object) -> list[str]:
    """Return a JSON text in pieces of three letters, none of which has a name."""
    text = json.dumps(value)
    return [text[at : at + 3] for at in range(0, len(text), 3)]


def escaped(value: object) -> str:
    """Return a JSON text with each letter of its strings escaped."""
    return json.dumps(value).replace("ComfyUI", "".join(f"\\u{ord(letter):04x}" for letter in "ComfyUI"))


TRIES: dict[str, Any] = {
    "as a node's images": lambda file: show({"images": [file]}),
    "beside a picture of one's own": lambda file: {**show({"images": [file]}), "2": SAVE["1"]},
    "as a camera": lambda file: show({"result": ["", file, None]}),
    "as a node's only value": lambda file: show({"images": file}),
    "under another key": lambda file: show({"gifs": [{**file, "format": "video/h264-mp4", "frame_rate": 8}]}),
    "within a list": lambda file: show({"images": [[file]]}),
    "within a description": lambda file: show({"images": [{"filename": "x.png", "x": file}]}),
    "as a text": lambda file: show({"text": [json.dumps(file)]}),
    "as JSON in a text": lambda file: show(json.dumps({"images": [file]})),
    "as JSON in JSON in a text": lambda file: show(json.dumps({"images": [file]}), other=json.dumps(json.dumps(file))),
    "as escapes in a text": lambda file: show(escaped({"images": [file]})),
    "in pieces": lambda file: show(in_pieces({"images": [file]})),
    "in pieces, with its folder in the name": lambda file: show(
        in_pieces({"images": [{**file, "filename": f"{file['filename']} [output]", "type": "temp"}]})
    ),
    "in pieces, with a path in the name": lambda file: show(
        in_pieces({"images": [{**file, "filename": f"x/{file['filename']}"}]})
    ),
    "in pieces, in no folder": lambda file: show(in_pieces({"images": [{"filename": file["filename"]}]})),
    "in pieces, in a folder that is none": lambda file: show(in_pieces({"images": [{**file, "subfolder": "."}]})),
}


@pytest.mark.parametrize("smuggle", TRIES.values(), ids=TRIES.keys())
async def test_foreign_picture_is_not_sealed(studio: Studio, echo: EchoServer, smuggle: Any) -> None:
    file = await hers(studio, echo)
    bob = await studio.log_in("bob")
    for _ in range(2):  # the second time the node's output comes from the cache
        prompt_id = await bob.submit(smuggle(file))
        answer = await answers(bob, prompt_id)
        assert all(one["filename"] != file["filename"] for one in await opens(bob, answer))
        echo.now += 60
    reads = bob.body(load(f"{file['filename']} [output]"))
    status, answer = await bob.post("/servers/a/prompt", reads)
    assert (status, answer["error"]["cause"]) == (403, "not-yours")


EXTRAS: dict[str, Any] = {
    "anywhere": lambda file: {"x": file},
    "as outputs": lambda file: {"outputs": {"1": {"images": [file]}}},
    "as a preview": lambda file: {"preview_output": file},
    "as the editor's workflow": lambda file: {"extra_pnginfo": {"workflow": {"nodes": [file], "id": file}}},
    "as a mark": lambda file: {"mooring": file},
    "as a seal": lambda file: {"x": {**file, "seal": f"bob~9999999999~-~{'0' * 64}"}},
}


@pytest.mark.parametrize("smuggle", EXTRAS.values(), ids=EXTRAS.keys())
async def test_description_in_extra_data_is_not_sealed(studio: Studio, echo: EchoServer, smuggle: Any) -> None:
    file = await hers(studio, echo)
    bob = await studio.log_in("bob")
    own = {"1": {"class_type": "Save", "inputs": {"prefix": "own"}}}
    prompt_id = await bob.submit(own, extra_data=smuggle(file))
    assert all(one["filename"] != file["filename"] for one in await opens(bob, await answers(bob, prompt_id)))


async def test_file_named_in_the_prompt_is_not_sealed(studio: Studio, echo: EchoServer) -> None:
    """Two servers may share an output folder, so a file that appears there during a run may be foreign."""
    alice, bob = await studio.log_in("alice"), await studio.log_in("bob")
    echo.is_held = True
    described = {"filename": "ComfyUI_00009_.png", "subfolder": "", "type": "output"}
    prompt_id = await bob.submit(show({"images": [described]}))
    echo.now += 1
    echo.write("output", "ComfyUI_00009_.png")  # by another server
    echo.now -= 1
    echo.run()
    assert await opens(bob, await answers(bob, prompt_id)) == []
    assert alice.name == "alice"


async def test_equal_prompt_of_another_is_not_answered_from_the_cache(studio: Studio, echo: EchoServer) -> None:
    file = await hers(studio, echo)
    bob = await studio.log_in("bob")
    (own,) = {one["filename"] for one in await opens(bob, await answers(bob, await bob.submit(SAVE)))}
    assert own != file["filename"]
    (again,) = {one["filename"] for one in await opens(bob, await answers(bob, await bob.submit(SAVE)))}
    assert again == own
    await bob.submit(load(f"{own} [output]"))


async def test_output_from_the_cache_of_another_is_not_sealed(
    studio: Studio, echo: EchoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a node that no run begins at shows a file."""
    monkeypatch.setattr("gateway.people.prompts.keep_apart", lambda prompt, *_: prompt)
    file = await hers(studio, echo)
    bob = await studio.log_in("bob")
    answer = await answers(bob, await bob.submit(SAVE))
    assert file["filename"] in {one["filename"] for one in descriptions(answer)}
    assert await opens(bob, answer) == []
    status, refused = await bob.post("/servers/a/prompt", bob.body(load(f"{file['filename']} [output]")))
    assert (status, refused["error"]["cause"]) == (403, "not-yours")


async def test_cached_output_is_not_sealed_for_another_prompt(studio: Studio, echo: EchoServer) -> None:
    file = await hers(studio, echo)
    bob = await studio.log_in("bob")
    prompt_id = await bob.submit(show(in_pieces({"images": [file]}), node="Save"))
    assert await opens(bob, await answers(bob, prompt_id)) == []


@pytest.mark.parametrize("path", ["", "x/", "x\\"], ids=["plainly", "in a folder", "in a folder of Windows"])
async def test_picture_of_the_run_just_before_is_not_sealed(studio: Studio, echo: EchoServer, path: str) -> None:
    alice, bob = await studio.log_in("alice"), await studio.log_in("bob")
    made = await alice.made(await alice.submit(SAVE))
    echo.files["output", "", made["filename"]] = (b"x", echo.now - 0.01)  # at the very end of her run
    file = {"filename": f"{path}{made['filename']}", "subfolder": "", "type": "output"}
    prompt_id = await bob.submit(show(in_pieces({"images": [file]})))
    assert await opens(bob, await answers(bob, prompt_id)) == []


UPLOADS = [
    {"filename": "cat.png", "subfolder": "mooring-people/alice", "type": "input"},
    {"filename": "cat.png [input]", "subfolder": "mooring-people/alice", "type": "output"},
    {"filename": "cat.png[input]", "subfolder": "mooring-people/alice", "type": "temp"},
    {"filename": "mooring-people/alice/cat.png", "subfolder": "", "type": "input"},
    {"filename": "cat.png", "subfolder": "mooring-people/bob/../alice", "type": "input"},
    {"filename": "cat.png", "subfolder": "mooring-people\\alice", "type": "input"},
    {"filename": "root.png", "subfolder": "", "type": "input"},
]


@pytest.mark.parametrize("described", UPLOADS, ids=json.dumps)
async def test_upload_of_another_is_not_sealed(studio: Studio, echo: EchoServer, described: dict[str, str]) -> None:
    bob = await studio.log_in("bob")
    echo.is_held = True
    prompt_id = await bob.submit(show(in_pieces({"images": [described]})))
    echo.now += SECONDS / 2
    echo.write("input", "cat.png", "mooring-people/alice")  # uploads come while others' prompts run
    echo.write("input", "root.png")
    echo.now -= SECONDS / 2
    echo.run()
    assert await opens(bob, await answers(bob, prompt_id)) == []


async def test_picture_of_own_run_is_sealed_in_every_answer(studio: Studio, echo: EchoServer) -> None:
    bob = await studio.log_in("bob")
    prompt_id = await bob.submit(SAVE)
    for path, answer in (await answers(bob, prompt_id)).items():
        found = await opens(bob, answer)
        assert len(found) == len(list(descriptions(answer))) == {"/queue": 0, f"/api/jobs/{prompt_id}": 2}.get(path, 1)
    assert echo.history


async def test_picture_without_a_time_is_not_sealed(studio: Studio, echo: EchoServer) -> None:
    echo.has_etags = False
    bob = await studio.log_in("bob")
    assert await opens(bob, await answers(bob, await bob.submit(SAVE))) == []


async def test_events_have_only_proven_files(studio: Studio, echo: EchoServer) -> None:
    file = await hers(studio, echo)
    bob = await studio.log_in("bob")
    echo.is_held = True
    own = {"class_type": "Save", "inputs": {"prefix": "own"}}
    pieces = {"class_type": "Echo", "inputs": {"ui": in_pieces({"images": [file]})}}
    plain = {"class_type": "Echo", "inputs": {"ui": {"images": [file]}}}
    async with open_listener(bob) as his:
        await bob.submit({"1": own, "2": pieces, "3": plain})
        await echo.send_outputs()  # the gateway has not seen the beginning
        await echo.send_event("execution_start", timestamp=int(echo.now * 1_000))
        echo.now += 1
        echo.write("output", next(name for _, _, name in echo.files if name.startswith("own")))
        await echo.send_outputs()
        await until(lambda: his.kinds().count("executed") == 6)
        images = [text["data"]["output"]["images"] for text in his.texts if text["type"] == "executed"]
        assert [len(one) for one in images] == [0, 0, 0, 1, 0, 0]
        assert (await bob.get("/servers/a/view", params=images[3][0]))[0] == 200


LOADS = [
    "{name} [output]",
    "{name}[output]",
    "{name}x[output]",
    "{name}  [output]",
    "{name} [OUTPUT]",
    "{name} [output] ",
    "./{name} [output]",
    "x/../{name} [output]",
    "\\{name} [output]",
    "mooring-people/bob/../../{name} [output]",
    "mooring-shared/{name} [output]",
    "{name}",
    "../output/{name}",
]


@pytest.mark.parametrize("value", LOADS)
async def test_foreign_picture_is_not_read_under_any_spelling(studio: Studio, echo: EchoServer, value: str) -> None:
    file = await hers(studio, echo)
    bob = await studio.log_in("bob")
    own = await bob.made(await bob.submit({"1": {"class_type": "Save", "inputs": {"prefix": "mine"}}}))
    text = value.format(name=file["filename"])
    for prompt in (load(text), load({"__value__": text}), load(["1", 0]), show({}, more=text)):
        is_plain = prompt["1"]["class_type"] == "Echo" and not text.rstrip().lower().endswith("]")
        status, _ = await bob.post("/servers/a/prompt", bob.body(prompt))
        assert status == (200 if is_plain else 403), (prompt, status)
    await bob.submit(load(f"{own['filename']} [output]"))


async def test_prompt_id_of_another_user_gives_no_access(studio: Studio, echo: EchoServer) -> None:
    alice, bob = await studio.log_in("alice"), await studio.log_in("bob")
    prompt_id = await alice.submit(SAVE)
    for path in (f"/history/{prompt_id}", f"/api/jobs/{prompt_id}", f"/api/jobs/{quote(prompt_id + ' ')}"):
        assert (await bob.get(f"/servers/a{path}"))[0] in {403, 404}
    mark = echo.history[prompt_id]["prompt"][3]["mooring"]
    body = bob.body(SAVE, extra_data={"mooring": mark}, client_id=alice.client_id)
    assert (await bob.post("/servers/a/prompt", body))[0] == 200
    assert echo.history[body["prompt_id"]]["prompt"][3]["mooring"] != mark
    other = str(uuid.uuid4())
    assert (await bob.get(f"/servers/a/history/{other}")) == (200, {})


@pytest.mark.parametrize("pause", [0.0, 1.0])
async def test_file_of_a_runs_first_moment_is_sealed_unless_another_just_ran(
    studio: Studio, echo: EchoServer, pause: float
) -> None:
    """The clock that times files is some milliseconds behind the one that times runs."""
    alice, bob = await studio.log_in("alice"), await studio.log_in("bob")
    await bob.submit(SAVE)
    echo.now += pause
    began = echo.now
    prompt_id = await alice.submit({"1": {"class_type": "Save", "inputs": {"prefix": "hers"}}})
    (name,) = (key for key in echo.files if key[2].startswith("hers"))
    echo.files[name] = (echo.files[name][0], began - 0.004)
    made = await alice.made(prompt_id)
    assert ("seal" in made) == bool(pause)
    status, _ = await alice.post("/servers/a/prompt", alice.body(load(f"{name[2]} [output]")))
    assert status == (200 if pause else 403)


async def test_copy_of_ones_own_upload_is_sealed_whatever_its_time(studio: Studio, echo: EchoServer) -> None:
    alice, bob = await studio.log_in("alice"), await studio.log_in("bob")
    _, uploaded = await alice.upload("box.glb", b"a box")
    echo.now += 60
    copy = {"1": {"class_type": "Copy", "inputs": {"file": f"{uploaded['subfolder']}/box.glb"}}}
    [model] = (await alice.result(await alice.submit(copy)))["outputs"]["1"]["mooring_3d"]
    assert (await alice.get("/servers/a/view", params=model))[0] == 200
    _, other = await bob.upload("other.glb", b"a box")
    claim = show(['{"result": ["co', 'py.glb"]}'], other=f"{other['subfolder']}/other.glb")
    assert await opens(bob, await answers(bob, await bob.submit(claim))) == []
