"""What users may do with files by a prompt, on a demo server of each version and on real ones.

Each input of the table that becomes a path is tried, and the gateway refuses it before any server is asked. What it
lets pass is tried on servers that have the classes.
"""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.kit.studio import Client, Studio, picture_prompt, small_png
from wire.path_table import ROWS
from wire.paths import Use

READERS = [(owner, name) for owner, name, use, _ in ROWS if Use(use) in {Use.READS, Use.LISTS}]
WRITERS = [(owner, name) for owner, name, use, _ in ROWS if Use(use) in {Use.WRITES, Use.OVERWRITES, Use.NAME}]
MODELS = [(owner, name) for owner, name, use, _ in ROWS if Use(use) in {Use.MODEL, Use.CHOICE}]
OUTSIDE = ("../x", "/tmp/x", "a/../../x", "C:/x", "\\\\host\\x")


def prompt_of(class_type: str, **inputs: object) -> dict[str, Any]:
    """Return a prompt of one node, and one that joins texts to the path of Alice's folder."""
    joined = {"string_a": "mooring-", "string_b": "people/alice/hers.flac", "delimiter": ""}
    return {
        "1": {"class_type": class_type, "inputs": inputs},
        "2": {"class_type": "StringConcatenate", "inputs": joined},
    }


def saving(prefix: str) -> dict[str, Any]:
    """Return a prompt that saves a picture which is in no cache under this prefix."""
    prompt = picture_prompt(color=time.time_ns() % 16_777_216)
    prompt["2"]["inputs"]["filename_prefix"] = prefix
    return prompt


async def refused(client: Client, class_type: str, **inputs: object) -> str | None:
    """Return the cause with which the gateway refuses a prompt; None if it reaches the server."""
    status, answer = await client.post("/servers/a/prompt", client.body(prompt_of(class_type, **inputs)))
    error = answer.get("error")
    return error.get("cause") if status == 403 and isinstance(error, dict) else None


async def test_no_input_takes_a_file_of_another_user(studio: Studio) -> None:
    alice, bob = await studio.log_in("alice"), await studio.log_in("bob")
    await alice.upload("hers.flac", small_png())
    hers = "mooring-people/alice/hers.flac"
    values = (hers, f"{hers} [input]", ["2", 0], f"../input/{hers}", f"/srv/input/{hers}", "mooring-people", "..", ".")
    for class_type, name in READERS:
        for value in (*values, {"__value__": hers}, {"image": hers}, [hers]):
            assert await refused(bob, class_type, **{name: value}) == "not-yours", (class_type, name, value)


async def test_no_path_leads_out_of_its_folder(studio: Studio) -> None:
    bob = await studio.log_in("bob")
    for class_type, name in (*WRITERS, *MODELS):
        for value in OUTSIDE:
            assert await refused(bob, class_type, **{name: value}) == "unsafe-path", (class_type, name, value)


async def test_overwriting_by_a_link_is_refused(studio: Studio) -> None:
    bob = await studio.log_in("bob")
    for class_type in ("SaveImageDataSetToFolder", "SaveImageTextDataSetToFolder"):
        own = {"folder_name": "mooring-people/bob/set", "filename_prefix": "a", "mode": "overwrite"}
        for broken in ({"folder_name": ["2", 0]}, {"filename_prefix": ["2", 0]}, {"folder_name": "mooring-people"}):
            assert await refused(bob, class_type, images=["3", 0], **{**own, **broken}) in {"unsafe-path", "not-yours"}
    assert await refused(bob, "SaveTrainingDataset", folder_name="set") == "unsafe-path"


async def test_no_answer_names_the_folder_of_another_user(studio: Studio) -> None:
    alice, bob = await studio.log_in("alice"), await studio.log_in("bob")
    await alice.upload("hers.png", small_png())
    await bob.upload("his.png", small_png())
    texts = [await bob.get("/servers/a/object_info"), await bob.get("/servers/a/models")]
    folders = [name for name in texts[1][1] if isinstance(name, str)]
    texts += [await bob.get(f"/servers/a/models/{folder}") for folder in folders]
    texts += [await bob.get(f"/servers/a/experiment/models/{folder}") for folder in folders]
    _, known = await bob.get("/fleet/catalogue/a")
    texts += [await bob.get(f"/catalogues/{known[part]}") for part in ("catalogue", "files")]
    wrong = {"folder": "mooring-people/bob/none"}
    for class_type in ("LoadImageDataSetFromFolder", "LoadImageSetFromFolderNode"):
        prompt = {"1": {"class_type": class_type, "inputs": wrong}}
        prompt["2"] = {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}}
        texts.append(await bob.post("/servers/a/prompt", bob.body(prompt)))
    assert "mooring-people/alice" not in str(texts)
    assert [status for status, _ in texts[:2]] == [200, 200] and all(status < 500 for status, _ in texts)


async def test_playlist_is_not_uploaded(studio: Studio) -> None:
    bob = await studio.log_in("bob")
    playlist = b"#EXTM3U\n#EXTINF:10.0,\n../../../output/audio/hers_00001_.flac\n#EXT-X-ENDLIST\n"
    joined = b"ffconcat version 1.0\nfile ComfyUI_00001_.png\n"
    files = {"a.m3u8": playlist, "a.png": playlist, "a.glb": joined, "a.m3u": b"x", "a.mp4": b"ID3" + joined}
    for name, data in files.items():
        status, answer = await bob.upload(name, data)
        assert (status, answer["error"]["cause"]) == (400, "refused-body"), name


async def test_no_file_is_overwritten_by_a_prefix(studio: Studio) -> None:
    alice, bob = await studio.log_in("alice"), await studio.log_in("bob")
    prefix = f"hers{time.time_ns()}"
    made = await alice.made(await alice.submit(saving(prefix)))
    for broken in (f"{prefix}/", f"{prefix}/.", f"{prefix}%batch_num%"):
        assert (await bob.post("/servers/a/prompt", bob.body(saving(broken))))[0] == 403
    assert (await alice.get("/servers/a/view", params=made))[0] == 200


async def test_own_folder_is_written_and_read(studio: Studio) -> None:
    for class_type in ("SaveImageDataSetToFolder", "LoadImageDataSetFromFolder"):
        if not await studio.direct("GET", f"/object_info/{class_type}"):
            pytest.skip(f"this server has no {class_type}")
    alice, bob = await studio.log_in("alice"), await studio.log_in("bob")
    await alice.upload(f"dune {time.time_ns()}.png", small_png())
    own = {"folder_name": "mooring-people/alice/set", "filename_prefix": "a", "mode": "overwrite"}
    prompt = {
        "1": {"class_type": "LoadImageDataSetFromFolder", "inputs": {"folder": "mooring-people/alice"}},
        "2": {"class_type": "SaveImageDataSetToFolder", "inputs": {"images": ["1", 0], **own}},
    }
    assert (await alice.result(await alice.submit(prompt)))["status"]["status_str"] == "success"
    assert (await bob.post("/servers/a/prompt", bob.body(prompt)))[0] == 403
