"""The gateway finds out which servers have the newer jobs API, so that no page asks one in vain."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp

from tests.services import Service, start_demo, start_gateway


async def when_well(session: aiohttp.ClientSession, gateway: Service) -> dict[str, Any]:
    """Each server of the fleet by id, once all were found well."""
    async with session.ws_connect(f"{gateway.url}/fleet/ws", headers={"Origin": gateway.url}) as socket:
        while True:
            told = await asyncio.wait_for(socket.receive_json(), 60)
            if all(server["health"] == "well" for server in told["servers"]):
                return {server["id"]: server for server in told["servers"]}


async def test_a_server_with_jobs_is_told_from_one_without(tmp_path: Path) -> None:
    with (
        start_demo("--jobs", data=tmp_path / "new") as new,
        start_demo(data=tmp_path / "old") as old,
        start_gateway("--server", f"new={new.url}", "--server", f"old={old.url}") as gateway,
    ):
        async with aiohttp.ClientSession() as session:
            servers = await when_well(session, gateway)
            assert {name: server["jobs"] for name, server in servers.items()} == {"new": True, "old": False}
            async with session.get(f"{gateway.url}{servers['new']['base']}/api/jobs/nobody") as answer:
                assert (answer.status, await answer.json()) == (404, {"error": "Job not found"})
