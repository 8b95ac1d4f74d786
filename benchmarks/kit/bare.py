"""A minimal aiohttp gateway: every request goes to one server and streams back, without any checks.

    python3 -m benchmarks.kit.bare --port 9300 --to http://127.0.0.1:9100

It shows how much of the gateway's cost is aiohttp's own.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib

import aiohttp
from aiohttp import web


async def serve(port: int, to: str) -> None:
    """Serve until the process is ended."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as session:

        async def pass_on(request: web.BaseRequest) -> web.StreamResponse:
            async with session.get(to + request.path_qs) as reply:
                answer = web.StreamResponse(status=reply.status, headers={"Content-Type": reply.content_type})
                answer.content_length = reply.content_length
                await answer.prepare(request)
                async for chunk in reply.content.iter_any():
                    await answer.write(chunk)
                await answer.write_eof()
                return answer

        runner = web.ServerRunner(web.Server(pass_on, access_log=None))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
        print(f"bare ready http://127.0.0.1:{port}", flush=True)
        await asyncio.Event().wait()


def main() -> None:
    """Read the flags and serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--to", required=True)
    flags = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(flags.port, flags.to))


if __name__ == "__main__":
    main()
