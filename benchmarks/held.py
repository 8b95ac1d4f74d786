"""What idle connections cost a gateway: windows with both of their sockets open, and many servers.

    python3 -m benchmarks.held            # 300 and 900 windows, then 300 servers; a minute

A window has a socket for the fleet's state and, while it works, one to its server, which the gateway opens there too.
Real processes on loopback: a gateway, a demo server, and the windows' ends of the sockets in this one. The 300 servers
are one at 300 addresses, since the gateway is measured: it probes each every two seconds, and reads all of their queues
for a window that chooses (`/fleet/loads`).
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp

from tests.services import Service, start_demo, start_gateway

SERVERS = 300
CHOICES = 20
COUNTS = (300, 900)  # 1,800 connections are below what one address may have
SECONDS = 10.0  # over which idle windows are watched
OUT = Path(__file__).resolve().parent / "out" / "held.json"


def memory(pid: int) -> float:
    """Return a process's own memory, in MB."""
    lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    (value,) = (line.split()[1] for line in lines if line.startswith("VmRSS"))
    return int(value) / 1024


def cpu(pid: int) -> float:
    """Return the seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def open_window(stack: AsyncExitStack, http: aiohttp.ClientSession, url: str, number: int) -> None:
    """Open both sockets of one window, and wait for a message on each."""
    for path in ("/fleet/ws", f"/servers/a/ws?clientId=held-{number}"):
        socket = await stack.enter_async_context(http.ws_connect(url + path, origin=url))
        await socket.receive()


async def measure(gateway: Service) -> list[dict[str, float]]:
    """Return one row for each count."""
    pid = gateway.process.pid
    rows = [{"windows": 0.0, "MB": memory(pid), "CPU, % of a core": await idle(pid)}]
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        there = 0
        for count in COUNTS:
            for number in range(there, count):
                await open_window(stack, http, gateway.url, number)
            there = count
            rows.append({"windows": count, "MB": memory(pid), "CPU, % of a core": await idle(pid)})
    return rows


async def measure_servers(gateway: Service) -> dict[str, float]:
    """Return the cost of many servers, after each has been probed."""
    pid = gateway.process.pid
    async with aiohttp.ClientSession() as http:
        value = ""
        async with asyncio.timeout(60):
            while value.count('"health": "well"') < SERVERS:
                await asyncio.sleep(1)
                async with http.get(f"{gateway.url}/fleet") as reply:
                    value = await reply.text()
        looks = await idle(pid)
        before, began = cpu(pid), time.monotonic()
        for _ in range(CHOICES):
            async with http.get(f"{gateway.url}/fleet/loads") as reply:
                await reply.read()
        seconds, used = time.monotonic() - began, cpu(pid) - before
    own = seconds * looks / 100  # the polls continue while it is measured
    return {
        "CPU of looks, % of a core": looks,
        "CPU by choice, ms": 1000 * (used - own) / CHOICES,
        "choice, ms": 1000 * seconds / CHOICES,
        "state, kB": len(value) / 1000,
    }


async def idle(pid: int) -> float:
    """Return the CPU that it uses while idle, in percent."""
    before, began = cpu(pid), time.monotonic()
    await asyncio.sleep(SECONDS)
    return 100 * (cpu(pid) - before) / (time.monotonic() - began)


def main() -> None:
    """Measure and print."""
    load = os.getloadavg()[0]
    with start_demo() as demo, start_gateway("--server", f"a={demo.url}") as gateway:
        rows = asyncio.run(measure(gateway))
    with start_demo("--host", "0.0.0.0") as demo:
        named = [
            f"s{number}=http://127.0.{number // 200 + 1}.{number % 200 + 1}:{demo.port}" for number in range(SERVERS)
        ]
        with start_gateway(*(word for one in named for word in ("--server", one))) as gateway:
            servers = asyncio.run(measure_servers(gateway))
    first, last = rows[0], rows[-1]
    each = (last["MB"] - first["MB"]) * 1024 / last["windows"]
    print(f"load {load:.1f} before, {os.getloadavg()[0]:.1f} after, {os.cpu_count()} cores\n")
    print("| windows held | gateway, MB | CPU, % of a core |\n|---|---|---|")
    for row in rows:
        print(f"| {row['windows']:.0f} | {row['MB']:.1f} | {row['CPU, % of a core']:.1f} |")
    print(f"\n{each:.0f} kB by window, both sockets and the one to the server included")
    print(f"\n| {SERVERS} servers | |\n|---|---|")
    for name, value in servers.items():
        print(f"| {name} | {value:.1f} |")
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps({"rows": rows, "kB by window": each, "servers": servers}, indent=1), "utf-8")


if __name__ == "__main__":
    main()
