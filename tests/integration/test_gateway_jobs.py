"""The gateway detects which servers have the newer jobs API, so that pages request it only there."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.http.servers import ServerId
from tests.kit.gateways import QUEUE, open_gateway, until
from tests.kit.services import Service, start_demo, start_gateway
from wire.versions import NEWEST, OLDEST

A = ServerId("a")


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
        start_demo("--speaks", OLDEST, data=tmp_path / "old") as old,
        start_gateway("--server", f"new={new.url}", "--server", f"old={old.url}") as gateway,
    ):
        async with aiohttp.ClientSession() as session:
            servers = await wait_until_well(session, gateway)
            assert {name: server["jobs"] for name, server in servers.items()} == {"new": True, "old": False}
            async with session.get(f"{gateway.url}{servers['new']['base']}/api/jobs/nobody") as answer:
                assert (answer.status, await answer.json()) == (404, {"error": "Job not found"})


async def test_another_version_at_the_address_is_asked_for_its_jobs_api() -> None:
    """It may take the server's place between two probes, both of which find a healthy server."""
    versions = [OLDEST]

    async def answer(request: web.Request) -> web.Response:
        found: dict[str, object] = {
            "/system_stats": {"system": {"comfyui_version": versions[0], "argv": []}, "devices": []},
            "/queue": QUEUE,
            "/features": {"max_upload_size": 5_000_000 if versions[0] == OLDEST else 6_000_000},
            "/object_info": {},
        }
        if versions[0] == NEWEST:
            found["/api/jobs"] = {"jobs": []}
        return web.json_response(found[request.path]) if request.path in found else web.Response(status=404)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    async with (
        TestServer(app) as server,
        open_gateway({"a": str(server.make_url("")).rstrip("/")}, probe_well=0.05) as running,
    ):
        state = running.gateway.state
        await until(lambda: state.condition(A).version == OLDEST)
        assert (state.condition(A).has_jobs, state.max_upload[A]) == (False, 5_000_000)
        versions[0] = NEWEST
        await until(lambda: state.condition(A).has_jobs)
        assert (state.condition(A).version, state.max_upload[A]) == (NEWEST, 6_000_000)
