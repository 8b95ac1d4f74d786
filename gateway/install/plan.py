"""The steps that a clone still needs, and taking them."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TextIO

from gateway.install.browser import BrowserRuntime
from gateway.install.builds import Builds, builds_step
from gateway.install.environment import NODE, RUN, TEST, Environment
from gateway.install.exclusion import exclusive
from gateway.install.failures import explain_os
from gateway.install.place import Installation
from gateway.install.snapshot import Snapshots, snapshot_step
from gateway.install.steps import Step, Tools, take
from gateway.page import templates

WAITING = "Another set-up is at work in this folder; waiting for it to end …\n"


def set_up(root: Path, *, dev: bool = False, packed: bool = False, show: TextIO | None = None) -> Path:
    """Set up what is missing in the clone at `root`, with the tests' tools if `dev`; return .venv's Python.

    With `packed` (and with `dev`) it waits for what a gateway would otherwise make while it runs. Each step is shown as
    one line on `show` (default: stdout). A failed step raises `SetupError` with a sentence for the user; the next call
    continues from there.
    """
    place = Installation(root)
    out = show or sys.stdout
    try:
        if not _is_ready(place, dev, packed):
            with exclusive(place.lock, lambda: _say(out, WAITING)) as lock:
                _work(place, dev, packed, out, lock)
    except OSError as error:
        raise explain_os(error, root) from error
    return place.python


def _is_ready(place: Installation, dev: bool, packed: bool) -> bool:
    environment, builds = Environment(place), Builds(place)
    if environment.missing([TEST if dev else RUN]) or not BrowserRuntime(place, dev).is_ready():
        return False
    # Changed sources do not delay the start: the gateway makes what it needs. Tests want it from the start.
    if not dev and not packed:
        return builds.has_any()
    environment.lend_packages()
    return not templates.stale(place.root) and builds.is_ready() and Snapshots(place).is_ready()


def _work(place: Installation, dev: bool, packed: bool, out: TextIO, lock: int) -> None:
    if _is_ready(place, dev, packed):
        return  # another set-up, which we waited for, has done it
    shutil.rmtree(place.scratch, ignore_errors=True)
    place.log.write_text("", "utf-8")
    tools = Tools(place, lock)
    runtime = BrowserRuntime(place, dev)
    environment = Environment(place)
    steps = _steps(environment, runtime, [TEST if dev else RUN], tools)
    if templates.stale(place.root):
        steps.append(Step("Page templates", lambda: _compile(place, tools)))
    # Compressing takes some seconds: tests and images wait for it, so that no test shares the machine with it.
    builds = builds_step(place, packs=dev or packed)

    def keep_builds() -> str | None:
        environment.lend_packages()  # compiling the catalogues needs one of them
        return builds.work()

    take([*steps, Step(builds.name, keep_builds), snapshot_step(place, tools.output_of)], out)
    shutil.rmtree(place.scratch, ignore_errors=True)


def _steps(environment: Environment, runtime: BrowserRuntime, locks: list[str], tools: Tools) -> list[Step]:
    later: list[Step] = []
    if not runtime.is_ready():
        locks = [*locks, NODE] if runtime.needs_npm() else locks
        later = runtime.steps(tools)
    return [*environment.steps(locks, tools), *later]


def _compile(place: Installation, tools: Tools) -> None:
    """Compile with .venv's Python, since this one may have no Jinja2."""
    tools.run("The templates' compiler", [place.python, "-m", "gateway.page.templates", place.root])


def _say(out: TextIO, text: str) -> None:
    out.write(text)
    out.flush()
