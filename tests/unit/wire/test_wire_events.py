"""Which events are declared, and the prompt that each names."""

from __future__ import annotations

import json

import pytest

from tests.kit import captures
from wire.events import ABOUT, Event, prompt_of_event


def test_every_event_declares_whose_it_is() -> None:
    assert set(ABOUT) == set(Event)


def test_recorded_events_are_declared() -> None:
    recorded = [item["text"]["type"] for frames in captures.sockets() for item in frames.messages if "text" in item]
    assert recorded and set(recorded) <= set(Event)


@pytest.mark.parametrize(
    ("event", "data", "prompt_id"),
    [
        ("executed", {"prompt_id": "p"}, "p"),
        ("executed", {"prompt_id": None}, None),
        ("executed", {}, None),
        ("status", {"prompt_id": "p"}, None),
        ("VHS_latentpreview", {"prompt_id": "p"}, None),
        ("custom", {"prompt_id": "p"}, None),
    ],
)
def test_only_declared_field_names_a_prompt(event: str, data: dict[str, object], prompt_id: str | None) -> None:
    assert prompt_of_event(event, data) == prompt_id


def test_event_is_written_as_its_name() -> None:
    assert json.dumps(Event.PROGRESS_STATE) == '"progress_state"'
