"""Learned durations: one run teaches something about every server, and cached work teaches nothing."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from app.core.durations import (
    LONGEST_SWAP,
    MOST_KINDS,
    MOST_SERVERS,
    UNKNOWN,
    UNKNOWN_SWAP,
    Durations,
    Ran,
    missing_share,
    observed,
)
from app.core.model import Job, NodeId, ServerId, TaskState
from app.core.records import decode, encode
from tests.kit.builders import A, B, C, submitted

PLAIN = Job("plain")
OTHER = Job("other")
SMALL = Job("small", 1.0, ("small.safetensors",))
LARGE = Job("large", 1.0, ("large.safetensors", "text.safetensors"))
SAMPLER = '{"1": {"class_type": "KSampler", "inputs": {"steps": 9}}, "2": {"class_type": "SaveImage", "inputs": {}}}'


class Log:
    """Runs one after the other on each server."""

    def __init__(self) -> None:
        self.durations = Durations()
        self._clock: dict[ServerId, int] = {}

    def ran(self, server_id: ServerId, job: Job, seconds: float, address: str = "") -> Durations:
        began = self._clock.get(server_id, 0)
        ended = self._clock[server_id] = began + round(seconds * 1000)
        self.durations = self.durations.learned(
            Ran(server_id=server_id, address=address, job=job, started_ms=began, ended_ms=ended)
        )
        return self.durations


def test_nothing_known_is_a_guess() -> None:
    assert Durations().is_empty
    assert Durations().expected(A, PLAIN) == pytest.approx(UNKNOWN)
    assert Durations().expected(A, None) == UNKNOWN
    assert Durations().swap(SMALL.models, None) == UNKNOWN_SWAP


def test_one_run_teaches_its_kind_on_every_server() -> None:
    durations = Log().ran(A, PLAIN, 12.0)
    assert not durations.is_empty
    assert durations.expected(A, PLAIN) == pytest.approx(12.0)
    assert durations.expected(B, PLAIN) == pytest.approx(12.0)


def test_one_run_on_slow_server_teaches_every_kind_there() -> None:
    log = Log()
    for _ in range(10):
        log.ran(A, PLAIN, 10.0)
        log.ran(A, OTHER, 40.0)
    durations = log.ran(B, PLAIN, 30.0)
    assert durations.expected(B, OTHER) == pytest.approx(120.0, rel=0.15)
    assert durations.expected(A, OTHER) == pytest.approx(40.0, rel=0.1)


def test_kind_slow_on_one_server_only_is_learned() -> None:
    log = Log()
    for _ in range(20):
        for server_id, seconds in ((A, 10.0), (B, 10.0)):
            log.ran(server_id, PLAIN, seconds)
        log.ran(A, OTHER, 20.0)
        log.ran(B, OTHER, 100.0)
    assert log.durations.expected(B, OTHER) == pytest.approx(100.0, rel=0.15)
    assert log.durations.expected(B, PLAIN) == pytest.approx(10.0, rel=0.15)


def test_another_size_of_a_known_family_takes_its_share() -> None:
    durations = Log().ran(A, Job("x", 20.0), 10.0)
    assert durations.expected(A, Job("x", 40.0)) == pytest.approx(20.0, rel=0.3)
    assert durations.expected(A, Job("x", 2e9)) < 200.0, "no further than it can be carried"


def test_a_server_under_another_address_is_another_server() -> None:
    log = Log()
    log.ran(A, PLAIN, 10.0, "http://old")
    log.ran(B, PLAIN, 10.0)
    log.ran(B, PLAIN, 10.0)
    log.ran(A, PLAIN, 100.0, "http://old")
    durations = log.ran(A, PLAIN, 10.0, "http://new")
    assert durations.expected(A, PLAIN) < 30.0


def test_it_follows_a_server_that_has_become_faster() -> None:
    log = Log()
    for _ in range(30):
        log.ran(A, PLAIN, 60.0)
    for _ in range(30):
        log.ran(A, PLAIN, 20.0)
    assert log.durations.expected(A, PLAIN) == pytest.approx(20.0, rel=0.1)


# Models


def test_swap_time_is_separated_from_work() -> None:
    log = Log()
    log.ran(A, SMALL, 10.0)
    for _ in range(8):
        log.ran(A, SMALL, 10.0)
        log.ran(A, LARGE, 50.0)  # 20 of work, 30 to load
        log.ran(A, LARGE, 20.0)
        log.ran(A, LARGE, 20.0)
        log.ran(A, SMALL, 16.0)
    durations = log.durations
    assert durations.expected(A, LARGE) == pytest.approx(20.0, rel=0.1)
    assert durations.expected(A, SMALL) == pytest.approx(10.0, rel=0.1)
    assert durations.swap(LARGE.models, SMALL.models) == pytest.approx(30.0, rel=0.15)
    assert durations.swap(SMALL.models, LARGE.models) == pytest.approx(6.0, rel=0.3)
    assert durations.swap(LARGE.models, LARGE.models) == 0.0
    assert durations.loaded(A) == SMALL.models


def test_a_swap_is_never_longer_than_one_can_be() -> None:
    log = Log()
    log.ran(A, LARGE, 10.0)
    log.ran(A, LARGE, 10.0)
    log.ran(A, SMALL, 10.0)
    assert log.ran(A, LARGE, 9000.0).swap(LARGE.models, None) <= LONGEST_SWAP


def test_work_without_models_leaves_loaded_what_is() -> None:
    log = Log()
    log.ran(A, SMALL, 10.0)
    assert log.ran(A, PLAIN, 10.0).loaded(A) == SMALL.models


@pytest.mark.parametrize(
    ("models", "loaded", "share"),
    [((), None, 0.0), (("a",), None, 1.0), (("a",), ("a", "b"), 0.0), (("a", "b"), ("a",), 0.5), (("a",), ("b",), 1.0)],
)
def test_only_what_is_not_loaded_has_to_be(
    models: tuple[str, ...], loaded: tuple[str, ...] | None, share: float
) -> None:
    assert missing_share(models, loaded) == share


def test_late_end_does_not_change_loaded_models() -> None:
    log = Log()
    log.ran(A, SMALL, 10.0)
    log.ran(A, LARGE, 30.0)
    late = Ran(server_id=A, address="", job=SMALL, started_ms=10_000, ended_ms=15_000)
    assert log.durations.learned(late) == log.durations
    plain = log.durations.learned(replace(late, job=PLAIN))
    assert plain.loaded(A) == LARGE.models
    assert plain.expected(A, PLAIN) == pytest.approx(5.0)


# What counts


def ended(**changes: object) -> object:
    """What a task that took eight seconds teaches."""
    facts = {
        "state": TaskState.SUCCEEDED,
        "is_proven": True,
        "server_started_ms": 1000,
        "server_ended_ms": 9000,
        "job": PLAIN,
        "workflow": SAMPLER,
    }
    ran = observed(submitted("p-1", A, **{**facts, **changes}))
    return None if ran is None else ran.seconds


def test_a_run_counts_by_the_servers_own_clock() -> None:
    assert ended() == 8.0


@pytest.mark.parametrize(
    "change",
    [
        {"state": TaskState.FAILED},
        {"is_proven": False},
        {"server_started_ms": None},
        {"server_ended_ms": None},
        {"server_ended_ms": 900},
        {"job": None},
        {"cached": (NodeId("1"), NodeId("2"))},
        {"cached": (NodeId("1"),)},
    ],
)
def test_failed_untimed_and_cached_runs_are_not_learned(change: dict[str, object]) -> None:
    assert ended(**change) is None


def test_a_cached_loader_does_not_spoil_a_run() -> None:
    assert ended(cached=(NodeId("2"),)) == 8.0


# Kept


def test_it_stays_small_whatever_is_run() -> None:
    log, chance = Log(), random.Random(3)
    for number in range(600):
        log.ran(ServerId(f"s-{number % 250}"), Job(f"f-{number}", 1.0, (f"{number}.pt",)), chance.uniform(1, 90))
    assert len(log.durations.kinds) == MOST_KINDS
    assert len(log.durations.servers) == MOST_SERVERS
    assert "f-599 1" in log.durations.kinds and "f-0 1" not in log.durations.kinds


def test_it_comes_back_as_it_was_kept() -> None:
    log = Log()
    for server_id in (A, B, C):
        log.ran(server_id, SMALL, 10.0)
        log.ran(server_id, LARGE, 50.0)
    assert decode(Durations, encode(log.durations)) == log.durations
    assert decode(Durations, {}) == Durations()
