"""Reports: Markdown on the terminal, and the measurements as JSON in `benchmarks/out/`.

    load = Load()
    ...
    show("memory", load, table(heads, rows), found=found)

A table that is worth keeping is copied by hand into a document of `benchmarks/`.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "benchmarks" / "out"


class Load:
    """The machine's load from other work: taken before a measurement, reported after it."""

    def __init__(self) -> None:
        self._before = os.getloadavg()[0]

    def __str__(self) -> str:
        return f"load {self._before:.1f} before, {os.getloadavg()[0]:.1f} after, {os.cpu_count()} cores"


def show(name: str, load: Load, *tables: str, found: Any) -> None:
    """Print tables with the date, the commit and the load, and write what was measured to `benchmarks/out/`."""
    about = f"{time.strftime('%Y-%m-%d')}, `{commit()}`, {load}"
    print(f"\n{about}\n", "\n\n".join(tables), sep="\n")
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / f"{name}.json").write_text(json.dumps({"about": about, "found": found}, indent=1), "utf-8")


def commit() -> str:
    """Return the commit that was measured, and whether files have changed since."""
    command = ["git", "describe", "--always", "--dirty"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip() or "unknown"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Format cells as Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def median_and_range(found: Sequence[float], form: str = ".0f") -> list[str]:
    """Return the median and the range, as two cells."""
    return [median(found, form), f"{min(found):{form}} to {max(found):{form}}"]


def median(found: Sequence[float], form: str = ".0f") -> str:
    """Return the median as a cell."""
    return f"{statistics.median(found):{form}}"


def share(ours: Sequence[float], others: Sequence[float]) -> str:
    """Return our median as a share of the other's."""
    return f"{statistics.median(ours) / statistics.median(others):.2f}"


def percentiles(waits: Sequence[float]) -> dict[str, float]:
    """Return the median, the 95th and 99th percentile, and the longest of some waits; zeros of none."""
    ordered = sorted(waits) or [0.0]
    parts = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
    return {name: ordered[min(len(ordered) - 1, int(len(ordered) * part))] for name, part in parts.items()}
