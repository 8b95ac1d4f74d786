"""The promises of DESIGN 1, as invariants of many simulated lives. A failing seed replays exactly."""

from __future__ import annotations

import os

import pytest

from tests.simulation.life import live

SEEDS = int(os.environ.get("MOORING_SIM_SEEDS", "40"))


@pytest.mark.parametrize("seed", range(SEEDS))
def test_promises_hold_whatever_breaks(seed: int) -> None:
    world = live(seed)
    assert world.posted, "a life in which nothing was submitted shows nothing"


@pytest.mark.parametrize("seed", range(SEEDS // 2))
def test_promises_hold_without_web_locks(seed: int) -> None:
    live(10_000 + seed, has_locks=False)


def test_the_same_seed_lives_the_same_life() -> None:
    assert live(7).trace == live(7).trace
