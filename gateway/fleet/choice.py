"""Chooses the fleet: the flags' if they name one, otherwise a ComfyUI on this machine, otherwise demo servers."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.errors import ConfigError
from gateway.flags import Flags
from gateway.fleet.file import read_fleet
from gateway.fleet.fleet import DeclaredBy, Fleet, checked_address
from gateway.fleet.probes import condition_of
from gateway.http.deadlines import Deadlines
from gateway.http.servers import Server, ServerId
from gateway.http.upstream import Upstream
from wire.health import Health

DEFAULT_DEMO = 3
USUAL_ADDRESS = "http://127.0.0.1:8188"  # ComfyUI's default
USUAL_ID = ServerId("local")


async def choose_fleet(flags: Flags, deadlines: Deadlines, usual: str = USUAL_ADDRESS) -> Fleet:
    """Return the fleet for these flags; a demo fleet has no servers before its processes start."""
    if flags.fleet is not None:
        return read_fleet(flags.fleet)
    if flags.servers:
        return fleet_of_flags(flags.servers)
    if flags.demo is not None:
        return Fleet(DeclaredBy.DEMO, f"--demo asks for {_count(flags.demo)} without a model.", ())
    return await _find_or_demo(deadlines, usual)


def demo_count(flags: Flags) -> int:
    """Return the number of demo servers of a demo fleet."""
    return DEFAULT_DEMO if flags.demo is None else flags.demo


def fleet_of_flags(named: Sequence[tuple[str, str]]) -> Fleet:
    """Return the fleet of the `--server` flags, given as ids and addresses."""
    servers = []
    for server_id, address in named:
        try:
            servers.append(Server(ServerId(server_id), server_id, checked_address(address)))
        except ConfigError as error:
            raise ConfigError(error.reason, key=f"--server {server_id}") from error
    return Fleet(DeclaredBy.FLAGS, f"--server names {_count(len(servers))}.", tuple(servers))


def _count(servers: int) -> str:
    return "1 server" if servers == 1 else f"{servers} servers"


async def _find_or_demo(deadlines: Deadlines, usual: str) -> Fleet:
    server = Server(USUAL_ID, USUAL_ID, usual)
    place = usual.removeprefix("http://")
    async with Upstream(server, deadlines) as upstream:
        seen = await condition_of(upstream)
    if seen.health is Health.WELL:
        version = f" {seen.version}" if seen.version else ""
        return Fleet(DeclaredBy.FOUND, f"No fleet was named, and ComfyUI{version} answers on {place}.", (server,))
    reason = f"no ComfyUI answers on {place} ({seen.detail})"
    return Fleet(DeclaredBy.DEMO, f"No fleet was named, and {reason}: this is a demo without a model.", ())
