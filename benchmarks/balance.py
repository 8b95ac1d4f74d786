"""How well servers are chosen: Mooring's choice beside other strategies, in a simulated fleet.

    python3 -m benchmarks balance [--quick] [--seeds N] [--scenario NAME]

All strategies get the same clicks on the same servers, so each figure is a ratio within one run. Results: `BALANCE.md`.
"""

from __future__ import annotations

import argparse
import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

from app.core.balancer import Snapshot, choose
from app.core.model import ServerId
from benchmarks.kit.report import Load, show, table
from benchmarks.kit.simulated_fleet import Arrival, Policy, Setting, World

CACHE = 30.0  # seconds


class Mooring:
    """Mooring's choice, from what a window knows."""

    name = "Mooring"

    def choose(self, world: World, arrival: Arrival) -> ServerId:
        claims = world.browser_of(arrival.window).claims()
        job = arrival.kind.job
        return choose(world.snapshots(), claims, now=world.now, tie=arrival.draw, job=job).server_id


class AllKnowing:
    """Least work: the true seconds of everything queued or being sent, and of this work on each server."""

    name = "all-knowing least-work"

    def choose(self, world: World, arrival: Arrival) -> ServerId:
        return min(world.servers, key=lambda server: server.end_of(arrival, world.now)).server_id


class TwoChoice:
    """The shorter queue of two random servers."""

    name = "two-choice"

    def choose(self, world: World, arrival: Arrival) -> ServerId:
        drawn = random.Random(arrival.draw).sample(world.snapshots(), min(2, len(world.servers)))
        return min(drawn, key=_length).server_id


class RoundRobin:
    """One server after the other."""

    name = "round-robin"

    def __init__(self) -> None:
        self._next = 0

    def choose(self, world: World, arrival: Arrival) -> ServerId:  # noqa: ARG002 - the same for all work
        self._next += 1
        return world.servers[self._next % len(world.servers)].server_id


class AtRandom:
    """A random server."""

    name = "random"

    def choose(self, world: World, arrival: Arrival) -> ServerId:
        return world.servers[int(arrival.draw * len(world.servers))].server_id


class LeastQueueCached:
    """The shortest queue, as it was up to thirty seconds ago."""

    name = "least-queue, 30 s cache"

    def choose(self, world: World, arrival: Arrival) -> ServerId:  # noqa: ARG002 - the same for all work
        return min(world.cached(CACHE), key=_length).server_id


def _length(snapshot: Snapshot) -> int:
    return len(snapshot.running) + len(snapshot.pending)


POLICIES: tuple[Callable[[], Policy], ...] = (AllKnowing, Mooring, TwoChoice, RoundRobin, AtRandom, LeastQueueCached)

SEEDS = 2
QUICK = 8  # divides the amount of work

SETTINGS = (
    Setting(name="steady", windows=1000, servers=100, prompts=16000, target=1.10),
    Setting(name="steady, studio", windows=40, servers=4, load=0.45, prompts=6000, target=1.10),
    Setting(name="burst", windows=1000, servers=100, load=0.5, prompts=6000, burst=300, burst_every=120, target=1.25),
    Setting(
        name="burst, studio", windows=40, servers=4, load=0.4, prompts=6000, burst=20, burst_every=400, target=1.25
    ),
    Setting(name="stale", windows=1000, servers=100, prompts=8000, stale=30.0),
    Setting(name="steady, 4 people", windows=40, servers=4, people=4, load=0.45, prompts=6000),
    Setting(name="steady, 20 people", windows=1000, servers=100, people=20, prompts=8000),
)


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one run, in seconds. Only the second half of the clicks counts; the first half is for learning.

    `wait` is from the click to the picture, `start` from the click until its work begins, models loaded.
    """

    wait95: float
    start95: float
    mean: float
    makespan: float
    swaps: int


def measure(setting: Setting, policy: Policy, seed: int) -> Result:
    world = World(setting, seed)
    ended = world.run(policy)
    begin = world.arrivals[len(world.arrivals) // 2].at
    counted = [prompt for prompt in ended if prompt.arrival.window >= 0 and prompt.arrival.at >= begin]
    waits = [prompt.ended_at - prompt.arrival.at for prompt in counted]
    return Result(
        wait95=_p95(waits),
        start95=_p95([prompt.worked_at - prompt.arrival.at for prompt in counted]),
        mean=statistics.fmean(waits),
        makespan=max(prompt.ended_at for prompt in ended),
        swaps=sum(prompt.swapped > 0 for prompt in counted),
    )


def _p95(values: Sequence[float]) -> float:
    return sorted(values)[int(len(values) * 0.95)]


def compare(setting: Setting, seeds: int) -> dict[str, Result]:
    """Return the means of all seeds, by strategy."""
    found = {}
    for make in POLICIES:
        results = [asdict(measure(setting, make(), seed)) for seed in range(seeds)]
        found[make().name] = Result(**{name: statistics.fmean(item[name] for item in results) for name in results[0]})
    return found


def tables_of(setting: Setting, found: dict[str, Result]) -> str:
    """Return the section of one setting: its heading, its table, and whether it meets its target."""
    best = next(iter(found.values()))
    users = "" if setting.people == 1 else f", {setting.people} users"
    heads = ["", "p95 wait", "ratio", "p95 until it begins", "mean wait", "makespan", "swaps"]
    rows = [
        [
            name,
            f"{item.wait95:.0f} s",
            f"{item.wait95 / best.wait95:.2f}",
            *(f"{seconds:.0f} s" for seconds in (item.start95, item.mean, item.makespan)),
            f"{item.swaps:.0f}",
        ]
        for name, item in found.items()
    ]
    parts = [f"### {setting.name}: {setting.windows} windows, {setting.servers} servers{users}", table(heads, rows)]
    if setting.target is not None:
        is_met = found["Mooring"].wait95 / best.wait95 <= setting.target
        parts.append(f"Target: at most {setting.target:.2f}. {'Met' if is_met else 'MISSED'}.")
    return "\n\n".join(parts)


def main() -> None:
    """Run, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="an eighth of the work, one seed")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--scenario", default="", help="only those whose name begins so")
    options = parser.parse_args()
    load, found = Load(), {}
    for setting in SETTINGS:
        if setting.name.startswith(options.scenario):
            played = replace(setting, prompts=setting.prompts // QUICK) if options.quick else setting
            found[played] = compare(played, 1 if options.quick else options.seeds)
            print(f"{setting.name}: done", flush=True)
    sections = [tables_of(setting, results) for setting, results in found.items()]
    plain = {one.name: {name: asdict(item) for name, item in results.items()} for one, results in found.items()}
    show("balance", load, *sections, found=plain)


if __name__ == "__main__":
    main()
