"""What an answer shows of a server, and how its condition is sent."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from wire.health import Condition, Health, judge_status, page_cause, read_condition

FULL = Condition(
    Health.REFUSES,
    "no",
    1,
    2,
    "0.3.64",
    is_demo=True,
    has_jobs=True,
    can_download=True,
    preview_method="taesd",
    cause="login",
)


def test_condition_is_read_as_it_was_sent() -> None:
    assert all(getattr(FULL, item.name) != item.default for item in fields(Condition)), "each fact is tried"
    assert read_condition(FULL.as_json()) == FULL
    assert read_condition({}) == Condition()


def test_silent_server_keeps_what_it_was() -> None:
    kept = {"version": "0.3.64", "is_demo": True, "has_jobs": True, "can_download": True, "preview_method": "taesd"}
    known = Condition(Health.WELL, running=1, **kept)
    silent = Condition(Health.TIMEOUT, "no answer in time")
    assert silent.after(known) == replace(silent, **kept)
    assert Condition(Health.WELL).after(known) == Condition(Health.WELL)


def test_health_of_a_newer_gateway_is_unknown() -> None:
    assert read_condition({"health": "asleep"}).health is Health.UNKNOWN


@pytest.mark.parametrize(
    ("status", "health", "cause"),
    [
        (401, Health.REFUSES, "login"),
        (403, Health.REFUSES, "forbidden"),
        (429, Health.REFUSES, "busy"),
        (404, Health.NOT_COMFYUI, ""),
        (502, Health.DOWN, ""),
    ],
)
def test_status_has_its_condition(status: int, health: Health, cause: str) -> None:
    found = judge_status(status)
    assert (found.health, found.cause) == (health, cause)


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        (b" <!doctype html><input type=password>", "login"),
        (b"<HTML>Sign in", "login"),
        (b"<html>hello", "web-page"),
        (b"{}", ""),
        (b"log in", ""),
    ],
)
def test_web_page_is_a_login_or_another(body: bytes, cause: str) -> None:
    assert page_cause(body) == cause
