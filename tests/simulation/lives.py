"""Many lives, several at a time, each in a process of its own."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator

from tests.simulation.life import try_living
from tests.simulation.tally import Tally

Lived = tuple[int, Tally, list[str]]  # seed, counts, broken promises


def live_many(seeds: range, jobs: int, seconds: float) -> Iterator[Lived]:
    """Yield each life when it ends."""
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap_unordered(_live, [(seed, seconds) for seed in seeds], chunksize=10)


def _live(order: tuple[int, float]) -> Lived:
    seed, seconds = order
    try:
        world = try_living(seed, seconds=seconds)
    except Exception as error:  # noqa: BLE001 - an error of the simulation is a finding too
        return seed, Tally(), [f"the life broke off: {error!r}"]
    return seed, world.tally.plain(), world.broken
