"""The benchmark of the choice of a server, at a small size, so that it keeps measuring what it should."""

from __future__ import annotations

from itertools import pairwise

import pytest

from benchmarks.balance import SETTINGS, AllKnowing, AtRandom, Mooring, Result, compare, measure, tables_of
from benchmarks.kit.simulated_fleet import Setting, World

SMALL = Setting(name="small", windows=20, servers=3, load=0.4, prompts=400, target=1.5)


@pytest.fixture(scope="module")
def found() -> dict[str, Result]:
    return compare(SMALL, 2)


def test_every_click_is_done_once() -> None:
    world = World(SMALL, 1)
    ended = world.run(Mooring())
    assert len(ended) == len({prompt.prompt_id for prompt in ended}) == SMALL.prompts
    assert all(prompt.ended_at > prompt.worked_at >= (prompt.started_at or 0) > prompt.arrival.at for prompt in ended)
    assert not world.browsers[0].prompts, "every window has heard"
    assert not world.browsers[0].durations.is_empty


def test_servers_do_one_job_and_windows_use_one_server() -> None:
    ended = World(SMALL, 1).run(Mooring())
    for server in {prompt.server.server_id for prompt in ended}:
        spans = sorted((item.started_at or 0, item.ended_at) for item in ended if item.server.server_id == server)
        assert all(before[1] <= after[0] for before, after in pairwise(spans))
    for window in range(SMALL.windows):
        mine = sorted((item for item in ended if item.arrival.window == window), key=lambda item: item.arrival.at)
        for before, after in pairwise(mine):
            assert after.arrival.at >= before.ended_at or after.server is before.server


def test_strategies_get_the_same_work_and_seeds_repeat() -> None:
    assert World(SMALL, 3).arrivals == World(SMALL, 3).arrivals
    assert World(SMALL, 3).arrivals != World(SMALL, 4).arrivals
    assert measure(SMALL, Mooring(), 3) == measure(SMALL, Mooring(), 3)


def test_burst_arrives_in_one_instant() -> None:
    times = [
        item.at
        for item in World(Setting(name="b", windows=9, servers=2, prompts=50, burst=9, burst_every=60), 1).arrivals
    ]
    assert times.count(60.0) == 9


def test_knowledge_is_better_than_chance(found: dict[str, Result]) -> None:
    assert found[AllKnowing.name].mean < found[AtRandom.name].mean
    assert found[Mooring.name].mean < found[AtRandom.name].mean
    assert found[Mooring.name].swaps < found[AtRandom.name].swaps


def test_table_says_whether_the_target_is_met(found: dict[str, Result]) -> None:
    text = tables_of(SMALL, found)
    assert "| Mooring |" in text and "Target: at most 1.50." in text
    worse = {**found, Mooring.name: found[AtRandom.name]}
    assert "MISSED" in tables_of(Setting(name="x", windows=1, servers=1, target=1.0), worse)


def test_targets_are_unchanged() -> None:
    targets = {setting.name: setting.target for setting in SETTINGS if setting.target is not None}
    assert {name: value for name, value in targets.items() if name.startswith("steady")} == {
        "steady": 1.10,
        "steady, studio": 1.10,
    }
    assert all(value == 1.25 for name, value in targets.items() if name.startswith("burst"))
