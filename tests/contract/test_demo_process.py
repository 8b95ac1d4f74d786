"""A demo server as a process: start, end, errors and load."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from gateway.platforms import system
from tests.contract.peer import WebPeer, ended, entry, quick, running, submit
from tests.kit.platforms import posix_only
from tests.kit.services import ROOT, free_ports, start_demo
from wire.versions import NEWEST

SOON = 10.0
"""Seconds that an end may take on a busy machine."""


def start(*flags: str, port: int, folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "demo_comfyui", "--port", str(port), "--data", str(folder), *flags]
    return subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.fixture
def process(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A running server that ends with its standard input."""
    port = free_ports()
    with start("--until-eof", port=port, folder=tmp_path) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == f"demo-comfyui ready http://127.0.0.1:{port}\n"
            yield process, port
        finally:
            process.kill()


def test_demo_ends_with_its_standard_input(process: tuple[subprocess.Popen[str], int]) -> None:
    server, _ = process
    assert server.stdin is not None
    server.stdin.close()
    assert server.wait(SOON) == 0


@posix_only("Python can send no signal")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_demo_ends_at_a_signal_with_an_open_connection(
    process: tuple[subprocess.Popen[str], int], number: signal.Signals
) -> None:
    server, port = process
    with socket.create_connection(("127.0.0.1", port)):
        server.send_signal(number)
        assert server.wait(SOON) == 0


async def test_demo_ends_during_a_job_with_an_open_socket(tmp_path: Path) -> None:
    with start_demo("--step-seconds", "20", data=tmp_path) as service:
        async with aiohttp.ClientSession() as session:
            peer = WebPeer("demo", service.url, session, NEWEST)
            listener = await peer.connect("mid")
            await running(peer, await submit(peer, peer.slow_workflow(100), client_id="mid"))
            began = time.monotonic()
            system.end(service.process)
            assert service.process.wait(SOON) == 0
            assert time.monotonic() - began < SOON
            assert await listener.until_closed() == 1006


def test_port_in_use_is_reported(process: tuple[subprocess.Popen[str], int], tmp_path: Path) -> None:
    _, port = process
    with start(port=port, folder=tmp_path / "second") as second:
        _, errors = second.communicate(timeout=60)
    assert second.returncode == 1
    assert f"cannot start on 127.0.0.1:{port}" in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    "flags",
    [["--port", "0"], ["--port", "99999"], ["--port", "x"], ["--port", "9", "--step-seconds", "-1"], [], ["--nope"]],
)
def test_invalid_flags_are_reported_without_a_traceback(flags: list[str]) -> None:
    command = [sys.executable, "-m", "demo_comfyui", *flags]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert "usage:" in ended.stderr and "Traceback" not in ended.stderr


def test_page_says_that_this_is_a_demo(process: tuple[subprocess.Popen[str], int]) -> None:
    _, port = process
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as answer:
        page = answer.read().decode()
    assert "This is a demo, without a model" in page
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/system_stats") as answer:
        assert "--mooring-demo" in answer.read().decode()


async def test_body_over_the_limit_is_413(tmp_path: Path) -> None:
    with start_demo("--max-upload-size", "0.5", data=tmp_path) as service:
        async with aiohttp.ClientSession() as session:
            peer = WebPeer("demo", service.url, session, NEWEST)
            limit = 512 * 1024
            assert (await peer.request("GET", "/features")).json()["max_upload_size"] == limit
            assert (await peer.upload("fits.bin", b"x" * (limit - 2000))).status == 200
            answer = await peer.upload("too-big.bin", b"x" * (limit + 1))
            assert answer.status == 413
            assert answer.body == f"Maximum request body size {limit} exceeded.".encode()
            assert answer.headers["content-type"] == "text/plain; charset=utf-8"
            assert (await peer.request("POST", "/prompt", body=b" " * (limit + 1))).status == 413


async def test_demo_answers_while_hundreds_of_jobs_wait(tmp_path: Path) -> None:
    with start_demo(data=tmp_path) as service:
        async with aiohttp.ClientSession() as session:
            peer = WebPeer("demo", service.url, session, NEWEST)
            listener = await peer.connect("many")
            ids = [await submit(peer, quick("many"), client_id="many") for _ in range(300)]
            await listener.until(ended(ids[-1]))
            history = (await peer.request("GET", "/history")).json()
            assert list(history) == ids
            names = [entry["outputs"]["9"]["images"][0]["filename"] for entry in history.values()]
            assert names == [f"many_{index:05}_.png" for index in range(1, 301)]


async def test_demo_answers_while_a_large_picture_is_computed(tmp_path: Path) -> None:
    with start_demo("--step-seconds", "0", data=tmp_path) as service:
        async with aiohttp.ClientSession() as session:
            peer = WebPeer("demo", service.url, session, NEWEST)
            inputs = {"text": "a wide valley", "seed": 5, "steps": 4, "width": 1024, "height": 1024}
            workflow = {
                "1": {"class_type": "DemoSampler", "inputs": inputs},
                "9": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "big"}},
            }
            prompt_id = await submit(peer, workflow)
            await running(peer, prompt_id)
            answered = 0
            while prompt_id in str((await peer.request("GET", "/queue")).json()["queue_running"]):
                answered += 1
            assert answered > 3
            assert (await entry(peer, prompt_id))["status"]["status_str"] == "success"
