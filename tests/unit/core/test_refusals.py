"""Why a press was not sent, as text and back."""

from __future__ import annotations

from dataclasses import MISSING, fields

import pytest

from app.core.errors import BadInput, BadPlan, MooringError, NoServerAvailable, NotYourTurn, PromptRejected, RowFault
from app.core.model import NodeError, ServerId
from app.core.records import BrokenRecord
from app.core.refusals import read_refusal, write_refusal

NODE = NodeError(node_id="3", class_type="LoadImage", type="value", message="Wrong")


def kinds(kind: type[MooringError] = MooringError) -> list[type[MooringError]]:
    """Every error of the core."""
    own = [kind] if kind.__module__ == "app.core.errors" else []
    return own + [found for below in kind.__subclasses__() for found in kinds(below)]


@pytest.mark.parametrize(
    "error",
    [
        NoServerAvailable("reserve", {"gpu-1": "down"}, {"gpu-2": ("Upscale",)}),
        PromptRejected(ServerId("gpu-1"), "no", "", (NODE,)),
        BadPlan("bad-rows", faults=(RowFault(2, "too-long"),)),
        NotYourTurn("run", ServerId("gpu-1"), 2, starts_at=5.5, is_held=True),
    ],
    ids=lambda error: type(error).__name__,
)
def test_error_is_read_back_with_its_facts(error: MooringError) -> None:
    found = read_refusal(write_refusal(error))
    assert type(found) is type(error)
    assert found.facts() == error.facts()


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_every_error_can_be_kept(kind: type[MooringError]) -> None:
    assert all(item.default is not MISSING or item.default_factory is not MISSING for item in fields(kind))
    assert type(read_refusal(write_refusal(kind()))) is kind


@pytest.mark.parametrize(
    "text", ["", "[]", '{"kind": "Later", "facts": {}}', '{"kind": "BadInput", "facts": {"name": 1}}']
)
def test_unknown_error_is_a_broken_record(text: str) -> None:
    assert isinstance(read_refusal(text), BrokenRecord)


def test_message_of_an_input_survives() -> None:
    assert read_refusal(write_refusal(BadInput("empty", "雪.png"))).facts()["name"] == "雪.png"
