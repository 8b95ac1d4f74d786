"""The graph of a task: drawn once, marked by messages, and the details of a chosen node."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from xml.etree import ElementTree

import pytest

from app.core.errors import BadInput, LayoutError
from app.core.model import Failure, NodeError, NodeId, PromptId, Task, TaskState
from app.core.progress import Progress
from app.ui.graph.graph_html import drawing, graph, node_list
from app.ui.graph.graphs import MOST_KEPT, GraphDrawing, Graphs, Subject, sketch_of, subject_of, task_graph
from app.ui.kit.colours import ServerTag
from app.ui.kit.i18n import Translator
from app.ui.page.page import Page
from app.workflows.drawing.drawing import Area, Box, BoxKind, Edge, Mode, Sketch, Socket, Value, sketch_of_api
from app.workflows.drawing.layout import arranged
from app.workflows.editor.copy import ready_copy
from tests.kit.page.elements import element, elements
from tests.kit.page.stills import (
    ENGLISH,
    MemoryScreen,
    StillSession,
    ended,
    output,
    task,
    translator,
    window,
    workflows,
)
from tests.kit.page.whole import make_page
from tests.simulation.store import Bytes

NASTY = """<script>alert(1)</script>"><img src=x onerror='a'>&amp; ]]> \u0000 {curly}"""
TAG = ServerTag("gpu-1", "gpu-1", 0)  # type: ignore[arg-type]
SAMPLE = workflows()[0].workflow


def answer(question: str) -> str:
    asked = json.loads(question)
    places = [[300 * number, 10 * number] for number in range(len(asked["boxes"]))]
    return json.dumps({"places": places, "bends": [[] for _ in asked["lines"]]})


class Engine:
    """A layout engine that answers once `gate` is set, and fails while `error` is set."""

    def __init__(self) -> None:
        self.asked = 0
        self.error: LayoutError | None = None
        self.gate = asyncio.Event()

    async def arrange(self, question: str) -> str:
        self.asked += 1
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return answer(question)


@dataclass
class WaitedScreen(MemoryScreen):
    """A screen that signals scheduled redraws."""

    asked: asyncio.Event = field(default_factory=asyncio.Event)

    def schedule(self, callback: Callable[[], None], *, is_calm: bool = False) -> None:
        super().schedule(callback, is_calm=is_calm)
        self.asked.set()

    def draw(self) -> None:
        self.asked.clear()
        super().draw()


async def words(language: str) -> Translator:
    return translator(language)


async def read_input(_sha256: str) -> None:
    return None


async def opened(session: StillSession) -> tuple[Page, WaitedScreen, Engine]:
    screen, engine = WaitedScreen(), Engine()
    page = make_page(session, screen, arrange=engine.arrange, break_server=session.break_server)
    await page.start("en")
    await page.load_rest()
    screen.draw()
    screen.changes.clear()
    return page, screen, engine


async def settle(screen: WaitedScreen, engine: Engine) -> None:
    """Let the engine answer, and redraw."""
    engine.gate.set()
    await asyncio.wait_for(screen.asked.wait(), 10)
    screen.draw()


def change(screen: MemoryScreen) -> Mapping[str, Any]:
    assert len(screen.changes) == 1
    return screen.changes.pop()


def look(page: Page, screen: MemoryScreen, name: str, **facts: str) -> Mapping[str, Any]:
    page.actions.act(name, facts)
    screen.draw()
    return change(screen)


async def test_graph_is_listed_first_and_drawn_once_arranged() -> None:
    running = task("a")
    page, screen, engine = await opened(StillSession(window=window(running)))
    first = look(page, screen, "open-graph", promptId=running.prompt_id)
    assert "Arranging 4 nodes" in first["regions"]["dialogs"]
    assert set(first["kept"]) == {"graph-list"}
    await settle(screen, engine)
    second = change(screen)
    assert "Arranging" not in second["regions"]["dialogs"]
    assert set(second["kept"]) == {"graph-stage"}
    assert second["kept"]["graph-stage"].count('class="box ') == len(SAMPLE.nodes)


async def test_progress_marks_the_nodes_without_a_redraw() -> None:
    running = task("a")
    session = StillSession(window=window(running))
    page, screen, engine = await opened(session)
    look(page, screen, "open-graph", promptId=running.prompt_id)
    await settle(screen, engine)
    screen.changes.clear()
    for fraction in (0.25, 0.5):
        progress = Progress(running.prompt_id, 4, {NodeId("2"): fraction}, NodeId("2"), fraction=fraction / 4)
        session.progress = {running.prompt_id: progress}
        session.listeners[0]()
        screen.draw()
        sent = change(screen)
        assert sent["graph"] == {"key": running.prompt_id, "chosen": "", "marks": {"2": ["running", fraction]}}
        assert "kept" not in sent
        assert "dialogs" not in sent["regions"]


