"""What is known of a node that was chosen in a graph: what went wrong there, and what it was given."""

from __future__ import annotations

import htpy as h

from app.ui.graph.graphs import GraphView
from app.ui.graph.words import word_kind, word_mark, word_mode
from app.ui.kit.i18n import Translator
from app.ui.kit.messages import word_node_error
from app.ui.kit.parts_html import icon_button, message, quote
from app.ui.runs.errors_html import failure
from app.ui.runs.task_words import word_failure
from app.workflows.drawing.drawing import Box, Sketch, plain_value
from app.workflows.drawing.marks import Mark, graph_of
from app.workflows.graph import GraphNode, Link

LONGEST_VALUE = 5000  # characters


def chosen_node(view: GraphView, _: Translator) -> h.Node:
    """The chosen node's part of the dialog; empty without one."""
    sketch = view.drawing.sketch
    box = sketch.boxes.get(view.chosen) if sketch is not None else None
    if sketch is None or box is None:
        return h.section(".graph-node", id="graph-node", hidden=True)
    node = graph_of(view.subject.api).get(box.node_id)
    return h.section(
        "#graph-node.graph-node", aria_labelledby="graph-node-title", aria_live="polite", data_testid="graph-node",
        data_node_id=box.node_id,
    )[
        _title(view, box, _),
        _faults(view, box, _),
        box.note and quote(box.note),
        _inside(sketch, box),
        node is not None and _inputs(node, sketch, _),
    ]  # fmt: skip


def _title(view: GraphView, box: Box, _: Translator) -> h.Node:
    title = _.known(box.title)
    more = [word_kind(box.kind, len(view.drawing.sketch.inside.get(box.node_id, ())) if view.drawing.sketch else 0, _)]
    return h.fragment[
        h.div(".graph-node-head")[
            h.h3("#graph-node-title", translate="no" if title == box.title else None)[title],
            icon_button(_("Back to the list"), "graph-node", "close", node_id=""),
        ],
        h.p(".graph-node-facts.quiet")[
            view.mark is not None
            and h.span(".mark-word", data_mark=view.mark.value)[h.span(".mark-dot"), word_mark(view.mark, _)],
            title != box.class_type and h.span(translate="no")[box.class_type],
            h.span(".numeric", translate="no")[f"#{box.node_id}"],
        ],
        [h.p(".quiet")[line] for line in (*more, word_mode(box.mode, _)) if line],
    ]


def _faults(view: GraphView, box: Box, _: Translator) -> h.Node:
    faults = view.faults
    failed = faults.failure
    if view.mark is not Mark.FAILED:
        return h.fragment[None]
    words = word_failure(failed, _, node=_.known(box.title)) if failed is not None else None
    return h.div(".graph-faults", data_testid="node-error")[
        failed is not None
        and words is not None
        and h.fragment[
            message(words),
            # Not its node errors: those of this node are below, those of others at theirs.
            failed.traceback and failure(f"graph-{view.key}", failed, words, _),
        ],
        [message(word_node_error(error, _)) for error in faults.errors],
    ]


def _inside(sketch: Sketch, box: Box) -> h.Node:
    names = sketch.inside.get(box.node_id, ())
    return bool(names) and h.ul(".graph-inside", translate="no")[(h.li[name] for name in names)]


def _inputs(node: GraphNode, sketch: Sketch, _: Translator) -> h.Node:
    """Its values, and where the rest comes from."""
    if not node.values and not node.links:
        return h.p(".quiet")[_("It takes no inputs.")]
    return h.dl(".graph-inputs")[
        (
            h.div[h.dt(translate="no")[name], h.dd(translate="no")[plain_value(value, LONGEST_VALUE)]]
            for name, value in node.values.items()
        ),
        (
            h.div[h.dt(translate="no")[name], h.dd[_origin(link, sketch, _)]]
            for name, link in node.links.items()
        ),
    ]  # fmt: skip


def _origin(link: Link, sketch: Sketch, _: Translator) -> h.Node:
    box = sketch.box_of(link.node_id)
    if box is None:
        return h.span(".quiet")[_("a node that is not there")]
    return h.button(".link", type="button", data_action="graph-node", data_node_id=box.node_id)[
        _("from {node}", node=_.known(box.title))
    ]
