"""The dialog with a task's graph: the drawing with its tools, the list of its nodes, and what is known of a chosen one.

The drawing and the list are made once (`drawn`) and are the page's JavaScript's from then on: `data-kept` keeps
patches out of them, and marks, panning and zooming go past Python.
"""

from __future__ import annotations

import json

import htpy as h

from app.core.model import Task
from app.ui.graph.drawing_view import drawing
from app.ui.graph.graphs import GraphView
from app.ui.graph.node_view import chosen_node
from app.ui.graph.words import word_mark
from app.ui.kit.colours import ServerTag
from app.ui.kit.errors_html import told_error
from app.ui.kit.i18n import Translator
from app.ui.kit.parts_html import action_button, icon, icon_button, server_chip, task_title
from app.ui.kit.words import Tone, titled
from app.ui.runs.task_words import word_task
from app.workflows.drawing.drawing import Box, Kind, Sketch
from app.workflows.drawing.marks import Mark

STAGE, LIST = "graph-stage", "graph-list"  # ids of what is kept
NOT_LISTED = frozenset({Kind.REROUTE})


def graph(view: GraphView, tag: ServerTag | None, _: Translator) -> h.Element:
    """The open dialog."""
    title = _.known(view.title) or _("Untitled")
    return h.dialog(
        ".dialog.large.graph",
        data_modal="",
        id=f"graph-{view.key}",
        aria_label=_("Graph of “{title}”", title=title),
        data_testid="graph-dialog",
        data_words=json.dumps({mark.value: word_mark(mark, _) for mark in Mark}, ensure_ascii=False),
    )[
        _head(view, tag, _),
        h.div(class_=["graph-body", {"has-chosen": bool(view.chosen)}])[
            h.div(".graph-main")[
                h.div(f"#{STAGE}.graph-stage", data_kept=view.key),
                _instead(view, _),
                _tools(view, _),
                view.task is not None and _legend(_),
            ],
            h.div(".graph-side")[chosen_node(view, _), _nodes(view, _)],
        ],
    ]  # fmt: skip


def _head(view: GraphView, tag: ServerTag | None, _: Translator) -> h.Element:
    return h.div(".large-head")[
        h.span(".large-title")[task_title(view.title, _)],
        tag is not None and server_chip(tag),
        view.task is not None and _state(view, view.task, _),
        icon_button(_("Close"), "close-dialog", "close"),
    ]


def _state(view: GraphView, task: Task, _: Translator) -> h.Node:
    words = word_task(task, _)
    return h.fragment[
        h.span(class_=["graph-state", f"is-{words.tone.value}"], data_testid="graph-state")[
            words.tone is Tone.BAD and icon("warning"), h.span[titled(words)]
        ],
        view.total > 0
        and h.span(".graph-count.quiet.numeric")[_("{done} of {total} nodes done", done=view.done, total=view.total)],
    ]


def _instead(view: GraphView, _: Translator) -> h.Node:
    """What stands where the drawing will be, or would be."""
    if view.drawing.error is not None:
        return h.div(".graph-instead", role="alert")[
            told_error(view.drawing.error, "drawing-error", _),
            view.drawing.sketch is not None
            and action_button(_("Try again"), "graph-again", icon_name="retry", testid="graph-again"),
        ]
    if not view.drawing.is_ready:
        return h.div(".graph-instead", role="status")[_coming(view.drawing.sketch, _)]
    return h.fragment[None]


def _coming(sketch: Sketch | None, _: Translator) -> h.Node:
    if sketch is None:
        return h.fragment[h.p[_("Reading the graph …")], h.progress(aria_label=_("Reading the graph …"))]
    return h.fragment[
        h.p[_.plural("Arranging {count} node …", "Arranging {count} nodes …", len(sketch.boxes))],
        h.progress(aria_label=_("Arranging")),
    ]


def _tools(view: GraphView, _: Translator) -> h.Node:
    """Zooming; graph.js does it."""
    if not view.drawing.is_ready:
        return h.fragment[None]
    tools = (("in", "plus", _("Zoom in")), ("out", "minus", _("Zoom out")), ("fit", "fit", _("Show all of it")))
    return h.div(".graph-tools", role="group", aria_label=_("Zoom"))[
        (
            h.button(
                ".button.icon-only", type="button", data_graph=name, aria_label=label, title=label,
                data_testid=f"graph-{name}",
            )[icon(sign)]
            for name, sign, label in tools
        )
    ]  # fmt: skip


def _legend(_: Translator) -> h.Element:
    return h.ul(".graph-legend", aria_hidden="true")[
        (h.li(data_mark=mark.value)[h.span(".mark-dot"), word_mark(mark, _)] for mark in Mark)
    ]


def _nodes(view: GraphView, _: Translator) -> h.Element:
    """The list of all nodes, to be looked through."""
    return h.section(".graph-nodes", aria_label=_("Nodes"))[
        bool(view.failed and view.failed != view.chosen)
        and h.button(
            ".button.is-small.to-failed", type="button", data_action="graph-node", data_node_id=view.failed,
            data_testid="to-failed",
        )[icon("warning"), h.span[_("Show what failed")]],
        h.input(
            type="search",
            id="graph-find",
            placeholder=_("Find a node …"),
            aria_label=_("Find a node"),
            autocomplete="off",
            data_testid="graph-find",
        ),
        h.div(f"#{LIST}.graph-list", data_kept=view.key),
    ]  # fmt: skip


def drawn(shown: object, view: object, _: Translator) -> dict[str, str]:
    """Return the drawing and the list, by the ids of their places, if `view` is a graph and is not `shown` yet."""
    if not isinstance(view, GraphView) or (sketch := view.drawing.sketch) is None:
        return {}
    known = shown.drawing.sketch if isinstance(shown, GraphView) and shown.key == view.key else None
    places = {LIST: str(node_list(sketch, _))} if known is None else {}
    return {**places, STAGE: str(drawing(sketch, _))} if sketch.is_placed and known is not sketch else places


def node_list(sketch: Sketch, _: Translator) -> h.Fragment:
    """Every node as a button that chooses it."""
    return h.fragment[
        h.ul[(_row(box, _) for box in sketch.boxes.values() if box.kind not in NOT_LISTED)],
        h.p(".quiet.graph-none", hidden=True)[_("No node is called so.")],
    ]


def _row(box: Box, _: Translator) -> h.Element:
    title = _.known(box.title)
    return h.li[
        h.button(".node-row", type="button", data_action="graph-node", data_node_id=box.node_id)[
            h.span(".mark-dot", aria_hidden="true"),
            h.span(".node-name", translate="no")[title],
            title != box.class_type and h.span(".node-class.quiet", translate="no")[box.class_type],
            h.span(".node-mark"),
            h.span(".node-id.quiet.numeric", translate="no")[box.node_id],
        ]
    ]
