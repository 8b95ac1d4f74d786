"""The memory that unfinished bodies take in the gateway, and the latency of `/healthz` in the meantime.

    python3 -m benchmarks.bodies_in_flight

A number of connections each begin a POST and send all of its body but the end, as fast as it is read. Memory is the
highest resident set of the gateway with all its child processes; the demo server is not counted.

`/healthz` is polled on new connections, from the senders' own address and from another one. One process sends the
bodies, and another one polls. Senders would be on other machines, so on this one their process yields the processor to
the gateway and to the polls.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import statistics
import time
import uuid
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

from tests.services import start_demo, start_gateway

COUNTS = (30, 300, 1_000)
SECONDS = 10.0
PAUSE = 0.05  # seconds between polls
NICENESS = 10  # of the senders' process
SENDER, OTHER = "127.0.0.1", "127.0.0.2"  # addresses that connections come from
CHUNK = b"x" * 65_536
PROMPT = json.dumps({"client_id": "w", "prompt_id": str(uuid.uuid4()), "prompt": {}})[:-1] + ', "extra_data": {"a": "'
FORM = '--b\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'


@dataclass(frozen=True)
class Kind:
    """One kind of body."""

    name: str
    path: str
    headers: str
    start: str
    length: int | None  # bytes; None: no Content-Length


KINDS = (
    Kind("a prompt of 31 MB", "prompt", "Content-Type: application/json", PROMPT, 31_000_000),
    Kind("a prompt of 8 MB", "prompt", "Content-Type: application/json", PROMPT, 8_000_000),
    Kind("a prompt without a length", "prompt", "Content-Type: application/json", PROMPT, None),
    Kind("an upload of 31 MB", "upload/image", "Content-Type: multipart/form-data; boundary=b", FORM, 31_000_000),
)


@dataclass
class Seen:
    """The measurements of one kind with one number of connections."""

    memory: int = 0  # bytes
    waits: dict[str, list[float]] = field(default_factory=dict)  # seconds for /healthz, by the poll's address
    answers: Counter[str] = field(default_factory=Counter)


def main() -> None:
    """Measure all kinds and print the table."""
    print("`/healthz`: slowest and (median), ms\n")
    print("| bodies | each | memory, MB | another address | the same address | answers |\n|---|---|---|---|---|---|")
    for kind in KINDS:
        for count in COUNTS:
            with start_demo() as demo, start_gateway("--server", f"a={demo.url}") as gateway:
                seen = asyncio.run(watch(gateway.url, gateway.process.pid, kind, count))
            waits = " | ".join(slowest(seen.waits[address]) for address in (OTHER, SENDER))
            answers = ", ".join(f"{number:,} × {status}" for status, number in sorted(seen.answers.items())) or "none"
            print(
                f"| {count:,} | {kind.name} | {seen.memory / 1e6:.0f} | {waits} | {answers} |",
                flush=True,
            )


def slowest(waits: list[float]) -> str:
    """Return the slowest and the median in milliseconds."""
    return f"{max(waits) * 1000:.0f} ({statistics.median(waits) * 1000:.0f})"


async def watch(url: str, pid: int, kind: Kind, count: int) -> Seen:
    """Let this many connections send, and measure while they do."""
    seen = Seen()
    with ProcessPoolExecutor(1, get_context("spawn"), os.nice, (NICENESS,)) as pool:
        await asyncio.get_running_loop().run_in_executor(pool, os.getpid)  # its process has started
        for address in (OTHER, SENDER):  # the first answer of a gateway takes longer
            await poll(url, address)
        sent = asyncio.get_running_loop().run_in_executor(pool, send_all, url, kind, count)
        pollers = [asyncio.create_task(poll_on(url, address, seen)) for address in (OTHER, SENDER)]
        while not sent.done():
            seen.memory = max(seen.memory, sum(map(resident, family(pid))))
            await asyncio.sleep(PAUSE)
        for poller in pollers:
            poller.cancel()
        await asyncio.gather(*pollers, return_exceptions=True)
        seen.answers = await sent
    return seen


def send_all(url: str, kind: Kind, count: int) -> Counter[str]:
    """Begin this many bodies, hold them for a while, and return the answers."""

    async def send_them() -> Counter[str]:
        answers: Counter[str] = Counter()
        senders = [asyncio.create_task(send(url, kind, answers)) for _ in range(count)]
        await asyncio.sleep(SECONDS)
        for sender in senders:
            sender.cancel()
        await asyncio.gather(*senders, return_exceptions=True)
        answers["unanswered"] = count - answers.total()
        return answers

    return asyncio.run(send_them())


async def send(url: str, kind: Kind, answers: Counter[str]) -> None:
    """Send a body without its end, and note the answer."""
    host = url.removeprefix("http://")
    reader, writer = await asyncio.open_connection(*host.split(":"))
    length = "Transfer-Encoding: chunked" if kind.length is None else f"Content-Length: {kind.length}"
    lines = [f"POST /servers/a/{kind.path} HTTP/1.1", f"Host: {host}", f"Origin: {url}", kind.headers, length, "", ""]
    writer.write("\r\n".join(lines).encode())
    pour = asyncio.create_task(pour_into(writer, kind))
    try:
        line = await reader.readline()
        answers[line.decode("latin-1").split(" ")[1] if line else "cut"] += 1
    finally:
        pour.cancel()
        await asyncio.gather(pour, return_exceptions=True)
        writer.transport.abort()


async def pour_into(writer: asyncio.StreamWriter, kind: Kind) -> None:
    """Send the body without its last bytes."""
    left = (kind.length or 31_000_000) - len(kind.start) - 100
    first = kind.start.encode()
    writer.write(f"{len(first):x}\r\n".encode() + first + b"\r\n" if kind.length is None else first)
    while left > 0:
        chunk = CHUNK[:left]
        writer.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n" if kind.length is None else chunk)
        left -= len(chunk)
        await writer.drain()
    await asyncio.Event().wait()


async def poll_on(url: str, address: str, seen: Seen) -> None:
    """Poll until cancelled."""
    waits = seen.waits.setdefault(address, [])
    while True:
        waits.append(await poll(url, address))
        await asyncio.sleep(PAUSE)


async def poll(url: str, address: str) -> float:
    """Return how many seconds /healthz takes on a new connection from this address."""
    host = url.removeprefix("http://")
    began = time.perf_counter()
    reader, writer = await asyncio.open_connection(*host.split(":"), local_addr=(address, 0))
    writer.write(f"GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    await reader.read()
    writer.transport.abort()
    return time.perf_counter() - began


def family(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    with contextlib.suppress(OSError):
        children = [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]
        return [pid, *(one for child in children for one in family(child))]
    return [pid]


def resident(pid: int) -> int:
    """Return the resident memory of a process in bytes."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text("utf-8", "replace").splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) * 1024
    return 0


if __name__ == "__main__":
    main()
