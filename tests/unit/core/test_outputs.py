"""Everything that a history entry lists is an output: files of any kind, and texts that a node shows."""

from __future__ import annotations

from dataclasses import replace

from app.core.model import TEXT, Delivery, FileFact, NodeId, Output, Task
from app.core.outputs import MAX_SHOWN, read_node_outputs, read_outputs
from app.core.records import decode, encode
from app.session.delivery.fetch import fetch_output
from app.session.memory.private import redacted
from tests.kit.page.stills import task

SHOWN = read_node_outputs("5", {"text": ["a harbour, 沙丘", "second"]})


def test_files_and_texts_are_read_in_node_order() -> None:
    entry = {
        "9": {"images": [{"filename": "a.png", "subfolder": "s", "type": "temp"}], "animated": [True]},
        "5": {"text": ["seen"]},
        "7": {"gifs": [{"filename": "b.webp"}], "audio": [{"filename": "c.flac"}], "result": [7, None]},
        "8": "nothing",
    }
    assert [(item.node_id, item.kind, item.filename, item.text) for item in read_outputs(entry)] == [
        ("9", "images", "a.png", ""),
        ("5", "text", "text_00001_.txt", "seen"),
        ("7", "gifs", "b.webp", ""),
        ("7", "audio", "c.flac", ""),
    ]


def test_model_that_is_named_by_its_path_is_an_output() -> None:
    (model,) = read_node_outputs("3", {"result": ["mesh/a b.glb", {"position": {}}, None]})
    assert (model.folder, model.subfolder, model.filename, model.kind) == ("output", "mesh", "a b.glb", "3d")
    sealed = {"filename": "a b.glb", "subfolder": "mesh", "type": "output", "seal": "s"}
    assert [item.seal for item in read_node_outputs("3", {"result": ["mesh/a b.glb"], "mooring_3d": [sealed]})] == ["s"]


def test_text_that_is_also_saved_is_one_output() -> None:
    made = {"text": ["# Title"], "files": [{"filename": "a_00001.md", "subfolder": "", "type": "output"}]}
    assert [(item.filename, item.is_text) for item in read_node_outputs("4", made)] == [("a_00001.md", False)]


def test_outputs_of_a_newer_server_are_all_found() -> None:
    """Shown by ComfyUI 0.30 for SaveImageAdvanced, SaveLatent, SaveGLB, Preview3DAdvanced and Save3DAdvanced."""
    outputs = {
        "6": {"images": [{"filename": "adv_00001.exr", "subfolder": "", "type": "output"}]},
        "4": {"latents": [{"filename": "ComfyUI_00001_.latent", "subfolder": "latents", "type": "output"}]},
        "8": {"3d": [{"filename": "ComfyUI_00001_.glb", "subfolder": "mesh", "type": "output"}]},
        "10": {"result": ["preview3d_advanced_584a.glb", None, []]},
        "12": {"result": ["3d/adv_00001.glb", None, []]},
    }
    assert [(item.folder, item.subfolder, item.filename) for item in read_outputs(outputs)] == [
        ("output", "", "adv_00001.exr"),
        ("output", "latents", "ComfyUI_00001_.latent"),
        ("output", "mesh", "ComfyUI_00001_.glb"),
        ("temp", "", "preview3d_advanced_584a.glb"),
        ("output", "3d", "adv_00001.glb"),
    ]


def test_texts_of_a_node_are_numbered_and_long_ones_cut() -> None:
    assert len({item.file for item in SHOWN}) == 2
    assert all(item.is_text and item.folder == TEXT for item in SHOWN)
    (long,) = read_node_outputs("5", {"string": ["x" * (MAX_SHOWN + 1)], "text": [7, None]})
    assert len(long.text) == MAX_SHOWN + 4
    assert long.text.endswith(" […]")
    assert read_node_outputs("5", {"text": "no list"}) == ()


async def test_a_text_is_home_without_asking_any_server() -> None:
    fetched, blob = await fetch_output(None, task(), SHOWN[0])  # type: ignore[arg-type] - no server is asked
    assert blob is not None
    assert (fetched.media_type, fetched.size) == ("text/plain", blob.size)
    assert (await blob.read()).decode() == "a harbour, 沙丘"


def test_text_stays_in_record_but_not_in_private_one() -> None:
    kept = task(outputs=(*SHOWN, Output(node_id=SHOWN[0].node_id, kind="images", filename="a.png")))
    assert decode(Task, encode(kept)) == kept
    assert "harbour" not in str(encode(redacted(kept)))
    assert redacted(kept).delivery.outputs[2] == kept.delivery.outputs[2]


def test_private_record_keeps_nothing_of_a_file() -> None:
    note = Output(node_id=NodeId("5"), kind="files", filename="a.md", text="harbour", facts=(FileFact("n", "harbour"),))
    kept = task(outputs=(replace(note, delivery=Delivery.KEPT),))
    assert decode(Task, encode(kept)) == kept
    assert "harbour" not in str(encode(redacted(kept)))
    assert redacted(kept).delivery.outputs[0].delivery is Delivery.KEPT
