"""What the gateway costs, compared with nginx with the same routing before the same servers, in turns.

    python3 -m benchmarks.gateway           # all (five minutes); or some of: http bare sockets windows transfers

- `http`: small JSON (`/queue`) and pictures of 20 MB (`/view`), from 1 to 200 connections: directly at the server,
  through nginx, through a minimal aiohttp gateway (`benchmarks/bare.py`), through ours.
- `bare`: small JSON through the minimal aiohttp gateway and ours only, in more rounds; writes its section.
- `sockets`: 500 WebSockets that receive events, and one that never reads: how late the others receive them.
- `windows`: fifteen real windows on one plain-http origin while four 20 MB pictures load: how soon Run and Cancel
  are answered (`benchmarks/gateway_windows.py`).
- `transfers`: how soon Stop and the next prompt leave while six windows upload or fetch films (there too).

The server (`benchmarks/origin.py`) is plain aiohttp; the load (`benchmarks/load.py`) is another process. The ways take
turns, and the best round counts, since other work on the machine only makes rounds slower. Beside it is the CPU of the
process on the way, by request or by MB: the least of the rounds.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.gateway_windows import measure_transfers, measure_windows
from benchmarks.load import WARM_UP
from benchmarks.sections import Load, table, write_section
from benchmarks.servers import NOTICE, start_bare, start_nginx, start_origin
from tests.services import start_gateway

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = 4
SECONDS = 0.8  # of each round
SMALL = (1, 10, 50, 200)  # connections
LARGE = (1, 8, 200)
SOCKETS = 500
SOCKETS_SECONDS = 6.0
PREVIEW = 10_000  # bytes
OURS = "Mooring"
BARE = "bare aiohttp"
BARE_TITLE = "Small reads beside bare aiohttp"
BARE_ROUNDS = 10
BARE_INTRO = """\
`python3 -m benchmarks.gateway bare`: `/queue` of one server, through a gateway that checks nothing
(`benchmarks/bare.py`) and through ours, in turns ({load}). The best of {rounds} rounds of {seconds} s, the least CPU
of them.

"""
BARE_NOTE = """

