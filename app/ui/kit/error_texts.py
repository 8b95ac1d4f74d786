"""The details of an error as a text to be copied for a report."""

from __future__ import annotations

from app.core.errors import MooringError
from app.core.model import Failure
from app.ui.kit.words import Words


def error_text(error: MooringError, words: Words) -> str:
    """The message of an error, and what it was made from."""
    facts = [f"{name}: {value}" for name, value in error.facts().items() if value not in (None, "", (), {})]
    return "\n".join([*_told(words), "", type(error).__name__, *facts])


def failure_text(failure: Failure, words: Words) -> str:
    """The message of a failed run, and what its server said."""
    said = [failure.message, failure.exception_type, failure.node_type and f"{failure.node_type} ({failure.node_id})"]
    faults = [
        f"{item.class_type or item.node_id}: {item.type} {item.input_name} {item.message} {item.details}".strip()
        for item in failure.node_errors
    ]
    return "\n".join([*_told(words), "", f"failure: {failure.kind}", *filter(None, said), *faults, failure.traceback])


def _told(words: Words) -> list[str]:
    return [item for item in (words.title, words.cause, words.advice, words.quote) if item]
