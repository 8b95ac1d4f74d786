"""What went wrong in a run, in the server's own words: faults of nodes, a traceback, parts that it left out."""

from __future__ import annotations

import htpy as h

from app.core.model import Failure, NodeError, Task
from app.ui.kit.errors_view import details_to_copy, failure_text
from app.ui.kit.i18n import Translator
from app.ui.kit.messages import word_node_error
from app.ui.kit.parts import told
from app.ui.kit.words import Words
from app.ui.runs.cards import named_node
from app.ui.runs.state import CardView


def failure(key: str, failed: Failure, words: Words, _: Translator, *, task: Task | None = None) -> h.Node:
    """Return the server's faults, with node titles from `task`, and its full answer, collapsed at first."""
    return h.fragment[
        bool(failed.node_errors) and _faults(task, failed.node_errors, _),
        details_to_copy(f"trace-{key}", failure_text(failed, words), _, has_traceback=bool(failed.traceback)),
    ]


def warnings(view: CardView, _: Translator) -> h.Element:
    """The outputs that the server dropped when it took the rest."""
    return h.div(".told.is-warn")[
        h.p(".told-title")[_("The server left out parts of the workflow:")],
        _faults(view.task, view.task.warnings, _),
    ]


def _faults(task: Task | None, errors: tuple[NodeError, ...], _: Translator) -> h.Element:
    return h.ul(".faults")[
        (
            h.li[
                h.span(".fault-node", translate="no")[
                    _.known(named_node(task, error.node_id)) if task is not None else error.class_type or error.node_id
                ],
                told(word_node_error(error, _)),
            ]
            for error in errors
        )
    ]
