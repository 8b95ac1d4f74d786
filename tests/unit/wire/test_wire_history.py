"""Entries of the history, and the files in them."""

from __future__ import annotations

import pytest

from wire.history import HistoryError, MadeFile, describe_model, read_entry, read_file

WHOLE = {
    "prompt": [3, "p", {"1": {}}, {"client_id": "c"}, ["1"]],
    "outputs": {"1": {"images": []}},
    "status": {"status_str": "success", "messages": [["execution_start", {"timestamp": 5}], ["odd"], 3, ["x", None]]},
}


def test_entry_has_row_outputs_and_messages() -> None:
    entry = read_entry(WHOLE)
    assert (entry.prompt_id, entry.prompt, entry.extra_data) == ("p", {"1": {}}, {"client_id": "c"})
    assert entry.outputs == {"1": {"images": []}} and entry.is_success
    assert entry.messages == (("execution_start", {"timestamp": 5}),)


@pytest.mark.parametrize("row", [None, [], [1, "p", {}], [1, 2, {}, {}], [1, "p", [], {}], [1, "p", {}, None]])
def test_cut_row_names_no_prompt(row: object) -> None:
    entry = read_entry({**WHOLE, "prompt": row})
    assert (entry.prompt_id, entry.prompt, entry.extra_data) == ("", {}, {})


@pytest.mark.parametrize("status", [None, [], {}, {"status_str": "error"}, {"status_str": 1, "messages": {}}])
def test_only_success_is_success(status: object) -> None:
    entry = read_entry({**WHOLE, "status": status})
    assert not entry.is_success and entry.messages == ()


@pytest.mark.parametrize("entry", [None, [], {}, {"outputs": []}, {"prompt": [1, "p", {}, {}]}])
def test_other_entries_are_refused(entry: object) -> None:
    with pytest.raises(HistoryError):
        read_entry(entry)


@pytest.mark.parametrize(
    ("made", "file"),
    [
        ({"filename": "a.png", "subfolder": "x", "type": "temp"}, MadeFile("temp", "x", "a.png")),
        ({"filename": "a.png"}, MadeFile("output", "", "a.png")),
        ({"filename": ""}, None),
        ({"filename": "a.png", "subfolder": 3}, None),
        ({"filename": "a.png", "type": None}, MadeFile("output", "", "a.png")),
        ("a.png", None),
    ],
)
def test_file_is_named_by_folder_subfolder_and_name(made: object, file: MadeFile | None) -> None:
    assert read_file(made) == file


@pytest.mark.parametrize(
    ("result", "described"),
    [
        (["mesh/x.glb", None], {"filename": "x.glb", "subfolder": "mesh", "type": "output"}),
        (["a\\b\\x.PLY"], {"filename": "x.PLY", "subfolder": "a/b", "type": "output"}),
        (["preview_splat_7.ksplat", {}, []], {"filename": "preview_splat_7.ksplat", "subfolder": "", "type": "temp"}),
        (["x.png", None], None),
        (["", None], None),
        ([], None),
        ("x.glb", None),
    ],
)
def test_model_in_a_result_is_described(result: object, described: object) -> None:
    assert describe_model({"result": result}) == described
