"""Workflows from elsewhere: a missing file is reported as missing, an error as that of its source."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace

import pytest

from app.core.errors import BadInput, ConfigError, HttpStatusError, NoServerAvailable, SourceFault
from app.core.model import ServerId
from app.core.ports.http import Request, Response
from app.session.files import WorkflowFiles
from app.session.memory.sandbox import HERE, Sandbox, SandboxServers, make_fleet
from app.session.state import State
from tests.simulation.store import Bytes

FILE = Bytes(b"{}", "application/json")
GONE, EMPTY, BROKEN = Response(404, blob=FILE), Response(200), Response(500, blob=FILE)


@dataclass
class Answering(SandboxServers):
    """Servers that answer everything the same."""

    response: Response = field(default_factory=lambda: Response(200, blob=FILE))

    def answer(self, request: Request) -> Response:
        self.asked.append(f"{request.method} {request.path}")
        return self.response


def files(response: Response) -> tuple[WorkflowFiles, list[str]]:
    """The files of a session whose servers answer this, and their requests."""
    servers = Answering(response=response)
    state = State(replace(Sandbox().ports, http=servers))
    state.servers.reported(make_fleet(), ())
    return WorkflowFiles(state), servers.asked


async def test_published_workflows_are_listed_and_read() -> None:
    body = {"files": [{"path": "portraits/a.json", "tag": "1", "title": "A"}]}
    listing, _ = files(Response(200, text=json.dumps(body)))
    (published,) = await listing.published()
    assert (published.path, published.title) == ("portraits/a.json", "A")
    reading, asked = files(Response(200, blob=FILE))
    assert await reading.read_published(published.path) is FILE
    assert asked == ["GET /workflows/portraits/a.json"]


async def test_saved_workflows_of_a_server_are_listed_and_read() -> None:
    listing, asked = files(Response(200, text='["b.json", "a.json"]'))
    assert await listing.saved(HERE) == ("a.json", "b.json")
    assert asked[0].startswith(f"GET /servers/{HERE}/userdata?")
    reading, asked = files(Response(200, blob=FILE))
    assert await reading.read_saved(HERE, "a.json") is FILE
    assert asked == [f"GET /servers/{HERE}/userdata/workflows%2Fa.json"]


@pytest.mark.parametrize("response", [GONE, EMPTY])
async def test_missing_file_is_reported_by_name(response: Response) -> None:
    reading, _ = files(response)
    for read in (reading.read_published("a.json"), reading.read_saved(HERE, "a.json")):
        with pytest.raises(BadInput) as caught:
            await read
        assert (caught.value.cause, caught.value.name) == (SourceFault.GONE.value, "a.json")


async def test_invalid_answer_has_its_own_error() -> None:
    reading, _ = files(BROKEN)
    with pytest.raises(ConfigError) as body:
        await reading.read_published("a.json")
    assert body.value.cause == "a.json answered 500"
    with pytest.raises(HttpStatusError) as caught:
        await reading.read_saved(HERE, "a.json")
    assert (caught.value.server_id, caught.value.status) == (HERE, 500)


async def test_a_server_that_has_left_the_fleet_is_not_asked() -> None:
    reading, asked = files(Response(200, blob=FILE))
    with pytest.raises(NoServerAvailable) as caught:
        await reading.read_saved(ServerId("gone"), "a.json")
    assert caught.value.causes == {"gone": "not_in_fleet"}
    assert asked == []
