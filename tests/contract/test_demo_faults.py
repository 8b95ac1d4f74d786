"""Faults on request: each has the effect of its name, on this demo only, and only where faults are allowed."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.contract.peer import (
    Event,
    WebPeer,
    ended,
    entry,
    history_of,
    post,
    queue,
    quick,
    running,
    save,
    submit,
    until,
)
from tests.kit.services import Service, start_demo
from wire.versions import NEWEST


@pytest.fixture(scope="module")
def faulty_demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with start_demo("--step-seconds", "0.02", data=tmp_path_factory.mktemp("faults")) as service:
        yield service


@pytest.fixture
async def faulty(faulty_demo: Service) -> AsyncIterator[WebPeer]:
    """A separate demo, without faults at the beginning and the end."""
    async with aiohttp.ClientSession() as session:
        peer = WebPeer("demo", faulty_demo.url, session, NEWEST)
        await post(peer, "/demo/faults", {"reset": True})
        yield peer
        await post(peer, "/demo/faults", {"reset": True})
        await asyncio.gather(*(listener.close() for listener in peer.listeners))


async def faults(peer: WebPeer, **change: Any) -> dict[str, Any]:
    answer = await post(peer, "/demo/faults", change)
    assert answer.status == 200, answer.body
    state: dict[str, Any] = answer.json()
    return state


async def state(peer: WebPeer) -> dict[str, Any]:
    found: dict[str, Any] = (await peer.request("GET", "/demo/faults")).json()
    return found


async def queued(peer: WebPeer) -> list[str]:
    """Return the ids of running and pending jobs."""
    now, waiting = await queue(peer)
    return now + waiting


async def unanswered(peer: WebPeer, work: Any) -> bool:
    """Return whether a request gets no answer while others do; it is cancelled afterwards."""
    task = asyncio.ensure_future(work)
    for _ in range(5):
        await state(peer)
    is_silent = not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return is_silent


async def test_state_has_process_and_sockets(faulty: WebPeer) -> None:
    await faulty.connect("seen")
    found = await state(faulty)
    assert set(found) == {"faults", "pid", "boot", "submits", "holding", "sockets"}
    assert found["faults"] == {
        "delay": 0.0,
        "hang": False,
        "deaf": False,
        "refuse_sockets": False,
        "close_sockets_late": 0.0,
        "next_submit": None,
        "dead_worker": False,
        "pause_at_step": None,
    }
    assert "seen" in found["sockets"]["open"] and "seen" in found["sockets"]["hearing"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{broken", "JSON"),
        (b"[]", "object"),
        (b'{"dealy": 1}', "dealy"),
        (b'{"delay": "long"}', "delay"),
        (b'{"delay": -1}', "delay"),
        (b'{"delay": NaN}', "delay"),
        (b'{"hang": 1}', "hang"),
        (b'{"pause_at_step": 0}', "pause_at_step"),
        (b'{"next_submit": "explode"}', "next_submit"),
    ],
)
async def test_invalid_fault_is_refused_and_changes_nothing(faulty: WebPeer, body: bytes, message: str) -> None:
    before = (await state(faulty))["faults"]
    answer = await faulty.request("POST", "/demo/faults", body=body)
    assert answer.status == 400
    assert message in answer.json()["error"]
    assert (await state(faulty))["faults"] == before


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "null"}, {"Host": "studio.example:8188"}, {"Host": "192.0.2.1"}, {"Origin": "http://localhost"}],
)
async def test_faults_accept_only_loopback_without_an_origin(faulty: WebPeer, headers: dict[str, str]) -> None:
    for method in ("GET", "POST"):
        assert (await faulty.request(method, "/demo/faults", body=b"{}", headers=headers)).status == 403


def test_faults_need_the_flag(tmp_path: Path) -> None:
    import subprocess
    import sys
    import urllib.error
    import urllib.request

    from tests.kit.services import ROOT, free_ports

    port = free_ports()
    command = [sys.executable, "-m", "demo_comfyui", "--port", str(port), "--data", str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == f"demo-comfyui ready http://127.0.0.1:{port}\n"
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/demo/faults")
            assert refused.value.code == 404
            refused.value.close()
        finally:
            process.terminate()
            process.wait(10)


async def test_delay_makes_every_answer_late(faulty: WebPeer) -> None:
    await faults(faulty, delay=0.2)
    clock = asyncio.get_running_loop().time
    start = clock()
    await faulty.request("GET", "/queue")
    assert clock() - start >= 0.19


async def test_hang_answers_nothing_until_it_ends(faulty: WebPeer) -> None:
    listener = await faulty.connect("hang")
    await faults(faulty, hang=True)
    received = len(listener.received)
    waiting = asyncio.ensure_future(faulty.request("GET", "/queue"))
    assert await unanswered(faulty, faulty.connect("hang-new"))
    assert not waiting.done() and len(listener.received) == received
    await faults(faulty, hang=False)
    assert (await waiting).status == 200


async def test_deaf_sockets_stay_open_and_receive_nothing(faulty: WebPeer) -> None:
    listener = await faulty.connect("deaf")
    await faults(faulty, deaf=True)
    received = len(listener.received)
    prompt_id = await submit(faulty, quick(), client_id="deaf")
    await entry(faulty, prompt_id)
    assert len(listener.received) == received and not listener.is_closed
    await faults(faulty, deaf=False)
    await listener.until(ended(await submit(faulty, quick(), client_id="deaf")))


async def test_sockets_can_be_refused_and_dropped(faulty: WebPeer) -> None:
    listener = await faulty.connect("dropped")
    await faults(faulty, drop_sockets=True, refuse_sockets=True)
    assert await listener.until_closed() == 1006
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await faulty.connect("dropped")
    assert refused.value.status == 403
    await faults(faulty, refuse_sockets=False)
    await (await faulty.connect("dropped")).close()


async def test_late_close_forgets_the_client_late(faulty: WebPeer) -> None:
    await faults(faulty, close_sockets_late=0.3)
    listener = await faulty.connect("late")
    clock = asyncio.get_running_loop().time
    start = clock()
    closing = asyncio.ensure_future(listener.close())
    newer = await faulty.connect("late")
    await closing
    assert clock() - start >= 0.29

    async def forgotten() -> bool:
        sockets = (await state(faulty))["sockets"]
        return "late" in sockets["open"] and "late" not in sockets["hearing"]

    await until(faulty, forgotten)
    prompt_id = await submit(faulty, quick(), client_id="late")
    await entry(faulty, prompt_id)
    assert [event.kind for event in newer.received] == ["status"]


@pytest.mark.parametrize(("fault", "is_queued"), [("lost", True), ("unsent", False)])
async def test_submit_with_a_cut_connection(faulty: WebPeer, fault: str, is_queued: bool) -> None:
    await faults(faulty, next_submit=fault)
    prompt_id = str(uuid.uuid4())
    before = (await state(faulty))["submits"]
    with pytest.raises(aiohttp.ClientConnectionError):
        await submit(faulty, quick(), prompt_id=prompt_id)
    if is_queued:
        await entry(faulty, prompt_id)
    else:
        assert prompt_id not in await queued(faulty)
        assert await history_of(faulty, prompt_id) is None
    assert (await state(faulty))["submits"] == before + 1
    await submit(faulty, quick())


async def test_unanswered_submit_is_queued(faulty: WebPeer) -> None:
    await faults(faulty, next_submit="silence")
    prompt_id = str(uuid.uuid4())
    waiting = asyncio.ensure_future(submit(faulty, quick(), prompt_id=prompt_id))
    await entry(faulty, prompt_id)
    assert not waiting.done()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


async def test_submit_answered_by_500_is_queued(faulty: WebPeer) -> None:
    await faults(faulty, next_submit="queued_then_500")
    prompt_id = str(uuid.uuid4())
    answer = await post(faulty, "/prompt", {"prompt": quick(), "prompt_id": prompt_id})
    assert (answer.status, answer.headers["content-type"]) == (500, "text/plain; charset=utf-8")
    assert answer.body == b"500 Internal Server Error\n\nServer got itself in trouble"
    await entry(faulty, prompt_id)


async def test_refused_submit_is_not_queued(faulty: WebPeer) -> None:
    await faults(faulty, next_submit="refuse")
    prompt_id = str(uuid.uuid4())
    answer = await post(faulty, "/prompt", {"prompt": quick(), "prompt_id": prompt_id})
    assert answer.status == 400
    assert answer.json()["error"]["type"] == "demo_refused"
    assert prompt_id not in await queued(faulty)


def two_steps() -> dict[str, Any]:
    steps = {"image": ["1", 0], "steps": 2, "fail_at": 0}
    return {**quick(), "7": {"class_type": "DemoFailAt", "inputs": steps}, "9": save("7")}


def steps_of(received: list[Event]) -> list[int]:
    return [event.data["value"] for event in received if event.kind == "progress"]


async def test_job_pauses_after_a_step_until_it_may_continue(faulty: WebPeer) -> None:
    await faults(faulty, pause_at_step=2)
    listener = await faulty.connect("pausing")
    prompt_id = await submit(faulty, two_steps(), client_id="pausing")
    await listener.until(lambda received: steps_of(received) == [1, 2])
    for _ in range(5):  # a job that does not wait after its last step has ended by then
        assert (await queue(faulty))[0] == [prompt_id]
    await faults(faulty, pause_at_step=None)
    assert (await entry(faulty, prompt_id))["status"]["status_str"] == "success"


async def test_paused_job_can_be_interrupted(faulty: WebPeer) -> None:
    await faults(faulty, pause_at_step=2)
    listener = await faulty.connect("pausing")
    prompt_id = await submit(faulty, two_steps(), client_id="pausing")
    await listener.until(lambda received: steps_of(received) == [1, 2])
    await post(faulty, "/interrupt", {})
    assert (await entry(faulty, prompt_id))["status"]["messages"][-1][0] == "execution_interrupted"


async def test_held_submit_continues_when_released(faulty: WebPeer) -> None:
    await faults(faulty, next_submit="hold")
    prompt_id = str(uuid.uuid4())
    waiting = asyncio.ensure_future(submit(faulty, quick(), prompt_id=prompt_id))

    async def held() -> bool:
        return bool((await state(faulty))["holding"])

    await until(faulty, held)
    assert prompt_id not in await queued(faulty)
    await faults(faulty, release=True)
    assert await waiting == prompt_id
    await entry(faulty, prompt_id)


async def test_held_submit_of_a_closed_connection_is_dropped(faulty: WebPeer) -> None:
    await faults(faulty, next_submit="hold")
    prompt_id = str(uuid.uuid4())
    async with aiohttp.ClientSession() as session:
        gone = WebPeer("demo", faulty.url, session, NEWEST)
        waiting = asyncio.ensure_future(submit(gone, quick(), prompt_id=prompt_id))

        async def held() -> bool:
            return bool((await state(faulty))["holding"])

        await until(faulty, held)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    await faults(faulty, release=True)

    async def is_released() -> bool:
        return not (await state(faulty))["holding"]

    await until(faulty, is_released)
    await entry(faulty, await submit(faulty, quick()))
    assert await history_of(faulty, prompt_id) is None


async def test_restart_loses_only_memory_and_temp_files(faulty: WebPeer) -> None:
    listener = await faulty.connect("restart")
    workflow = {**quick(), "5": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}}}
    done = await submit(faulty, workflow)
    outputs = (await entry(faulty, done))["outputs"]
    working = await submit(faulty, faulty.slow_workflow(500))
    await running(faulty, working)
    before = await faults(faulty, restart=True)

    async def restarted() -> Any:
        try:
            found = await state(faulty)
        except aiohttp.ClientConnectionError:
            return None
        return found if found["boot"] != before["boot"] else None

    after = await until(faulty, restarted)
    assert after["pid"] == before["pid"]
    assert await listener.until_closed() == 1006
    assert await queue(faulty) == ([], [])
    assert await history_of(faulty, done) is None and await history_of(faulty, working) is None
    assert (await faulty.request("GET", "/view", outputs["9"]["images"][0])).status == 200
    assert (await faulty.request("GET", "/view", outputs["5"]["images"][0])).status == 404
    answer = await post(faulty, "/prompt", {"prompt": quick()})
    assert answer.json()["number"] == 0
    await entry(faulty, answer.json()["prompt_id"])


async def test_input_that_kills_a_real_server_is_refused(faulty: WebPeer) -> None:
    for client_id in (["a"], {"a": 1}, 5, None):
        answer = await faulty.request(
            "POST", "/prompt", body=json.dumps({"prompt": quick(), "client_id": client_id}).encode()
        )
        assert (answer.status, answer.json()["error"]["type"]) == (400, "invalid_client_id")
    answer = await post(faulty, "/prompt", {"prompt": quick(), "extra_data": None})
    assert (answer.status, answer.json()["error"]["type"]) == (400, "invalid_extra_data")
    assert await queue(faulty) == ([], [])