async def test_reopened_graph_is_drawn_but_not_rearranged() -> None:
    running = task("a")
    page, screen, engine = await opened(StillSession(window=window(running)))
    look(page, screen, "open-graph", promptId=running.prompt_id)
    await settle(screen, engine)
    screen.changes.clear()
    look(page, screen, "close-dialog")
    sent = look(page, screen, "open-graph", promptId=running.prompt_id)
    assert set(sent["kept"]) == {"graph-list", "graph-stage"}
    assert sent["graph"]["key"] == running.prompt_id
    assert engine.asked == 1


async def test_another_language_redraws_the_graph() -> None:
    running = task("a")
    page, screen, engine = await opened(StillSession(window=window(running)))
    look(page, screen, "open-graph", promptId=running.prompt_id)
    await settle(screen, engine)
    screen.changes.clear()
    await page.speak("zh-CN")
    screen.draw()
    sent = change(screen)
    assert "没有这个名称的节点" in sent["kept"]["graph-list"]
    assert "graph" in sent


async def test_failed_layout_is_shown_and_can_be_retried() -> None:
    running = task("a")
    page, screen, engine = await opened(StillSession(window=window(running)))
    engine.error = LayoutError("unavailable", "no worker")
    look(page, screen, "open-graph", promptId=running.prompt_id)
    await settle(screen, engine)
    alert = element(change(screen)["regions"]["dialogs"], id="graph-failed")
    assert "The graph could not be arranged." in alert.text
    assert "no worker" in alert.text
    engine.error = None
    look(page, screen, "graph-again")
    await settle(screen, engine)
    assert "graph-stage" in change(screen)["kept"]
    assert engine.asked == 2


async def test_dialog_closes_with_its_task() -> None:
    running = task("a")
    session = StillSession(window=window(running))
    page, screen, engine = await opened(session)
    look(page, screen, "open-graph", promptId=running.prompt_id)
    await settle(screen, engine)
    screen.changes.clear()
    session.window = window()
    session.listeners[0]()
    screen.draw()
    assert change(screen)["regions"]["dialogs"] == ""


def failing(**more: Any) -> Task:
    failure = Failure(
        kind="execution", node_id="2", node_type="ImageScaleBy", message="no more paint", traceback="File x"
    )
    return ended("a", state=TaskState.FAILED, failure=failure, **more)


def shown(of: Task, chosen: str, _: Translator = ENGLISH, sketch: Sketch | None = None) -> str:
    sketch = sketch or arranged_sketch()
    view, _marks = task_graph(of, GraphDrawing(sketch), None, chosen)
    return str(graph(view, TAG, _))


def arranged_sketch() -> Sketch:
    sketch = sketch_of_api(SAMPLE)
    places = [[0, 0] for _ in sketch.boxes]
    return arranged(sketch, json.dumps({"places": places, "bends": [[] for _ in sketch.lines]}))


def test_only_the_failed_node_shows_the_error() -> None:
    assert "no more paint" in shown(failing(), "2")
    assert "File x" in shown(failing(), "2")
    assert "no more paint" not in shown(failing(), "1")
    assert "no more paint" not in shown(failing(), "")


def test_error_names_the_node_by_its_title() -> None:
    sketch = arranged_sketch()
    named = replace(sketch, boxes={**sketch.boxes, "2": replace(sketch.boxes["2"], title="Enlarge the cat")})
    assert "Stopped by an error in “Enlarge the cat”" in shown(failing(), "2", sketch=named)


def test_only_sent_nodes_are_counted() -> None:
    sketch = arranged_sketch()
    noted = replace(
        sketch, boxes={**sketch.boxes, "n": Box(node_id="n", title="n", class_type="Note", kind=BoxKind.NOTE)}
    )
    assert "4 of 4 nodes done" in shown(ended("a", expected=SAMPLE.expected_outputs), "", sketch=noted)


def test_each_refused_node_shows_its_own_errors() -> None:
    errors = tuple(
        NodeError(node_id=node_id, class_type="X", type="custom", message=f"fault of {node_id}") for node_id in "23"
    )
    refused = ended("a", state=TaskState.FAILED, failure=Failure(kind="rejected", node_errors=errors))
    assert "fault of 2" in shown(refused, "2")
    assert "fault of 3" not in shown(refused, "2")


