"""What the gateway costs: beside nginx before the same server, and while it holds idle windows and many servers.

    python3 -m benchmarks gateway       # all, six minutes; or some of: small large document sockets idle

- `small`, `large`: JSON (`/queue`) and pictures of 20 MB (`/view`), over 1 to 200 connections: at the server itself,
  through nginx with one worker and the gateway's routing, through an aiohttp gateway that checks nothing
  (`benchmarks/kit/bare.py`), through ours, through the nginx that `serve.py --export` writes (a worker for each core),
  and through that nginx and ours, which is the way of everything that must be examined.
- `document`: the page itself with its first screen, from a gateway to three demo servers.
- `sockets`: 500 WebSockets that receive events, and one that never reads: how late the others receive them.
- `idle`: 300 and 900 windows with both of their sockets, then 300 servers that are probed and chosen from.

The server (`benchmarks/kit/origin.py`) is plain aiohttp; the load (`benchmarks/kit/load.py`) is another process. The
ways take turns, and the best round counts, since other work on the machine only makes rounds slower. Beside it is the
CPU of the process on the way, by request or by MB: the least of the rounds (of nginx alone where both are on the way).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.kit.load import WARM_UP
from benchmarks.kit.processes import cpu_of, family, resident
from benchmarks.kit.report import ROOT, Load, show, table
from benchmarks.kit.servers import NOTICE, start_bare, start_nginx, start_origin
from gateway.http.servers import Server, ServerId
from tests.kit.browser.chromium import wait_for_drawing
from tests.kit.nginx import start_nginx as start_exported
from tests.kit.services import Service, free_ports, start_demo, start_gateway

ROUNDS = 4
SECONDS = 0.8  # of each round
STRAIGHT, NGINX, BARE, OURS = "straight", "nginx", "bare aiohttp", "Mooring"
EXPORTED, BOTH = "exported nginx", "exported nginx and Mooring"
LIMIT = "limit_req zone=mooring_rate"  # of requests by address: the load comes from one

Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Way:
    """One way to the server, and the process on the way, if there is one."""

    url: str
    pid: int | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """What is requested: over how many connections, and whether rates are counted by request or by MB."""

    path: str
    connections: tuple[int, ...]
    unit: str = "requests"


KINDS = {
    "small": Kind("/queue", (1, 10, 50, 200)),
    "large": Kind("/view?filename=large.png", (1, 8, 200), "MB"),
    "document": Kind("/", (1, 8)),
}
PARTS = (*KINDS, "sockets", "idle")


def main() -> None:
    """Read the flags, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    flags = parser.parse_args()
    wanted = flags.parts or PARTS
    if not set(PARTS).issuperset(wanted):
        parser.error(f"the parts are {', '.join(PARTS)}")
    load, found = Load(), Figures()
    if {"small", "large", "sockets"}.intersection(wanted):
        with all_ways() as ways:
            for name in ("small", "large"):
                if name in wanted:
                    found[name] = compare(ways, KINDS[name], flags.rounds)
            if "sockets" in wanted:
                found["sockets"] = {name: sockets(way.url) for name, way in ways.items() if name not in {BARE, BOTH}}
    if "document" in wanted:
        with start_gateway(demo=3) as gateway:
            asyncio.run(wait_for_drawing(gateway.url))
            ours = {OURS: Way(gateway.url, gateway.process.pid)}
            found["document"] = compare(ours, KINDS["document"], flags.rounds)
    tables = [table_of(name, found[name]) for name in KINDS if name in found]
    if "sockets" in found:
        tables.append(table_of_sockets(found["sockets"]))
    if "idle" in wanted:
        found["idle"] = idle()
        tables.append(table(["idle", ""], [[name, f"{value:.1f}"] for name, value in found["idle"].items()]))
    show("gateway", load, *tables, found=found)


@contextlib.contextmanager
def all_ways() -> Iterator[dict[str, Way]]:
    """Return the ways to the same server, by name."""
    with contextlib.ExitStack() as stack:
        origin = stack.enter_context(start_origin())
        bare = stack.enter_context(start_bare(origin.url))
        gateway = stack.enter_context(start_gateway("--server", f"a={origin.url}"))
        ways = {
            STRAIGHT: Way(origin.url),
            BARE: Way(bare.url, bare.process.pid),
            OURS: Way(f"{gateway.url}/servers/a", gateway.process.pid),
        }
        nginx = stack.enter_context(start_nginx({"a": origin.url}))
        if nginx is None:
            print(NOTICE)
        else:
            ways |= {NGINX: Way(f"{nginx.url}/servers/a", nginx.pid), **stack.enter_context(exported(origin.url))}
        yield ways


