"""Text messages of ComfyUI's socket, `{"type": …, "data": {…}}`, and whose prompt each of them is about.

A server sends the events of a prompt to the client that posted it. But it broadcasts the events of a prompt that was
posted without a client_id, and custom nodes broadcast what they like. So for users who log in, only the events
declared here are passed on, each to the owner of the prompt that it is about.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, StrEnum
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
    ANIMATION = "VHS_latentpreview"  # VideoHelperSuite's: the next frames are an animated preview (`wire/frames.py`)


class About(Enum):
    """What an event is about, and so who may see it."""

    SERVER = "server"  # for every user
    PROMPT = "prompt"  # the one that its `prompt_id` names
    RUNNING = "running"  # the running prompt, which it does not name


ABOUT: Mapping[str, About] = MappingProxyType(
    {
        Event.STATUS: About.SERVER,
        Event.FEATURE_FLAGS: About.SERVER,
        Event.EXECUTION_START: About.PROMPT,
        Event.EXECUTION_CACHED: About.PROMPT,
        Event.EXECUTING: About.PROMPT,  # a late socket gets one without prompt_id about the running prompt
        Event.EXECUTED: About.PROMPT,
        Event.EXECUTION_SUCCESS: About.PROMPT,
        Event.EXECUTION_ERROR: About.PROMPT,
        Event.EXECUTION_INTERRUPTED: About.PROMPT,
        Event.PROGRESS: About.PROMPT,
        Event.PROGRESS_STATE: About.PROMPT,
        Event.ANIMATION: About.RUNNING,
    }
)


def is_unused(event: str) -> bool:
    """Whether no window needs an event: `assets.…` reports the scan of a server's files to every socket."""
    return event.startswith("assets.")


def prompt_of_event(event: str, data: Mapping[str, object]) -> str | None:
    """Return the prompt_id that an event names, if it is declared and names one."""
    prompt_id = data.get("prompt_id") if ABOUT.get(event) is About.PROMPT else None
    return prompt_id if isinstance(prompt_id, str) else None
