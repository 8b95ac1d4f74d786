"""The time of each step from a file to a form, in the Python that runs it, such as the browser's."""

from __future__ import annotations

import gc
import gettext
import json
import time
from collections.abc import Callable
from typing import Any

from app.ui.form.form_html import form
from app.ui.form.nodes_html import lists, nodes
from app.ui.form.open_workflow import GivenWorkflow, OpenWorkflow, completed, open_given
from app.ui.form.picker import LibraryEntries
from app.ui.form.projection import form_view, nodes_view, option_lists
from app.ui.form.state import Draft, FormState
from app.ui.kit.i18n import Translator
from app.workflows.catalogue import Catalogue
from app.workflows.editor.conversion import Converter
from app.workflows.editor.hints import hints_of
from app.workflows.forms.arrangement import Layout, arrange, workflow_key
from app.workflows.forms.building import build_form, first_form
from app.workflows.library import WorkflowOrigin, item_of, written
from app.workflows.reading import read_source

ROUNDS = 5
LATER = "later: "  # once the user can type


class _Formats:
    """Numbers as Python writes them."""

    def number(self, value: float, digits: int = 0) -> str:
        return f"{value:.{digits}f}"

    def __getattr__(self, name: str) -> Callable[..., str]:
        return lambda *values: " ".join(map(str, values))


def steps(graph: str, catalogue: str) -> dict[str, float]:
    """Return milliseconds by step, the best of a few rounds."""
    data = graph.encode()
    needed = {node["type"] for node in json.loads(graph)["nodes"]}
    part = json.dumps({name: entry for name, entry in json.loads(catalogue).items() if name in needed})
    gc.disable()  # as it is while a file is opened
    rounds = [_round(data, part) for _ in range(ROUNDS)]
    gc.enable()
    return {name: min(found[name] for found in rounds) for name in rounds[0]}


def _round(data: bytes, part: str) -> dict[str, float]:
    spent: dict[str, float] = {}

    def timed(name: str, step: Callable[[], Any]) -> Any:
        begun = time.perf_counter()
        found = step()
        spent[name] = (time.perf_counter() - begun) * 1000
        return found

    source = timed("read the file", lambda: read_source(data, "large.json"))
    item, body = timed("name it", lambda: item_of(source, WorkflowOrigin.FILE, at=1.0))
    timed("write it for the library", lambda: written(item, body))
    given = GivenWorkflow(item.item_id, item.title, body.api, body.graph)
    timed("parse the graph, list its classes", lambda: given.class_names)
    catalogue = timed("parse their part of the catalogue", lambda: Catalogue.parse(json.loads(part)))
    conversion = timed("convert", lambda: Converter(catalogue).convert(given.source))
    hints = timed("colours, groups, seeds", lambda: hints_of(conversion))
    layout = timed("name its shape", lambda: Layout(workflow_key(conversion.workflow)))
    first = timed("make the first part of the form", lambda: first_form(conversion.workflow, catalogue, hints))
    timed("arrange it", lambda: arrange(first, layout))
    opened = open_given(given, catalogue, in_steps=True)
    assert opened is not None
    timed("markup", lambda: _markup(opened))
    built = timed(f"{LATER}make the whole form", lambda: build_form(conversion.workflow, catalogue, hints))
    timed(f"{LATER}arrange it", lambda: arrange(built, layout))
    timed(f"{LATER}markup", lambda: _markup(completed(opened, built)))
    return spent


def _markup(opened: OpenWorkflow) -> str:
    _ = Translator("en", gettext.NullTranslations(), _Formats())
    state = FormState(opened.workflow_id, {opened.workflow_id: Draft()})
    top, below = form_view(LibraryEntries(), opened, state, None), nodes_view(opened, state, None)
    return f"{form(top, _)}{nodes(below, _)}{lists(option_lists((*top.fields, *below.fields)), _)}"
