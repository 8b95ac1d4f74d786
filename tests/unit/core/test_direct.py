"""Servers that a page probes itself: the list, and the cause inferred from what a browser shows."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.core.comfy import Queue, read_loads
from app.core.direct import (
    ExportedSite,
    Reach,
    Refusal,
    forbidden,
    judge_answers,
    judge_silence,
    loads_response,
    read_listed,
)
from app.core.errors import ConfigError
from app.core.model import PromptId, ServerId
from app.core.ports.http import Response
from wire.health import Condition, Health
from wire.system_stats import Device

HTTP, HTTPS = ExportedSite("http://pages.lan"), ExportedSite("https://pages.lan")
NOTHING, ANSWERS = Reach(), Reach(answers=True)
STATS = {
    "system": {"comfyui_version": "0.3.64", "argv": ["main.py"]},
    "devices": [{"name": "cuda:0 A", "type": "cuda", "vram_total": 8, "vram_free": 3}],
}


def listed(**values: Any) -> str:
    return json.dumps({"v": 1, "build": "b1", "servers": [{"id": "a", "address": "http://gpu:8188", **values}]})


def test_a_listed_server_is_reached_at_its_own_address() -> None:
    found = read_listed(listed(name="Attic", tags=["x"], weight=2, drained=True, colour="teal"))
    (server,) = found.servers
    assert (server.server_id, server.base, server.address) == ("a", "http://gpu:8188", "http://gpu:8188")
    assert (server.name, server.tags, server.weight, server.is_drained, server.colour) == (
        "Attic", ("x",), 2.0, True, "teal",
    )  # fmt: skip
    assert found.build == "b1"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"servers": 3}',
        listed(address="gpu:8188"),
        listed(address="ftp://gpu"),
        listed(address="http://u:p@gpu"),
        listed(address="http://gpu?a=b"),
        listed(weight=10**400),
        '{"servers": [{"id": "a", "address": "http://a"}, {"id": "a", "address": "http://b"}]}',
    ],
)
def test_a_list_that_makes_no_sense_is_a_config_error(text: str) -> None:
    with pytest.raises(ConfigError):
        read_listed(text)


@pytest.mark.parametrize(
    ("address", "site", "cause"),
    [
        ("http://gpu:8188", HTTPS, "mixed-content"),
        ("http://127.0.0.1:8188", HTTPS, None),  # browsers take this machine's own as safe
        ("http://localhost:8188", HTTPS, None),
        ("https://gpu:8188", HTTPS, None),
        ("http://gpu:8188", HTTP, None),
        ("http://gpu:8188/comfy", ExportedSite("http://pages.lan", "connect-src 'self' http://gpu:8188; x"), None),
        ("http://gpu:8189", ExportedSite("http://pages.lan", "connect-src 'self' http://gpu:8188"), "not-in-policy"),
    ],
)
def test_blocked_requests_are_detected_before_sending(address: str, site: ExportedSite, cause: str | None) -> None:
    found = forbidden(address, site)
    assert (None if found is None else found.cause) == cause


@pytest.mark.parametrize(
    ("address", "reach", "health", "cause"),
    [
        ("http://gpu:8188", NOTHING, Health.DOWN, ""),
        ("https://gpu:8188", NOTHING, Health.DOWN, "no-https"),
        ("http://gpu:8188", Reach(answers=True, greets=True), Health.REFUSES, "no-cors"),
        ("http://127.0.0.1:8188", ANSWERS, Health.REFUSES, "origin-refused"),
        ("http://[::1]:8188", ANSWERS, Health.REFUSES, "origin-refused"),
        ("http://gpu:8188", ANSWERS, Health.REFUSES, "unseen"),
        ("http://127.0.0.1:8188", Reach(is_turned=True), Health.NOT_COMFYUI, "in-between"),
    ],
)
def test_silence_has_a_cause(address: str, reach: Reach, health: Health, cause: str) -> None:
    found = judge_silence(address, HTTP, reach)
    assert (found.health, found.cause) == (health, cause)
    is_flag = cause in {Refusal.NO_CORS.value, Refusal.ORIGIN.value, Refusal.UNSEEN.value}
    assert found.detail == ("--enable-cors-header http://pages.lan" if is_flag else "")


def answers(stats: object = STATS, line: object = None, status: int = 200) -> tuple[Response, Response]:
    waits = {"exec_info": {"queue_remaining": 0}} if line is None else line
    return tuple(
        Response(status, text=parsed if isinstance(parsed, str) else json.dumps(parsed)) for parsed in (stats, waits)
    )  # type: ignore[return-value]


def test_healthy_server_reports_version_devices_and_queue() -> None:
    look = judge_answers(*answers(line={"exec_info": {"queue_remaining": 3}}))
    assert look.condition == Condition(Health.WELL, running=1, pending=2, version="0.3.64")
    assert look.devices == (Device(name="cuda:0 A", kind="cuda", total=8, free=3),)


@pytest.mark.parametrize(
    ("given", "health", "cause"),
    [
        (answers(status=401), Health.REFUSES, "login"),
        (answers(status=403), Health.REFUSES, "forbidden"),
        (answers(status=429), Health.REFUSES, "busy"),
        (answers(status=404), Health.NOT_COMFYUI, ""),
        (answers(status=502), Health.DOWN, ""),
        (answers("<!doctype html><title>Sign in</title>"), Health.NOT_COMFYUI, "login"),
        (answers("<html>hello"), Health.NOT_COMFYUI, "web-page"),
        (answers({"system": 3}), Health.NOT_COMFYUI, ""),
        (answers("[" * 100_000), Health.NOT_COMFYUI, ""),
        (answers(line="<html>log in"), Health.NOT_COMFYUI, "login"),
        (answers(line={}), Health.NOT_COMFYUI, ""),
    ],
)
def test_an_answer_that_can_be_read_has_its_cause(given: tuple[Response, Response], health: Health, cause: str) -> None:
    found = judge_answers(*given).condition
    assert (found.health, found.cause) == (health, cause)


@pytest.mark.parametrize("size", ["1e999", "-1", "NaN", "9" * 400, "true", '"8"'])
def test_invalid_memory_size_is_left_out(size: str) -> None:
    stats = json.dumps(STATS).replace('"vram_total": 8', f'"vram_total": {size}')
    look = judge_answers(Response(200, text=stats), Response(200, text='{"exec_info": {"queue_remaining": 0}}'))
    assert look.condition.health is Health.WELL and look.devices[0].total is None


def test_loads_have_the_gateways_format() -> None:
    queue = Queue((PromptId("p"),), (PromptId("q"),))
    parsed = read_loads(loads_response({ServerId("a"): queue, ServerId("b"): "down"}))
    assert parsed == {"a": (queue, ""), "b": (Queue((), ()), "down")}
