"""Opening workflows: saved, chosen, and opened once a server's catalogue is known; nothing is lost."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from app.core.errors import BadInput, SourceFault, StorageError
from app.core.model import NodeId, PromptId, ServerId
from app.core.saved import PublishedFile
from app.core.workflow import parse_workflow
from app.session import Picked
from app.ui.form import drafts
from app.ui.form.arrange_actions import STORE_KEY
from app.ui.form.catalogues import FormCatalogues
from app.ui.form.open_workflow import MOST_IN_ONE_STEP, OpenWorkflow, arranged_as, open_workflow, with_catalogue
from app.ui.form.picker import PICKED_AT_FIRST, LibraryEntries, LibrarySection, WorkflowEntry, picked
from app.ui.form.projection import nodes_view
from app.ui.form.state import Draft, FormState, Picture
from app.ui.graph.feature import form_subject
from app.ui.kit.deletions import What
from app.ui.library.actions import EXPORT_NAME, LibraryActions
from app.ui.library.library import PUBLISHED_MARK, Library, is_file, plain_title
from app.ui.library.listing import LibraryIndex, library_view, stock_of
from app.ui.library.opening import MOST_OPEN, Opener
from app.ui.library.state import LibraryDialog
from app.ui.runs.orders import PromptDraw, order_of, plan_of
from app.ui.runs.runnability import form_blocker
from app.ui.runs.state import Blocker
from app.ui.words.state import WordsState
from app.ui.words.words import WordLists
from app.workflows import library
from app.workflows.catalogue import Catalogue
from app.workflows.documents import FileNote
from app.workflows.editor.copy import filled
from app.workflows.editor.problems import CannotConvert
from app.workflows.forms.arrangement import Layout
from app.workflows.forms.guess import FIRST
from app.workflows.forms.records import to_text
from app.workflows.plans.runs import PlannedRun
from app.workflows.published import Published
from app.workflows.replacements import Replacement
from tests.kit.page.rig import Rig
from tests.kit.page.stills import (
    Bytes,
    MemoryContext,
    MemoryFiles,
    Seconds,
    StillSession,
    fleet,
    server,
)
from tests.ports.memory_documents import MemoryDocuments

CATALOGUE = Catalogue.parse(
    {
        "EmptyImage": {
            "input": {"required": {"width": ["INT", {"default": 8, "min": 1, "max": 64}]}},
            "output": ["IMAGE"],
            "output_name": ["IMAGE"],
        },
        "SaveImage": {"input": {"required": {"images": ["IMAGE"], "filename_prefix": ["STRING", {}]}}, "output": []},
    }
)


def api(width: int = 8) -> dict[str, Any]:
    return {
        "1": {"class_type": "EmptyImage", "inputs": {"width": width}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}},
    }


def graph(class_type: str = "EmptyImage") -> dict[str, Any]:
    """Return the same workflow as the editor saves it."""
    nodes = [
        {
            "id": 1,
            "type": class_type,
            "widgets_values": [16],
            "outputs": [{"name": "IMAGE", "type": "IMAGE", "links": [1]}],
        },
        {
            "id": 2,
            "type": "SaveImage",
            "widgets_values": ["x"],
            "inputs": [{"name": "images", "type": "IMAGE", "link": 1}],
        },
    ]
    return {"nodes": nodes, "links": [[1, 1, 0, 2, 0, "IMAGE"]], "version": 0.4}


class OpeningRig(Rig):
    """The page's opener, its library and the actions on both; `draw` is one redraw."""

    def __init__(
        self, documents: MemoryDocuments | None = None, *, is_undone_in_time: bool = False, **facts: Any
    ) -> None:
        session = StillSession(
            fleet=fleet(server("gpu-1", catalogue="a")), catalogues={ServerId("gpu-1"): CATALOGUE}, **facts
        )
        super().__init__(session=session, documents=documents, seconds=Seconds() if is_undone_in_time else None)
        self.files = MemoryFiles()
        self.time = 100.0
        self.library = Library(self.documents, self.files, lambda: self.time, lambda: None)
        self.passed: list[str] = []
        self.opened: list[OpenWorkflow] = []
        catalogues = FormCatalogues(self.session, self.context)
        self.versions: list[float] = []  # when what was replaced had come
        self.opener = Opener(
            self.context,
            self.library,
            catalogues,
            self.screen,
            self.opened.append,
            on_choice=self.deletions.spare,
            on_version=lambda before: self.versions.append(before.since),
        )
        self.words = WordLists(
            self.documents,
            self.library,
            self.context,
            self.screen,
            models=self.session.models,
            now=lambda: self.time,
            is_listed=lambda: True,
            deletions=self.deletions,
        )
        self.library_actions = LibraryActions(
            self.context,
            self.screen,
            self.library,
            self.opener,
            lambda files: self.passed.extend(name for _, name in files),
            words=self.words,
            deletions=self.deletions,
        )
        self.table.add(self.deletions, self.library_actions, self.words)

    async def paint(self) -> None:
        """Draw the top of a large form, and let its rest be made."""
        self.screen.draw()
        await asyncio.sleep(0)
        assert self.screen.calm[-1], "after a key that came meanwhile"
        self.screen.draw()

    async def draw(self) -> None:
        await self.done()
        self.opener.refresh()
        await self.done()

    async def give(self, content: object, name: str = "night.json", *, is_surely: bool = True) -> None:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.library_actions.take_files([(Bytes(data, "application/octet-stream"), name)], is_surely=is_surely)
        await self.draw()

    @property
    def chosen(self) -> OpenWorkflow | None:
        chosen = self.ui.of(FormState).workflow_id
        return next((item for item in self.context.workflows if item.workflow_id == chosen), None)


