"""Versions of a library's workflow: what changes stays, goes back, and is lost by no import and no other window."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import BadInput
from app.core.model import PromptId
from app.core.ports.documents import Changes, DocumentKey
from app.workflows import versions
from app.workflows.library import (
    FILE_KIND,
    KIND,
    RECENT_KIND,
    VERSION_KIND,
    Bundle,
    Item,
    ItemContent,
    Version,
    WorkflowOrigin,
    export_text,
    item_id_of,
    item_of,
    read_export,
    read_items,
    version_key,
    written,
)
from app.workflows.reading import read_source
from app.workflows.versions import (
    MOST_VERSIONS,
    holder_of,
    is_same_work,
    keys_of,
    keys_to_merge,
    merged,
    namesakes,
    noted,
    parted,
    parted_id,
    removed,
    saved,
    went_back,
)

Documents = dict[DocumentKey, str]


def body(width: int, filler: int = 0) -> ItemContent:
    """Return the content of a workflow; a filler makes it that many characters longer."""
    inputs = {"width": width, **({"note": "x" * filler} if filler else {})}
    return ItemContent(api=json.dumps({"1": {"class_type": "EmptyImage", "inputs": inputs}}))


def first(width: int = 1, at: float = 1.0) -> tuple[Item, ItemContent]:
    source = read_source(body(width).api.encode(), "portrait.json")
    return item_of(source, WorkflowOrigin.FILE, at=at)


def apply(documents: Documents, changes: Changes) -> None:
    for key, text in changes.items():
        if text is None:
            documents.pop(key, None)
        else:
            documents[key] = text


def item_in(documents: Mapping[DocumentKey, str]) -> Item:
    (item,) = read_items({name: text for (kind, name), text in documents.items() if kind == KIND})
    return item


class Shelf:
    """The documents of one item. Each call is one transaction at the next second."""

    def __init__(self) -> None:
        self.item, content = first()
        self.documents: Documents = {}
        self.time = 1.0
        apply(self.documents, saved({}, self.item, content))

    @property
    def now(self) -> Item:
        return item_in(self.documents)

    def save(self, content: ItemContent) -> str:
        self.time += 1
        apply(self.documents, saved(self.documents, replace(self.item, used_at=self.time), content))
        return item_id_of(content)

    def back(self, content: str) -> None:
        self.time += 1
        apply(self.documents, went_back(self.documents, self.item.item_id, content, at=self.time))

    @property
    def contents(self) -> dict[str, str]:
        """Return the texts of all contents by hash, the current one included."""
        item = self.now
        texts = {
            version.content: self.documents[version_key(item.item_id, version.content)] for version in item.versions
        }
        assert len(texts) == len([key for key in self.documents if key[0] == VERSION_KIND])
        return {**texts, item.content_id: self.documents[FILE_KIND, item.item_id]}


def test_other_content_is_current_and_the_earlier_one_a_version() -> None:
    shelf = Shelf()
    new = shelf.save(body(2))
    item = shelf.now
    assert (item.item_id, item.content_id, item.since) == (shelf.item.item_id, new, 2.0)
    assert [(version.content, version.at) for version in item.versions] == [(shelf.item.item_id, 1.0)]
    assert set(shelf.contents) == {shelf.item.item_id, new}


def test_same_content_makes_no_version() -> None:
    shelf = Shelf()
    shelf.save(body(1))
    assert (shelf.now.versions, shelf.now.used_at) == ((), 2.0)
    shelf.save(body(2))
    shelf.save(body(2))
    assert len(shelf.now.versions) == 1


def test_content_of_an_earlier_version_is_that_version_again() -> None:
    shelf = Shelf()
    shelf.save(body(2))
    shelf.save(body(1))
    assert (shelf.now.content_id, shelf.now.since) == (shelf.item.item_id, 1.0)
    assert [version.content for version in shelf.now.versions] == [item_id_of(body(2))]


def test_going_back_keeps_the_version_that_is_left() -> None:
    shelf = Shelf()
    for width in (2, 3):
        shelf.save(body(width))
    before = shelf.contents
    shelf.back(shelf.item.item_id)
    assert shelf.now.content_id == shelf.item.item_id
    assert shelf.contents == before, "nothing is lost"
    shelf.back(item_id_of(body(3)))
    assert (shelf.now.content_id, shelf.contents) == (item_id_of(body(3)), before)


def test_going_back_to_a_version_that_is_gone_changes_nothing() -> None:
    shelf = Shelf()
    with pytest.raises(BadInput):
        shelf.back("0" * 32)
    with pytest.raises(BadInput):
        parted(shelf.documents, shelf.item.item_id, "0" * 32, at=9.0)
    with pytest.raises(BadInput):
        went_back({}, shelf.item.item_id, "0" * 32, at=9.0)


def test_runs_belong_to_the_content_that_was_run() -> None:
    shelf = Shelf()
    shelf.documents |= {
        key: text
        for key, text in written(noted(shelf.now, shelf.item.item_id, PromptId("p1"), 2.0)).items()
        if text is not None
    }
    shelf.save(body(2))
    assert (shelf.now.prompts, shelf.now.versions[0].prompts) == ((), ("p1",))
    late = noted(shelf.now, shelf.item.item_id, PromptId("p2"), 3.0)  # by a window that still has the earlier one open
    assert (late.prompts, late.versions[0].prompts, late.runs) == ((), ("p2", "p1"), ("p2", "p1"))
    shelf.back(shelf.item.item_id)
    assert shelf.now.prompts == ("p1",)


def test_oldest_versions_make_room_by_count() -> None:
    shelf = Shelf()
    for width in range(2, MOST_VERSIONS + 5):
        shelf.save(body(width))
    kept = [version.content for version in shelf.now.versions]
    assert kept == [item_id_of(body(width)) for width in range(MOST_VERSIONS + 3, 3, -1)]
    assert len(shelf.contents) == MOST_VERSIONS + 1


def test_oldest_versions_make_room_by_bytes_but_the_latest_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "MOST_BYTES", 3_000)
    shelf = Shelf()
    half = 1_400
    for width in (2, 3, 4):
        shelf.save(body(width, half))
    assert [version.content for version in shelf.now.versions] == [item_id_of(body(3, half))]
    shelf.save(body(5, 4_000))
    shelf.save(body(6))
    assert [version.content for version in shelf.now.versions] == [item_id_of(body(5, 4_000))]
    assert len(shelf.contents) == 2


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 6)), max_size=25))
def test_nothing_is_lost_within_the_bounds(steps: list[tuple[bool, int]]) -> None:
    shelf, known = Shelf(), {item_id_of(body(1))}
    for is_saved, width in steps:
        content = item_id_of(body(width))
        if is_saved:
            shelf.save(body(width))
            known.add(content)
        elif any(version.content == content for version in shelf.now.versions):
            shelf.back(content)
        assert set(shelf.contents) == known
        assert shelf.now.item_id == shelf.item.item_id


def test_version_becomes_a_workflow_of_its_own() -> None:
    shelf = Shelf()
    shelf.save(body(2))
    apply(shelf.documents, parted(shelf.documents, shelf.item.item_id, shelf.item.item_id, at=5.0))
    new_id = parted_id(shelf.item.item_id, shelf.item.item_id)
    new, old = read_items({name: text for (kind, name), text in shelf.documents.items() if kind == KIND})
    assert (new.item_id, new.content_id, new.versions) == (new_id, shelf.item.item_id, ())
    assert (old.item_id, old.versions, old.content_id) == (shelf.item.item_id, (), item_id_of(body(2)))
    assert set(shelf.documents) == {*keys_of(new_id), *keys_of(shelf.item.item_id)}
    assert holder_of([old, new], shelf.item.item_id) is new


def test_deleted_item_takes_its_versions_along() -> None:
    shelf = Shelf()
    shelf.save(body(2))
    apply(shelf.documents, removed(shelf.documents, shelf.item.item_id))
    assert shelf.documents == {}


# Which file is a new version


def graph(*classes: str, own_id: str = "") -> ItemContent:
    nodes = [{"id": number, "type": name} for number, name in enumerate(classes, 1)]
    return ItemContent(graph=json.dumps({"nodes": nodes, **({"id": own_id} if own_id else {})}))


def test_contents_are_of_one_workflow_by_the_editors_id_else_by_their_nodes() -> None:
    assert is_same_work(graph("A", own_id="x"), graph("B", own_id="x"))
    assert not is_same_work(graph("A", own_id="x"), graph("A", own_id="y"))
    assert is_same_work(graph("A", "B"), graph("A", "B", "C", "D", "E"))
    assert is_same_work(graph("A", "B"), graph("A", "Z"))
    assert not is_same_work(graph("A", "B", "C"), graph("A", "Y", "Z"))
    assert is_same_work(body(1), body(2))
    assert is_same_work(graph("EmptyImage"), body(2)), "one as the editor saves it, one in API format"
    assert not is_same_work(ItemContent(api="{"), ItemContent(api="[]")), "nothing readable is like nothing"


def test_only_files_saved_under_the_same_name_are_namesakes() -> None:
    items = [
        Item("a", place="portrait.json"),
        Item("b", place="portrait.json", origin=WorkflowOrigin.SERVER),
        Item("c", place="ComfyUI_00001_.png"),
        Item("d", place="", origin=WorkflowOrigin.PASTED),
    ]
    assert [item.item_id for item in namesakes(items, WorkflowOrigin.FILE, "portrait.json")] == ["a"]
    assert [item.item_id for item in namesakes(items, WorkflowOrigin.FILE, "portrait (2).json")] == ["a"]
    assert not list(namesakes(items, WorkflowOrigin.FILE, "ComfyUI_00001_.png")), "many pictures have this name"
    assert not list(namesakes(items, WorkflowOrigin.PASTED, ""))
    assert not list(namesakes(items, WorkflowOrigin.RESULT, "portrait.json"))


# Export and import


def bundle_of(documents: Documents) -> Bundle:
    return read_export(export_text(Bundle(documents)))


def import_bundle(bundle: Bundle, documents: Documents) -> None:
    keys = keys_to_merge(bundle)
    apply(documents, merged(bundle, {key: documents[key] for key in keys if key in documents}))


def test_versions_go_out_and_come_in() -> None:
    shelf = Shelf()
    shelf.save(body(2))
    documents: Documents = {}
    import_bundle(bundle_of(shelf.documents), documents)
    assert documents == shelf.documents
    import_bundle(bundle_of(shelf.documents), documents)
    assert documents == shelf.documents, "a second time changes nothing"


def test_coming_in_keeps_title_and_tags_that_are_here() -> None:
    item, content = first()
    there: Documents = {}
    apply(there, {**written(item.titled("Theirs").tagged(["x", "y"]), content), (RECENT_KIND, "all"): "{}"})
    here: Documents = {}
    apply(here, written(item.titled("Mine").tagged(["y", "z"]), content))
    import_bundle(bundle_of(there), here)
    assert (item_in(here).title, item_in(here).tags) == ("Mine", ("y", "z", "x"))
    assert (RECENT_KIND, "all") not in here


def test_later_content_is_current_after_an_import_and_none_is_lost() -> None:
    mine, theirs = Shelf(), Shelf()
    mine.save(body(2))
    theirs.time = 5.0
    theirs.save(body(3))
    both = {*mine.contents, *theirs.contents}
    for one, other in ((mine, theirs), (theirs, mine)):
        joined = Shelf()
        joined.documents = dict(one.documents)
        import_bundle(bundle_of(other.documents), joined.documents)
        assert joined.now.content_id == item_id_of(body(3))
        assert set(joined.contents) == both


def test_export_of_before_versions_is_taken_in() -> None:
    shelf = Shelf()
    old = dict(Shelf().documents)
    record = json.loads(old[KIND, shelf.item.item_id])
    for name in ("content", "changed_at", "versions"):
        del record[name]
    old[KIND, shelf.item.item_id] = json.dumps(record)
    shelf.save(body(2))
    before = shelf.contents
    import_bundle(bundle_of(old), shelf.documents)
    assert (shelf.now.content_id, shelf.contents) == (item_id_of(body(2)), before), "an old backup changes nothing"
    fresh: Documents = {}
    import_bundle(bundle_of(old), fresh)
    assert item_in(fresh).content_id == shelf.item.item_id


def test_forged_import_cannot_replace_content_or_break_the_list() -> None:
    shelf = Shelf()
    shelf.save(body(2))
    item_id = shelf.item.item_id
    forged = replace(
        shelf.now,
        content="f" * 32,
        used_at=float("inf"),
        changed_at=float("nan"),
        versions=(Version("../../x", at=float("nan")), Version("e" * 32), *shelf.now.versions, *shelf.now.versions),
    )
    for claimed in (forged, replace(forged, content="")):
        documents = dict(shelf.documents)
        apply(documents, written(claimed))
        assert bundle_of(documents).documents == {}, "its file has another hash"
    documents = dict(shelf.documents)
    apply(documents, written(replace(forged, content=item_id_of(body(2)), item_id=item_id)))
    known = item_in(bundle_of(documents).documents)
    assert (known.used_at, known.changed_at, len(known.versions)) == (0.0, 0.0, 1)
    other = {(kind, name.replace(item_id, "published:x")): text for (kind, name), text in shelf.documents.items()}
    assert bundle_of(other).documents == {}


def test_record_of_a_newer_version_is_not_overwritten_by_an_import() -> None:
    shelf = Shelf()
    here = dict(shelf.documents)
    here[KIND, shelf.item.item_id] = json.dumps({"item_id": shelf.item.item_id, "v": 99, "origin": "the moon"})
    before = dict(here)
    import_bundle(bundle_of(shelf.documents), here)
    assert here == before
    damaged = dict(shelf.documents)
    damaged[KIND, shelf.item.item_id] = "{"
    import_bundle(bundle_of(shelf.documents), damaged)
    assert damaged == shelf.documents
