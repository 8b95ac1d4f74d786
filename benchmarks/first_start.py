"""How long the first `python3 serve.py` takes in a fresh clone until its address is printed.

    python3 -m benchmarks.first_start [COMMIT …]

Each clone is one of this repository at a commit (default: the current one), so that before and after can be compared.
The caches of pip and npm are the machine's; they are warm if something was installed here before. The start ends once
the page was requested: *CPU* is what set-up and the gateway, with all their child processes, have used until then.
"""

from __future__ import annotations

import contextlib
import re
import resource
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from benchmarks.sections import Load, table, write_json, write_section
from tests.services import free_ports

ROOT = Path(__file__).resolve().parent.parent
PYTHON: str = getattr(sys, "_base_executable", sys.executable)  # as on a new machine: not .venv's
READY = "Mooring is ready: "
STEP = re.compile(r"\[\d+/\d+\] (?P<name>.+?) … ")
WASM = "static/vendor/pyodide/pyodide.asm.wasm"
READY_WORDS, CPU_WORDS, SENT_WORDS = "until its address is printed", "CPU until then", "its largest file, sent then, MB"
TITLE = "First start"
INTRO = """`python3 -m benchmarks.first_start {commits}`: the first `python3 serve.py --demo 1` in a fresh
clone, by its own steps, in seconds ({load}). The caches of pip and npm were warm.

"""


def main() -> None:
    """Measure, print, write the section."""
    commits = sys.argv[1:] or ["HEAD"]
    load = Load()
    found = {commit: first_start(commit) for commit in commits}
    names = dict.fromkeys(name for steps in found.values() for name in steps)
    rows = [[name, *(f"{steps[name]:.1f}" if name in steps else "" for steps in found.values())] for name in names]
    report = table(["", *found], rows)
    print(report)
    write_section("RESULTS.md", TITLE, INTRO.format(commits=" ".join(commits), load=load) + report)
    write_json("first_start", {"load": str(load), "seconds": found})


def first_start(commit: str) -> dict[str, float]:
    """Return the seconds of each step and until ready, in a clone that is deleted afterwards."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        clone = Path(folder) / "mooring"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
        subprocess.run(["git", "-C", str(clone), "checkout", "-q", commit], check=True)
        began, used = time.perf_counter(), cpu_of_children()
        with serve(clone) as process:
            found, address = read_steps(process, began)
            found[READY_WORDS] = time.perf_counter() - began
            sent = bytes_of(address)
        return found | {CPU_WORDS: cpu_of_children() - used, SENT_WORDS: sent / 1_000_000}


def cpu_of_children() -> float:
    """Return the seconds of CPU of all ended child processes and their children."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@contextlib.contextmanager
def serve(clone: Path) -> Iterator[subprocess.Popen[str]]:
    """Run the command, and end it with the block."""
    command = [PYTHON, "serve.py", "--demo", "1", "--port", str(free_ports(2))]
    with subprocess.Popen(command, cwd=clone, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
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