@contextlib.contextmanager
def exported(origin: str) -> Iterator[dict[str, Way]]:
    """Return the ways through the nginx that `serve.py --export` writes for this server."""
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_ports(2)
        url, fleet, out = f"http://127.0.0.1:{port}", folder / "fleet.toml", folder / "out"
        fleet.write_text(
            f'[[server]]\nid = "a"\nurl = "{origin}"\nmax_requests = 200\n'
            f'[gateway]\nnames = ["{url}"]\nproxies = ["127.0.0.1"]\n'
        )
        words = ["--fleet", str(fleet), "--port", str(port), "--export", str(out)]
        subprocess.run([sys.executable, "-m", "gateway", *words], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        conf = out / "nginx.conf"
        lines = conf.read_text("utf-8").splitlines(keepends=True)
        conf.write_text("".join(line for line in lines if LIMIT not in line), "utf-8")
        tag = Server(ServerId("a"), "a", origin).tag
        with start_gateway("--fleet", str(fleet), port=port + 1), start_exported(out, port) as nginx:
            yield {EXPORTED: Way(f"{url}/servers/a@{tag}", nginx.pid), BOTH: Way(f"{url}/servers/a", nginx.pid)}


def compare(ways: Mapping[str, Way], kind: Kind, times: int) -> Figures:
    """Return the best of the rounds, by number of connections and way; the ways take turns."""
    found: Figures = {}
    for count in kind.connections:
        rounds: dict[str, list[Figures]] = {name: [] for name in ways}
        for _ in range(times):
            for name, figures in rounds.items():
                figures.append(one_round(ways[name], kind, count))
        found[str(count)] = {name: best(figures) for name, figures in rounds.items()}
    return found


def one_round(way: Way, kind: Kind, count: int) -> Figures:
    """Run the load once, and return its figures with the CPU of the process on the way, in microseconds."""
    pids = family(way.pid) if way.pid is not None else []
    before = cpu_of(*pids)
    figures = load_process("http", f"{way.url}{kind.path}", count, SECONDS)
    used = (cpu_of(*pids) - before) * SECONDS / (SECONDS + WARM_UP)
    rate = figures[kind.unit]
    return {
        "rate": rate,
        "p50": figures["p50"],
        "p95": figures["p95"],
        "cpu": 1e6 * used / max(1.0, rate * SECONDS),
        "errors": figures["errors"],
    }


def best(rounds: list[Figures]) -> Figures:
    """Return the highest rate, the shortest waits, the least CPU; and all errors."""
    found = {key: min(one[key] for one in rounds) for key in rounds[0]}
    return found | {"rate": max(one["rate"] for one in rounds), "errors": sum(one["errors"] for one in rounds)}


def load_process(*words: object) -> Figures:
    """Run the load process once."""
    command = [sys.executable, "-m", "benchmarks.kit.load", *map(str, words)]
    figures: Figures = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)
    return figures


def table_of(name: str, found: Figures) -> str:
    """Return the table of one kind of request: a row for each number of connections and way."""
    unit = KINDS[name].unit
    rows = []
    for count, by_way in found.items():
        peer = by_way.get(NGINX, {}).get("rate")
        for way, figures in by_way.items():
            rows.append(
                [
                    count,
                    way,
                    f"{figures['rate']:,.0f}",
                    f"{figures['rate'] / peer:.2f}" if peer else "",
                    *(f"{figures[key]:.2f}" for key in ("p50", "p95")),
                    f"{figures['cpu']:.0f}",
                    f"{figures['errors']:.0f}",
                ]
            )
    heads = [f"{name}: connections", "", f"{unit}/s", "to nginx", "p50, ms", "p95, ms"]
    return table([*heads, f"CPU, µs by {unit.removesuffix('s')}", "broken"], rows)


SOCKETS = 500
SOCKETS_SECONDS = 6.0
PREVIEW = 10_000  # bytes


