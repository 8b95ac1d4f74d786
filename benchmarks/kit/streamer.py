"""A server like ComfyUI whose one prompt never ends, and which sends its events at the requested rate.

    python3 -m benchmarks.kit.streamer --port 9200

`POST /benchmark/stream` with `{"client_id", "prompt_id", "rate", "seconds"}` sends that client this many messages a
second: 30 of them previews of 40 kB (type 4, as ComfyUI sends them to clients that ask for metadata), the rest in turns
`progress_state` of three nodes and `progress`. A preview's picture is `PREVIEW` bytes longer than its number, so that
each can be recognised by its size, and its corner has one of `GREYS`, so that it can be recognised on the page.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import json
import struct
import time
from typing import Any

from aiohttp import web
from PIL import Image

PREVIEW = 40_000  # bytes
PREVIEWS = 30  # a second
GREYS = tuple(range(16, 256, 32))  # of a picture's corner, in turn
CORNER = 64  # pixels
TICK = 0.004  # seconds; events due within it are sent together
STEPS = 1_000_000
IMAGE = {"required": {"width": ["INT", {"default": 64}], "height": ["INT", {"default": 64}]}}
NODES = {
    "EmptyImage": {"input": IMAGE, "output": ["IMAGE"], "output_name": ["IMAGE"], "name": "EmptyImage"},
    "SaveImage": {
        "input": {"required": {"images": ["IMAGE"], "filename_prefix": ["STRING", {"default": "a"}]}},
        "output": [],
        "output_node": True,
        "name": "SaveImage",
    },
}
ANSWERS: dict[str, Any] = {
    "/system_stats": {"system": {"comfyui_version": "0.3.64", "argv": ["main.py"]}, "devices": []},
    "/features": {"supports_preview_metadata": True, "max_upload_size": 100_000_000},
    "/object_info": NODES,
}


class Streamer:
    """The server: its running prompts and its listeners."""

    def __init__(self) -> None:
        self._running: dict[str, list[Any]] = {}
        self._windows: dict[str, web.WebSocketResponse] = {}
        self._pictures = [make_picture(number) for number in range(len(GREYS))]

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer any request."""
        match request.method, request.path:
            case "GET", "/ws":
                return await self._listen(request)
            case "POST", "/prompt":
                asked = await request.json() if request.can_read_body else {}
                item = [len(self._running), asked["prompt_id"], asked["prompt"], {"client_id": asked["client_id"]}, []]
                self._running[asked["prompt_id"]] = item
                return web.json_response({"prompt_id": asked["prompt_id"], "number": item[0], "node_errors": {}})
            case "POST", "/benchmark/stream":
                asked = json.loads(await request.read())
                return web.json_response(await self._stream(**asked))
            case _, "/queue":
                return web.json_response({"queue_running": list(self._running.values()), "queue_pending": []})
            case "GET", path if path.startswith("/history"):
                return web.json_response({})
            case "GET", path if path in ANSWERS:
                return web.json_response(ANSWERS[path])
        return web.Response(status=404)

    async def _listen(self, request: web.BaseRequest) -> web.StreamResponse:
        window = web.WebSocketResponse(compress=False)
        await window.prepare(request)
        client_id = request.query.get("clientId", "")
        self._windows[client_id] = window
        status = {"status": {"exec_info": {"queue_remaining": len(self._running)}}, "sid": client_id}
        await window.send_json({"type": "status", "data": status})
        with contextlib.suppress(ConnectionError):
            async for _message in window:
                pass
        self._windows.pop(client_id, None)
        return window

    async def _stream(self, client_id: str, prompt_id: str, rate: float, seconds: float) -> dict[str, Any]:
        window = self._windows[client_id]
        await window.send_json({"type": "execution_start", "data": {"prompt_id": prompt_id, "timestamp": 1}})
        begin, sent, shown = time.monotonic(), 0, 0
        while (passed := time.monotonic() - begin) < seconds:
            while shown < passed * PREVIEWS:
                await window.send_bytes(self._preview(prompt_id, shown))
                shown, sent = shown + 1, sent + 1
            while sent < passed * rate:
                await window.send_str(progress(prompt_id, sent))
                sent += 1
            await asyncio.sleep(TICK)
        return {"sent": sent, "previews": shown, "seconds": passed}

    def _preview(self, prompt_id: str, number: int) -> bytes:
        picture = self._pictures[number % len(self._pictures)]
        metadata = json.dumps({**identity(prompt_id, "1"), "image_type": "image/jpeg"}).encode()
        padding = bytes(PREVIEW + number - len(picture))
        return b"".join([struct.pack(">II", 4, len(metadata)), metadata, picture, padding])


def make_picture(number: int) -> bytes:
    """Return a picture of 512 by 512, a different one for each number."""
    image = Image.linear_gradient("L").resize((512, 512)).rotate(45 * number)
    packed = io.BytesIO()
    picture = Image.merge("RGB", (image, image.transpose(Image.Transpose.ROTATE_90), image))
    picture.paste((GREYS[number],) * 3, (0, 0, CORNER, CORNER))
    picture.save(packed, "JPEG", quality=85)
    return packed.getvalue()


def identity(prompt_id: str, node_id: str) -> dict[str, Any]:
    """Return the names of a node."""
    names = {"node_id": node_id, "display_node_id": node_id, "real_node_id": node_id}
    return {"prompt_id": prompt_id, "parent_node_id": None, **names}


def progress(prompt_id: str, number: int) -> str:
    """Return in turns the states of all nodes, and one node's step."""
    if number % 2:
        data = {"value": number, "max": STEPS, "prompt_id": prompt_id, "node": "1"}
        return json.dumps({"type": "progress", "data": data})
    nodes = {
        node_id: {"value": number, "max": STEPS, "state": state, **identity(prompt_id, node_id)}
        for node_id, state in (("1", "running"), ("2", "pending"), ("3", "pending"))
    }
    return json.dumps({"type": "progress_state", "data": {"prompt_id": prompt_id, "nodes": nodes}})


async def serve(port: int) -> None:
    """Serve until the process is ended."""
    runner = web.ServerRunner(web.Server(Streamer().answer, access_log=None, handler_cancellation=True))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    print(f"streamer ready http://127.0.0.1:{port}", flush=True)
    await asyncio.Event().wait()


def main() -> None:
    """Read the flag and serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(parser.parse_args().port))


if __name__ == "__main__":
    main()