def opened(rig: OpeningRig) -> OpenWorkflow:
    assert rig.chosen is not None
    return rig.chosen


async def test_file_is_opened_chosen_and_saved() -> None:
    rig = OpeningRig()
    await rig.give(api(9))
    assert opened(rig).title == "night"
    assert opened(rig).form.by_key["1", "width"].text == "9"
    assert [item.title for item in rig.library.items] == ["night"]
    other = OpeningRig(rig.documents)
    await other.library.refresh()
    other.opener.choose(rig.ui.of(FormState).workflow_id)
    await other.draw()
    assert opened(other).form.by_key["1", "width"].text == "9"


async def test_page_is_drawn_with_the_form_of_a_chosen_workflow_not_before() -> None:
    rig = OpeningRig()
    await rig.give(api(9))
    workflow_id = rig.ui.of(FormState).workflow_id
    other = OpeningRig(rig.documents)
    await other.library.refresh()
    other.context.is_due = False
    other.opener.choose(workflow_id)
    assert not other.context.is_due
    await other.draw()
    assert other.context.is_due
    other.context.is_due = False
    other.opener.choose(workflow_id)
    assert other.context.is_due, "it is open already"


def many(count: int = MOST_IN_ONE_STEP) -> dict[str, Any]:
    """Return a chain of more nodes than a form has in its first step."""
    pairs = [{f"{number}-{name}": node for name, node in api(width=number % 60 + 1).items()} for number in range(count)]
    for number, pair in enumerate(pairs):
        pair[f"{number}-2"]["inputs"] = {"images": [f"{number}-1", 0], "filename_prefix": "x"}
    return {key: node for pair in pairs for key, node in pair.items()}


async def give_large(rig: OpeningRig) -> OpenWorkflow:
    """Open a large file until the inputs on top are shown; redraws continue with the rest."""
    rig.library_actions.take_files([(Bytes(json.dumps(many()).encode()), "large.json")], is_surely=True)
    for _ in range(1000):
        if rig.opened and rig.screen.due:
            break
        await asyncio.sleep(0)
    return opened(rig)


async def test_large_form_has_its_top_first() -> None:
    rig = OpeningRig()
    first = await give_large(rig)
    assert not first.is_whole
    assert len(first.arranged.first) == FIRST
    assert len(first.form.sections) < len(first.workflow.nodes)
    assert nodes_view(first, rig.ui.of(FormState), None).is_coming
    assert form_blocker(first, rig.draft) is Blocker.OPENING
    rig.ui = rig.ui.with_slices(rig.ui.of(FormState).with_draft(replace(rig.draft, values={("0-1", "width"): "33"})))
    await rig.paint()
    await rig.draw()
    whole = opened(rig)
    assert whole.is_whole
    assert whole.arranged.first == first.arranged.first
    assert len(whole.form.sections) == len(whole.workflow.nodes)
    assert form_blocker(whole, rig.draft) is None
    assert rig.draft.values == {("0-1", "width"): "33"}


async def test_layout_changed_during_opening_stays() -> None:
    rig = OpeningRig()
    first = await give_large(rig)
    layout = first.layout.hide(first.form.first[0])
    rig.context.workflows = tuple(
        arranged_as(item, layout) if item is first else item for item in rig.context.workflows
    )
    await rig.paint()
    await rig.draw()
    assert opened(rig).is_whole
    assert opened(rig).layout == layout
    assert first.form.first[0] not in [item.key for item in opened(rig).arranged.first]


async def test_reopened_workflow_is_not_replaced_by_a_late_form() -> None:
    rig = OpeningRig()
    first = await give_large(rig)
    other = with_catalogue(first, CATALOGUE)
    rig.context.workflows = tuple(other if item is first else item for item in rig.context.workflows)
    await rig.paint()
    await rig.draw()
    assert rig.chosen is other


