"""Servers like ComfyUI that answer immediately: the servers behind the gateway and nginx while those are measured.

    python3 -m benchmarks.kit.origin --port 9100 --count 3      # three servers in one process, on neighbouring ports

aiohttp with nothing above it, since ComfyUI is aiohttp too. `/view` sends a file as ComfyUI does (sendfile, ETag,
ranges); one whose name begins with `slow` comes at `SLOW` bytes a second. A socket is sent what its client_id asks for:
`loud-RATE-SIZE-…` is RATE texts and, of SIZE bytes each, a fifth as many previews a second, each with the time of the
machine's clock at which it was sent.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import socket
import struct
import tempfile
import time
from pathlib import Path

from aiohttp import web

PICTURE = 20 * 1024 * 1024  # bytes of /view
SLOW = 512 * 1024  # bytes a second
STEP = 64 * 1024
TEXTS_PER_PREVIEW = 5
STATS = {"system": {"comfyui_version": "0.3.64", "argv": ["main.py"]}, "devices": []}
NODES = {"EmptyImage": {"input": {"required": {"width": ["INT", {"default": 64}]}}, "output": ["IMAGE"]}}
QUEUE = {"queue_running": [], "queue_pending": []}
ANSWERS = {
    "/system_stats": STATS,
    "/queue": QUEUE,
    "/features": {"supports_preview_metadata": True, "max_upload_size": 100_000_000},
    "/object_info": NODES,
}


class Origin:
    """The answers of all servers."""

    def __init__(self, picture: Path) -> None:
        self._picture = picture
        self._bodies = {path: json.dumps(value).encode() for path, value in ANSWERS.items()}

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer any request."""
        if request.path == "/view":
            if request.query.get("filename", "").startswith("slow"):
                return await self._slowly(request)
            return web.FileResponse(self._picture, headers={"Content-Type": "image/png"})
        if request.path == "/ws":
            return await loud(request, request.query.get("clientId", ""))
        body = self._bodies.get(request.path)
        if body is None:
            return web.Response(status=404)
        return web.Response(body=body, content_type="application/json")

    async def _slowly(self, request: web.BaseRequest) -> web.StreamResponse:
        reply = web.StreamResponse(headers={"Content-Type": "image/png"})
        reply.content_length = PICTURE
        await reply.prepare(request)
        for _ in range(PICTURE // STEP):
            await reply.write(bytes(STEP))
            await asyncio.sleep(STEP / SLOW)
        return reply


async def loud(request: web.BaseRequest, client_id: str) -> web.StreamResponse:
    """Run a socket that receives events until it ends. Each has its own sender, so no reader stalls another."""
    window = web.WebSocketResponse(compress=False)
    await window.prepare(request)
    word, rate, size, *_ = [*client_id.split("-"), "0", "0"]
    sender = asyncio.create_task(send_events(window, float(rate), int(size))) if word == "loud" else None
    with contextlib.suppress(ConnectionError):
        async for _message in window:
            pass
    if sender is not None:
        sender.cancel()
    return window


async def send_events(window: web.WebSocketResponse, rate: float, size: int) -> None:
    """Send this many texts a second, and a preview with every fifth."""
    metadata = json.dumps({"node_id": "2", "prompt_id": "p", "image_type": "image/jpeg"}).encode()
    begin = time.monotonic()
    with contextlib.suppress(ConnectionError):
        for number in range(1_000_000_000):
            await asyncio.sleep(max(0.0, begin + number / rate - time.monotonic()))
            data = {"value": number, "max": 10_000, "prompt_id": "p", "node": "2", "at": time.monotonic()}
            await window.send_str(json.dumps({"type": "progress", "data": data}))
            if size and number % TEXTS_PER_PREVIEW == 0:
                await window.send_bytes(struct.pack(">II", 4, len(metadata)) + metadata + bytes(size))


async def serve(port: int, count: int) -> None:
    """Serve until the process is ended."""
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder, "picture.png")
        await asyncio.to_thread(picture.write_bytes, os.urandom(PICTURE))
        runner = web.ServerRunner(web.Server(Origin(picture).answer, access_log=None, handler_cancellation=True))
        await runner.setup()
        for number in range(count):
            listener = socket.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", port + number))
            listener.listen(1024)
            await web.SockSite(runner, listener).start()
        print(f"origin ready http://127.0.0.1:{port}", flush=True)
        await asyncio.Event().wait()


def main() -> None:
    """Read the flags and serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--count", type=int, default=1)
    flags = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(flags.port, flags.count))


if __name__ == "__main__":
    main()
