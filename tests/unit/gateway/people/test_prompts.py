"""The files that a prompt may name, and the parts of a body that reach a server."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.fleet.catalogue_contents import NodeClasses
from gateway.fleet.classes import Classes, ClassReplacement
from gateway.fleet.rules import Rules
from gateway.http.refusal import RefusedRequest
from gateway.people.keys import Keys
from gateway.people.projection import (
    ShapeError,
    hide_folders,
    hide_folders_in_text,
    own_models,
    owns_entry,
    project_history,
    project_loads,
    project_queue,
)
from gateway.people.prompts import Made, plain_text, split_annotation, write_prompt
from gateway.people.seals import File, Judgement, Seal, seal
from gateway.people.user import FOLDER, Role, User
from wire.own_cache import OWN_CACHE, without_marks
from wire.queue import read_rows
from wire.refusals import Cause

KEYS = Keys((b"1" * 32,))
ALICE, BOB = User("alice", keys=KEYS), User("bob", keys=KEYS)
CAROL = User("carol", frozenset({Role.USE, Role.RUN}), KEYS)
INSTEAD = {
    "OldLoad": (ClassReplacement("LoadImage", {"picture": "image"}),),
    "OldExec": (ClassReplacement("ExecPython"),),
}
NAMES = frozenset({"LoadImage", "Any", "ExecPython", "Save", "Pack", "Newer"})
CLASSES = Classes(NodeClasses(NAMES, files={"Pack": frozenset({"film"})}, unexamined=frozenset({"Newer"})), INSTEAD)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def body(prompt: object, **more: object) -> dict[str, Any]:
    """Return a POST /prompt that the guard has admitted."""
    return {"prompt": prompt, "prompt_id": "p1", "client_id": "w1", **more}


def node(class_type: object = "Any", **inputs: object) -> dict[str, Any]:
    """Return a prompt of one node."""
    return {"1": {"class_type": class_type, "inputs": inputs}}


def cause(prompt: object, user: User = ALICE, rules: Rules = Rules()) -> Cause | None:  # noqa: B008
    """Return why a prompt is refused, or None."""
    try:
        write_prompt(body(prompt), user, "a", rules, CLASSES)
    except RefusedRequest as error:
        return error.refusal.cause
    return None


@pytest.mark.parametrize(
    ("value", "is_fine"),
    [
        (f"{FOLDER}/alice/a.png", True),
        (f"{FOLDER}/alice/sub/näme 日本 #?%.png", True),
        (f"{FOLDER}/alice/a.png [input]", True),
        ("mooring-shared/logo.png", True),
        (f"{FOLDER}/bob/a.png", False),
        (f"{FOLDER}/alice", False),
        (f"{FOLDER}/alice/", False),
        (f"{FOLDER}/alice/../bob/a.png", False),
        (f"{FOLDER}/alice/.. /bob/a.png", False),
        (f"{FOLDER}/alice/. ./a.png", False),
        (f"{FOLDER}/alicex/a.png", False),
        (f"{FOLDER}/ALICE/a.png", False),
        (f"{FOLDER.upper()}/bob/a.png", False),
        (f"{FOLDER}\\bob\\a.png", False),
        (f"{FOLDER}/alice/{FOLDER}/bob/a.png", False),
        (f"/srv/input/{FOLDER}/bob/a.png", False),
        (f"x {FOLDER}/bob/a.png", False),
        ("mooring-shared/../x.png", False),
        ("mooring-shared", False),
        ("a.png", False),
        ("blake3:61599f1da38350bf759caeb77d0a1faebbfe1b0787be73a55793c596d71eeb07", False),
        ("", False),
        (None, False),
        (["2", 0], False),
        ({"a": f"{FOLDER}/bob/a.png"}, False),
    ],
)
def test_upload_input_must_name_an_own_file(value: object, is_fine: bool) -> None:
    assert cause(node("LoadImage", image=value)) is (None if is_fine else Cause.NOT_YOURS)


@pytest.mark.parametrize(
    ("value", "is_fine"),
    [
        ("a tide at dusk", True),
        ("/srv/models/sd.safetensors", True),
        ("people/bob", True),
        (["deep", [{"a": f"{FOLDER}/bob/a.png"}]], False),
        ({f"{FOLDER}/bob/a.png": 1}, False),
        ("ＭＯＯＲＩＮＧ－people/bob/a.png".replace("－", "-"), False),
    ],
)
def test_text_with_another_users_folder_is_refused(value: object, is_fine: bool) -> None:
    assert cause(node(text=value)) is (None if is_fine else Cause.NOT_YOURS)


def test_made_files_must_be_proven() -> None:
    prompt = node("LoadImage", image="sub/x.png [output]") | {
        "2": {"class_type": "B", "inputs": {"t": "a\\b/y.png [temp]"}}
    }
    _, made = write_prompt(body(prompt), ALICE, "a", Rules(), CLASSES)
    assert made == {Made("output", "sub", "x.png"), Made("temp", "a\\b", "y.png")}


@pytest.mark.parametrize("end", ["[output]", "x[output]", "  [output]", " [OUTPUT]", " [output] ", "\t[temp]"])
def test_folder_in_brackets_is_written_in_one_way(end: str) -> None:
    """ComfyUI reads `mine.png` for `mine.pngx[output]`, so the name that is checked must be the one it reads."""
    for class_type in ("LoadImage", "Any"):
        assert cause(node(class_type, image=f"{FOLDER}/alice/mine.png{end}")) is Cause.NOT_YOURS


def test_classes_are_denied_by_pattern() -> None:
    rules = Rules(deny_nodes=("Exec*", "Sav?"))
    assert cause(node("ExecPython"), rules=rules) is Cause.DENIED_NODE
    assert cause(node("Save"), CAROL, rules) is Cause.DENIED_NODE
    assert cause(node("Any"), rules=rules) is None
    assert cause(node("ExecPython"), rules=Rules(deny_nodes=("execpython",))) is None


@pytest.mark.parametrize("denied", ["ExecPython", "OldExec"])
@pytest.mark.parametrize("class_type", ["ExecPython", "OldExec"])
def test_class_is_denied_under_each_of_its_names(denied: str, class_type: str) -> None:
    assert cause(node(class_type), rules=Rules(deny_nodes=(denied,))) is Cause.DENIED_NODE
    assert cause(node(class_type)) is None


@pytest.mark.parametrize("rules", [Rules(deny_nodes=("Other",)), Rules(only_published=True)])
def test_unknown_class_is_refused_where_rules_exist(rules: Rules) -> None:
    for class_type in ("Unknown", "any", "Any "):
        assert cause(node(class_type), rules=rules) is Cause.DENIED_NODE
        assert cause(node(class_type)) is None
    assert cause(node("Any"), rules=rules) is cause(node("OldExec"), rules=rules) is None


@pytest.mark.parametrize(
    ("class_type", "name"),
    [("LoadLatent", "latent"), ("WebcamCapture", "image"), ("LoadImageOutput", "image"), ("Painter", "mask")],
)
def test_core_reader_reads_only_own_files(class_type: str, name: str) -> None:
    for value in ("a.png", "../a.png", ".", ["1", 0], ["1", False], {"__value__": "a.png"}, {"image": "a.png"}):
        assert cause(node(class_type, **{name: value})) is Cause.NOT_YOURS
    assert cause(node(class_type, **{name: f"{FOLDER}/alice/a.png"})) is None


def test_painter_needs_no_mask() -> None:
    assert cause(node("Painter", mask="")) is None


def test_folder_of_another_is_not_read_by_a_link() -> None:
    """Nodes may assemble the text from parts, so that no part names the folder."""
    for value in (f"{FOLDER}/bob", ["1", 0], ".", "3d"):
        assert cause(node("LoadImageDataSetFromFolder", folder=value)) is Cause.NOT_YOURS
    assert cause(node("LoadImageDataSetFromFolder", folder=f"{FOLDER}/alice/dunes")) is None


def test_recorded_sound_must_be_an_own_file() -> None:
    for value in ("../output/audio/a.flac", "/srv/output/a.flac", "a.flac", ["1", 0], f"{FOLDER}/bob/a.flac"):
        assert cause(node("RecordAudio", audio=value)) is Cause.NOT_YOURS
    assert cause(node("RecordAudio", audio=f"{FOLDER}/alice/a.flac")) is None


@pytest.mark.parametrize("class_type", ["LoadImageSetFromFolderNode", "LoadImageTextDataSetFromFolder"])
def test_only_an_own_folder_or_the_shared_one_is_listed(class_type: str) -> None:
    for value in (FOLDER, f"{FOLDER}/bob", "..", ".", "", "/", "C:\\", "3d", f"{FOLDER}/alice/..", ["1", 0]):
        assert cause(node(class_type, folder=value)) is Cause.NOT_YOURS, value
    for value in (f"{FOLDER}/alice", f"{FOLDER}/alice/dunes", "mooring-shared", "mooring-shared/dunes"):
        assert cause(node(class_type, folder=value)) is None


def test_scene_must_be_of_own_pictures() -> None:
    own = f"{FOLDER}/alice/a.png"
    assert cause(node("Load3D", image={"image": own, "mask": own, "recording": "", "camera_info": {"zoom": 1}})) is None
    assert cause(node("Load3D", image={"image": own, "mask": "b.png"})) is Cause.NOT_YOURS
    assert cause(node("Load3D", image={"image": ["1", 0]})) is Cause.NOT_YOURS
    assert cause(node("Load3D", image={"__value__": {"image": "b.png"}})) is Cause.NOT_YOURS
    assert cause(node("Load3D", model_file="none")) is None
    assert (
        cause(node("Pack", film={"image": "b.png"})) is cause(node("Pack", film={"other": "b.png"})) is Cause.NOT_YOURS
    )
    for view in ("", {}, {"camera_info": {"cameraType": "perspective"}, "model_3d_info": [], "image": ""}):
        assert cause(node("Preview3DAdvanced", viewport_state=view)) is None


def test_each_of_several_files_must_be_own() -> None:
    own = f"{FOLDER}/alice/a.png"
    assert cause(node("LoadImage", image={"__value__": [own, own]})) is None
    assert cause(node("LoadImage", image={"__value__": [own, "b.png"]})) is Cause.NOT_YOURS
    assert cause(node("LoadImage", image={"__value__": ["1", 0]})) is Cause.NOT_YOURS


@pytest.mark.parametrize(
    "value", ["../a", "a/../../b", "/tmp/a", "\\\\host\\a", "C:a", " c:/a", "a\\..\\b", "a/.. /b", "..."]
)
def test_path_that_is_written_stays_in_its_folder(value: str) -> None:
    for class_type, name in (
        ("SaveImage", "filename_prefix"),
        ("CheckpointSave", "filename_prefix"),
        ("SaveLoRA", "prefix"),
    ):
        assert cause(node(class_type, **{name: value})) is Cause.UNSAFE_PATH
        assert cause(node(class_type, **{name: {"__value__": value}})) is Cause.UNSAFE_PATH


@pytest.mark.parametrize("value", ["ComfyUI", "a/b", "3d/ComfyUI", "%date:yyyy-MM-dd%/a", "a..b", ".hidden/a", "a b"])
def test_numbered_files_are_written_anywhere_below_output(value: str) -> None:
    assert cause(node("SaveImage", filename_prefix=value)) is None


@pytest.mark.parametrize(
    "value",
    ["a/", "a/.", "a/ .", "a//", "a//b", "", ".", "a%batch_num%", "a\nb", ["1", 0], {"__value__": "a"}, 5],
)
def test_prefix_without_a_free_number_is_refused(value: object) -> None:
    """ComfyUI looks for the number of another name then, and begins at 1."""
    for class_type in ("SaveImage", "SaveLatent", "SaveText"):
        assert cause(node(class_type, filename_prefix=value)) is Cause.UNSAFE_PATH


@pytest.mark.parametrize("ending", ["m3u8", "M3U", "mpd", "ffconcat", "sdp"])
def test_playlist_is_no_file_to_read(ending: str) -> None:
    for class_type, name in (("LoadAudio", "audio"), ("LoadVideo", "file"), ("LoadImage", "image")):
        for folder in (f"{FOLDER}/alice", "mooring-shared"):
            assert cause(node(class_type, **{name: f"{folder}/a.{ending}"})) is Cause.UNSAFE_PATH


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.json", "a.svg", "a", "a.png.txt"])
def test_text_that_a_node_made_is_no_file_to_read(name: str) -> None:
    assert cause(node("LoadImage", image=f"{name} [output]")) is Cause.UNSAFE_PATH
    assert cause(node("LoadImage", image="a.png [output]")) is cause(node("Load3D", model_file="a.GLB [temp]")) is None


@pytest.mark.parametrize(
    ("class_type", "name"),
    [("SaveImageDataSetToFolder", "folder_name"), ("SaveImageTextDataSetToFolder", "folder_name"),
     ("SaveTrainingDataset", "folder_name")],
)  # fmt: skip
def test_files_are_overwritten_in_an_own_folder_only(class_type: str, name: str) -> None:
    for value in (
        "dataset",
        "mooring-shared/a",
        f"{FOLDER}/alice/../a",
        f"{FOLDER}/alicex",
        ["1", 0],
        {"__value__": "a"},
        "",
    ):
        assert cause(node(class_type, **{name: value})) in {Cause.UNSAFE_PATH, Cause.NOT_YOURS}, value
    assert cause(node(class_type, **{name: f"{FOLDER}/alice/dunes"})) is None


@pytest.mark.parametrize(
    "value", ["../a", "a/b", "a\\b", "c:a", "..", ["1", 0], {"__value__": "a"}, f"{FOLDER}/alice/a"]
)
def test_part_of_a_file_name_holds_no_folder(value: object) -> None:
    for class_type, name in (
        ("SaveImageDataSetToFolder", "filename_prefix"), ("LossGraphNode", "filename_prefix"), ("SaveText", "format")
    ):  # fmt: skip
        assert cause(node(class_type, **{name: value})) is Cause.UNSAFE_PATH
        assert cause(node(class_type, **{name: "png"})) is None


def test_model_is_named_below_its_folder() -> None:
    for value in ("../a.safetensors", "/etc/passwd", "xl\\..\\..\\a", "D:a"):
        assert cause(node("LoraLoader", lora_name=value)) is Cause.UNSAFE_PATH
        assert cause(node("DiffusersLoader", model_path=value)) is Cause.UNSAFE_PATH
    assert cause(node("LoraLoader", lora_name="xl/a.safetensors")) is None
    assert cause(node("LoraLoader", lora_name=["1", 0])) is None, "the server looks it up in its folders of models"
    assert cause(node("DiffusersLoader", model_path=["1", 0])) is Cause.UNSAFE_PATH


def test_pack_input_that_names_files_is_judged_by_its_type() -> None:
    assert cause(node("Pack", film="a.mp4")) is Cause.NOT_YOURS
    assert cause(node("Pack", text="a.mp4")) is None


def test_unexamined_class_waits_for_the_operator() -> None:
    assert cause(node("Newer")) is Cause.DENIED_NODE
    assert cause(node("Newer"), user=CAROL) is None
    assert cause(node("Newer"), rules=Rules(allow_nodes=("New*",))) is None
    assert cause(node("Newer"), rules=Rules(allow_nodes=("New*",), deny_nodes=("Newer",))) is Cause.DENIED_NODE


@pytest.mark.parametrize("name", ["image", "picture"])
def test_replaced_loader_reads_only_own_files(name: str) -> None:
    assert cause(node("OldLoad", **{name: "a.png"})) is Cause.NOT_YOURS
    assert cause(node("OldLoad", **{name: f"{FOLDER}/alice/a.png"})) is None


def test_only_listed_keys_of_a_body_pass() -> None:
    given_body = body(
        node(),
        number=-1,
        front=True,
        shoe=1,
        partial_execution_targets=["1"],
        extra_data={"mooring": "mine?", "client_id": "x", "extra_pnginfo": {"a": 1}},
    )
    written, _ = write_prompt(given_body, ALICE, "a", Rules(), CLASSES)
    assert set(written) == {"prompt", "prompt_id", "client_id", "extra_data", "partial_execution_targets"}
    assert written["client_id"] == ALICE.client_id("w1") != BOB.client_id("w1")
    assert written["extra_data"]["extra_pnginfo"] == {"a": 1}
    assert ALICE.owns("a", "p1", written["extra_data"]) and not BOB.owns("a", "p1", written["extra_data"])
    runner, _ = write_prompt(given_body, CAROL, "a", Rules(), CLASSES)
    assert (runner["number"], runner["front"]) == (-1, True)


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=4), JSON, max_size=4))
def test_any_prompt_is_written_or_refused(prompt: dict[str, Any]) -> None:
    try:
        written, _ = write_prompt(body(prompt), ALICE, "a", Rules(), CLASSES)
    except RefusedRequest as error:
        assert error.refusal.cause in {
            Cause.NOT_YOURS,
            Cause.DENIED_NODE,
            Cause.REFUSED_BODY,
            Cause.UNSAFE_PATH,
        }
    else:
        assert written["prompt"] == prompt


@settings(deadline=None)
@given(JSON)
def test_any_answer_is_projected_or_refused(answer: Any) -> None:
    for project in (project_queue, project_history):
        try:
            shown = project(answer, ALICE, "a")
        except ShapeError:
            continue
        assert project is not project_history or shown == {}


def row(user: User | None, number: int, text: str) -> list[Any]:
    """Return a prompt in a queue."""
    prompt_id = f"p{number}"
    extra = {} if user is None else {"mooring": user.mark("a", prompt_id), "client_id": text, "extra_pnginfo": text}
    return [number, prompt_id, node(text=text), extra, ["1"]]


def test_queue_shows_others_as_positions() -> None:
    queue = {
        "queue_running": [row(BOB, 1, "SECRET")],
        "queue_pending": [row(ALICE, 2, "mine"), row(None, 3, "SECRET"), row(BOB, 4, "SECRET")],
    }
    shown = project_queue(queue, ALICE, "a")
    assert "SECRET" not in json.dumps(shown) and "p1" not in json.dumps(shown) and "p4" not in json.dumps(shown)
    [own] = [one for one in shown["queue_pending"] if one[2]]
    assert own[:3] == [2, "p2", node(text="mine")] and "extra_pnginfo" not in own[3]
    names = [one[1] for one in (*shown["queue_running"], *shown["queue_pending"])]
    assert len(set(names)) == 4 and [one[0] for one in shown["queue_pending"]] == [2, 3, 4]
    assert project_queue(queue, ALICE, "a") == shown
    assert read_rows(shown)


def test_mark_of_another_server_or_prompt_is_invalid() -> None:
    moved = row(ALICE, 1, "x")
    moved[1] = "p9"
    shown = project_queue({"queue_running": [], "queue_pending": [moved]}, ALICE, "a")
    assert shown["queue_pending"][0][2] == {}
    assert (
        project_queue({"queue_running": [row(ALICE, 1, "x")], "queue_pending": []}, ALICE, "b")["queue_running"][0][2]
        == {}
    )


def test_entry_under_another_id_has_no_owner() -> None:
    entry = {"prompt": row(ALICE, 1, "x"), "outputs": {}}
    assert owns_entry("p1", entry, ALICE, "a") and not owns_entry("p2", entry, ALICE, "a")
    assert project_history({"p1": entry, "p2": entry}, ALICE, "a") == {"p1": entry}


def test_loads_have_own_ids_and_count_others() -> None:
    loads = {"v": 1, "servers": {"a": {"ok": True, "running": ["p1"], "pending": ["p2"]}, "b": {"ok": False}}}
    shown = project_loads(loads, {"a": {"p2": ALICE.mark("a", "p2"), "p1": BOB.mark("a", "p1")}}, ALICE)
    assert shown["servers"]["a"]["pending"] == ["p2"] and shown["servers"]["a"]["running"] != ["p1"]
    assert shown["servers"]["b"] == {"ok": False}


FILE = File("a", "output", "", "out_00001_.png")


@settings(deadline=None)
@given(st.builds(File, *[st.text(max_size=8)] * 4), st.text(max_size=10))
def test_seal_is_valid_for_its_own_file_only(file: File, etag: str) -> None:
    made = Seal.read(seal(KEYS, "alice", FILE, etag, 1_000.0))
    assert made is not None and made.judge(KEYS, FILE, 1_000.0) is Judgement.GOOD
    expected = Judgement.GOOD if file == FILE else Judgement.FORGED
    assert made.judge(KEYS, file, 1_000.0) is expected


def test_seal_expires_after_its_days() -> None:
    made = Seal.read(seal(KEYS, "alice", FILE, '"a-1"', 0.0))
    assert made is not None
    assert made.judge(KEYS, FILE, 29 * 86_400.0) is Judgement.GOOD
    assert made.judge(KEYS, FILE, 61 * 86_400.0) is Judgement.EXPIRED
    assert made.fits('W/"a-1"') and not made.fits('"a-2"') and not made.fits("")


def test_equal_files_have_equal_addresses_for_a_month() -> None:
    assert seal(KEYS, "alice", FILE, '"a"', 10.0) == seal(KEYS, "alice", FILE, '"a"', 86_400.0)


@settings(deadline=None)
@given(st.text(max_size=120))
def test_other_text_is_no_valid_seal(text: str) -> None:
    made = Seal.read(text)
    assert made is None or made.judge(KEYS, FILE, 0.0) is Judgement.FORGED


@pytest.mark.parametrize(
    ("text", "path", "folder"),
    [
        ("a.png", "a.png", ""),
        ("a.png [output]", "a.png", "output"),
        ("a.png[TEMP] \n", "a.png", "temp"),
        ("a.png  \u3000[input]", "a.png", "input"),
        ("a.png [output] [temp]", "a.png [output]", "temp"),
        ("a.png [ output]", "a.png [ output]", ""),
        ("[output]", "", "output"),
        ("a" + " " * 60_000 + "x", "a" + " " * 60_000 + "x", ""),
        ("", "", ""),
    ],
)
def test_annotation_is_split_from_its_path(text: str, path: str, folder: str) -> None:
    assert split_annotation(text) == (path, folder)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("MOORING-People", "mooring-people"),
        ("ｍｏｏｒｉｎｇ－ｐｅｏｐｌｅ", "mooring-people"),
        ("m\u0301", "m\u0301"),
        ("ﬁ①", "fi1"),
        ("\u0315\u0300" * 80_000, "\u0315\u0300" * 80_000),
    ],
    ids=["case", "wide", "mark", "ligature", "many marks"],
)
def test_text_is_compared_as_ascii(text: str, plain: str) -> None:
    assert plain_text(text) == plain


def test_others_folders_are_hidden_in_answers() -> None:
    own, others = f"{FOLDER}/alice/set", f"{FOLDER}/bob/set"
    error = {"details": f"folder: 'x' not in ['{own}', '{others}', '{FOLDER}']", "options": [own, others, "3d", FOLDER]}
    shown = hide_folders_in_text(json.dumps(error).encode(), ALICE)
    assert b"bob" not in shown
    assert json.loads(shown) == {
        "details": f"folder: 'x' not in ['{own}', '{FOLDER}/…{FOLDER}/…",
        "options": [own, "3d"],
    }
    odd = {f"{own}, {others}": [f"in {others}'s.png", f"{FOLDER.upper()}/bob/a"], f"it's {others}": 1}
    assert "bob" not in str(hide_folders(odd, ALICE))
    assert hide_folders_in_text(b"plain", ALICE) == b"plain"
    assert hide_folders_in_text(f"no JSON {others}".encode(), ALICE) == b"{}"
    names = json.dumps([own, others, "a.safetensors"]).encode()
    assert json.loads(own_models(names, ALICE)) == [own, "a.safetensors"]
    assert json.loads(own_models(json.dumps([{"name": others}, {"name": "a"}]).encode(), ALICE)) == [{"name": "a"}]


def test_nodes_that_runs_begin_at_have_the_users_mark() -> None:
    prompt = {"1": {"class_type": "Any", "inputs": {}}, "2": {"class_type": "Save", "inputs": {"images": ["1", 0]}}}
    instead = {"OldSave": (ClassReplacement("Save"),)}
    classes = Classes(NodeClasses(NAMES, outputs=frozenset({"Save"})), instead)
    hers, his, again = (
        write_prompt(body(prompt), user, "a", Rules(), classes)[0]["prompt"] for user in (ALICE, BOB, ALICE)
    )
    assert hers == again != his
    assert hers["1"] == prompt["1"]
    assert hers["2"]["inputs"] == {"images": ["1", 0], OWN_CACHE: ALICE.cache_mark}
    assert without_marks(hers) == without_marks(his) == prompt
    forged = {**prompt, "2": {"class_type": "Save", "inputs": {OWN_CACHE: BOB.cache_mark, "images": ["1", 0]}}}
    assert write_prompt(body(forged), ALICE, "a", Rules(), classes)[0]["prompt"] == hers


def test_seal_by_the_former_rules_has_expired() -> None:
    """The page asks for another one, instead of treating the file as foreign."""
    made = seal(KEYS, "alice", FILE, '"1-2"', 1_000_000_000.0)
    known = Seal.read(made)
    assert known is not None
    assert known.judge(KEYS, FILE, 1_000_000_000.0) is Judgement.GOOD
    parts = ("alice", FILE.server_id, FILE.folder, FILE.subfolder, FILE.name, str(known.until), known.tag)
    former = Seal(known.owner, known.until, known.tag, KEYS.sign("picture", *parts))
    assert former.judge(KEYS, FILE, 1_000_000_000.0) is Judgement.EXPIRED
    assert former.judge(KEYS, File("a", "output", "", "x.png"), 1_000_000_000.0) is Judgement.FORGED
