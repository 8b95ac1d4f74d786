"""Load from its own process, so that the client does not slow down the server.

    python3 -m benchmarks.kit.load http URL CONNECTIONS SECONDS       # one request after another on each connection
    python3 -m benchmarks.kit.load sockets URL COUNT SECONDS SIZE     # WebSockets, and one that never reads

Prints one line of JSON, with waits in milliseconds. HTTP is written by hand: aiohttp's client would cost more than the
gateway that is measured.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import sys
import time
from typing import Any
from urllib.parse import urlsplit

from benchmarks.kit.report import percentiles

WARM_UP = 0.3  # seconds that do not count
BUFFER = 1024 * 1024
PER_SOCKET = 4.0  # texts a second
FLOOD = 400.0  # for the socket that does not read
# What Chromium sends with a picture or a fetch.
HEADERS = """Host: {host}\r
Connection: keep-alive\r
sec-ch-ua-platform: "Linux"\r
User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36\r
sec-ch-ua: "Chromium";v="156", "Not.A/Brand";v="99"\r
sec-ch-ua-mobile: ?0\r
Accept: */*\r
Sec-Fetch-Site: same-origin\r
Sec-Fetch-Mode: cors\r
Sec-Fetch-Dest: empty\r
Referer: http://{host}/\r
Accept-Encoding: gzip, deflate\r
Accept-Language: en-US,en;q=0.9\r
\r
"""


class Tally:
    """The counts of the measured time."""

    def __init__(self) -> None:
        self.is_counting = False
        self.bytes = 0
        self.waits: list[float] = []  # seconds
        self.errors = 0


class Asker(asyncio.BufferedProtocol):
    """One connection, one request at a time."""

    shared = bytearray(BUFFER)  # read and dropped immediately, so one is enough for all

    def __init__(self, request: bytes, tally: Tally) -> None:
        self._request = request
        self._tally = tally
        self._head = b""
        self._left = 0  # bytes of the body not received yet
        self._is_good = False
        self._asked_at = 0.0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._ask()

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 (asyncio passes it)
        self._tally.errors += self._tally.is_counting
        self.ended.set_result(None)

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002
        return self.shared

    def buffer_updated(self, count: int) -> None:
        if self._left:
            self._take(count)
            return
        self._head += self.shared[:count]
        head, found, rest = self._head.partition(b"\r\n\r\n")
        if found:
            length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            self._head = b""
            self._is_good = head.startswith(b"HTTP/1.1 200")
            self._left = int(length or 0)
            self._take(len(rest))

    def _ask(self) -> None:
        self._asked_at = time.perf_counter()
        self._transport.write(self._request)

    def _take(self, count: int) -> None:
        self._left -= count
        tally = self._tally
        if tally.is_counting and self._is_good:
            tally.bytes += count
        if self._left == 0:
            if tally.is_counting:
                if self._is_good:
                    tally.waits.append(time.perf_counter() - self._asked_at)
                else:
                    tally.errors += 1
            self._ask()


async def ask(url: str, connections: int, seconds: float) -> dict[str, Any]:
    """Send requests for this long."""
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    request = f"GET {target} HTTP/1.1\r\n{HEADERS.format(host=parts.netloc)}".encode()
    tally = Tally()
    loop = asyncio.get_running_loop()

    async def keep_asking() -> None:
        while True:
            made: Any = await loop.create_connection(lambda: Asker(request, tally), parts.hostname, parts.port)
            await made[1].ended

    asking = [asyncio.create_task(keep_asking()) for _ in range(connections)]
    await asyncio.sleep(WARM_UP)
    tally.is_counting = True
    begin = time.perf_counter()
    await asyncio.sleep(seconds)
    tally.is_counting = False
    took = time.perf_counter() - begin
    for one in asking:
        one.cancel()
    return {
        "requests": len(tally.waits) / took,
        "MB": tally.bytes / took / 1e6,
        "errors": tally.errors,
    } | percentiles([1000 * wait for wait in tally.waits])


async def listen(url: str, count: int, seconds: float, size: int) -> dict[str, Any]:
    """Keep sockets open for this long, with one that never reads, and measure how late the others' events arrive."""
    import aiohttp  # importing it takes longer than a round of HTTP

    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    delays: list[float] = []
    previews = itertools.count()
    is_counting = False

    async def hear(session: Any, number: int) -> None:
        address = f"{url}?clientId=loud-{PER_SOCKET}-{size}-{number}"
        async with session.ws_connect(address, origin=origin, max_msg_size=0, compress=0) as window:
            async for message in window:
                if not is_counting:
                    continue
                if message.type is aiohttp.WSMsgType.TEXT:
                    delays.append(time.monotonic() - json.loads(message.data)["data"]["at"])
                else:
                    next(previews)

    silent = upgrade_and_never_read(parts.hostname or "", parts.port or 80, parts.path, origin, size)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        hearing = []
        for number in range(count):
            hearing.append(asyncio.create_task(hear(session, number)))
            await asyncio.sleep(0.004)
        await asyncio.sleep(2 * WARM_UP)
        is_counting = True
        await asyncio.sleep(seconds)
        is_counting = False
        ended = sum(one.done() for one in hearing)
        for one in hearing:
            one.cancel()
        await asyncio.gather(*hearing, return_exceptions=True)
    silent.close()
    rates = {"texts": len(delays) / seconds, "previews": next(previews) / seconds, "errors": ended}
    return rates | percentiles([1000 * delay for delay in delays])


def upgrade_and_never_read(host: str, port: int, path: str, origin: str, size: int) -> socket.socket:
    """Open a socket that is never read, on a server that sends it a lot."""
    silent = socket.socket()
    silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    silent.connect((host, port))
    lines = (
        f"GET {path}?clientId=loud-{FLOOD}-{max(size, 20_000)}-silent HTTP/1.1",
        f"Host: {host}:{port}",
        f"Origin: {origin}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    )
    silent.sendall("\r\n".join([*lines, "", ""]).encode())
    return silent


def main() -> None:
    """Run one kind of load."""
    kind, url, count, seconds, *rest = sys.argv[1:]
    if kind == "http":
        print(json.dumps(asyncio.run(ask(url, int(count), float(seconds)))))
    else:
        print(json.dumps(asyncio.run(listen(url, int(count), float(seconds), int(rest[0])))))


if __name__ == "__main__":
    main()
