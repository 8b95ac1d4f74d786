"""Which answers have ComfyUI's shape."""

from __future__ import annotations

import aiohttp
import pytest

from gateway.fleet.probes import LATE, StatusError, judge_failure
from gateway.fleet.server_answers import NotComfyError, QueueAnswer, parse_queue, parse_stats
from tests import recordings
from wire.health import Condition, Health
from wire.system_stats import ProbeResult


def test_stats_have_version_and_demo_mark() -> None:
    real = {"system": {"comfyui_version": "0.3.64", "argv": ["main.py"]}, "devices": []}
    assert parse_stats(real) == ProbeResult(Condition(Health.WELL, version="0.3.64"))
    demo = {"system": {"comfyui_version": "0.3.64", "argv": ["x", "--mooring-demo"]}, "devices": []}
    assert parse_stats(demo) == ProbeResult(Condition(Health.WELL, version="0.3.64", is_demo=True))
    assert parse_stats({"system": {"os": "posix"}, "devices": []}) == ProbeResult(Condition(Health.WELL))


@pytest.mark.parametrize("answer", [None, [], "", {}, {"system": {}}, {"system": [], "devices": []}, {"devices": []}])
def test_other_stats_are_not_comfyuis(answer: object) -> None:
    with pytest.raises(NotComfyError):
        parse_stats(answer)


def test_pending_prompts_are_in_execution_order() -> None:
    def item(number: float, prompt_id: str) -> list[object]:
        return [number, prompt_id, {}, {}, []]

    answer = {
        "queue_running": [item(1, "r")],
        "queue_pending": [item(2, "b"), item(5, "z"), item(2, "a"), item(-3.5, "front")],
    }
    assert parse_queue(answer) == QueueAnswer(("r",), ("front", "a", "b", "z"))


def test_long_version_is_cut() -> None:
    stats = {"system": {"argv": [], "comfyui_version": "1" * 100_000}, "devices": []}
    assert parse_stats(stats).condition.version == "1" * 80


@pytest.mark.parametrize(
    "answer",
    [
        None,
        {},
        {"queue_running": []},
        {"queue_running": {}, "queue_pending": []},
        {"queue_running": [], "queue_pending": [1]},
        {"queue_running": [], "queue_pending": [[1]]},
        {"queue_running": [], "queue_pending": [["1", "a"]]},
        {"queue_running": [[1, None]], "queue_pending": []},
        {"queue_running": [], "queue_pending": [[10**400, "a", {}, {}, []]]},
    ],
)
def test_another_queue_is_not_comfyuis(answer: object) -> None:
    with pytest.raises(NotComfyError):
        parse_queue(answer)


@pytest.mark.parametrize(
    ("error", "is_late"),
    [
        (aiohttp.ConnectionTimeoutError(), True),
        (TimeoutError(), True),
        (ConnectionRefusedError(), False),
        (StatusError(503), False),
        (StatusError(429), False),
        (NotComfyError("a web page", "web-page"), False),
    ],
)
def test_only_missing_answers_are_late(error: Exception, is_late: bool) -> None:
    assert (judge_failure(error).cause == LATE) is is_late


@pytest.mark.parametrize("version", recordings.VERSIONS)
def test_real_servers_are_recognised(version: str) -> None:
    found = _bodies(recordings.read("01_get", version))
    assert any(parse_stats(body).condition.version for body in found if isinstance(body, dict) and "system" in body)
    assert all(parse_queue(body) for body in found if isinstance(body, dict) and "queue_running" in body)


def _bodies(value: object) -> list[object]:
    """Every value anywhere in a capture."""
    match value:
        case dict():
            return [value, *(found for part in value.values() for found in _bodies(part))]
        case list():
            return [found for part in value for found in _bodies(part)]
        case _:
            return []