async def test_large_form_has_the_users_layout() -> None:
    rig = OpeningRig()
    first = await give_large(rig)
    pinned = ("7-2", "filename_prefix")
    rig.screen.keep(f"{STORE_KEY}.{first.published.key}", to_text(first.layout.pin(pinned, [])))
    other = OpeningRig()
    other.screen.shared = rig.screen.shared
    arranged = await give_large(other)
    assert not arranged.is_whole
    assert [item.key for item in arranged.arranged.first] == [pinned]
    for each in (rig, other):
        await each.paint()
        await each.draw()


async def test_editor_graph_gets_the_form_of_a_catalogue() -> None:
    rig = OpeningRig()
    await rig.give(graph())
    assert opened(rig).editor is not None
    assert opened(rig).form.by_key["1", "width"].text == "16"
    assert opened(rig).workflow.value("1", "width") == 16


async def test_editor_graph_waits_for_a_catalogue() -> None:
    rig = OpeningRig()
    rig.session.fleet = fleet(server("gpu-1"))
    await rig.give(graph())
    opening = rig.opener.opening(rig.ui.of(FormState).workflow_id)
    assert rig.chosen is None and opening is not None and opening.needs_catalogue and opening.title == "night"
    rig.session.fleet = fleet(server("gpu-1", catalogue="a"))
    await rig.draw()
    assert opened(rig).form.by_key["1", "width"].text == "16"
    rig.opener.refresh()
    assert rig.opener.opening(rig.ui.of(FormState).workflow_id) is None


async def test_form_is_from_the_server_with_all_nodes() -> None:
    rig = OpeningRig()
    poor = Catalogue.parse({"SaveImage": {"input": {"required": {}}}})
    rig.session.fleet = fleet(server("gpu-0", catalogue="p"), server("gpu-1", catalogue="a"))
    rig.session.catalogues = {ServerId("gpu-0"): poor, ServerId("gpu-1"): CATALOGUE}
    await rig.give(graph())
    assert opened(rig).catalogue is CATALOGUE


async def test_replaced_nodes_are_noted_on_the_form() -> None:
    rig = OpeningRig()
    poor, knowing = Catalogue(CATALOGUE.entries), Catalogue(CATALOGUE.entries)
    knowing.replacements = {"OldImage": Replacement("EmptyImage", {}, is_renaming=True)}
    rig.session.fleet = fleet(server("gpu-0", catalogue="p"), server("gpu-1", catalogue="a"))
    rig.session.catalogues = {ServerId("gpu-0"): poor, ServerId("gpu-1"): knowing}
    await rig.give(graph("OldImage"))
    assert opened(rig).notes == (FileNote.NODES_REPLACED,)
    assert (opened(rig).workflow.nodes[NodeId("1")].class_type, opened(rig).form.by_key["1", "width"].text) == (
        "EmptyImage",
        "16",
    )


async def test_refused_file_is_tried_again_when_it_is_chosen() -> None:
    """The replacements of its node could not be read at first."""
    rig, catalogue = OpeningRig(), Catalogue(CATALOGUE.entries)
    rig.session.catalogues = {ServerId("gpu-1"): catalogue}
    await rig.give(graph("OldImage"))
    assert rig.chosen is None
    catalogue.replacements = {"OldImage": Replacement("EmptyImage", {}, is_renaming=True)}
    await rig.draw()
    assert rig.chosen is None, "a redraw does not try"
    rig.opener.choose(rig.library.items[0].item_id)
    await rig.draw()
    assert opened(rig).notes == (FileNote.NODES_REPLACED,)


async def test_failed_conversion_names_the_node_and_keeps_the_item() -> None:
    rig = OpeningRig()
    await rig.give(graph("NodeOfNobody"))
    opening = rig.opener.opening(rig.ui.of(FormState).workflow_id)
    assert rig.chosen is None and opening is not None
    assert isinstance(opening.error, CannotConvert) and opening.error.problems[0].class_type == "NodeOfNobody"
    assert len(rig.library.items) == 1


async def test_sent_workflow_is_used_if_the_graph_cannot_be_converted() -> None:
    rig = OpeningRig()
    await rig.give({"prompt": api(9), "workflow": graph("NodeOfNobody")})
    assert opened(rig).editor is None and opened(rig).notes == (FileNote.GRAPH_REFUSED,)
    assert opened(rig).form.by_key["1", "width"].text == "9"


async def test_photo_without_a_workflow_goes_into_the_form() -> None:
    rig = OpeningRig()
    png = b"\x89PNG\r\n\x1a\n" + b"\x00\x00\x00\x00IEND\xaeB\x60\x82"
    await rig.give(png, "boat.png", is_surely=False)
    assert (rig.passed, rig.ui.errors) == (["boat.png"], ())
    await rig.give(png, "boat.png")
    assert isinstance(rig.error, BadInput) and rig.error.name == "boat.png"


async def test_json_file_must_be_a_workflow() -> None:
    rig = OpeningRig()
    await rig.give([1], "list.json", is_surely=False)
    assert isinstance(rig.error, BadInput) and rig.error.cause == SourceFault.NO_WORKFLOW.value
    assert rig.passed == []


