"""The texts of a graph and its nodes."""

from __future__ import annotations

import json

from app.ui.kit.i18n import Translator
from app.workflows.drawing.drawing import BoxKind, Mode
from app.workflows.drawing.marks import Mark

LONGEST_VALUE = 5000  # characters


def mark_words(_: Translator) -> str:
    """Return the labels of all marks, as JSON for `static/js/graph.js`."""
    return json.dumps({mark.value: word_mark(mark, _) for mark in Mark}, ensure_ascii=False)


def word_mark(mark: Mark, _: Translator) -> str:
    """Return the state of a node."""
    match mark:
        case Mark.FINISHED:
            return _("Finished")
        case Mark.CACHED:
            return _("From the cache")
        case Mark.RUNNING:
            return _("Running")
        case Mark.FAILED:
            return _("Failed")


def word_mode(mode: Mode, _: Translator) -> str:
    """Return how the author has switched a node off; empty if it is on."""
    match mode:
        case Mode.MUTED:
            return _("Muted: it is not sent.")
        case Mode.BYPASSED:
            return _("Bypassed: what comes in goes on as it is.")
        case Mode.ON:
            return ""


def word_kind(kind: BoxKind, count: int, _: Translator) -> str:
    """Return what a box is, if it is no plain node; `count` nodes are in it."""
    match kind:
        case BoxKind.SUBGRAPH:
            return _.plural("A subgraph of {count} node", "A subgraph of {count} nodes", count)
        case BoxKind.NOTE:
            return _("A note of the author's")
        case BoxKind.REROUTE:
            return _("A turn of a line")
        case BoxKind.NODE:
            return ""
