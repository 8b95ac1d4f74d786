"""Compares Mooring's choice of a server with other strategies, in a simulated fleet.

    python3 -m benchmarks.balance [--quick] [--seeds N] [--scenario NAME]

All strategies get the same clicks on the same servers, so each figure is a ratio within one run. Results: `BALANCE.md`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from benchmarks.balance_rivals import POLICIES
from benchmarks.balance_world import Policy, Setting, World

OUT = Path(__file__).resolve().parent / "out" / "balance.json"
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


def table(setting: Setting, found: dict[str, Result]) -> str:
    """Format the results as Markdown: seconds, and the ratio to the first row."""
    best = next(iter(found.values()))
    people = "" if setting.people == 1 else f", {setting.people} people"
    rows = [
        f"### {setting.name}: {setting.windows} windows, {setting.servers} servers{people}",
        "",
        "| | p95 wait | ratio | p95 until it begins | mean wait | makespan | swaps |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, item in found.items():
        figures = [f"{item.wait95:.0f} s", f"{item.wait95 / best.wait95:.2f}", f"{item.start95:.0f} s"]
        figures += [f"{item.mean:.0f} s", f"{item.makespan:.0f} s", f"{item.swaps:.0f}"]
        rows.append(f"| {name} | {' | '.join(figures)} |")
    if setting.target is not None:
        ratio = found["Mooring"].wait95 / best.wait95
        rows += ["", f"Target: at most {setting.target:.2f}. {'Met' if ratio <= setting.target else 'MISSED'}."]
    return "\n".join(rows)


def main() -> None:
    """Run, print, and write the table."""
    parser = argparse.ArgumentParser(description="How well servers are chosen.")
    parser.add_argument("--quick", action="store_true", help="an eighth of the work, one seed")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--scenario", help="only those whose name begins so")
    options = parser.parse_args()
    written = {}
    for setting in SETTINGS:
        if not setting.name.startswith(options.scenario or ""):
            continue
        began = time.perf_counter()
        played = replace(setting, prompts=setting.prompts // QUICK) if options.quick else setting
        found = compare(played, 1 if options.quick else options.seeds)
        print(table(played, found), f"\n({time.perf_counter() - began:.0f} s)\n", flush=True)
        written[setting.name] = {name: asdict(item) for name, item in found.items()}
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(written, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
