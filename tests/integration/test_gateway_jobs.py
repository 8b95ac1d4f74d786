"""The gateway detects which servers have the newer jobs API, so that pages request it only there."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp

from tests.services import Service, start_demo, start_gateway
from wire.versions import NEWEST


async def wait_until_well(session: aiohttp.ClientSession, gateway: Service) -> dict[str, Any]:
    """Wait until all servers are well, and return them by id."""
    async with session.ws_connect(f"{gateway.url}/fleet/ws", headers={"Origin": gateway.url}) as socket:
        while True:
            fleet = await asyncio.wait_for(socket.receive_json(), 60)
            if all(server["health"] == "well" for server in fleet["servers"]):
                return {server["id"]: server for server in fleet["servers"]}


async def test_servers_with_and_without_jobs_api_are_distinguished(tmp_path: Path) -> None:
    with (
        start_demo("--speaks", NEWEST, data=tmp_path / "new") as new,
        start_demo(data=tmp_path / "old") as old,
        start_gateway("--server", f"new={new.url}", "--server", f"old={old.url}") as gateway,
    ):
        async with aiohttp.ClientSession() as session:
            servers = await wait_until_well(session, gateway)
            assert {name: server["jobs"] for name, server in servers.items()} == {"new": True, "old": False}
            async with session.get(f"{gateway.url}{servers['new']['base']}/api/jobs/nobody") as answer:
                assert (answer.status, await answer.json()) == (404, {"error": "Job not found"})
