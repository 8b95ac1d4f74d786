"""The published workflows: only the files of one folder, with a tag that follows them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from gateway.platforms import system
from gateway.site import published
from gateway.site.published import Published
from tests.kit.platforms import link, posix_only


@pytest.fixture
def published_folder(tmp_path: Path) -> Path:
    """Return a folder with two workflows among other things."""
    place = tmp_path / "workflows"
    (place / "portraits" / ".hidden").mkdir(parents=True)
    (place / "b.json").write_text("{}")
    (place / "portraits" / "a b.PNG").write_bytes(b"png")
    (place / "notes.txt").write_text("not a workflow")
    (place / ".c.json").write_text("{}")
    (place / "portraits" / ".hidden" / "d.json").write_text("{}")
    (tmp_path / "secret.json").write_text("secret")
    return place


def test_the_files_of_the_folder_are_listed_and_read(published_folder: Path) -> None:
    shown = Published(published_folder)
    listing = shown.listing()
    assert list(listing.files) == ["b.json", "portraits/a b.PNG"]
    assert listing.left_out == {}
    assert shown.read("portraits/a b.PNG") == b"png"
    listed = listing.as_json()
    assert (listed["v"], listed["tag"]) == (1, listing.tag)
    assert [item["path"] for item in listed["files"]] == list(listing.files)  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", ["../secret.json", "notes.txt", ".c.json", "portraits", "b.json/", "", "/etc/passwd"])
def test_unlisted_file_is_not_read(published_folder: Path, path: str) -> None:
    assert Published(published_folder).read(path) is None


def test_words_are_published_in_folders_of_their_own(published_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "wildcards/animals/cats.txt",
        "wildcards/readme.csv",
        "tags/sea.CSV",
        "tags/note.txt",
        "sub/tags/x.csv",
    ):
        (published_folder / name).parent.mkdir(parents=True, exist_ok=True)
        (published_folder / name).write_text("tabby\n")
    monkeypatch.setitem(published.LARGEST_WORDS, ".txt", 8)
    (published_folder / "wildcards" / "large.txt").write_text("tabby\nblack\n")
    link(published_folder / "wildcards" / "out.txt", published_folder.parent / "secret.json")
    shown = Published(published_folder)
    listing = shown.listing()
    assert [name for name in listing.files if name.startswith(("wildcards", "tags", "sub"))] == [
        "tags/sea.CSV",
        "wildcards/animals/cats.txt",
    ]
    assert set(listing.left_out) == {"wildcards/large.txt", "wildcards/out.txt"}
    assert shown.read("wildcards/animals/cats.txt") == b"tabby\n"
    assert shown.read("wildcards/large.txt") is None


def test_files_of_words_have_a_limit_of_their_own(published_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published, "MOST_WORD_FILES", 1)
    (published_folder / "wildcards").mkdir()
    for name in ("a.txt", "b.txt"):
        (published_folder / "wildcards" / name).write_text("x")
    listing = Published(published_folder).listing()
    assert "b.json" in listing.files
    assert listing.left_out == {"wildcards/b.txt": "too many files"}


def test_link_out_of_the_folder_is_left_out(published_folder: Path) -> None:
    link(published_folder / "inner.json", published_folder / "b.json")
    link(published_folder / "outer.json", published_folder.parent / "secret.json")
    link(published_folder / "loop.json", published_folder / "loop.json")
    link(published_folder / "elsewhere", published_folder.parent)
    listing = Published(published_folder).listing()
    assert list(listing.files) == ["b.json", "inner.json", "portraits/a b.PNG"]
    assert set(listing.left_out) == {"outer.json", "loop.json"}


def test_too_many_too_deep_and_too_large_is_left_out(published_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = published_folder.joinpath(*["x"] * (published.DEEPEST + 1))
    deep.mkdir(parents=True)
    (deep / "deep.json").write_text("{}")
    (published_folder / "large.json").write_text("[1,2,3,4]")
    monkeypatch.setattr(published, "LARGEST", 5)
    listing = Published(published_folder).listing()
    assert list(listing.left_out) == ["large.json"]
    assert Published(published_folder).read("large.json") is None
    monkeypatch.setattr(published, "MOST_FILES", 1)
    assert list(Published(published_folder).listing().files) == ["b.json"]


@posix_only("no file can have such a name")
@pytest.mark.parametrize("name", ["50%.json", "a;b.json", "what?.json", "a#b.json", "line\nbreak.json"])
def test_ambiguous_file_name_is_left_out(published_folder: Path, name: str) -> None:
    (published_folder / name).write_text("{}")
    assert list(Published(published_folder).listing().left_out) == [name]


def test_the_tag_follows_the_files(published_folder: Path) -> None:
    shown = Published(published_folder)
    first = shown.listing().tag
    assert shown.listing().tag == first
    (published_folder / "b.json").write_text("[]")
    os.utime(published_folder / "b.json", (1, 1))
    second = shown.listing().tag
    (published_folder / "b.json").unlink()
    assert len({first, second, shown.listing().tag}) == 3
    assert shown.read("b.json") is None


def test_missing_folder_publishes_nothing(published_folder: Path) -> None:
    shown = Published(published_folder)
    shown.listing()
    system.replace(published_folder, published_folder.parent / "away")
    assert shown.listing().files == {}
    assert Published(None).listing().tag == ""


def test_a_workflow_with_a_form_is_listed_by_its_own_title(published_folder: Path) -> None:
    listed = {"v": 1, "title": "Portrait 夜", "about": "Faces.", "fields": [], "workflow": {"1": {}}}
    (published_folder / "named.json").write_text(json.dumps(listed))
    (published_folder / "plain.json").write_text('{"1": {"class_type": "A"}}')
    (published_folder / "broken.json").write_text('{"title": "x", "workflow":')
    published = Published(published_folder)
    files = {item["path"]: item for item in published.listing().as_json()["files"]}  # type: ignore[attr-defined]
    assert (files["named.json"]["title"], files["named.json"]["about"]) == ("Portrait 夜", "Faces.")
    assert "title" not in files["plain.json"] and "title" not in files["broken.json"]
    (published_folder / "named.json").write_text(json.dumps({**listed, "title": "Another one"}))
    assert published.listing().files["named.json"].title == "Another one"
