"""What went wrong in a run, in the server's own words: faults of nodes, a traceback, parts that it left out."""

from __future__ import annotations

import htpy as h

from app.core.model import Failure, NodeError
from app.ui.i18n import Translator
from app.ui.messages import word_node_error
from app.ui.state import CardView
from app.ui.views.parts import disclosure, icon, told


def failure(prompt_id: str, failed: Failure, _: Translator) -> h.Node:
    """The faults that the server named, and its traceback, closed until somebody wants it."""
    return h.fragment[
        bool(failed.node_errors) and _faults(failed.node_errors, _),
        bool(failed.traceback)
        and disclosure(
            _("The server's traceback"),
            _copy(f"trace-text-{prompt_id}", _),
            h.div(id=f"trace-text-{prompt_id}")[
                h.p(".quiet", translate="no")[failed.exception_type],
                h.pre(translate="no", tabindex="0")[failed.traceback],
            ],
            key=f"trace-{prompt_id}",
        ),
    ]


def _copy(target: str, _: Translator) -> h.Element:
    """Copies what stands in that element; the page's JavaScript does it, since a browser wants it within the click."""
    return h.button(
        ".button.is-small.copy", type="button", data_copy=target, data_copied=_("Copied"), data_testid="copy"
    )[icon("copy"), h.span[_("Copy")]]


def warnings(view: CardView, _: Translator) -> h.Element:
    """The outputs that the server dropped when it took the rest."""
    return h.div(".told.is-warn")[
        h.p(".told-title")[_("The server left out parts of the workflow:")],
        _faults(view.task.warnings, _),
    ]


def _faults(errors: tuple[NodeError, ...], _: Translator) -> h.Element:
    return h.ul(".faults")[
        (
            h.li[
                h.span(".fault-node", translate="no")[error.class_type or error.node_id],
                told(word_node_error(error, _)),
            ]
            for error in errors
        )
    ]
