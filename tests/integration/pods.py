"""Servers that come and go under one DNS name, each on its own loopback address, with a name server and gateways.

async with open_cluster() as cluster:
    one = await cluster.start("127.0.0.2")
    cluster.name("127.0.0.2")
    async with cluster.gateway() as gateway: ...
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from gateway.fleet.file import read_fleet
from gateway.platforms import system
from tests.kit.gateways import Running, open_fleet
from tests.kit.name_server import NameServer, serve_names

NAME = "comfyui.test"
# Shorter pauses than in production. Tests wait for conditions all the same.
QUICK = {
    "dns": 0.6,
    "dns_least": 0.05,
    "dns_most": 0.2,
    "search": 0.05,
    "minted": 0.1,
    "probe_well": 0.1,
    "probe_down": 0.1,
    "fleet_file": 0.05,
    "fleet_settles": 0.01,
}


@dataclass
class Pod:
    """A scripted ComfyUI with its user data, its version and users, and the requests for its work."""

    disk: dict[str, bytes] = field(default_factory=dict)
    version: str = "0.3.64"
    users: dict[str, str] | None = None  # by id; None on a server without users
    prompts: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    slow_writes: float = 0.0  # seconds between the check for a file and its write
    url: str = ""
    tls: ssl.SSLContext | None = None
    _runner: web.ServerRunner | None = None

    async def start(self, host: str, port: int) -> None:
        """Listen at an address."""
        self._runner = web.ServerRunner(web.Server(self._answer, access_log=None), shutdown_timeout=0.05)
        await self._runner.setup()
        listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        system.claim(listener)
        listener.bind((host, port))
        await web.SockSite(self._runner, listener, ssl_context=self.tls).start()
        self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        match request.path.strip("/").split("/"):
            case ["system_stats"]:
                system = {"comfyui_version": self.version, "argv": ["main.py"], "os": "posix"}
                return web.json_response({"system": system, "devices": []})
            case ["queue"]:
                pending = [[number, one, {}, {}, []] for number, one in enumerate(self.prompts)]
                return web.json_response({"queue_running": [], "queue_pending": pending})
            case ["features"]:
                return web.json_response({"max_upload_size": 4_000_000})
            case ["users"]:
                return await self._answer_users(request)
            case ["userdata", *_]:
                return await self._store(request)
            case ["prompt"] if request.method == "POST":
                self.prompts.append((await _json_of(request))["prompt_id"])
                self.seen.append("POST /prompt")
                return web.json_response({"prompt_id": self.prompts[-1], "number": 1, "node_errors": {}})
            case ["history", *_]:
                self.seen.append("GET /history")
                return web.json_response({})
        return web.Response(status=404)

    async def _answer_users(self, request: web.BaseRequest) -> web.Response:
        if self.users is None:
            return web.json_response({"storage": "server", "migrated": False})
        if request.method == "POST":
            name = (await _json_of(request))["username"]
            if name in self.users.values():
                return web.json_response({"error": "Duplicate username."}, status=400)
            self.users[f"{name}_1"] = name
        return web.json_response({"storage": "server", "users": self.users})

    async def _store(self, request: web.BaseRequest) -> web.Response:
        """Store a file as ComfyUI does: check whether it exists, then read the body and write."""
        if self.users is not None and request.headers.get("comfy-user") not in self.users:
            return web.Response(status=500)
        name = request.raw_path.partition("?")[0].removeprefix("/userdata/")
        if request.method == "GET":
            return web.Response(body=self.disk[name]) if name in self.disk else web.Response(status=404)
        if "overwrite=false" in request.query_string and name in self.disk:
            return web.Response(status=409)
        body = await request.read()
        await asyncio.sleep(self.slow_writes)
        self.disk[name] = body
        return web.json_response(name)


async def _json_of(request: web.BaseRequest) -> Any:
    return json.loads(await request.read())


@dataclass
class Cluster:
    """The pods, which listen on one port, their name, and a fleet file."""

    names: NameServer
    port: int
    folder: Path
    table: str = "mint = true\n"
    pods: list[Pod] = field(default_factory=list)

    async def start(self, host: str, pod: Pod | None = None, port: int | None = None) -> Pod:
        """Start a pod at an address: a new one, or one with its earlier user data."""
        pod = pod or Pod()
        await pod.start(host, port or self.port)
        self.pods.append(pod)
        return pod

    def name(self, *hosts: str) -> None:
        """Change the addresses of the name."""
        kinds = {"A": [host for host in hosts if ":" not in host], "AAAA": [host for host in hosts if ":" in host]}
        self.names.zone[f"{NAME}."] = kinds

    def write(self, text: str) -> None:
        """Write the fleet file."""
        (self.folder / "fleet.toml").write_text(text, "utf-8")

    def discover(self, origin: str = "") -> str:
        """Return a `[[discover]]` table."""
        origin = origin or f"dns://{NAME}:{self.port}"
        servers = f'nameservers = ["127.0.0.1:{self.names.port}"]\n'
        return f'[[discover]]\nfrom = "{origin}"\nid = "gpu"\n{servers}{self.table}'

    @contextlib.asynccontextmanager
    async def gateway(self, text: str = "", **deadlines: float) -> AsyncIterator[Running]:
        """Start another gateway with this fleet."""
        self.write(text or self.discover())
        async with open_fleet(read_fleet(self.folder / "fleet.toml"), **{**QUICK, **deadlines}) as running:
            yield running


@contextlib.asynccontextmanager
async def open_cluster(folder: Path) -> AsyncIterator[Cluster]:
    """Start a cluster without pods."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with serve_names() as names:
        cluster = Cluster(names, port, folder)
        try:
            yield cluster
        finally:
            for pod in cluster.pods:
                await pod.stop()


async def fleet_of(browser: aiohttp.ClientSession, gateway: Running) -> dict[str, Any]:
    """Return the fleet as the page receives it."""
    async with browser.get(f"{gateway.url}/fleet") as reply:
        fleet: dict[str, Any] = json.loads(await reply.read())
    return fleet


async def servers_of(browser: aiohttp.ClientSession, gateway: Running) -> dict[str, dict[str, Any]]:
    """Return the servers of the fleet by their address."""
    return {server["at"]: server for server in (await fleet_of(browser, gateway))["servers"]}
