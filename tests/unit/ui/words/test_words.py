"""Words for prompts: added, published, read for a run, offered while typing, deleted."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.core.errors import BadInput
from app.core.saved import PublishedFile
from app.ui.form.state import FormState
from app.ui.library.library import Library
from app.ui.words import words
from app.ui.words.state import SHOWN, WordsState, completion_of, words_view
from app.ui.words.words import MOST_READ, WordLists
from app.ui.words.words_html import completion, word_lists
from app.ui.words.words_json import names_json
from app.workflows.word_lists import FILE_KIND, WordKind, WordList
from tests.kit.page.rig import Rig
from tests.kit.page.stills import (
    ENGLISH,
    Bytes,
    MemoryFiles,
    Seconds,
    StillModels,
)

TAGS = b'boat,0,400,"ship"\nlake,0,90,\n'


class WordsRig(Rig):
    """The lists of one window; `draw` is one redraw."""

    def __init__(self, **published: bytes) -> None:
        super().__init__("text", seconds=Seconds())
        self.files = MemoryFiles()
        self.publish(**published)
        self.models = StillModels(folders={"embeddings": ("calm.pt",), "loras": ("ink.safetensors",)})
        self.library = Library(self.documents, self.files, lambda: 1.0, lambda: None)
        self.time = 1.0
        self.words = WordLists(
            self.documents,
            self.library,
            self.context,
            self.screen,
            models=self.models,
            now=lambda: self.time,
            is_listed=lambda: self.library.is_listed("tag"),
            deletions=self.deletions,
        )
        self.table.add(self.words, self.deletions)

    def publish(self, **published: bytes) -> None:
        paths = {name.replace("__", "/").replace("_txt", ".txt").replace("_csv", ".csv"): name for name in published}
        self.files.published_files = {
            path: (PublishedFile(path, str(len(published[name]))), published[name]) for path, name in paths.items()
        }

    async def add(self, name: str, data: bytes) -> None:
        self.time += 1
        await self.words.add([(Bytes(data, ""), name)])
        await self.draw()

    async def draw(self) -> None:
        await self.library.refresh_published("tag")
        self.words.refresh()
        await self.done()

    @property
    def known(self) -> tuple[str, ...]:
        names = self.ui.of(FormState).known.wildcards
        assert names is not None
        return names.names


async def test_wildcards_of_the_user_and_published_ones_are_known() -> None:
    rig = WordsRig(wildcards__animals__cats_txt=b"tabby", wildcards__dogs_txt=b"hound", tags__sea_csv=TAGS)
    assert rig.ui.of(FormState).known.wildcards is None
    await rig.add("dogs.txt", b"my dog")
    assert rig.known == ("dogs", "animals/cats")
    found = await rig.words.read(("dogs", "cats"))
    assert found.files == {"dogs": ("my dog",), "animals/cats": ("tabby",)}
    assert rig.library.published == ()


async def test_no_wildcard_is_missing_before_the_published_ones_are_listed() -> None:
    rig = WordsRig(wildcards__cats_txt=b"tabby")
    await rig.words.load()
    assert rig.ui.of(FormState).known.wildcards is None
    await rig.draw()
    assert rig.known == ("cats",)


async def test_wildcards_in_lines_are_read_too() -> None:
    rig = WordsRig()
    await rig.add("a.txt", b"x __b__\n")
    await rig.add("b.txt", b"{y|__c*__}")
    await rig.add("c1.txt", b"1")
    await rig.add("other.txt", b"2")
    assert set((await rig.words.read(("a",))).files) == {"a", "b", "c1"}
    assert set((await rig.words.read(("*",))).files) == {"a", "b", "c1", "other"}
    assert (await rig.words.read(())).files == {}


async def test_changed_file_is_read_anew() -> None:
    rig = WordsRig(wildcards__a_txt=b"old")
    await rig.add("mine.txt", b"one")
    await rig.words.read(("mine", "a"))
    await rig.add("mine.txt", b"two")
    rig.publish(wildcards__a_txt=b"newer")
    await rig.library.refresh_published("other")
    rig.words.refresh()
    assert (await rig.words.read(("mine", "a"))).files == {"mine": ("two",), "a": ("newer",)}


async def test_wildcards_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = WordsRig()
    await rig.add("a.txt", b"x")
    await rig.words.read(("a",))
    monkeypatch.setattr(rig.documents, "read_document", None)
    assert (await rig.words.read(("a",))).files == {"a": ("x",)}


async def test_too_many_wildcards_are_refused() -> None:
    rig = WordsRig(**{f"wildcards__a{number}_txt": b"x" for number in range(MOST_READ + 1)})
    await rig.words.load()
    await rig.draw()
    with pytest.raises(BadInput) as raised:
        await rig.words.read(("a*",))
    assert raised.value.cause == "too-many-wildcards"


async def test_nothing_is_read_before_a_field_wants_it() -> None:
    rig = WordsRig(tags__sea_csv=TAGS)
    await rig.add("mine.csv", b"meadow\n")
    assert (rig.screen.tags, rig.models.asked) == ({}, [])
    rig.table.act("want-words", {"value": "words"})
    await rig.done()
    assert sorted(rig.screen.tags.values()) == sorted([TAGS.decode(), "meadow\n"])
    assert rig.ui.of(WordsState).embeddings == ("calm.pt",)
    assert rig.ui.of(WordsState).loras == ()
    rig.table.act("want-words", {"value": "loras"})
    await rig.done()
    assert rig.ui.of(WordsState).loras == ("ink.safetensors",)


async def test_replaced_and_deleted_tags_leave_the_page() -> None:
    rig = WordsRig()
    rig.table.act("want-words", {"value": "words"})
    await rig.add("mine.csv", b"meadow\n")
    await rig.add("mine.csv", b"lake\n")
    assert list(rig.screen.tags.values()) == ["lake\n"]
    rig.table.act("delete-words", {"item": rig.ui.of(WordsState).items[0].list_id})
    await rig.draw() if not rig.context.work else rig.words.refresh()
    rig.seconds.go.set()
    await rig.done()
    assert rig.screen.tags == {}
    assert not any(kind == FILE_KIND for kind, _ in rig.documents.shelf)


async def test_deleted_wildcard_is_unknown_until_it_is_undone() -> None:
    rig = WordsRig()
    await rig.add("a.txt", b"x")
    rig.table.act("delete-words", {"item": rig.ui.of(WordsState).items[0].list_id})
    rig.words.refresh()
    assert rig.known == ()
    rig.table.act("undo-deletion", {"number": str(rig.ui.deletions[0].number)})
    rig.words.refresh()
    assert rig.known == ("a",)


async def test_list_that_is_added_after_its_deletion_stays() -> None:
    rig = WordsRig()
    await rig.add("a.txt", b"x")
    rig.table.act("delete-words", {"item": rig.ui.of(WordsState).items[0].list_id})
    rig.words.refresh()
    assert rig.known == ()
    await rig.add("a.txt", b"y")
    assert rig.ui.deletions == ()
    assert (await rig.words.read(("a",))).files == {"a": ("y",)}


async def test_file_that_is_too_large_is_refused_unread() -> None:
    rig = WordsRig()

    class Huge(Bytes):
        size = 10**9

        async def read(self, most: int | None = None) -> bytes:
            raise AssertionError("read")

    with pytest.raises(BadInput) as raised:
        await rig.words.add([(Huge(), "a.txt")])
    assert raised.value.cause == "words-too-large"


async def test_number_of_lists_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "MOST_LISTS", 2)
    rig = WordsRig()
    with pytest.raises(BadInput) as raised:
        await rig.words.add([(Bytes(b"x", ""), name) for name in ("a.txt", "b.txt", "c.txt", "a.txt")])
    assert (raised.value.cause, raised.value.name) == ("too-many-lists", "c.txt")
    assert [item.name for item in rig.ui.of(WordsState).items] == ["a", "b"]


def listed(name: str, kind: WordKind = WordKind.WILDCARD, **more: Any) -> WordList:
    return WordList(f"id-{name}", name, kind, **more)


def test_names_that_are_offered_are_escaped_json() -> None:
    state = WordsState(
        (listed("cats", count=2), listed("sea", WordKind.TAGS)), (listed("</div><b>", count=0),), ("calm.pt",)
    )
    offered = completion_of(state, frozenset({"id-gone"}))
    found = json.loads(names_json(offered, ENGLISH))
    assert found["wildcards"] == [["cats", "2 lines"], ["</div><b>", ""]]
    assert found["embeddings"] == ["calm.pt"]
    assert "<b>" not in completion(offered, ENGLISH)


def test_library_shows_some_lists_and_counts_the_others() -> None:
    items = tuple(listed(f"w{number}", count=1) for number in range(SHOWN + 2))
    state = WordsState(items, (WordList("published:sea:1", "sea", WordKind.TAGS),))
    view = words_view(state, "", frozenset({"id-w0"}))
    assert (len(view.lists), view.more) == (SHOWN, 2)
    markup = word_lists(words_view(state, "SE", frozenset()), ENGLISH)
    assert "Published here" in markup and "delete-words" not in markup
    assert "No list of words" in word_lists(words_view(state, "nothing", frozenset()), ENGLISH)
    assert ".csv" in word_lists(words_view(WordsState(), "", frozenset()), ENGLISH)
    assert "delete-words" in word_lists(view, ENGLISH)