def test_failed_node_has_a_button() -> None:
    assert element(shown(failing(), ""), data_testid="to-failed")["data-node-id"] == "2"
    assert not elements(shown(failing(), "2"), data_testid="to-failed")
    assert not elements(shown(ended("a"), ""), data_testid="to-failed")


def test_chosen_node_shows_class_values_and_links() -> None:
    markup = shown(task("a"), "2")
    assert SAMPLE.nodes["2"].class_type in element(markup, class_="graph-node-facts quiet").text
    assert str(SAMPLE.value("2", "width")) in [item.text for item in elements(markup, "dd")]
    (link,) = elements(markup, "button", class_="link")
    assert link["data-node-id"] == "1" and link.text.startswith("from ")


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_every_kind_of_box_is_described(language: str) -> None:
    _ = translator(language)
    boxes = {
        kind.value: Box(node_id=kind.value, title=kind.value, class_type="X", kind=kind, note="read me", mode=mode)
        for kind, mode in zip(BoxKind, [*Mode, Mode.ON], strict=True)
    }
    sketch = Sketch(boxes, inside={"subgraph": ("Upscale", "Blend")})
    details = {kind: element(shown(task("a"), kind.value, _, sketch), id="graph-node").text for kind in BoxKind}
    assert _.plural("A subgraph of {count} node", "A subgraph of {count} nodes", 2) in details[BoxKind.SUBGRAPH]
    assert "Upscale" in details[BoxKind.SUBGRAPH]
    assert "read me" in details[BoxKind.NOTE]
    assert _("Muted: it is not sent.") in details[BoxKind.SUBGRAPH]
    assert len(set(details.values())) == len(BoxKind)


def nasty_sketch() -> Sketch:
    box = Box(
        node_id='1"><b>',
        title=NASTY,
        class_type=NASTY,
        width=3000,
        height=400,
        inputs=(Socket(NASTY),),
        outputs=(Socket(NASTY),),
        values=(Value(NASTY, NASTY),),
        note=NASTY,
        colour="#bf7e7e",
    )
    boxes = {box.node_id: box, "n": replace(box, node_id="n", kind=BoxKind.NOTE)}
    return Sketch(boxes, (Edge(box.node_id, 0, "n", 0),), (Area(NASTY, 0, 0, 5000, 300, "#bf7e7e"),), True)


def test_texts_of_a_workflow_never_become_markup() -> None:
    sketch = nasty_sketch()
    for markup in (str(drawing(sketch, ENGLISH)), f"<div>{node_list(sketch, ENGLISH)}</div>"):
        root = ElementTree.fromstring(markup.replace("\u0000", " ").replace(" hidden>", ' hidden="">'))
        tags = {element.tag for element in root.iter()}
        assert tags <= {"svg", "g", "rect", "path", "text", "circle", "div", "ul", "li", "button", "span", "p"}
        assert not any(name.startswith("on") for element in root.iter() for name in element.attrib)
        assert any("<script>" in (element.text or "") for element in root.iter())


def test_drawing_has_no_inline_style() -> None:
    """The page's content security policy would refuse it."""
    assert " style=" not in str(drawing(nasty_sketch(), ENGLISH))
    assert " style=" not in shown(failing(), "2")


def test_line_passes_its_bends() -> None:
    boxes = {name: Box(node_id=name, title=name, class_type=name) for name in "ab"}
    sketch = Sketch(boxes, (Edge("a", 0, "b", 0, bends=((500, 40), (700, 41.26))),))
    assert " 500 40C" in str(drawing(sketch, ENGLISH))
    assert " 700 41.3C" in str(drawing(sketch, ENGLISH))


async def test_only_the_latest_drawings_are_kept() -> None:
    asked: list[str] = []

    async def arrange(question: str) -> str:
        asked.append(question)
        return answer(question)

    work: set[asyncio.Task[None]] = set()
    graphs = Graphs(arrange, read_input, lambda run: work.add(asyncio.ensure_future(run)), lambda: None)
    texts = [json.dumps({str(number): {"class_type": "A", "inputs": {}}}) for number in range(MOST_KEPT + 1)]
    for text in texts:
        graphs.refresh(Subject(text))
    await asyncio.gather(*work)
    assert graphs.drawing(Subject(texts[0])) == GraphDrawing()
    assert graphs.drawing(Subject(texts[1])).is_ready
    assert len(asked) == len(texts)


async def test_unreadable_workflow_is_an_error() -> None:
    page, screen, _engine = await opened(StillSession(window=window(task("a", workflow="{}"))))
    sent = look(page, screen, "open-graph", promptId=PromptId(task("a").prompt_id))
    assert element(sent["regions"]["dialogs"], id="graph-failed").text


