"""An error with its details, which can be copied for a report."""

from __future__ import annotations

import htpy as h

from app.core.errors import MooringError
from app.core.model import Failure
from app.ui.kit.i18n import Translator
from app.ui.kit.messages import word_error
from app.ui.kit.parts import disclosure, icon, told
from app.ui.kit.words import Words


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


def error_text(error: MooringError, words: Words) -> str:
    """What was told of an error, and what it was made from."""
    facts = [f"{name}: {value}" for name, value in error.facts().items() if value not in (None, "", (), {})]
    return "\n".join([*_told(words), "", type(error).__name__, *facts])


def failure_text(failure: Failure, words: Words) -> str:
    """What was told of a failed run, and what its server said."""
    said = [failure.message, failure.exception_type, failure.node_type and f"{failure.node_type} ({failure.node_id})"]
    faults = [
        f"{item.class_type or item.node_id}: {item.type} {item.input_name} {item.message} {item.details}".strip()
        for item in failure.node_errors
    ]
    return "\n".join([*_told(words), "", f"failure: {failure.kind}", *filter(None, said), *faults, failure.traceback])


def _told(words: Words) -> list[str]:
    return [item for item in (words.title, words.cause, words.advice, words.quote) if item]
