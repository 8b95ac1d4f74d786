"""Text messages of ComfyUI's socket, `{"type": …, "data": {…}}`, and whose prompt each of them is about.

A server sends the events of a prompt to the client that posted it. But it broadcasts the events of a prompt that was
posted without a client_id, and custom nodes broadcast what they like. So for users who log in, only the events
declared here are passed on, each by the field that proves whose it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Event(StrEnum):
    """The declared events, by their `type`."""

    STATUS = "status"
    FEATURE_FLAGS = "feature_flags"  # sent both ways
    EXECUTION_START = "execution_start"
    EXECUTION_CACHED = "execution_cached"
    EXECUTING = "executing"
    EXECUTED = "executed"
    EXECUTION_SUCCESS = "execution_success"
    EXECUTION_ERROR = "execution_error"
    EXECUTION_INTERRUPTED = "execution_interrupted"
    PROGRESS = "progress"
    PROGRESS_STATE = "progress_state"


# By event, the field of its data that names its prompt; None if it is about the server, and for every user.
PROMPT_FIELDS: Mapping[str, str | None] = MappingProxyType(
    {
        Event.STATUS: None,
        Event.FEATURE_FLAGS: None,
        Event.EXECUTION_START: "prompt_id",
        Event.EXECUTION_CACHED: "prompt_id",
        Event.EXECUTING: "prompt_id",  # missing in the one that a late socket gets about the running prompt
        Event.EXECUTED: "prompt_id",
        Event.EXECUTION_SUCCESS: "prompt_id",
        Event.EXECUTION_ERROR: "prompt_id",
        Event.EXECUTION_INTERRUPTED: "prompt_id",
        Event.PROGRESS: "prompt_id",
        Event.PROGRESS_STATE: "prompt_id",
    }
)


def is_unused(event: str) -> bool:
    """Whether no window needs an event: `assets.…` reports the scan of a server's files to every socket."""
    return event.startswith("assets.")


def prompt_of_event(event: str, data: Mapping[str, object]) -> str | None:
    """Return the prompt_id that an event names, if it is declared and names one."""
    field = PROMPT_FIELDS.get(event)
    prompt_id = data.get(field) if field is not None else None
    return prompt_id if isinstance(prompt_id, str) else None
