"""Which messages of a server's socket reach a user."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest

from gateway.http.backlog import QueuedFrame
from gateway.people.event_filter import EventFilter
from wire.events import ABOUT, About

OWN, OTHER, NEW = "own", "other", "new"


async def owns(prompt_id: str | None) -> bool | None:
    """One prompt is theirs, one is not; a third is unknown yet; the running one is not theirs."""
    return {OWN: True, OTHER: False, None: False}.get(prompt_id)


async def seal(data: dict[str, Any], began: float | None) -> None:
    """Seal one file, and only if the start of its prompt was seen."""
    for file in data["output"]["images"] if began == 5.0 else ():
        if file["filename"] == "mine.png":
            file["seal"] = "sealed"


def text(kind: str, **data: object) -> QueuedFrame:
    """Return a server's text."""
    return QueuedFrame(json.dumps({"type": kind, "data": data}).encode(), is_text=True)


def binary(kind: int, metadata: object = None) -> QueuedFrame:
    """Return a server's preview, with metadata or without."""
    written = b"" if metadata is None else json.dumps(metadata).encode()
    return QueuedFrame(struct.pack(">II", kind, len(written) or 1) + written + b"picture", is_text=False)


def window_filter() -> EventFilter:
    """Return the filter of a window's socket."""
    return EventFilter("window", owns, seal, lambda _event: None)


@pytest.mark.parametrize("kind", [event for event, about in ABOUT.items() if about is About.PROMPT])
async def test_only_own_events_pass(kind: str) -> None:
    assert await window_filter().down(text(kind, prompt_id=OWN, node="1")) is not None
    for other in (OTHER, NEW):
        assert await window_filter().down(text(kind, prompt_id=other, node="1")) is None


@pytest.mark.parametrize(
    "frame",
    [
        text("executing", node="2"),
        text("custom", prompt_id=OWN),
        text("progress"),
        text("progress", prompt_id=None),
        text("progress", prompt_id=["own"]),
        QueuedFrame(b"[]", is_text=True),
        QueuedFrame(b"nonsense", is_text=True),
        QueuedFrame(b'{"type": "status", "data": 3}', is_text=True),
        QueuedFrame(b"\x00\x00", is_text=False),
        binary(1),
        binary(3),
        binary(2),
        binary(4, {"prompt_id": OTHER}),
        binary(4, {"prompt_id": None}),
        binary(4, ["own"]),
        QueuedFrame(struct.pack(">II", 4, 999) + b"{}", is_text=False),
    ],
)
async def test_event_without_own_prompt_is_dropped(frame: QueuedFrame) -> None:
    assert await window_filter().down(frame) is None


async def test_status_has_the_windows_own_client_id() -> None:
    passed = await window_filter().down(text("status", status={"exec_info": {"queue_remaining": 2}}, sid="signed"))
    assert passed is not None
    assert json.loads(passed.data)["data"] == {"status": {"exec_info": {"queue_remaining": 2}}, "sid": "window"}
    bare = await window_filter().down(text("status", status={}))
    assert bare is not None and json.loads(bare.data)["data"] == {"status": {}}


@pytest.mark.parametrize("unnamed", [binary(1), text("VHS_latentpreview", length=9, rate=8, id="2")])
async def test_unnamed_previews_pass_while_own_prompt_runs(unnamed: QueuedFrame) -> None:
    one = window_filter()
    assert await one.down(unnamed) is None
    await one.down(text("executing", prompt_id=OWN, node="1"))
    assert await one.down(unnamed) is unnamed
    await one.down(text("progress", prompt_id=OTHER))
    assert await one.down(unnamed) is unnamed
    await one.down(text("executing", prompt_id=OWN, node=None))
    assert await one.down(unnamed) is None


async def test_files_of_an_event_are_sealed_or_left_out() -> None:
    files = [{"filename": "mine.png"}, {"filename": "hers.png"}]
    executed = text("executed", prompt_id=OWN, node="9", output={"images": files, "text": ["a"], "more": 3})
    one = window_filter()
    for images in ([], [{"filename": "mine.png", "seal": "sealed"}]):
        passed = await one.down(executed)
        assert passed is not None
        assert json.loads(passed.data)["data"]["output"] == {"images": images, "text": ["a"], "more": 3}
        await one.down(text("execution_start", prompt_id=OWN, timestamp=5_000))


async def test_unknown_owner_is_checked_at_next_event() -> None:
    known: dict[str | None, bool] = {}

    async def later(prompt_id: str | None) -> bool | None:
        return known.get(prompt_id)

    one = EventFilter("window", later, seal, lambda _event: None)
    assert await one.down(text("progress", prompt_id=NEW)) is None
    known[NEW] = True
    assert await one.down(text("progress", prompt_id=NEW)) is not None


async def test_undeclared_event_is_dropped_and_counted() -> None:
    counted: list[str] = []
    one = EventFilter("window", owns, seal, counted.append)
    for frame in (text("custom", prompt_id=OWN), text("progress", prompt_id=OTHER), text("executed"), binary(9)):
        assert await one.down(frame) is None
    assert counted == ["custom"]


@pytest.mark.parametrize(
    ("said", "passes"),
    [
        ('{"type": "feature_flags", "data": {}}', True),
        ('{"type": "other"}', False),
        ("[]", False),
        ("{", False),
        ("[" * 100_000, False),
    ],
)
def test_only_feature_flags_reach_the_server(said: str, passes: bool) -> None:
    assert window_filter().up(said.encode()) is passes
