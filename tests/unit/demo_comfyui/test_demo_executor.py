"""The worker of a demo server that has ended, while another one follows in the same process."""

from __future__ import annotations

import asyncio
from pathlib import Path

from demo_comfyui.executor import Executor
from demo_comfyui.faults import Faults
from demo_comfyui.prompt_queue import PromptQueue
from demo_comfyui.settings import Settings
from demo_comfyui.sockets import SocketHub
from demo_comfyui.storage import Storage
from tests.services import wait_until


def test_abandoned_worker_saves_nothing_and_sends_nothing(tmp_path: Path) -> None:
    loop, faults, settings = asyncio.new_event_loop(), Faults(), Settings("127.0.0.1", 1, tmp_path)
    queue, hub, storage = PromptQueue(lambda _: None), SocketHub(loop, faults, {}), Storage(tmp_path, "/")
    loop.close()
    executor = Executor(queue, hub, storage, settings, faults)
    executor.abandon()
    workflow = {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": 0}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "late"}},
    }
    queue.put((0, "late", workflow, {"client_id": "window"}, ["2"]))
    executor.start()
    wait_until(lambda: "late" in queue.history())
    assert queue.history()["late"]["status"]["status_str"] == "error"
    assert not list(tmp_path.rglob("*.png"))