async def test_pasted_text_is_opened_and_named_later() -> None:
    rig = OpeningRig()
    rig.table.act("open-text", {"text": f"here: ```{json.dumps(api(5))}```"})
    await rig.draw()
    assert (opened(rig).title, opened(rig).form.by_key["1", "width"].text) == ("", "5")
    item_id = rig.ui.of(FormState).workflow_id
    rig.table.act("item-title", {"item": item_id, "value": "Mine"})
    rig.table.act("item-tags", {"item": item_id, "value": "studio，夜景, studio"})
    await rig.draw()
    assert [(item.title, item.tags) for item in rig.library.items] == [("Mine", ("studio", "夜景"))]


async def test_workflow_saved_on_a_server_is_listed_and_opened() -> None:
    rig = OpeningRig()
    rig.files.saved_files = {("gpu-1", "a/b.json"): json.dumps(graph()).encode()}
    rig.table.act("open-library", {})
    rig.table.act("saved-server", {"value": "gpu-1"})
    await rig.draw()
    assert isinstance(rig.ui.dialog, LibraryDialog)
    assert rig.ui.dialog.saved is not None and rig.ui.dialog.saved.names == ("a/b.json",)
    rig.table.act("open-saved", {"server": "gpu-1", "name": "a/b.json"})
    await rig.draw()
    assert (opened(rig).title, rig.ui.dialog) == ("b", None)
    assert rig.library.items[0].place == "gpu-1/a/b.json"


async def test_error_of_a_servers_list_is_shown() -> None:
    rig = OpeningRig()
    rig.files.refusal = BadInput("x")
    rig.table.act("open-library", {})
    rig.table.act("saved-server", {"value": "gpu-1"})
    await rig.draw()
    assert isinstance(rig.ui.dialog, LibraryDialog)
    assert rig.ui.dialog.saved is not None and rig.ui.dialog.saved.error is rig.files.refusal


def published_form(title: str = "Team", width: int = 8) -> bytes:
    fields = [{"node": "1", "input": "width"}]
    return json.dumps({"v": 1, "title": title, "about": "", "fields": fields, "workflow": api(width)}).encode()


async def test_published_workflow_follows_its_file() -> None:
    rig = OpeningRig()
    rig.files.published_files = {"team/a.json": (PublishedFile("team/a.json", "t1", "Team"), published_form())}
    await rig.library.refresh_published("v1")
    workflow_id = f"{PUBLISHED_MARK}team/a.json"
    rig.opener.choose(workflow_id)
    await rig.draw()
    assert [item.key for item in opened(rig).arranged.first] == [("1", "width")]
    rig.draft = rig.draft.with_value(("1", "width"), "33")
    rig.files.published_files["team/a.json"] = (PublishedFile("team/a.json", "t2", "Team"), published_form(width=9))
    await rig.library.refresh_published("v2")
    await rig.draw()
    assert opened(rig).form.by_key["1", "width"].text == "9"
    assert rig.draft.values == {("1", "width"): "33"}


async def test_published_file_may_be_any_file_with_a_workflow() -> None:
    rig = OpeningRig()
    rig.files.published_files = {"plain-one.json": (PublishedFile("plain-one.json", "t"), json.dumps(graph()).encode())}
    await rig.library.refresh_published("v1")
    rig.opener.choose(f"{PUBLISHED_MARK}plain-one.json")
    await rig.draw()
    assert opened(rig).title == "plain one" and opened(rig).editor is not None


async def test_unchanged_list_is_not_read_twice() -> None:
    rig = OpeningRig()
    assert rig.library.is_stale("v1") and not rig.library.is_stale("")
    await rig.library.refresh_published("v1")
    rig.files.refusal = BadInput("x")
    await rig.library.refresh_published("v1")
    assert not rig.library.is_stale("v1")


async def test_full_store_is_shown_and_the_workflow_opens() -> None:
    rig = OpeningRig()
    rig.documents.is_full = True
    await rig.give(api())
    assert isinstance(rig.error, StorageError) and opened(rig).title == "night"


async def test_oldest_workflow_is_closed_and_reopened_when_chosen() -> None:
    rig = OpeningRig()
    for width in range(1, MOST_OPEN + 3):
        rig.time += 1
        await rig.give(api(width), f"w{width}.json")
    mine = [item for item in rig.context.workflows if is_file(item.workflow_id)]
    assert len(mine) == MOST_OPEN and mine[0].title == "w3"
    first = next(item for item in rig.library.items if item.title == "w1")
    rig.opener.choose(first.item_id)
    await rig.draw()
    assert opened(rig).title == "w1"


