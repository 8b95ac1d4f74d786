"""The details of an error as a text to be copied for a report."""

from __future__ import annotations

from app.core.errors import MooringError
from app.core.model import Failure
from app.ui.kit.words import Words


def error_text(error: MooringError, words: Words) -> str:
    """Return the message of an error with its facts."""
    facts = [f"{name}: {value}" for name, value in error.facts().items() if value not in (None, "", (), {})]
    return "\n".join([*_message(words), "", type(error).__name__, *facts])


def failure_text(failure: Failure, words: Words) -> str:
    """Return the message of a failed run with the server's report."""
    said = [failure.message, failure.exception_type, failure.node_type and f"{failure.node_type} ({failure.node_id})"]
    faults = [
        f"{item.class_type or item.node_id}: {item.type} {item.input_name} {item.message} {item.details}".strip()
        for item in failure.node_errors
    ]
    return "\n".join(
        [*_message(words), "", f"failure: {failure.kind}", *filter(None, said), *faults, failure.traceback]
    )


def _message(words: Words) -> list[str]:
    return [item for item in (words.title, words.cause, words.advice, words.quote) if item]
