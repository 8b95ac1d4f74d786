"""ComfyUI servers on this machine that are not in the fleet: found by their ports, and used only once chosen.

    found = await find_local_servers(fleet, deadlines)

One may be another user's, or the end of a tunnel. So each is asked for `/system_stats` once, and for nothing else
until the user chooses it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import aiohttp

from gateway.flags import same_server
from gateway.fleet.fleet import Fleet, LocalServer
from gateway.fleet.new_server import propose_id
from gateway.fleet.probes import StatusError, fetch_json
from gateway.fleet.server_answers import NotComfyError, parse_stats
from gateway.http.deadlines import Deadlines
from gateway.http.servers import Server
from gateway.http.upstream import Upstream

# One server per GPU counts from 8188, ComfyUI Desktop from 8000.
PORTS = (*range(8188, 8200), *range(8000, 8011))


async def find_local_servers(
    fleet: Fleet, deadlines: Deadlines, ports: Iterable[int] = PORTS
) -> tuple[LocalServer, ...]:
    """Ask all these ports at the same time; return those that answer as ComfyUI and are not in the fleet."""
    servers = [_server_at(port) for port in ports]
    others = [one for one in servers if not any(same_server(one.address, known.address) for known in fleet.servers)]
    found = await asyncio.gather(*(_identify(server, deadlines) for server in others))
    return tuple(one for one in found if one is not None)


def _server_at(port: int) -> Server:
    """Return the server with the id that it has at each start: windows know their work's server by its id."""
    address = f"http://127.0.0.1:{port}"
    server_id = propose_id(address, ())
    return Server(server_id, server_id, address)


async def _identify(server: Server, deadlines: Deadlines) -> LocalServer | None:
    try:
        async with Upstream(server, deadlines) as upstream, asyncio.timeout(deadlines.probe):
            seen = parse_stats(await fetch_json(upstream, "/system_stats"))
    except (aiohttp.ClientError, OSError, TimeoutError, NotComfyError, StatusError):
        return None
    if seen.condition.is_demo:
        return None
    return LocalServer(server, seen.condition.version, tuple(device.title for device in seen.devices))