async def test_exported_library_is_imported_elsewhere() -> None:
    rig, other = OpeningRig(), OpeningRig()
    await rig.give(graph())
    await rig.give(b"tabby", "cats.txt")
    rig.screen.shared["mooring.layout.shape"] = "{}"
    rig.table.act("export-library", {})
    await rig.draw()
    await other.give(rig.screen.saved[EXPORT_NAME].encode(), "mine.json")
    assert other.library.items == rig.library.items
    assert [item.name for item in other.ui.of(WordsState).items] == ["cats"]
    assert other.screen.shared["mooring.layout.shape"] == "{}"
    other.opener.choose(other.library.items[0].item_id)
    await other.draw()
    assert opened(other).form.by_key["1", "width"].text == "16"


async def test_item_is_deleted_after_a_question() -> None:
    rig = OpeningRig()
    await rig.give(api())
    item_id = rig.library.items[0].item_id
    rig.table.act("open-library", {})
    rig.table.act("edit-item", {"item": item_id})
    rig.table.act("ask-delete-item", {"item": item_id})
    assert isinstance(rig.ui.dialog, LibraryDialog) and rig.ui.dialog.deleting == item_id
    assert rig.ui.dialog.editing == item_id, "the question stands where the item was opened"
    rig.table.act("delete-item", {"item": item_id})
    await rig.draw()
    assert rig.library.items == () and rig.documents.shelf == {}


async def test_deleted_item_is_kept_if_its_file_is_opened_before_the_deletion_is_final() -> None:
    rig = OpeningRig(is_undone_in_time=True)
    await rig.give(api())
    item_id = rig.library.items[0].item_id
    rig.table.act("delete-item", {"item": item_id})
    waiting = rig.context.work.pop()  # else `draw` waits for it
    assert item_id in rig.ui.hidden
    await rig.give(api())
    assert item_id not in rig.ui.hidden
    assert rig.seconds is not None
    rig.seconds.go.set()
    await waiting
    assert [item.item_id for item in rig.library.items] == [item_id]


async def test_run_is_noted_with_the_item() -> None:
    rig = OpeningRig()
    await rig.give(api())
    rig.time = 200.0
    await rig.library.note_used(rig.library.items[0].item_id, "p-1")  # type: ignore[arg-type]
    assert (rig.library.items[0].prompts, rig.library.items[0].used_at) == (("p-1",), 200.0)
    await rig.library.note_used("enlarge", "p-2")  # type: ignore[arg-type]
    assert len(rig.library.items) == 1


async def test_reload_keeps_the_draft_of_a_files_workflow() -> None:
    rig = OpeningRig()
    await rig.give(api())
    form = rig.ui.of(FormState).with_draft(Draft(values={("1", "width"): "5", ("9", "gone"): "x"}))
    text = drafts.dump(form)
    loaded = drafts.load(text, rig.context.workflows[:1], is_file)
    assert loaded.workflow_id == form.workflow_id and loaded.draft.values == form.draft.values
    assert drafts.load(text, rig.context.workflows[:1]).workflow_id == "enlarge"


async def test_picker_has_published_then_recent_then_shipped_workflows() -> None:
    rig = OpeningRig()
    await rig.give(api(1), "old.json")
    rig.time += 1
    await rig.give(api(2), "new.json")
    rig.files.published_files = {"team.json": (PublishedFile("team.json", "t"), published_form())}
    await rig.library.refresh_published("v1")
    stock = stock_of(rig.context.workflows, rig.library, rig.session.fleet)
    assert [entry.title for entry in stock.entries][:3] == ["team", "new", "old"]
    assert {entry.shelf for entry in stock.entries[3:]} == {LibrarySection.SHIPPED}
    assert len({entry.workflow_id for entry in stock.entries}) == len(stock.entries)


async def test_list_is_cached_until_something_changes() -> None:
    rig, room = OpeningRig(), LibraryIndex()
    await rig.give(api())

    def stock() -> LibraryEntries:
        return room.stock(rig.context.workflows, rig.library, rig.session.fleet, None)

    first = stock()
    assert stock() is first and first == stock_of(rig.context.workflows, rig.library, rig.session.fleet)
    rig.session.fleet = fleet(server("gpu-1", catalogue="a", running=3))
    assert stock() is first
    await rig.library.rename(rig.library.items[0].item_id, "Another")
    assert stock().entries[0].title == "Another"
    rig.session.fleet = fleet(server("d", is_demo=True))
    assert all(entry.is_possible for entry in stock().entries)


def test_picker_always_has_the_chosen_workflow() -> None:
    entries = stock_of(MemoryContext("x").workflows * 4, OpeningRig().library, fleet()).entries * 8
    many = tuple(replace(entry, workflow_id=str(number)) for number, entry in enumerate(entries))
    assert len(picked(many, "0")) == PICKED_AT_FIRST == len(picked(many, "15"))
    assert picked(many, "15")[0].workflow_id == "15"
    assert len(picked(many[:3], "none")) == 3


