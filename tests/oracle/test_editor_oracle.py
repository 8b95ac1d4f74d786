"""Our conversion against the editor's own, in a real Chromium: every case, every known template, every node class.

The templates are those of `comfyui-workflow-templates-json` whose nodes the real catalogue knows.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from app.workflows.catalogue import Catalogue
from app.workflows.editor.conversion import Conversion, Converter
from app.workflows.editor.copy import filled
from app.workflows.editor.layout import Layouts
from app.workflows.editor.nodes import VIRTUAL
from app.workflows.editor.problems import CannotConvert
from app.workflows.editor.sending import Sender
from app.workflows.editor.texts import choose_first
from app.workflows.editor.values import MISSING
from tests import recordings
from tests.e2e.browser_kit import open_headless_shell
from tests.editor.cases import BROADCASTS, CASES
from tests.editor.changes import other_values
from tests.editor.classes import CLASSES
from tests.editor.drawing import Drawing
from tests.editor.refused import REFUSED
from tests.editor.written import write_back
from tests.oracle.comparing import differences, is_same
from tests.oracle.editor import Editor, Sent, open_editor
from tests.oracle.editor_site import package_files

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

PACK = os.environ.get("MOORING_USE_EVERYWHERE", "")  # a copy of https://github.com/chrisgoringe/cg-use-everywhere
PLAIN = {name: case for name, case in CASES.items() if name not in BROADCASTS}
FEWEST_KNOWN = 79  # of 644 when last counted, 30 of them with subgraphs
FEWEST_WITH_SUBGRAPHS = 30
MOST_REFUSED = 2
# Values that the editor would take for choices or comments if they were in its text unchanged.
ODD_TEXTS = ("a {b|c} d", "see http://a.b/*c*/ d", "///", "\\(soft\\) {", "half /* open", "a | b }")
# Values that the editor computes itself are not sent from a new node: its `serializeValue` returns nothing.
NEVER_SENT = {"waiting for camera..."}


def real_catalogue() -> dict[str, Any]:
    """The catalogue of a real server."""
    return recordings.catalogue()


@cache
def templates() -> dict[str, Any]:
    """The templates whose nodes, subgraphs included, the real catalogue knows."""
    known = real_catalogue().keys() | VIRTUAL
    found = {}
    for path in sorted(package_files("comfyui_workflow_templates_json", "templates").glob("*.json")):
        graph = json.loads(path.read_text("utf-8"))
        if isinstance(graph, dict) and "nodes" in graph and _classes(graph) <= known:
            found[path.stem] = graph
    return found


def _classes(graph: dict[str, Any]) -> set[str]:
    graphs = [graph]
    for one in graphs:  # grows in the loop
        graphs += one.get("definitions", {}).get("subgraphs", [])
    return {node["type"] for one in graphs for node in one["nodes"]} - {one["id"] for one in graphs[1:]}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    async with open_headless_shell() as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def small(chromium: Browser) -> AsyncIterator[Editor]:
    """The editor with the catalogue of the cases."""
    async with open_editor(chromium, json.dumps(CLASSES)) as editor:
        yield editor


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def real(chromium: Browser) -> AsyncIterator[Editor]:
    """The editor with the catalogue of a real server."""
    async with open_editor(chromium, json.dumps(real_catalogue())) as editor:
        yield editor


def unequal(converter: Converter, graphs: dict[str, Any], sent: dict[str, Sent], **more: Any) -> Iterator[str]:
    """Yield each workflow that we send differently from the editor, with the first differences."""
    for name, graph in graphs.items():
        assert not sent[name].error, f"the editor cannot open {name}: {sent[name].error}"
        found = list(differences(converter.convert(graph).output, sent[name].output, **more))
        if found:
            yield f"{name}: {'; '.join(found[:5])}"


async def test_every_case_is_sent_as_by_the_editor(small: Editor) -> None:
    graphs = {name: case() for name, case in PLAIN.items()}
    sent = await small.send_all(graphs)
    assert list(unequal(Converter(Catalogue.parse(CLASSES)), graphs, sent)) == []


@pytest.mark.skipif(not PACK, reason="MOORING_USE_EVERYWHERE names no copy of cg-use-everywhere")
async def test_every_broadcast_is_sent_as_by_the_editor_with_the_pack(chromium: Browser) -> None:
    graphs = {name: case() for name, case in BROADCASTS.items()}
    async with open_editor(chromium, json.dumps(CLASSES), Path(PACK, "js")) as editor:
        sent = await editor.send_all(graphs)
    assert list(unequal(Converter(Catalogue.parse(CLASSES)), graphs, sent)) == []


async def test_refused_links_cannot_be_sent_by_the_editor_either(small: Editor) -> None:
    sent = await small.send_all({name: case() for name, (case, _) in REFUSED.items()})
    assert [name for name, found in sent.items() if not found.error] == []


async def test_written_workflows_open_in_the_editor_with_new_values(small: Editor) -> None:
    """Also as sent with a run: there the editor must send exactly what that run sent."""
    converter = Converter(Catalogue.parse(CLASSES))
    written = {
        name: write_back(converter, case(), other_values(converter.convert(case()))) for name, case in PLAIN.items()
    }
    assert sum(written[name] != case() for name, case in PLAIN.items()) > 50
    along = {f"{name}, along": sent_along(converter, converter.convert(case())) for name, case in PLAIN.items()}
    along |= {f"text {text}": text_along(converter, text) for text in ODD_TEXTS}
    sent = await small.send_all({**written, **{name: graph for name, (graph, _) in along.items()}})
    assert list(unequal(converter, written, sent)) == []
    assert list(unequal_to_sent(along, sent)) == []


def sent_along(converter: Converter, conversion: Conversion) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the file sent with a run with other values, and what that run sends."""
    sending = Sender(converter, conversion).prepare(other_values(conversion), now=None, choose=choose_first)
    return filled(sending.editor, sending.workflow), json.loads(sending.workflow.text)


