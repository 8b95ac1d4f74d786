"""The worker of a demo server that has ended, while another one follows in the same process."""

from __future__ import annotations

import asyncio
import json
import os
import time
from functools import partial
from pathlib import Path

from demo_comfyui.executor import Executor
from demo_comfyui.faults import Faults
from demo_comfyui.model.prompt_server import PromptServer, Surroundings
from demo_comfyui.nodes.files import input_exists
from demo_comfyui.settings import Settings
from demo_comfyui.sockets import Socket, SocketHub
from demo_comfyui.storage import Storage


async def test_abandoned_worker_saves_nothing_and_sends_nothing(tmp_path: Path) -> None:
    faults, settings, storage = Faults(), Settings("127.0.0.1", 1, tmp_path, step_seconds=0.01), Storage(tmp_path, "/")
    sent: list[str | bytes] = []
    has_stepped = asyncio.Event()

    def deliver(message: str | bytes, _: str | None) -> None:
        sent.append(message)
        if isinstance(message, str) and json.loads(message)["type"] == "progress":
            has_stepped.set()

    surroundings = Surroundings[Socket](
        clients=SocketHub(faults).clients,
        deliver=deliver,
        now_ms=lambda: int(time.time() * 1000),
        new_id=lambda: "late",
        is_input=partial(input_exists, storage),
        fingerprints={},
    )
    server = PromptServer(settings.version, settings.catalogue, {}, surroundings)
    executor = Executor(server, storage, settings, faults)
    image = {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": 0}}
    slow = {"class_type": "DemoFailAt", "inputs": {"image": ["1", 0], "steps": 100, "fail_at": 0}}
    saving = {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "late"}}
    server.submit({"prompt": {"1": image, "2": slow, "3": saving}, "client_id": "window"})
    executor.start()
    await has_stepped.wait()
    executor.abandon()
    before = len(sent)
    await asyncio.to_thread(executor._thread.shutdown)
    await asyncio.sleep(0)  # what the thread has left to the loop
    after = [json.loads(message)["type"] for message in sent[before:] if isinstance(message, str)]
    assert after.count("progress") <= 1, "the step that was under way"
    assert set(after) <= {"progress", "progress_state"}
    assert server.jobs.history == {}
    assert [name for kind in ("output", "temp") for name in os.listdir(tmp_path / kind)] == []