What remains is Python above aiohttp, some µs each: the place in the server's lane, the deadline, the headers of both
sides, the count, and the way through the gateway's parts. aiohttp's own client and server take over two thirds of the
gateway's CPU. A client that writes requests itself would save about as much, and is not worth its risks.
"""
TICKS = os.sysconf("SC_CLK_TCK")

Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Way:
    """One way to the server, and the process on the way, if there is one."""

    url: str
    pid: int | None = None


def main() -> None:
    """Measure, print the tables, write the JSON."""
    wanted = sys.argv[1:] or ["http", "bare", "sockets", "windows", "transfers"]
    load_now = Load()
    result: Figures = {"load before": os.getloadavg()[0], "cores": os.cpu_count()}
    with all_ways() as ways:
        if "nginx" not in ways:
            print(NOTICE)
        if "http" in wanted:
            result["small"] = compare(ways, "/queue", SMALL)
            result["large"] = compare(ways, "/view?filename=large.png", LARGE)
            print_http(result)
        if "bare" in wanted:
            both = {name: ways[name] for name in (BARE, OURS)}
            result["bare"] = compare(both, "/queue", SMALL, BARE_ROUNDS)
            report = beside_bare(result["bare"])
            print(f"\n{report}")
            intro = BARE_INTRO.format(load=load_now, rounds=BARE_ROUNDS, seconds=SECONDS)
            write_section("RESULTS.md", BARE_TITLE, intro + report + BARE_NOTE)
        if "sockets" in wanted:
            result["sockets"] = {name: sockets(way.url) for name, way in ways.items() if name != BARE}
            print_sockets(result["sockets"])
    if "windows" in wanted:
        result["windows"] = asyncio.run(measure_windows())
    if "transfers" in wanted:
        result["transfers"] = asyncio.run(measure_transfers())
    print(f"\nLoad of the machine: {result['load before']:.1f} before, {os.getloadavg()[0]:.1f} after.")
    out = ROOT / "benchmarks" / "out" / "gateway.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=1), encoding="utf-8")


@contextlib.contextmanager
def all_ways() -> Iterator[dict[str, Way]]:
    """Return the ways to the same server, by name."""
    with contextlib.ExitStack() as stack:
        origin = stack.enter_context(start_origin())
        fleet = {"a": origin.url}
        ways = {"straight": Way(origin.url)}
        for name, is_buffered in (("nginx", True), ("nginx, unbuffered", False)):
            nginx = stack.enter_context(start_nginx(fleet, is_buffered=is_buffered))
            if nginx is not None:
                ways[name] = Way(f"{nginx.url}/servers/a", nginx.pid)
        bare = stack.enter_context(start_bare(origin.url))
        gateway = stack.enter_context(start_gateway("--server", f"a={origin.url}"))
        ways[BARE] = Way(bare.url, bare.process.pid)
        ways[OURS] = Way(f"{gateway.url}/servers/a", gateway.process.pid)
        yield ways


def compare(ways: Mapping[str, Way], path: str, counts: tuple[int, ...], times: int = ROUNDS) -> Figures:
    """Return the best of the rounds, by number of connections and way; the ways take turns."""
    found: Figures = {}
    for count in counts:
        rounds: dict[str, list[Figures]] = {name: [] for name in ways}
        for _ in range(times):
            for name, figures in rounds.items():
                figures.append(one_round(ways[name], path, count))
        found[str(count)] = {name: best(figures) for name, figures in rounds.items()}
    return found


def one_round(way: Way, path: str, count: int) -> Figures:
    """Run the load once, and return its figures with the CPU of the process on the way."""
    before = cpu_seconds(way.pid)
    figures = load("http", f"{way.url}{path}", count, SECONDS)
    used = (cpu_seconds(way.pid) - before) * SECONDS / (SECONDS + WARM_UP)
    figures["CPU by request"] = 1e6 * used / max(1.0, figures["requests"] * SECONDS)  # microseconds
    figures["CPU by MB"] = 1e6 * used / max(1.0, figures["MB"] * SECONDS)
    return figures


def best(rounds: list[Figures]) -> Figures:
    """Return the most throughput, the shortest waits, the least CPU; and all errors."""
    found = {key: min(one[key] for one in rounds) for key in rounds[0]}
    found |= {key: max(one[key] for one in rounds) for key in ("requests", "MB")}
    return found | {"errors": sum(one["errors"] for one in rounds)}


def cpu_seconds(pid: int | None) -> float:
    """Return the CPU time of a process and its children, if the system reports it (Linux)."""
    if pid is None or not Path(f"/proc/{pid}/stat").exists():
        return 0.0
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    total = 0
    for one in (pid, *children):
        fields = Path(f"/proc/{one}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def sockets(url: str) -> Figures:
    """Measure many sockets, with one that is never read."""
    return load("sockets", f"{url}/ws", SOCKETS, SOCKETS_SECONDS, PREVIEW)


def load(*words: object) -> Figures:
    """Run the load process once."""
    command = [sys.executable, "-m", "benchmarks.load", *map(str, words)]
    figures: Figures = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)
    return figures


def print_http(result: Figures) -> None:
    """Print both tables, with the ratio to the better nginx."""
    for kind, key, cpu in (("small", "requests", "CPU by request"), ("large", "MB", "CPU by MB")):
        ways = list(next(iter(result[kind].values())))
        head = [f"{kind}, {'MB/s' if kind == 'large' else 'requests/s'}", *ways, "ratio to the better nginx", "broken"]
        print(f"\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
        for count, figures in result[kind].items():
            row = [f"{figures[way][key]:,.0f}" for way in ways]
            peers = [figures[way][key] for way in ways if way.startswith("nginx")]
            row += [f"{figures[OURS][key] / max(peers):.2f}" if peers else "", f"{figures[OURS]['errors']:.0f}"]
            print(f"| {count} connections | {' | '.join(row)} |")
        head = [f"{kind}: p50 in ms, CPU in µs {cpu.removeprefix('CPU ')}", *ways]
        print(f"\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
        for count, figures in result[kind].items():
            row = [f"{figures[way]['p50']:.2f}, {figures[way][cpu]:.0f}" for way in ways]
            print(f"| {count} connections | {' | '.join(row)} |")
    alone = result["small"]["1"]
    result["added ms"] = {way: figures["p50"] - alone["straight"]["p50"] for way, figures in alone.items()}
    added = ", ".join(f"{way} {ms:.2f} ms" for way, ms in result["added ms"].items() if way != "straight")
    print(f"\nAdded at p50, one connection: {added}")


def beside_bare(found: Figures) -> str:
    """Return the table of ours and bare aiohttp, with the ratios."""
    rows = [
        [
            f"{count} connections",
            *(f"{figures[way]['requests']:,.0f}" for way in (BARE, OURS)),
            f"{figures[OURS]['requests'] / figures[BARE]['requests']:.2f}",
            *(f"{figures[way]['CPU by request']:.0f}" for way in (BARE, OURS)),
            f"{figures[BARE]['CPU by request'] / figures[OURS]['CPU by request']:.2f}",
            f"{figures[OURS]['errors']:.0f}",
        ]
        for count, figures in found.items()
    ]
    heads = ["requests/s", BARE, OURS, "ratio", f"CPU by request, µs: {BARE}", OURS, "ratio", "broken"]
    return table(heads, rows)


def print_sockets(found: Figures) -> None:
    """Print one line per way."""
    keys = ("texts", "previews", "p50", "p95", "p99", "max", "errors")
    head = ["500 sockets and a silent one", "texts/s", "previews/s", "p50, ms", "p95", "p99", "longest", "ended"]
    print(f"\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for way, figures in found.items():
        print(f"| {way} | {' | '.join(f'{figures[key]:,.1f}' for key in keys)} |")


if __name__ == "__main__":
    main()
