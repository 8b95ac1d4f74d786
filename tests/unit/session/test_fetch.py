"""Delivery of text outputs, and the dates by which files of other tasks are recognised."""

from __future__ import annotations

import pytest

from app.core.model import TEXT, ClientId, NodeId, Output, PromptId, ServerId, Task, WindowId
from app.core.ports.http import Response
from app.session.delivery.fetch import _modified, fetch_output
from app.session.memory.sandbox import Sandbox
from app.session.state import State

FOUR = 1795665600.0  # 26 November 2026, 4:00 UTC


@pytest.mark.parametrize(
    ("date", "modified"),
    [
        ("Thu, 26 Nov 2026 04:00:00 GMT", FOUR),
        ("Thu, 26 Nov 2026 06:00:00 +0200", FOUR),
        ("Thu, 26 Nov 2026 04:00:00 -0000", FOUR),
        ("lately", None),
        (None, None),
    ],
)
def test_a_time_is_read_as_the_server_meant_it(date: str | None, modified: float | None) -> None:
    assert _modified(Response(200, {} if date is None else {"last-modified": date})) == modified


async def test_text_output_is_delivered_without_server() -> None:
    sandbox = Sandbox()
    text = Output(node_id=NodeId("9"), kind="text", filename="", folder=TEXT, text="Röse \ud800")  # half a character
    task = Task(
        prompt_id=PromptId("p-1"), server_id=ServerId("gone"), address="http://gone.invalid", client_id=ClientId("c"),
        owner=WindowId("w"), epoch=1, created_at=1.0, outputs=(text,),
    )  # fmt: skip
    fetched, blob = await fetch_output(State(sandbox.ports), task, text)
    assert blob is not None
    assert await blob.read() == "Röse ?".encode()
    assert (fetched.size, blob.size, fetched.media_type) == (7, 7, "text/plain")
    assert fetched.text == text.text
    assert sandbox.servers.asked == []
