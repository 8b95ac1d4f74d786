"""The connections to the servers of a fleet: all are released when the gateway ends, also if one cannot end in time."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from gateway.http.deadlines import Deadlines
from gateway.http.servers import Server, ServerId
from gateway.http.upstreams import Upstreams
from gateway.tasks import close_in_time

NAMES = ("a", "b", "c")


async def test_connection_that_does_not_end_keeps_no_other_one_open(monkeypatch: pytest.MonkeyPatch) -> None:
    upstreams = Upstreams([Server(ServerId(name), name, "http://127.0.0.1:1") for name in NAMES], Deadlines())
    sessions = [upstreams[ServerId(name)].session(is_fresh=fresh) for name in NAMES for fresh in (True, False)]
    close, slow = aiohttp.TCPConnector.close, sessions[0].connector

    async def close_slowly(connector: aiohttp.TCPConnector, **how: bool) -> None:
        await close(connector, **how)
        if connector is slow:
            await asyncio.Event().wait()

    monkeypatch.setattr(aiohttp.TCPConnector, "close", close_slowly)
    await close_in_time(upstreams.close, 0.1)
    assert all(session.closed for session in sessions)
