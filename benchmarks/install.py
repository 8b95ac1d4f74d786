"""How long `python3 serve.py` takes until its address is printed: the first time in a fresh clone, and again.

    python3 -m benchmarks install [COMMIT …]        # by default the current one, so that before and after compare

Each clone is one of this repository at a commit. The caches of pip and npm are the machine's; they are warm if
something was installed here before. The first start ends once the page was requested: *CPU* is what set-up and the
gateway, with all their child processes, have used until then. The later starts have proxies that lead nowhere, so one
that needed the network would fail.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks.kit.report import ROOT, Load, median, show, table
from tests.kit.services import free_ports

PYTHON: str = getattr(sys, "_base_executable", sys.executable)  # as on a new machine: not .venv's
READY = "Mooring is ready: "
STEP = re.compile(r"\[\d+/\d+\] (?P<name>.+?) … ")
WASM = "static/vendor/pyodide/pyodide.asm.wasm"
LATER = 5  # starts
NOWHERE = "http://127.0.0.1:9"
OFFLINE = {"HTTP_PROXY": NOWHERE, "HTTPS_PROXY": NOWHERE, "NO_PROXY": "127.0.0.1,localhost"}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commits", nargs="*", default=["HEAD"], metavar="COMMIT")
    commits = parser.parse_args().commits
    load = Load()
    found = {commit: starts_of(commit) for commit in commits}
    names = dict.fromkeys(name for steps in found.values() for name in steps)
    rows = [[name, *(f"{steps[name]:.1f}" if name in steps else "" for steps in found.values())] for name in names]
    show("install", load, table(["seconds", *found], rows), found=found)


def starts_of(commit: str) -> dict[str, float]:
    """Return the seconds of each step of the first start, and of later ones, in a clone that is deleted afterwards."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        clone = Path(folder) / "mooring"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
        subprocess.run(["git", "-C", str(clone), "checkout", "-q", commit], check=True)
        return first_start(clone) | {f"later starts, median of {LATER}": later_start(clone)}


def first_start(clone: Path) -> dict[str, float]:
    """Return the seconds of each step, and what was used until the page was there."""
    began, used = time.perf_counter(), cpu_of_children()
    with serve(clone) as process:
        found, address = read_steps(process, began)
        found["until its address is printed"] = time.perf_counter() - began
        found["its largest file, sent then, MB"] = bytes_of(address) / 1e6
    return found | {"CPU until then": cpu_of_children() - used}


def later_start(clone: Path) -> float:
    """Return the median seconds of starts that need nothing."""
    seconds = []
    for _ in range(LATER):
        began = time.perf_counter()
        with serve(clone, OFFLINE) as process:
            read_steps(process, began)
            seconds.append(time.perf_counter() - began)
    return float(median(seconds, ".3f"))


def cpu_of_children() -> float:
    """Return the CPU of all children that have ended, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextlib.contextmanager
def serve(clone: Path, more: Mapping[str, str] = {}) -> Iterator[subprocess.Popen[str]]:
    """Run the command, and end it with the block."""
    command = [PYTHON, "serve.py", "--demo", "1", "--port", str(free_ports(2))]
    environment = {**os.environ, **more}
    with subprocess.Popen(
        command, cwd=clone, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def read_steps(process: subprocess.Popen[str], began: float) -> tuple[dict[str, float], str]:
    """Return the seconds of each step by its name, and the address."""
    assert process.stdout is not None
    found, last = {}, began
    for line in process.stdout:
        print(line, end="", flush=True)
        now = time.perf_counter()
        if step := STEP.match(line):
            found[step["name"]] = now - last
            last = now
        if READY in line:
            return found, line.partition(READY)[2].strip().rstrip("/")
    raise SystemExit("it did not start; run `python3 serve.py` to see why")


def bytes_of(address: str) -> int:
    """Return the size of the page's largest file, as sent to a browser that accepts all encodings."""
    with urllib.request.urlopen(f"{address}/") as reply:
        found = re.search(r"/b/[0-9a-f]{32}/", reply.read().decode())
    assert found
    request = urllib.request.Request(f"{address}{found[0]}{WASM}", headers={"Accept-Encoding": "gzip, br"})
    with urllib.request.urlopen(request) as reply:
        return len(reply.read())


if __name__ == "__main__":
    main()