def text_along(converter: Converter, text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the file sent with a run of exactly this prompt, as a list of prompts may have it."""
    draw = Drawing()
    draw.node(1, "CaseText", ["{one|other}", ""])
    sending = Sender(converter, converter.convert(draw.file())).prepare({}, now=None, choose=choose_first)
    workflow = sending.workflow.with_value("1", "text", text)
    return filled(sending.editor, workflow), json.loads(workflow.text)


def unequal_to_sent(along: dict[str, tuple[Any, Any]], sent: dict[str, Sent], **more: Any) -> Iterator[str]:
    """Yield each run for which the editor would send something else if its file were opened."""
    for name, (_, output) in along.items():
        assert not sent[name].error, f"the editor cannot open {name}: {sent[name].error}"
        found = list(differences(output, sent[name].output, **more))
        if found:
            yield f"{name}: {'; '.join(found[:5])}"


async def test_every_made_up_class_is_laid_out_as_in_the_editor(small: Editor) -> None:
    assert wrong_layouts(CLASSES, await small.classes()) == []


async def test_every_real_class_is_laid_out_as_in_the_editor(real: Editor) -> None:
    catalogue = real_catalogue()
    assert len(catalogue) > 300
    assert wrong_layouts(catalogue, await real.classes()) == []


async def test_every_known_template_is_sent_as_by_the_editor(real: Editor) -> None:
    """And with other values in them, as sent with a run, all together: opening them takes most of the time."""
    catalogue = real_catalogue()
    converter = Converter(Catalogue.parse(catalogue))
    graphs, refused = templates(), []
    assert len(graphs) >= FEWEST_KNOWN
    assert sum("definitions" in graph for graph in graphs.values()) >= FEWEST_WITH_SUBGRAPHS
    asked: dict[str, Any] = {}
    along: dict[str, tuple[Any, Any]] = {}
    for name, graph in graphs.items():
        try:
            along[f"{name}, along"] = sent_along(converter, converter.convert(graph))
        except CannotConvert as error:
            refused.append(f"{name}: {error.problems}")
            continue
        asked[name] = graph
    assert len(refused) <= MOST_REFUSED, refused
    print("refused:", refused or "none")
    untitled = {name for name, entry in catalogue.items() if not entry["display_name"]}
    sent = await real.send_all({**asked, **{name: graph for name, (graph, _) in along.items()}})
    assert list(unequal(converter, asked, sent, untitled=untitled)) == []
    assert list(unequal_to_sent(along, sent, untitled=untitled)) == []


def wrong_layouts(catalogue: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    """Return each class that we lay out differently from the editor."""
    layouts = Layouts(Catalogue.parse(catalogue))
    wrong = []
    for name in catalogue:
        layout = layouts.of(name, (), ())
        assert layout is not None, name
        widgets = [
            {
                "name": widget.name,
                "isSaved": widget.is_saved,
                "isSent": widget.is_sent or widget.name in NEVER_SENT,
                "value": {"missing": True} if widget.default is MISSING else widget.default,
            }
            for widget in layout.widgets
        ]
        sockets = [list(row) for row in zip(layout.input_names, layout.input_types, layout.input_widgets, strict=True)]
        ours = {"widgets": widgets, "inputs": sockets, "outputs": list(layout.output_types)}
        wrong += [
            f"{name}.{part}: {ours[part]} is {theirs[name][part]}"
            for part in ours
            if not is_same(ours[part], theirs[name][part])
        ]
    return wrong
