"""Choices that a server lists: only the routes that the gateway allows are requested, and only a list is accepted."""

from __future__ import annotations

import pytest

from app.core.errors import BadInput, ComfyError, MooringError, TransportError
from app.core.model import Server, ServerId
from app.core.ports.http import Request, Response
from app.session.submitting.remote_choices import LISTED, read_choices
from gateway.http.routes import ServerCall, find_route

GPU = Server(server_id=ServerId("gpu-1"), name="gpu-1", address="http://gpu-1:8188", base="/servers/gpu-1")
(ROUTE,) = LISTED


class Answers:
    """An Http that answers everything the same."""

    def __init__(self, response: Response) -> None:
        self.response = response
        self.asked: list[Request] = []

    async def send(self, request: Request) -> Response:
        self.asked.append(request)
        return self.response


async def test_the_names_come_as_the_server_has_them() -> None:
    http = Answers(Response(200, text='["b.png", "a.png", 7]'))
    assert await read_choices(http, GPU, ROUTE) == ("b.png", "a.png")  # type: ignore[arg-type]
    assert [(item.method, item.path) for item in http.asked] == [("GET", "/servers/gpu-1/internal/files/output")]


@pytest.mark.parametrize("route", ["/x", "//evil/x", "/internal/logs", "/internal/files/output?x", "http://evil/", ""])
async def test_no_other_route_is_asked(route: str) -> None:
    http = Answers(Response(200, text="[]"))
    with pytest.raises(BadInput, match="list-elsewhere"):
        await read_choices(http, GPU, route)  # type: ignore[arg-type]
    assert http.asked == []


@pytest.mark.parametrize("response", [Response(200, text="{"), Response(200, text="{}"), Response(500, text="[]")])
async def test_invalid_list_is_server_error(response: Response) -> None:
    with pytest.raises(MooringError) as caught:
        await read_choices(Answers(response), GPU, ROUTE)  # type: ignore[arg-type]
    assert isinstance(caught.value, ComfyError)


async def test_unreachable_server_differs_from_invalid_answer() -> None:
    refused = Response(502, {"x-mooring-gateway": "connect-failed; sent=no"}, "{}")
    with pytest.raises(TransportError):
        await read_choices(Answers(refused), GPU, ROUTE)  # type: ignore[arg-type]


def test_the_gateway_lets_each_of_them_through_for_reading_only() -> None:
    for route in LISTED:
        call = find_route(f"/servers/gpu-1{route}")
        assert isinstance(call, ServerCall)
        assert set(call.bodies) == {"GET"}
