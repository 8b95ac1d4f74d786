"""The long simulation.

python -m tests.simulation --seeds 10000             many lives, two at a time, with the table fault × phase
python -m tests.simulation --seed 4711               one life, replayed exactly, with its trace
python -m tests.simulation --replay bundle.json      replay a window's debug bundle
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

from gateway.platforms import system
from tests.simulation.life import SECONDS, try_living
from tests.simulation.lives import live_many
from tests.simulation.replay import replay
from tests.simulation.report import Report

HASH_SEED = "0"  # the order of sets depends on it, so a life is the same only with the same one
_PROGRESS = 500  # lives between two lines


def main(arguments: list[str]) -> int:
    """Run the requested lives; return 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=200, help="how many lives (default: 200)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (default: 0)")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time (default: 2)")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="virtual seconds of each life before it rests")
    parser.add_argument("--seed", type=int, help="replay one life, with its trace")
    parser.add_argument("--replay", type=Path, help="replay a debug bundle")
    given = parser.parse_args(arguments)
    if given.replay is not None:
        return _replay(given.replay)
    if given.seed is not None:
        return _one(given.seed, given.seconds)
    return _many(range(given.first, given.first + given.seeds), given.jobs, given.seconds)


def _one(seed: int, seconds: float) -> int:
    world = try_living(seed, seconds=seconds)
    print("\n".join([*world.trace, *world.broken]))
    print(f"seed {seed}: {len(world.broken)} broken promises, trace {world.digest}")
    return 1 if world.broken else 0


def _many(seeds: range, jobs: int, seconds: float) -> int:
    report = Report()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        for done, (seed, tally, broken) in enumerate(live_many(seeds, jobs, seconds), 1):
            report.add(seed, tally, broken)
            if broken:
                print(f"seed {seed}: {broken[0][:300]}", flush=True)
            if done % _PROGRESS == 0:
                print(f"{done} lives, {len(report.broken)} broken, {len(report.empty)} cells empty", flush=True)
    except KeyboardInterrupt:
        print("stopped; so far:")
    print(report.text)
    return 0 if report.is_good else 1


def _replay(bundle: Path) -> int:
    report = replay(bundle)
    print(report)
    print("\n".join(report.problems))
    return 0 if report.ok else 1


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != HASH_SEED:
        os.environ["PYTHONHASHSEED"] = HASH_SEED
        system.become([sys.executable, "-m", "tests.simulation", *sys.argv[1:]], os.environ)
    sys.exit(main(sys.argv[1:]))
