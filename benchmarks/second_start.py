"""How long a second `python3 serve.py` takes until it accepts connections, without the network.

    python3 -m benchmarks.second_start

The environment of each start has proxies that lead nowhere, so a start that needed the network would fail.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from tests.services import free_ports

ROOT = Path(__file__).resolve().parent.parent
STARTS = 5
NOWHERE = "http://127.0.0.1:9"


def main() -> None:
    """Start, wait for the ready line, and end, several times."""
    environment = {**os.environ, "HTTP_PROXY": NOWHERE, "HTTPS_PROXY": NOWHERE, "NO_PROXY": "127.0.0.1,localhost"}
    seconds = [start_once(environment) for _ in range(STARTS)]
    result = {"starts": STARTS, "median_s": round(statistics.median(seconds), 3), "slowest_s": round(max(seconds), 3)}
    out = ROOT / "benchmarks" / "out" / "second_start.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=2), encoding="utf-8")
    print("| second start | seconds |\n|---|---|")
    print(f"| median of {STARTS} | {result['median_s']:.2f} |\n| slowest | {result['slowest_s']:.2f} |")


def start_once(environment: dict[str, str]) -> float:
    """Return the seconds from the command to its ready line, with one demo server."""
    command = [sys.executable, "serve.py", "--demo", "1", "--port", str(free_ports(2))]
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if "Mooring is ready" in line:
                return time.perf_counter() - began
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()
    raise SystemExit("it did not start; run `python3 serve.py` to see why")


if __name__ == "__main__":
    main()
