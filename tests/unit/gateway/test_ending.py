"""The gateway ends within a bound, whatever hangs."""

from __future__ import annotations

import asyncio
import logging
import signal
import subprocess
import sys

import pytest

from gateway.tasks import close_in_time
from tests.kit.platforms import posix_only

HANGING = """
import asyncio, time
import gateway.__main__ as gateway
gateway._END_SECONDS = 0.5

async def serve():
    asyncio.get_running_loop().run_in_executor(None, time.sleep, 60)
    print("ready", flush=True)
    await asyncio.Event().wait()

gateway._serve = lambda flags: serve()
asyncio.run(gateway._run(None))
"""


@posix_only("Python can send no signal")
def test_hanging_thread_does_not_keep_the_gateway() -> None:
    with subprocess.Popen([sys.executable, "-c", HANGING], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGTERM)
        try:
            assert process.wait(20) == 1
        finally:
            process.kill()


async def test_part_that_does_not_end_is_left_behind(caplog: pytest.LogCaptureFixture) -> None:
    async def hang() -> None:
        await asyncio.Event().wait()

    async def fail() -> None:
        raise OSError("no")

    with caplog.at_level(logging.ERROR):
        await close_in_time(hang, 0.01)
        await close_in_time(fail, 1.0)
    assert [record.message.partition(">.")[2] for record in caplog.records] == [
        "hang has not ended within 0 s",
        "fail failed",
    ]
