"""Files of words: names, tags, encodings, bounds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.core.errors import BadInput
from app.core.saved import PublishedFile
from app.workflows import word_lists
from app.workflows.forms.records import to_text
from app.workflows.word_lists import (
    FILE_KIND,
    KIND,
    WordKind,
    published_lists,
    read_word_file,
    read_word_lists,
    whole,
    word_list_name,
    written,
)
from wire.word_lists import LARGEST

TAGS = b'boat,0,400,"ship,/bt"\r\nmeadow_(green),4,30,\nlake,0,,\nquiet\n'


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("cats.txt", "cats"),
        ("My Cats.TXT", "My Cats"),
        ("wildcards/animals/cats.txt", "animals/cats"),
        ("pack/wildcards/animals\\cats.txt", "animals/cats"),
        ("../a//b.txt", "a/b"),
        ("hair (new), 2__x.txt", "hair -new-- 2_x"),
        ("花.txt", "花"),
        ("x" * 300 + ".txt", "x" * 200),
        ("__.txt", ""),
    ],
)
def test_name_is_one_that_a_prompt_can_have(path: str, name: str) -> None:
    assert word_list_name(path) == name


def test_wildcard_file_is_read() -> None:
    item, text = read_word_file(b"# mine\nred\n\nblue", "colours.txt", at=5.0)
    assert (item.name, item.kind, item.count, item.added_at) == ("colours", WordKind.WILDCARD, 2, 5.0)
    documents = {key: value for key, value in written(item, text).items() if value is not None}
    assert documents[FILE_KIND, item.list_id] == text
    assert read_word_lists({item.list_id: documents[KIND, item.list_id], "x": "damaged"}) == (item,)


def test_file_of_the_same_name_replaces_the_first() -> None:
    first, _ = read_word_file(b"red", "Colours.txt", at=1.0)
    second, _ = read_word_file(b"blue", "colours.txt", at=2.0)
    tags, _ = read_word_file(TAGS, "colours.csv", at=2.0)
    assert first.list_id == second.list_id != tags.list_id


def test_list_of_tags_is_counted() -> None:
    item, _ = read_word_file(TAGS, "tags/scenery.csv", at=0.0)
    assert (item.name, item.kind, item.count) == ("scenery", WordKind.TAGS, 4)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("é".encode(), "é"),
        ("é".encode("utf-8-sig"), "é"),
        ("é".encode("latin-1"), "é"),
        ("é".encode("utf-16"), "é"),
    ],
)
def test_encodings_of_old_files_are_read(data: bytes, text: str) -> None:
    assert read_word_file(data, "a.txt", at=0.0)[1] == text


@pytest.mark.parametrize(
    ("data", "path", "cause"),
    [
        (b"", "a.txt", "words-empty"),
        (b"# only\n", "a.txt", "words-empty"),
        (b"red", "__.txt", "words-empty"),
        (b"\0\1\2", "a.txt", "words-no-text"),
        (b"x" * (LARGEST[".txt"] + 1), "a.txt", "words-too-large"),
        (b"", "a.csv", "words-no-tags"),
        ((b"a long sentence " * 20 + b"\n") * 5, "a.csv", "words-no-tags"),
    ],
)
def test_file_without_words_is_refused(data: bytes, path: str, cause: str) -> None:
    with pytest.raises(BadInput) as raised:
        read_word_file(data, path, at=0.0)
    assert (raised.value.cause, raised.value.name) == (cause, path)


def test_list_of_100000_tags_is_read() -> None:
    data = "".join(f'tag_{number},0,{number},"other_{number}"\n' for number in range(100_000)).encode()
    assert len(data) > 3_000_000
    assert read_word_file(data, "large.csv", at=0.0)[0].count == 100_000


def test_published_files_of_words_are_lists() -> None:
    files = [
        PublishedFile("wildcards/cats.txt", "t1"),
        PublishedFile("tags/sea.csv", "t2"),
        PublishedFile("a.json", "t3"),
    ]
    found = published_lists(files)
    assert [(item.name, item.kind, file.path) for item, file in found] == [
        ("cats", WordKind.WILDCARD, "wildcards/cats.txt"),
        ("sea", WordKind.TAGS, "tags/sea.csv"),
    ]
    assert found[0][0].list_id != published_lists([PublishedFile("wildcards/cats.txt", "other")])[0][0].list_id


def test_forged_import_is_read_as_an_added_file() -> None:
    item, text = read_word_file(b"red", "colours.txt", at=5.0)
    forged = replace(item, list_id="x", name="../Colours__2", count=9)
    documents = {(KIND, "y"): to_text(forged), (FILE_KIND, "y"): text, (FILE_KIND, "alone"): "blue"}
    documents |= {(KIND, "no-file"): to_text(item), (KIND, "damaged"): "{", (FILE_KIND, "damaged"): "red"}
    found = whole(documents)
    (own,) = read_word_lists({name: entry for (kind, name), entry in found.items() if kind == KIND})
    assert (own.name, own.count, own.added_at) == ("Colours_2", 1, 5.0)
    assert found == written(own, text)


def test_deletion_removes_both_documents() -> None:
    assert word_lists.deleted("id") == {(KIND, "id"): None, (FILE_KIND, "id"): None}
