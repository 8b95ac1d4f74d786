"""The library: a workflow is one item by what is in it, found by its words; nothing is lost on its way out and in."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import BadInput
from app.workflows import word_lists
from app.workflows.library import (
    FILE_KIND,
    KIND,
    LONGEST_TITLE,
    MOST_TAGS,
    PRESET_KIND,
    Bundle,
    Item,
    ItemContent,
    WorkflowOrigin,
    deleted,
    export_text,
    found,
    is_export,
    item_of,
    read_body,
    read_export,
    read_items,
    tags_of,
    written,
)
from app.workflows.reading import read_source
from app.workflows.versions import merged

API = json.dumps({"1": {"class_type": "EmptyImage", "inputs": {"width": 8}}})


def opened(name: str = "street_night.json", text: str = API, at: float = 5.0) -> tuple[Item, ItemContent]:
    return item_of(read_source(text.encode(), name), WorkflowOrigin.FILE, at=at)


def documents_of(*pairs: tuple[Item, ItemContent]) -> dict[tuple[str, str], str]:
    documents: dict[tuple[str, str], str] = {}
    for item, body in pairs:
        documents |= {key: text for key, text in written(item, body).items() if text is not None}
    return documents


def items_in(documents: dict[tuple[str, str], str]) -> dict[str, str]:
    return {name: text for (kind, name), text in documents.items() if kind == KIND}


def test_an_item_is_called_as_its_file_without_the_ending() -> None:
    item, body = opened()
    assert (item.title, item.place, item.added_at, item.used_at) == ("street night", "street_night.json", 5.0, 5.0)
    assert (body.api, body.graph) == (API, "")
    assert opened("ComfyUI_00012_.json")[0].title == "ComfyUI"
    assert opened("night_walk.app.json")[0].title == "night walk"


def test_same_workflow_is_one_item_under_any_file_name() -> None:
    other = json.dumps({"1": {"class_type": "EmptyImage", "inputs": {"width": 9}}})
    assert opened("a.json")[0].item_id == opened("b.json")[0].item_id != opened("a.json", other)[0].item_id


def test_items_are_read_latest_first_without_unreadable_ones() -> None:
    first, body = opened(at=1.0)
    second = Item("b" * 32, "b", used_at=9.0, tags=("沙丘",), origin=WorkflowOrigin.SERVER)
    documents = {
        **items_in(documents_of((first, body))),
        "b": json.dumps(json.loads(written(second)[KIND, "b" * 32] or "")),
    }
    newer = json.dumps({"item_id": "c", "v": 99, "origin": "from the moon"})
    assert read_items({**documents, "c": newer, "d": "{", "e": "[]"}) == (second, first)


def test_an_items_file_is_read_back() -> None:
    item, body = opened()
    assert read_body(documents_of((item, body))[FILE_KIND, item.item_id]) == body
    with pytest.raises(BadInput):
        read_body("{")


def test_fields_of_a_newer_version_survive_a_change() -> None:
    record = {"item_id": "a", "title": "A", "colour": "red"}
    (item,) = read_items({"a": json.dumps(record)})
    assert json.loads(written(item.titled("B"))[KIND, "a"] or "")["colour"] == "red"


def test_titles_and_tags_are_cut_and_cleaned() -> None:
    item = Item("a", "A").titled("  a \n b ").tagged([" x ", "x", "", "y  z", *map(str, range(99))])
    assert (item.title, item.tags[:2], len(item.tags)) == ("a b", ("x", "y z"), MOST_TAGS)
    assert item.titled("   ").title == "a b"
    assert len(item.titled("x" * 999).title) == LONGEST_TITLE


def test_search_needs_every_word() -> None:
    items = (
        Item("a", "Portrait 夜景", place="studio/portrait.json", tags=("Client A",)),
        Item("b", "Landscape", tags=("client a", "done")),
    )
    assert [item.item_id for item in found(items, "client")] == ["a", "b"]
    assert [item.item_id for item in found(items, "夜 STUDIO")] == ["a"]
    assert [item.item_id for item in found(items, "ｌａｎｄ")] == ["b"]
    assert [item.item_id for item in found(items, tag="done")] == ["b"]
    assert not found(items, "client moon")
    assert tags_of(items) == ("Client A", "client a", "done")


def test_everything_goes_out_and_comes_in_as_one_file() -> None:
    item, body = opened()
    documents = documents_of((item.tagged(["studio"]), body)) | {(PRESET_KIND, "p"): "{}"}
    text = export_text(Bundle(documents, {"shape": "{}"}))
    assert is_export(text) and not is_export(API)
    bundle = read_export(text)
    assert (bundle.documents, bundle.layouts, bundle.count) == (documents, {"shape": "{}"}, 1)
    assert merged(bundle, {}) == documents


def test_item_with_missing_or_changed_file_is_left_out() -> None:
    item, body = opened()
    documents = documents_of((item, body))
    without = {key: text for key, text in documents.items() if key[0] == KIND}
    other = {**documents, (FILE_KIND, item.item_id): json.dumps({"api": "{}"})}
    assert read_export(export_text(Bundle(without))).documents == {}
    assert read_export(export_text(Bundle(other))).documents == {}


@given(st.one_of(st.text(), st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps)))
def test_any_other_file_is_refused_by_its_name(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_export(text, "other.json")
    assert caught.value.name in {"other.json", ""}


def test_deleted_item_loses_its_file() -> None:
    assert set(deleted("a")) == {(KIND, "a"), (FILE_KIND, "a")}


def test_words_are_exported_and_existing_ones_stay() -> None:
    item, text = word_lists.read_word_file(b"tabby", "cats.txt", at=1.0)
    other, more = word_lists.read_word_file(b"hound", "dogs.txt", at=1.0)
    every = {**word_lists.written(item, text), **word_lists.written(other, more)}
    documents = {key: value for key, value in every.items() if value}
    bundle = read_export(export_text(Bundle(documents)))
    assert merged(bundle, {}) == documents
    assert {name for _, name in merged(bundle, {(word_lists.KIND, item.list_id): "here"})} == {other.list_id}
