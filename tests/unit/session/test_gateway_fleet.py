"""The fleet as the gateway sends it: a change of the logged-in user is never missed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

from app.browser.fleet import GatewayFleet
from app.core.errors import SocketClosed
from app.core.ports.http import Request, Response
from app.core.ports.sockets import Connection, Frame


class Socket:
    """A socket that sends its user once, and nothing more until it is closed."""

    url, is_open = "ws://mooring.test/fleet/ws", True

    def __init__(self, user: str) -> None:
        self._user: str | None = user
        self._closed = asyncio.Event()

    async def send(self, text: str) -> None:
        """Do nothing: no message is sent to the gateway here."""

    async def receive(self) -> Sequence[Frame]:
        """Receive the user, then nothing."""
        if self._user is not None and not self._closed.is_set():
            user, self._user = self._user, None
            return [json.dumps({"servers": [], "person": user})]
        await self._closed.wait()
        raise SocketClosed(None, "closed", 1000)

    async def close(self) -> None:
        """Close it."""
        self._closed.set()


class Gateway:
    """Sockets that take a while to open, each for the user who is logged in at the request."""

    user = "bob"

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.may_open = asyncio.Event()

    async def open(self, _path: str, _deadline: float) -> Connection:
        """Open a socket."""
        user = self.user
        self.asked.set()
        await self.may_open.wait()
        return Socket(user)

    async def send(self, _request: Request) -> Response:
        """Return the same as an HTTP answer."""
        return Response(200, {}, json.dumps({"servers": [], "person": self.user}))


class Chance:
    """Randomness that makes every pause the shortest."""

    def fraction(self) -> float:
        """The lowest number."""
        return 0.0


async def test_login_during_connect_is_reported() -> None:
    gateway, heard = Gateway(), list[str | None]()
    fleet = GatewayFleet(gateway, gateway, Chance(), on_user=heard.append)  # type: ignore[arg-type]

    async def follow() -> None:
        while True:
            await fleet.changes()

    following = asyncio.ensure_future(follow())
    await gateway.asked.wait()
    gateway.user = "alice"
    fleet.doubt()
    gateway.may_open.set()
    async with asyncio.timeout(30):
        while "alice" not in heard:  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)
    following.cancel()


async def test_changed_user_causes_fleet_request_under_new_name() -> None:
    gateway, heard = Gateway(), list[str | None]()
    gateway.may_open.set()
    fleet = GatewayFleet(gateway, gateway, Chance(), on_user=heard.append)  # type: ignore[arg-type]

    async def follow() -> None:
        while True:
            await fleet.changes()

    async def until_heard(count: int) -> None:
        async with asyncio.timeout(30):
            while len(heard) < count:  # noqa: ASYNC110 - what is waited for has no event
                await asyncio.sleep(0.01)

    following = asyncio.ensure_future(follow())
    await until_heard(1)
    fleet.come("bob")
    fleet.go("alice")
    assert fleet._closing == set(), "that is what it knows"
    gateway.user = "alice"
    fleet.come("alice")
    await until_heard(2)
    gateway.user = "bob"
    fleet.go("alice")
    await until_heard(3)
    assert heard == ["bob", "alice", "bob"]
    following.cancel()
