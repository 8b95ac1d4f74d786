"""Folders and names: annotated names, counters, and no way out."""

from __future__ import annotations

from pathlib import Path

import pytest

from demo_comfyui.model.files import annotated
from demo_comfyui.storage import Storage


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(tmp_path)


def test_temp_is_wiped_at_the_start_and_the_rest_is_kept(tmp_path: Path) -> None:
    for name in ("temp", "output"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.png").touch()
    Storage(tmp_path)
    assert not list((tmp_path / "temp").iterdir())
    assert (tmp_path / "output" / "x.png").exists()


@pytest.mark.parametrize(
    ("name", "bare", "folder"),
    [
        ("a.png", "a.png", None),
        ("a.png [input]", "a.png", "input"),
        ("a.png [output]", "a.png", "output"),
        ("sub/a.png [temp]", "sub/a.png", "temp"),
        ("[input]", "", "input"),
    ],
)
def test_annotated_names(name: str, bare: str, folder: str | None) -> None:
    assert annotated(name) == (bare, folder)


def test_the_counter_goes_on_from_what_lies_there(storage: Storage) -> None:
    for name in ("p_00002_.png", "p_00007_.png", "p_x_.png", "pp_00050_.png", "p00099_.png"):
        (storage.data / "output" / name).touch()
    place = storage.save_place("p", "output", (1, 1))
    assert [place.next_name(0), place.next_name(1)] == ["p_00008_.png", "p_00009_.png"]


def test_a_new_prefix_begins_at_one_and_subfolders_are_made(storage: Storage) -> None:
    place = storage.save_place("a/b/name_%width%x%height%_%batch_num%", "output", (30, 20))
    assert (place.subfolder, place.next_name(3)) == ("a/b", "name_30x20_3_00001_.png")
    assert (storage.data / "output" / "a" / "b").is_dir()


@pytest.mark.parametrize("prefix", ["../x", "a/../../x", "/tmp/x"])
def test_a_prefix_never_leads_out(storage: Storage, prefix: str) -> None:
    with pytest.raises(ValueError, match="outside the output folder"):
        storage.save_place(prefix, "output", (1, 1))


def test_only_pictures_are_offered_sorted(storage: Storage) -> None:
    for name in ("b.png", "a.webp", "c.txt", "d"):
        (storage.data / "input" / name).touch()
    (storage.data / "input" / "folder.png").mkdir()
    assert storage.input_images() == ["a.webp", "b.png"]


@pytest.mark.parametrize("prefix", ["a/b/x", "a\\b\\x", "a\\b/x"])
def test_windows_paths_lead_into_folders(tmp_path: Path, prefix: str) -> None:
    storage = Storage(tmp_path, "\\")
    place = storage.save_place(prefix, "output", (1, 1))
    assert (place.subfolder, place.next_name(0)) == ("a\\b", "x_00001_.png")
    assert place.folder == tmp_path / "output" / "a" / "b"
    assert storage.input_path("a\\b.png") == str(tmp_path / "input" / "a" / "b.png")


def test_backslash_is_part_of_a_name_elsewhere(storage: Storage) -> None:
    place = storage.save_place("a\\x", "output", (1, 1))
    assert (place.subfolder, place.next_name(0)) == ("", "a\\x_00001_.png")
