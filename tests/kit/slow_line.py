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
    ends: dict[asyncio.Task[None], tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = {}

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, thither = await asyncio.open_connection("127.0.0.1", port)
        task = asyncio.current_task()
        assert task is not None
        ends[task] = writer, thither
        try:
            await asyncio.gather(_pass_on(reader, thither, rate), _pass_on(there, writer, rate))
        finally:
            for end in ends.pop(task):
                end.close()

    server = await asyncio.start_server(relay, "127.0.0.1", 0)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for both in ends.values():
            for end in both:
                end.close()
        await asyncio.gather(*ends, return_exceptions=True)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, rate: int) -> None:
    """Pass on what arrives, until one side ends."""
    with contextlib.suppress(ConnectionError):
        while part := await reader.read(PART):
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(len(part) / rate)
        if writer.can_write_eof():
            writer.write_eof()