async def test_library_is_searched_by_text_and_tag() -> None:
    rig = OpeningRig()
    await rig.give(api(1), "Boat.json")
    await rig.library.tag(rig.library.items[0].item_id, "sea")
    stock = stock_of(rig.context.workflows, rig.library, rig.session.fleet)

    def shown(**dialog: Any) -> list[str]:
        view = library_view(LibraryDialog(**dialog), stock, rig.session.fleet, "", lambda name: f"blob:{name}")
        return [entry.title for entry in view.entries]

    assert shown(query="boat") == ["Boat"] == shown(tag="sea")
    assert "Boat" not in shown(query="enlarge") and shown(query="enlarge")
    view = library_view(LibraryDialog(), stock, rig.session.fleet, "", lambda name: f"blob:{name}")
    assert view.entries[0].picture_url == f"blob:{rig.library.items[0].item_id}"
    assert view.servers == (("gpu-1", "gpu-1"),)


@pytest.mark.parametrize(
    ("path", "title"), [("a/night_sky-2.json", "night sky 2"), ("---.json", "---.json"), ("x.tar.json", "x.tar")]
)
def test_published_file_without_a_title_has_its_files_name(path: str, title: str) -> None:
    assert plain_title(PublishedFile(path, "t")) == title


async def test_run_sends_the_editor_file_with_the_forms_values() -> None:
    rig = OpeningRig()
    await rig.give(graph())
    draft = rig.draft.with_value(("1", "width"), "33")
    order = order_of(opened(rig), draft, now=rig.screen.local_time(), draw=PromptDraw(lambda count: count - 1))
    assert order.workflow.value("1", "width") == 33
    assert filled(order.editor, order.workflow)["nodes"][0]["widgets_values"] == [33]
    runs = [PlannedRun(number, {("1", "width"): 40 + number}, "") for number in range(2)]
    plan = plan_of(opened(rig), draft, runs, now=rig.screen.local_time(), draw=PromptDraw(lambda count: count - 1))
    sent = plan.workflow.with_values(plan.runs[1].values)
    assert filled(plan.editor, sent)["nodes"][0]["widgets_values"] == [41]


async def test_dates_in_file_names_are_the_users_local_time() -> None:
    rig = OpeningRig()
    await rig.give(graph())
    draft = rig.draft.with_value(("2", "filename_prefix"), "%date:yyyy-MM-dd%/x")
    order = order_of(opened(rig), draft, now=rig.screen.local_time(), draw=PromptDraw(lambda count: 0))
    assert order.workflow.value("2", "filename_prefix") == "2026-11-25/x"
    assert filled(order.editor, order.workflow)["nodes"][1]["widgets_values"] == ["%date:yyyy-MM-dd%/x"]


async def test_sent_workflow_has_no_editor_file() -> None:
    rig = OpeningRig()
    await rig.give(api())
    order = order_of(opened(rig), rig.draft, now=rig.screen.local_time(), draw=PromptDraw(lambda count: 0))
    assert (order.workflow.value("1", "width"), order.editor) == (8, "")


async def test_graph_of_the_form_has_its_authors_places() -> None:
    rig = OpeningRig()
    await rig.give(graph())
    assert json.loads(form_subject(opened(rig), Draft()).editor) == graph()
    await rig.give(api())
    assert form_subject(opened(rig), Draft()).editor == ""


async def test_form_graph_has_the_forms_values() -> None:
    rig = OpeningRig()
    await rig.give(api())
    sent = parse_workflow(form_subject(opened(rig), Draft({("1", "width"): "24"})).api)
    assert (sent.value("1", "width"), opened(rig).workflow.value("1", "width")) == (24, 8)
    wrong = parse_workflow(
        form_subject(opened(rig), Draft({("1", "width"): "wide", ("2", "filename_prefix"): "y"})).api
    )
    assert (wrong.value("1", "width"), wrong.value("2", "filename_prefix")) == (8, "y")


def test_form_graph_names_the_picture_in_a_field() -> None:
    reading = Catalogue.parse({"Read": {"input": {"required": {"image": [[], {"image_upload": True}]}}}})
    flow = {"1": {"class_type": "Read", "inputs": {"image": "old.png"}}}
    chosen = open_workflow(Published("own", "Own", "", False, parse_workflow(flow), Layout()), reading)
    draft = Draft(pictures={("1", "image"): Picture(Picked(Bytes(), "mine.png"), "blob:1")})
    assert parse_workflow(form_subject(chosen, draft).api).value("1", "image") == "mine.png"


# Versions


async def give_again(rig: OpeningRig, width: int, name: str = "night.json") -> None:
    rig.time += 1
    await rig.give(api(width), name)


def width_of(rig: OpeningRig) -> str:
    return opened(rig).form.by_key["1", "width"].text


async def test_file_with_other_content_is_a_version_of_the_same_workflow() -> None:
    rig = OpeningRig()
    await rig.give(api(1))
    await give_again(rig, 2, "night (1).json")
    (item,) = rig.library.items
    assert (width_of(rig), item.title, len(item.versions)) == ("2", "night", 1)
    assert rig.versions == [100.0]
    await give_again(rig, 2)
    assert len(rig.library.items[0].versions) == 1 and len(rig.versions) == 1
    await give_again(rig, 3, "other.json")
    assert len(rig.library.items) == 2


