"""The promises (docs/promises.md) as invariants of many simulated lives. A failing seed replays exactly."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.simulation.life import live, try_living
from tests.simulation.report import Report

SEEDS = int(os.environ.get("MOORING_SIM_SEEDS", "60"))


@pytest.mark.parametrize("seed", range(SEEDS))
def test_promises_hold_despite_faults(seed: int) -> None:
    world = live(seed)
    assert world.posted, "a life in which nothing was submitted shows nothing"


def test_lives_send_the_editors_file() -> None:
    assert sum(try_living(seed).tally.counts["editor's files"] for seed in range(3)) > 3


def test_same_seed_has_the_same_life_in_another_process() -> None:
    digests = [_digest(7) for _ in range(2)]
    assert digests[0] == digests[1]
    assert "broken promises, trace" in digests[0]


def _digest(seed: int) -> str:
    command = [sys.executable, "-m", "tests.simulation", "--seed", str(seed)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    return ended.stdout.splitlines()[-1]


def test_report_fails_on_broken_promise_and_names_seed() -> None:
    report, world = Report(), try_living(1)
    report.add(1, world.tally, [])
    assert report.is_good
    report.add(2, world.tally, ["promise 5: it ran twice"])
    assert not report.is_good
    assert "seed 2" in report.text and "promise 5: it ran twice" in report.text


def test_long_run_with_an_untried_cell_fails() -> None:
    report = Report()
    report.tally.counts["lives"] = 10_000
    assert report.empty and not report.is_good