def sockets(url: str) -> Figures:
    """Measure many sockets, with one that is never read."""
    return load_process("sockets", f"{url}/ws", SOCKETS, SOCKETS_SECONDS, PREVIEW)


def table_of_sockets(found: Figures) -> str:
    """Return one row for each way."""
    keys = ("texts", "previews", "p50", "p95", "p99", "max", "errors")
    heads = [
        f"{SOCKETS} sockets and a silent one",
        "texts/s",
        "previews/s",
        "p50, ms",
        "p95",
        "p99",
        "longest",
        "ended",
    ]
    return table(heads, [[way, *(f"{figures[key]:,.1f}" for key in keys)] for way, figures in found.items()])


SERVERS = 300  # one at 300 addresses, since the gateway is measured, which probes each every two seconds
CHOICES = 20  # of a window that chooses: all of their queues are read (`/fleet/loads`)
COUNTS = (300, 900)  # windows; 1,800 connections are below what one address may have
WATCHED = 10.0  # seconds over which idle windows are watched


def idle() -> dict[str, float]:
    """Return the cost of idle windows, and of many servers."""
    with start_demo() as demo, start_gateway("--server", f"a={demo.url}") as gateway:
        found = asyncio.run(hold_windows(gateway))
    with start_demo("--host", "0.0.0.0") as demo:
        hosts = (f"127.0.{number // 200 + 1}.{number % 200 + 1}" for number in range(SERVERS))
        named = (f"s{number}=http://{host}:{demo.port}" for number, host in enumerate(hosts))
        with start_gateway(*(word for one in named for word in ("--server", one))) as gateway:
            return found | asyncio.run(hold_servers(gateway))


async def hold_windows(gateway: Service) -> dict[str, float]:
    """Return memory and CPU by the number of windows that are held."""
    pid = gateway.process.pid
    found = {"0 windows: MB": resident(pid) / 2**20, "0 windows: CPU, % of a core": await idle_cpu(pid)}
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        there = 0
        for count in COUNTS:
            for number in range(there, count):
                await open_window(stack, http, gateway.url, number)
            there = count
            found |= {
                f"{count} windows: MB": resident(pid) / 2**20,
                f"{count} windows: CPU, % of a core": await idle_cpu(pid),
            }
    most = COUNTS[-1]
    each = (found[f"{most} windows: MB"] - found["0 windows: MB"]) * 1024 / most
    return found | {"kB by window, both sockets and the one to the server included": each}


async def open_window(stack: AsyncExitStack, http: aiohttp.ClientSession, url: str, number: int) -> None:
    """Open both sockets of one window, and wait for a message on each."""
    for path in ("/fleet/ws", f"/servers/a/ws?clientId=held-{number}"):
        socket = await stack.enter_async_context(http.ws_connect(url + path, origin=url))
        await socket.receive()


async def hold_servers(gateway: Service) -> dict[str, float]:
    """Return the cost of many servers, after each has been probed."""
    pid = gateway.process.pid
    async with aiohttp.ClientSession() as http:
        value = ""
        async with asyncio.timeout(60):
            while value.count('"health": "well"') < SERVERS:
                await asyncio.sleep(1)
                async with http.get(f"{gateway.url}/fleet") as reply:
                    value = await reply.text()
        probes = await idle_cpu(pid)
        before, began = cpu_of(pid), time.monotonic()
        for _ in range(CHOICES):
            async with http.get(f"{gateway.url}/fleet/loads") as reply:
                await reply.read()
        seconds, used = time.monotonic() - began, cpu_of(pid) - before
    own = seconds * probes / 100  # the polls continue while it is measured
    return {
        f"{SERVERS} servers: CPU of probes, % of a core": probes,
        f"{SERVERS} servers: CPU by choice (`/fleet/loads`), ms": 1000 * (used - own) / CHOICES,
        f"{SERVERS} servers: a choice, ms": 1000 * seconds / CHOICES,
        f"{SERVERS} servers: state, kB": len(value) / 1000,
    }


async def idle_cpu(pid: int) -> float:
    """Return the CPU that a process uses while idle, in percent."""
    before, began = cpu_of(pid), time.monotonic()
    await asyncio.sleep(WATCHED)
    return 100 * (cpu_of(pid) - before) / (time.monotonic() - began)


if __name__ == "__main__":
    main()
