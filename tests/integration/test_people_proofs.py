"""What proves that a picture is a user's: their own runs, and nothing that another user can arrange."""

from __future__ import annotations

import asyncio
import io
import json
import uuid
from typing import Any

import pytest

from gateway.people import files
from gateway.people.projection import own_runs
from tests.kit.gateways import until
from tests.kit.studio import Client, Studio, load_prompt, picture_prompt, slow_prompt

KEY = "seal"


def joined(first: str, second: str) -> dict[str, Any]:
    """Return a node that joins two texts."""
    return {"class_type": "StringConcatenate", "inputs": {"string_a": first, "string_b": second, "delimiter": ""}}


def shape(prefix: str = "mesh/box") -> dict[str, Any]:
    """Return a prompt that saves a 3D model."""
    size = dict.fromkeys(("width", "height", "depth"), 1.0)
    return {"1": {"class_type": "DemoShape", "inputs": {**size, "filename_prefix": prefix}}}


def described(entry: dict[str, Any]) -> list[dict[str, Any]]:
    """Return all files that an entry's outputs describe."""
    lists = [items for shown in entry["outputs"].values() for items in shown.values() if isinstance(items, list)]
    return [item for items in lists for item in items if isinstance(item, dict) and "filename" in item]


async def ends_before(studio: Studio, first: tuple[Client, dict[str, Any]], then: tuple[Client, dict[str, Any]]) -> Any:
    """Queue a prompt of each user, one directly behind the other, and return their entries."""
    slow = await first[0].submit(slow_prompt(9))
    ids = [await client.submit(prompt) for client, prompt in (first, then)]
    await first[0].post("/servers/a/interrupt", {"prompt_id": slow})
    return [await client.result(one) for (client, _), one in zip((first, then), ids, strict=True)]


@pytest.mark.parametrize("attempt", range(3))
async def test_model_that_a_node_only_repeats_is_not_sealed(studio: Studio, attempt: int) -> None:
    alice, bob = await studio.log_in("alice"), await studio.log_in("bob")
    repeating = {
        "1": joined("mesh/box_0000", "1_.glb"),
        "2": {"class_type": "Preview3D", "inputs": {"model_file": ["1", 0]}},
    }
    hers, his = await ends_before(studio, (alice, shape()), (bob, repeating))
    (made,), (repeated,) = described(hers), described(his)
    assert KEY in made, attempt
    assert {key: repeated[key] for key in ("filename", "subfolder", "type")} == {
        key: made[key] for key in ("filename", "subfolder", "type")
    }
    assert KEY not in repeated
    assert (await bob.post("/servers/a/prompt", bob.body(load_prompt("mesh/box_00001_.glb [output]"))))[0] == 403


@pytest.mark.parametrize("attempt", range(3))
async def test_picture_that_a_packs_node_repeats_is_not_sealed(studio: Studio, attempt: int) -> None:
    """The node is in no table, and runs directly behind the run that made the picture."""
    alice, bob = await studio.log_in("alice"), await studio.log_in("bob")
    repeating = {"1": joined("made_0000", "1_.png"), "2": {"class_type": "DemoRepeat", "inputs": {"name": ["1", 0]}}}
    hers, his = await ends_before(studio, (alice, picture_prompt()), (bob, repeating))
    assert KEY in described(hers)[0], attempt
    assert [KEY in one for one in described(his)] == [False]


async def test_file_of_a_packs_saver_is_sealed(studio: Studio) -> None:
    alice = await studio.log_in("alice")
    note = {"class_type": "DemoNote", "inputs": {"text": "a tide", "filename_prefix": "note", "format": "txt"}}
    (saved,) = described(await alice.result(await alice.submit({"1": note})))
    address = {key: saved[key] for key in ("filename", "subfolder", "type", KEY)}
    assert await alice.get("/servers/a/view", params=address) == (200, b"a tide")


async def test_cached_file_is_sealed_for_its_maker(studio: Studio) -> None:
    alice = await studio.log_in("alice")
    first = described(await alice.result(await alice.submit(picture_prompt())))
    again = described(await alice.result(await alice.submit(picture_prompt())))
    assert first == again
    assert KEY in again[0]


async def test_equal_prompt_of_another_user_makes_an_own_file(studio: Studio) -> None:
    alice, bob = await studio.log_in("alice"), await studio.log_in("bob")
    (hers,) = described(await alice.result(await alice.submit(picture_prompt())))
    entry = await bob.result(await bob.submit(picture_prompt()))
    (his,) = described(entry)
    assert his["filename"] != hers["filename"]
    assert KEY in his
    cached = [data for name, data in entry["status"]["messages"] if name == "execution_cached"]
    assert [data["nodes"] for data in cached] == [["1"]], "all above it is shared"


async def test_file_from_the_cache_of_another_user_is_not_sealed(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a node that no run begins at shows a file."""
    monkeypatch.setattr("gateway.people.prompts.keep_apart", lambda prompt, *_: prompt)
    alice, bob = await studio.log_in("alice"), await studio.log_in("bob")
    (hers,) = described(await alice.result(await alice.submit(picture_prompt())))
    (his,) = described(await bob.result(await bob.submit(picture_prompt())))
    assert KEY in hers and KEY not in his
    assert his["filename"] == hers["filename"]


async def test_large_prompts_of_another_user_hide_no_proof(studio: Studio) -> None:
    alice = await studio.log_in("alice")
    await alice.result(await alice.submit(picture_prompt()))
    for number in range(6):
        filler = {"prompt": picture_prompt(color=number), "prompt_id": str(uuid.uuid4()), "client_id": "past"}
        text = json.dumps({**filler, "extra_data": {"mine": "x" * 3_500_000}})
        headers = {"Content-Type": "application/json"}
        await studio.direct("POST", "/prompt", data=io.BytesIO(text.encode()), headers=headers)
    await until(studio.is_idle)
    assert (await alice.ask("HEAD", "/servers/a/view?filename=made_00001_.png&type=output&subfolder="))[0] == 200


async def test_search_that_is_cut_short_proves_nothing(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    alice = await studio.log_in("alice")
    await alice.result(await alice.submit(picture_prompt()))
    await asyncio.gather(*(alice.submit(picture_prompt(color=number)) for number in range(20)))
    await until(studio.is_idle)
    monkeypatch.setattr(files, "SEARCH_SECONDS", -1.0)
    head = "/servers/a/view?filename=made_00001_.png&type=output&subfolder="
    assert (await alice.ask("HEAD", head))[0] == 503
    _, answer = await alice.post("/servers/a/prompt", alice.body(load_prompt("made_00001_.png [output]")))
    assert answer["error"]["cause"] == "upstream-busy"
    assert "in time" in answer["error"]["message"]


async def test_search_ends_where_runs_are_older_than_the_file(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    alice, bob = await studio.log_in("alice"), await studio.log_in("bob")
    ids = [await alice.submit(picture_prompt(color=number)) for number in range(40)]
    latest = await alice.made(ids[-1])
    sizes: list[int] = []

    def counted(text: bytes, *arguments: Any) -> Any:
        sizes.append(len(json.loads(text)))
        return own_runs(text, *arguments)

    monkeypatch.setattr(files, "own_runs", counted)
    address = {**latest, "type": "output"}
    query = "&".join(f"{key}={address[key]}" for key in ("filename", "type", "subfolder"))
    assert (await bob.ask("HEAD", f"/servers/a/view?{query}"))[0] == 204
    assert sizes == [16], "of 40"
    assert (await alice.ask("HEAD", f"/servers/a/view?{query}"))[0] == 200
