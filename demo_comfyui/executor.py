"""The worker of one server: it takes jobs from the queue, and computes their nodes in a thread, one at a time."""

from __future__ import annotations

import asyncio
import io
import logging
import struct
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

from demo_comfyui.faults import Faults
from demo_comfyui.model.jobs import Outcome
from demo_comfyui.model.prompt_server import PromptServer
from demo_comfyui.model.results import NodeResult
from demo_comfyui.model.running import FORMATS, RunningNode
from demo_comfyui.nodes import RUNNERS, NodeContext
from demo_comfyui.settings import Settings
from demo_comfyui.sockets import Socket
from demo_comfyui.storage import Storage
from wire.frames import PREVIEW

if TYPE_CHECKING:
    from PIL.Image import Image

    from demo_comfyui.nodes.contract import Images

PAUSE_SECONDS = 0.02
"""How often a job that is paused checks whether it may continue."""
START_SECONDS = 0.012
"""From the start of a job to its first node, as on a real server: files' times may be 10 ms behind the clock."""
PREVIEW_SIDE = 512
PREVIEW_QUALITY = 95

log = logging.getLogger(__name__)


class Executor:
    """Runs prompts until it is abandoned; `wake` follows each change of the queue."""

    def __init__(self, server: PromptServer[Socket], storage: Storage, settings: Settings, faults: Faults) -> None:
        self._server = server
        self._storage = storage
        self._settings = settings
        self._faults = faults
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, "prompt-worker")  # not the loop's own, for which its end would wait
        self._news = asyncio.Event()
        self._animated: set[str] = set()  # nodes of this job whose animation was announced
        self._work: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start to run prompts."""
        self._work = asyncio.create_task(self._run_all())

    def abandon(self) -> None:
        """End the running job as soon as possible, with no result: this server has ended."""
        if self._work is not None:
            self._work.cancel()
        self._server.worker.interrupt()

    def wake(self) -> None:
        """Check the queue and the faults again."""
        self._news.set()

    async def _run_all(self) -> None:
        jobs, worker = self._server.jobs, self._server.worker
        while True:
            while self._faults.dead_worker or not jobs.pending:
                self._news.clear()
                await self._news.wait()
            item = jobs.take()
            self._animated = set()
            try:
                outcome = await worker.run(item, self._compute)
            except Exception:  # a real worker dies here, and its server takes prompts that never run
                log.exception("job %s made the worker fail", item[1])
                worker.last_node = None
                outcome = Outcome("error", [], {}, {})
            self._server.finish(item, outcome)

    async def _compute(self, node: RunningNode) -> NodeResult:
        if node.is_first:
            await asyncio.sleep(START_SECONDS)
        node.check()
        return await self._loop.run_in_executor(
            self._thread, RUNNERS[node.class_type], self._context(node), node.inputs
        )

    def _context(self, node: RunningNode) -> NodeContext:
        """Return the surroundings of a node, whose functions are called in the worker's thread."""

        def step(value: int, total: int, picture: Image | None) -> None:
            node.check()
            preview = None if picture is None else ("JPEG", _encode(picture))
            self._in_loop(lambda: node.step(value, total, preview))
            while self._faults.pauses(value):
                node.check()
                time.sleep(PAUSE_SECONDS)

        def animate(frames: Images, rate: int) -> None:
            pictures = [_encode(frame) for frame in frames]
            self._in_loop(lambda: self._animate(node, pictures, rate))

        return NodeContext(
            storage=self._storage,
            prompt=node.prompt,
            extra_pnginfo=node.extra_data.get("extra_pnginfo"),
            memory=node.memory,
            step_seconds=self._settings.step_seconds,
            step=step,
            animate=animate,
            stamp=self._settings.stamp,
            shows_latents=node.shows_latents,
            has_assets=self._settings.assets,
        )

    def _in_loop(self, call: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # of a job that was running when this server ended
            self._loop.call_soon_threadsafe(call)

    def _animate(self, node: RunningNode, pictures: list[bytes], rate: int) -> None:
        """Send an animated preview as VideoHelperSuite does: announced to all clients once, then frame by frame."""
        if node.node_id not in self._animated:
            self._animated.add(node.node_id)
            announced = {"length": len(pictures), "rate": rate, "id": node.node_id}
            self._server.post("VHS_latentpreview", announced)
        for index, picture in enumerate(pictures):
            head = struct.pack(">III16p", FORMATS["JPEG"][0], 1, index, node.node_id.encode())
            self._server.post(PREVIEW, head + picture, node.client_id)


def _encode(picture: Image) -> bytes:
    from PIL import Image, ImageOps

    if max(picture.size) > PREVIEW_SIDE:
        picture = ImageOps.contain(picture, (PREVIEW_SIDE, PREVIEW_SIDE), Image.Resampling.BILINEAR)
    buffer = io.BytesIO()
    picture.convert("RGB").save(buffer, "JPEG", quality=PREVIEW_QUALITY)
    return buffer.getvalue()
