"""Functions for the process that reads large texts, which imports them by name."""

from __future__ import annotations

import os
import time

from gateway.fleet.server_answers import NotComfyError
from gateway.http.refusal import Refusal, RefusedRequest
from gateway.http.worker_process import MOST_MEMORY
from wire.refusals import Cause


def process_of(text: bytes, *_: object) -> int:
    return os.getpid()


def length_of(text: bytes, more: int) -> int:
    return len(text) + more


def refuse(text: bytes) -> None:
    raise RefusedRequest(Refusal(Cause.NOT_YOURS, "no"))


def fail_shape(text: bytes) -> None:
    raise NotComfyError("not ComfyUI's", "login")


def take_memory(text: bytes) -> int:
    return len(b"x" * (MOST_MEMORY * 2))


def take_time(text: bytes) -> None:
    time.sleep(60)


def grow(text: bytes) -> int:
    return len(b"x" * (MOST_MEMORY // 2 + 32 * 1024 * 1024))


def repeat(text: bytes, times: int) -> bytes:
    return text * times