async def settle(rig: OpeningRig) -> None:
    """Redraw until everything is done but the countdown of what can be undone."""
    for _ in range(50):
        rig.opener.refresh()
        await asyncio.sleep(0)


async def test_going_back_opens_the_earlier_content_and_keeps_what_was_typed() -> None:
    rig = OpeningRig(is_undone_in_time=True)
    await rig.give({**api(1), "9": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "n"}}})
    first_content = rig.library.items[0].content_id
    form = rig.ui.of(FormState)
    typed = {("9", "filename_prefix"): "mine", ("2", "filename_prefix"): "ours"}
    rig.context.set_ui(rig.ui.with_slices(form.with_draft(form.draft.with_typed(typed, {}))))
    await give_again(rig, 2)
    item_id = rig.library.items[0].item_id
    assert "9" not in opened(rig).workflow.nodes
    rig.table.act("go-back", {"item": item_id, "content": first_content})
    await settle(rig)
    assert opened(rig).workflow_id == item_id
    assert width_of(rig) == "1"
    assert rig.draft.values == typed
    assert len(rig.library.items[0].versions) == 1
    assert [item.what for item in rig.ui.deletions] == [What.WENT_BACK]


async def test_going_back_is_undone() -> None:
    rig = OpeningRig(is_undone_in_time=True)
    await rig.give(api(1))
    await give_again(rig, 2)
    before = rig.library.items[0]
    rig.table.act("go-back", {"item": before.item_id, "content": before.versions[0].content})
    await settle(rig)
    assert width_of(rig) == "1"
    rig.table.act("undo-deletion", {"number": "1"})
    await settle(rig)
    assert width_of(rig) == "2"
    assert rig.library.items[0].content_id == before.content_id
    assert len(rig.library.items[0].versions) == 1


async def test_windows_that_open_two_contents_at_the_same_time_lose_neither() -> None:
    documents = MemoryDocuments()
    one, other = OpeningRig(documents), OpeningRig(documents)
    await one.give(api(1))
    await other.library.refresh()
    await asyncio.gather(
        give_again(one, 2), give_again(other, 3), one.library.rename(one.library.items[0].item_id, "N")
    )
    await one.library.refresh()
    (item,) = one.library.items
    texts = [text for (kind, _), text in documents.shelf.items() if kind in {"workflow-file", "workflow-version"}]
    widths = sorted(json.loads(json.loads(text)["api"])["1"]["inputs"]["width"] for text in texts)
    assert (widths, len(item.versions), item.title) == ([1, 2, 3], 2, "N")


async def test_window_keeps_its_content_until_the_workflow_is_chosen() -> None:
    documents = MemoryDocuments()
    one, other = OpeningRig(documents), OpeningRig(documents)
    await one.give(api(1))
    await other.library.refresh()
    await give_again(other, 2)
    await one.library.refresh()
    await one.draw()
    assert width_of(one) == "1"
    await one.opener.note_used(opened(one).workflow_id, PromptId("p1"))
    assert one.library.items[0].versions[0].prompts == ("p1",), "the run belongs to what was run"
    one.opener.choose(opened(one).workflow_id)
    await one.draw()
    assert width_of(one) == "2"


async def test_full_store_keeps_the_form_with_the_new_content() -> None:
    rig = OpeningRig()
    await rig.give(api(1))
    rig.documents.is_full = True
    await give_again(rig, 2)
    assert isinstance(rig.error, StorageError)
    assert width_of(rig) == "2"
    rig.documents.is_full = False
    await rig.library.refresh()
    await rig.draw()
    assert (width_of(rig), rig.library.items[0].versions) == ("2", ())


async def test_version_becomes_a_workflow_of_its_own_and_is_chosen() -> None:
    rig = OpeningRig()
    await rig.give(api(1))
    await give_again(rig, 2)
    item = rig.library.items[0]
    rig.table.act("part-version", {"item": item.item_id, "content": item.versions[0].content})
    await rig.draw()
    assert (width_of(rig), len(rig.library.items)) == ("1", 2)
    assert all(not other.versions for other in rig.library.items)


async def test_list_of_versions_is_shown_and_closed() -> None:
    rig = OpeningRig()
    await rig.give(api(1))
    await give_again(rig, 2)
    item = rig.library.items[0]
    rig.table.act("open-library", {})
    rig.table.act("show-versions", {"item": item.item_id})
    dialog = rig.ui.dialog
    assert isinstance(dialog, LibraryDialog)
    stock = stock_of((), rig.library, rig.session.fleet)
    view = library_view(dialog, stock, rig.session.fleet, "", lambda name: f"blob:{name}")
    assert [row.picture_url for row in view.versions] == [f"blob:{item.item_id}/{item.versions[0].content}"]
    rig.table.act("show-versions", {"item": ""})
    assert isinstance(rig.ui.dialog, LibraryDialog) and not rig.ui.dialog.versions


