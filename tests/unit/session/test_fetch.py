"""Delivery of text outputs, and the dates by which files of other tasks are recognised."""

from __future__ import annotations

import pytest

from app.core.file_facts import MAX_BEGINNING
from app.core.model import TEXT, ClientId, FileFact, NodeId, Output, PromptId, ServerId, WindowId
from app.core.ports.http import Response
from app.session.delivery.deliver import _with_facts
from app.session.delivery.fetch import _modified, fetch_output
from app.session.memory.sandbox import Sandbox
from app.session.state import State
from tests.ports.tasks import new_task
from tests.simulation.store import Bytes

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


@pytest.mark.parametrize(
    ("filename", "head", "text", "facts"),
    [
        ("a.md", b"# Dunes", "# Dunes", ()),
        ("a.gltf", b'{"materials": [{}]}', "", (FileFact("materials", "1"),)),
        ("a.png", b"never read", "", ()),
    ],
)
async def test_output_gets_what_its_first_bytes_say(
    filename: str, head: bytes, text: str, facts: tuple[FileFact, ...]
) -> None:
    made = await _with_facts(Output(node_id=NodeId("9"), kind="files", filename=filename), Bytes(head))
    assert (made.text, made.facts) == (text, facts)


async def test_long_text_stays_whole() -> None:
    whole = "word " * MAX_BEGINNING
    made = await _with_facts(Output(node_id=NodeId("9"), kind="text", filename="", folder=TEXT, text=whole), Bytes(b""))
    assert made.text == whole


class Unread(Bytes):
    """Bytes that must not be read: in a browser this copies them to memory."""

    async def read(self, most: int | None = None) -> bytes:
        raise AssertionError(most)


async def test_picture_is_not_read_for_facts() -> None:
    picture = Output(node_id=NodeId("9"), kind="images", filename="a.png", media_type="image/png")
    assert await _with_facts(picture, Unread(b"")) is picture


async def test_text_output_is_delivered_without_server() -> None:
    sandbox = Sandbox()
    text = Output(node_id=NodeId("9"), kind="text", filename="", folder=TEXT, text="Röse \ud800")  # half a character
    task = new_task(
        prompt_id=PromptId("p-1"), server_id=ServerId("gone"), address="http://gone.invalid", client_id=ClientId("c"),
        owner=WindowId("w"), epoch=1, created_at=1.0, outputs=(text,),
    )  # fmt: skip
    fetched, blob = await fetch_output(State(sandbox.ports), task, text)
    assert blob is not None
    assert await blob.read() == "Röse ?".encode()
    assert (fetched.size, blob.size, fetched.media_type) == (7, 7, "text/plain")
    assert fetched.text == text.text
    assert sandbox.servers.asked == []
