"""What went wrong in a run, in the server's own words: faults of nodes, a traceback, parts that it left out."""

from __future__ import annotations

import htpy as h

from app.core.errors import MooringError
from app.core.model import Failure, NodeError, Task
from app.ui.kit.error_text import error_text, failure_text
from app.ui.kit.i18n import Translator
from app.ui.kit.messages import word_error, word_node_error
from app.ui.kit.parts import disclosure, icon, told
from app.ui.kit.words import Words
from app.ui.page.state import CardView
from app.ui.runs.cards import named_node


def failure(key: str, failed: Failure, words: Words, _: Translator, *, task: Task | None = None) -> h.Node:
    """Return the server's faults, with node titles from `task`, and its full answer, collapsed at first."""
    return h.fragment[
        bool(failed.node_errors) and _faults(task, failed.node_errors, _),
        details_to_copy(f"trace-{key}", failure_text(failed, words), _, has_traceback=bool(failed.traceback)),
    ]


def told_error(error: MooringError, key: str, _: Translator) -> h.Node:
    """What went wrong, what it means and what can be done, with the details to hand on."""
    words = word_error(error, _)
    return h.fragment[told(words), details_to_copy(key, error_text(error, words), _)]


def details_to_copy(key: str, text: str, _: Translator, *, has_traceback: bool = False) -> h.Element:
    """What somebody who helps wants to see, to be copied at once or looked at first.

    The page's JavaScript copies, since a browser wants it within the click; where it is forbidden, the text is opened
    and selected.
    """
    target = f"{key}-text"
    return h.div(".to-copy")[
        disclosure(
            _("The server's traceback") if has_traceback else _("Details"),
            h.pre(id=target, translate="no", tabindex="0")[text],
            key=f"{key}-details",
        ),
        copy_button(target, _("Copy details"), _),
    ]


def copy_button(target: str, label: str, _: Translator) -> h.Element:
    """Copies what stands in that element."""
    return h.button(
        ".button.is-small.is-quiet.copy",
        type="button",
        data_copy=target,
        data_copied=_("Copied"),
        data_select=_("Selected: press Ctrl+C, or ⌘C"),
        data_testid="copy",
    )[icon("copy"), h.span[label]]


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