async def test_past_task_has_a_graph() -> None:
    session, past = StillSession(), ended("a")
    session.past.tasks = {past.prompt_id: past}
    page, screen, _engine = await opened(session)
    screen.asked.clear()
    page.actions.act("open-graph", {"promptId": past.prompt_id})
    await asyncio.wait_for(screen.asked.wait(), 10)
    screen.draw()
    assert "Arranging 4 nodes" in change(screen)["regions"]["dialogs"]


async def test_graph_closes_to_the_result_it_was_opened_from() -> None:
    done = ended("a", output())
    page, screen, _engine = await opened(StillSession(window=window(done)))
    look(page, screen, "open-picture", promptId=done.prompt_id, index="0")
    assert elements(
        look(page, screen, "open-graph", promptId=done.prompt_id)["regions"]["dialogs"], data_testid="graph-dialog"
    )
    back = look(page, screen, "close-dialog")["regions"]["dialogs"]
    assert elements(back, data_testid="picture-dialog")
    assert not elements(look(page, screen, "close-dialog")["regions"]["dialogs"], data_testid="picture-dialog")


async def test_form_has_a_graph_of_its_own() -> None:
    page, screen, engine = await opened(StillSession())
    page.actions.act("workflow", {"value": "slow"})
    screen.draw()
    screen.changes.clear()
    look(page, screen, "open-graph", promptId="")
    await settle(screen, engine)
    sent = change(screen)
    assert not elements(sent["regions"]["dialogs"], data_testid="graph-state")
    assert sent["graph"] == {"key": "slow", "chosen": "", "marks": {}}
    assert "Stopped" not in look(page, screen, "graph-node", nodeId="1")["regions"]["dialogs"]


def test_editor_workflow_has_its_authors_places() -> None:
    editor = {"nodes": [{"id": 2, "type": "ImageScale", "pos": [77, 130], "size": [210, 90]}], "links": []}
    box = sketch_of(Subject(SAMPLE.text, json.dumps(editor))).boxes["2"]
    assert (box.x, box.y) == (77, 100)
    assert "lanczos" in {value.text for value in box.values}


@dataclass
class Kept:
    """Return the content of the file with the hash `ee`."""

    text: str | None

    async def read_input(self, sha256: str) -> Bytes | None:
        return Bytes(self.text.encode()) if sha256 == "ee" and self.text is not None else None


async def drawing_of_kept(kept: Kept, text: str = SAMPLE.text) -> tuple[GraphDrawing, int]:
    """Return the drawing of a task whose stored editor file has this text, and how often it was arranged."""
    work: list[asyncio.Task[None]] = []
    engine = Engine()
    engine.gate.set()
    graphs = Graphs(engine.arrange, kept.read_input, lambda run: work.append(asyncio.ensure_future(run)), lambda: None)
    subject = subject_of(task("a", workflow=text, editor_sha256="ee"))
    graphs.refresh(subject)
    assert graphs.drawing(subject) == GraphDrawing(), "it is read first"
    while unfinished := [item for item in work if not item.done()]:
        await asyncio.gather(*unfinished)
    graphs.refresh(subject)
    return graphs.drawing(subject), engine.asked


async def test_task_with_a_stored_file_has_its_authors_places() -> None:
    editor = {"nodes": [{"id": 2, "type": "ImageScale", "pos": [77, 130], "size": [210, 90]}], "links": []}
    drawn, asked = await drawing_of_kept(Kept(ready_copy(editor)))
    assert drawn.sketch is not None and drawn.is_ready and asked == 0
    assert (drawn.sketch.boxes["2"].x, drawn.sketch.boxes["2"].y) == (77, 100)
    assert "lanczos" in {value.text for value in drawn.sketch.boxes["2"].values}


@pytest.mark.parametrize("text", [None, "{", "[]", ready_copy({"nodes": 7})])
async def test_task_without_a_stored_file_is_drawn_as_sent(text: str | None) -> None:
    drawn, asked = await drawing_of_kept(Kept(text))
    assert drawn.sketch is not None and drawn.is_ready and asked == 1
    assert drawn.sketch.boxes.keys() == SAMPLE.nodes.keys()


async def test_stored_file_without_a_workflow_is_an_error() -> None:
    drawn, _ = await drawing_of_kept(Kept(None), "{}")
    assert isinstance(drawn.error, BadInput)


@pytest.mark.parametrize("editor", ["{", "[" * 5000, "[]", '{"nodes": 7}'])
def test_invalid_editor_graph_is_a_typed_error(editor: str) -> None:
    with pytest.raises(BadInput):
        sketch_of(Subject(SAMPLE.text, editor))