# Published workflows that change


def publish(rig: OpeningRig, width: int, tag: str) -> None:
    file = PublishedFile("team/night.json", tag)
    rig.files.published_files = {file.path: (file, json.dumps(api(width)).encode())}


def entry_of(rig: OpeningRig) -> WorkflowEntry:
    return stock_of(rig.context.workflows, rig.library, rig.session.fleet).entries[0]


async def test_published_workflow_that_changed_says_since_when() -> None:
    documents = MemoryDocuments()
    rig = OpeningRig(documents)
    publish(rig, 1, "t1")
    await rig.library.refresh_published("l1")
    assert not entry_of(rig).changed_since, "it was never opened"
    rig.opener.choose(f"{PUBLISHED_MARK}team/night.json")
    await rig.draw()
    assert not entry_of(rig).changed_since
    later = OpeningRig(documents)
    publish(later, 2, "t2")
    await later.library.refresh()
    await later.library.refresh_published("l2")
    assert entry_of(later).changed_since == 100.0
    later.time = 200.0
    later.opener.choose(f"{PUBLISHED_MARK}team/night.json")
    await later.draw()
    assert (width_of(later), entry_of(later).changed_since) == ("2", 100.0), "the form says it until a run"
    await later.opener.note_used(f"{PUBLISHED_MARK}team/night.json", PromptId("p1"))
    assert not entry_of(later).changed_since
    third = OpeningRig(documents)
    publish(third, 2, "t2")
    await third.library.refresh()
    await third.library.refresh_published("l2")
    assert not entry_of(third).changed_since


async def test_published_workflow_that_changes_while_it_is_open_says_so() -> None:
    rig = OpeningRig()
    publish(rig, 1, "t1")
    await rig.library.refresh_published("l1")
    rig.opener.choose(f"{PUBLISHED_MARK}team/night.json")
    await rig.draw()
    publish(rig, 2, "t2")
    await rig.library.refresh_published("l2")
    await rig.draw()
    assert (width_of(rig), entry_of(rig).changed_since) == ("2", 100.0)
    rig.table.act("note-change", {"item": f"{PUBLISHED_MARK}team/night.json"})
    assert not entry_of(rig).changed_since


async def test_export_that_could_not_be_opened_again_leaves_out_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = OpeningRig()
    await rig.give(api(1))
    await give_again(rig, 2)
    rig.table.act("export-library", {})
    await rig.done()
    whole = rig.screen.saved[EXPORT_NAME]
    assert "workflow-version" in whole
    monkeypatch.setattr(library, "MAX_FILE", len(whole.encode()) - 1)
    rig.table.act("export-library", {})
    await rig.done()
    assert "workflow-version" not in rig.screen.saved[EXPORT_NAME]
    assert isinstance(rig.error, BadInput) and rig.error.cause == "without-versions"


async def test_earlier_content_that_opens_late_does_not_replace_the_new_one() -> None:
    first = OpeningRig()
    await first.give(api(1))
    rig, released = OpeningRig(first.documents), asyncio.Event()
    await rig.library.refresh()
    read, asked = rig.session.catalogue, list[ServerId]()

    async def read_late(server_id: ServerId, names: frozenset[str]) -> Catalogue | None:
        asked.append(server_id)
        if len(asked) == 1:
            await released.wait()
        return await read(server_id, names)

    rig.session.catalogue = read_late  # type: ignore[method-assign]
    rig.opener.choose(rig.library.items[0].item_id)
    await settle(rig)
    assert len(asked) == 1 and rig.chosen is None
    rig.library_actions.take_files([(Bytes(json.dumps(api(2)).encode()), "night.json")], is_surely=True)
    await settle(rig)
    assert width_of(rig) == "2"
    released.set()
    await rig.draw()
    assert width_of(rig) == "2"


# Words for prompts


async def test_files_of_words_are_added_and_shown_beside_a_workflow() -> None:
    rig = OpeningRig()
    files = [
        (b"tabby", "cats.txt"),
        (b"\0", "broken.txt"),
        (b"{red|blue}\n", "colours.txt"),
        (b"lake,0,5,\n", "sea.csv"),
        (json.dumps(api(), indent=1).encode(), "night.txt"),
    ]
    rig.library_actions.take_files([(Bytes(data, ""), name) for data, name in files], is_surely=True)
    await rig.draw()
    assert [item.name for item in rig.ui.of(WordsState).items] == ["sea", "cats", "colours"]
    assert str(rig.ui.errors[0][1].facts()["cause"]) == "words-no-text"
    assert isinstance(rig.ui.dialog, LibraryDialog)
    rig.screen.draw()
    assert {"jump": "word-lists"} in rig.screen.changes
