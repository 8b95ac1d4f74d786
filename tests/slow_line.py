"""A slow line to a server: a relay on a free loopback port that passes so many bytes a second of each connection.

async with slow_line(demo.port, rate=5_000_000) as port:
    ...                                        # a film takes seconds, and a short request no time
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

PART = 64 * 1024  # bytes


@contextlib.asynccontextmanager
async def slow_line(port: int, rate: int) -> AsyncIterator[int]:
    """Relay connections to the server at that loopback port; yield the relay's own port."""
    ends: set[asyncio.StreamWriter] = set()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, thither = await asyncio.open_connection("127.0.0.1", port)
        ends.update((writer, thither))
        try:
            await asyncio.gather(_pass_on(reader, thither, rate), _pass_on(there, writer, rate))
        finally:
            for end in (writer, thither):
                ends.discard(end)
                end.close()

    server = await asyncio.start_server(relay, "127.0.0.1", 0)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for end in ends:
            end.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, rate: int) -> None:
    """Pass on what arrives, until one side ends."""
    with contextlib.suppress(ConnectionError):
        while part := await reader.read(PART):
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(len(part) / rate)
        if writer.can_write_eof():
            writer.write_eof()
