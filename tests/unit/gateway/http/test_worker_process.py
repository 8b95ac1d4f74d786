"""The process that reads large texts."""

from __future__ import annotations

import asyncio
import contextlib
import os

import pytest

from gateway.fleet.server_answers import NotComfyError
from gateway.http.json_reader import Bounds, Scan
from gateway.http.lanes import HOLDER
from gateway.http.refusal import Refusal, RefusedRequest
from gateway.http.worker_process import SMALL_HEAVY, SMALL_SIZE, Heavy, TooMuchWork, WorkerProcess
from gateway.people.projection import ShapeError, read_rows_text
from tests.kit.platforms import linux_only, niceness
from tests.unit.gateway.http.large_works import (
    fail_shape,
    grow,
    length_of,
    process_of,
    refuse,
    repeat,
    take_memory,
    take_time,
)
from wire.refusals import Cause

LARGE = b'"' + b"x" * SMALL_SIZE + b'"'


def scan_of(text: bytes) -> Scan:
    scan = Scan(Bounds(len(text)))
    scan.feed(text)
    return scan


async def test_only_large_texts_leave_the_process() -> None:
    worker = WorkerProcess()
    assert await worker.run(scan_of(b"[]"), process_of, b"[]") == os.getpid()
    many = b"[" + b"0," * 30_000 + b"0]"
    first = await worker.run(scan_of(LARGE), process_of, LARGE)
    assert first != os.getpid()
    assert await worker.run(scan_of(many), process_of, many) == first
    assert await worker.run(scan_of(LARGE), length_of, LARGE, 7) == len(LARGE) + 7
    await worker.close()


async def test_heavy_work_on_a_smaller_text_leaves_the_process() -> None:
    worker, work = WorkerProcess(), Heavy(process_of)
    more = b" " * (SMALL_HEAVY + 1)
    for text, is_here in ((b" " * SMALL_HEAVY, True), (more, False)):
        assert (await worker.run(scan_of(text), work, text) == os.getpid()) == is_here
    assert await worker.run(scan_of(more), process_of, more) == os.getpid()
    await worker.close()


async def test_errors_are_raised_as_they_were() -> None:
    worker = WorkerProcess()
    with pytest.raises(RefusedRequest) as refused:
        await worker.run(scan_of(LARGE), refuse, LARGE)
    assert refused.value.refusal == Refusal(Cause.NOT_YOURS, "no")
    with pytest.raises(NotComfyError) as failed:
        await worker.run(scan_of(LARGE), fail_shape, LARGE)
    assert failed.value.cause == "login"
    with pytest.raises(ShapeError):
        await worker.run(scan_of(LARGE), read_rows_text, LARGE)
    await worker.close()


@linux_only("the system does not bound memory")
async def test_work_over_the_memory_limit_fails_alone() -> None:
    worker = WorkerProcess()
    with pytest.raises(TooMuchWork):
        await worker.run(scan_of(LARGE), take_memory, LARGE)
    assert await worker.run(scan_of(LARGE), length_of, LARGE, 0) == len(LARGE)
    await worker.close()


async def test_work_over_the_time_limit_fails_alone() -> None:
    worker = WorkerProcess(work_seconds=0.5)
    with pytest.raises(TooMuchWork):
        await worker.run(scan_of(LARGE), take_time, LARGE)
    await worker.close()


async def test_cancelled_work_leaves_no_answer_for_the_next() -> None:
    worker = WorkerProcess()
    first = asyncio.create_task(worker.run(scan_of(LARGE), take_time, LARGE))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert await worker.run(scan_of(LARGE), length_of, LARGE, 1) == len(LARGE) + 1
    await worker.close()


async def begin(worker: WorkerProcess) -> asyncio.Task[bytes]:
    """Begin work with an answer of 10 MB; return it when no more of that fits into its pipe."""
    work = asyncio.create_task(worker.run(scan_of(LARGE), repeat, LARGE, 40))
    while worker._process is None or not worker._process.back._paused:  # type: ignore[attr-defined]
        assert not work.done()
        await asyncio.sleep(0)
    return work


async def cancelled(work: asyncio.Task[bytes]) -> None:
    work.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await work


@linux_only("descriptors are counted in /proc")
async def test_cancelled_reads_keep_no_descriptors() -> None:
    worker = WorkerProcess()
    await worker.run(scan_of(LARGE), length_of, LARGE, 0)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        await cancelled(await begin(worker))
    assert await worker.run(scan_of(LARGE), length_of, LARGE, 0) == len(LARGE)
    async with asyncio.timeout(10):
        while len(os.listdir("/proc/self/fd")) > before:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.01)
        await worker.close()


@linux_only("the memory that a process had is not known")
async def test_grown_process_is_replaced() -> None:
    worker = WorkerProcess()
    first = await worker.run(scan_of(LARGE), process_of, LARGE)
    await worker.run(scan_of(LARGE), grow, LARGE)
    assert await worker.run(scan_of(LARGE), process_of, LARGE) != first
    await worker.close()


@linux_only("all processes may have the same priority")
async def test_work_leaves_the_processor_to_the_event_loop() -> None:
    worker = WorkerProcess()
    worked = await worker.run(scan_of(LARGE), process_of, LARGE)
    assert niceness(worked) > niceness(os.getpid())
    await worker.close()


async def test_users_take_turns_in_the_process() -> None:
    worker, log = WorkerProcess(), list[str]()

    async def read(holder: str) -> None:
        HOLDER.set(holder)
        await worker.run(scan_of(LARGE), length_of, LARGE, 0)
        log.append(holder)

    await asyncio.gather(*(asyncio.create_task(read(holder)) for holder in ("a", "a", "a", "a", "b")))
    assert log == ["a", "a", "b", "a", "a"]
    await worker.close()
