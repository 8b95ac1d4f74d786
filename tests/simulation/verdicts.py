"""What must hold once everything has come to rest: each click has an outcome, and each verdict is true by the servers.

A verdict may differ from the truth only where a fault has destroyed the evidence, and that task has met the fault.
"""

from __future__ import annotations

import io
import json
import math
from collections import Counter
from typing import TYPE_CHECKING

from PIL import Image

from app.core.comfy import met_busy
from app.core.ends import EndCause, end_cause
from app.core.model import Delivery, Output, Task, TaskState
from app.core.origin import FILE_CLOCK_SLACK
from app.core.ports.blobs import Blob
from tests.simulation.server import SimServer
from tests.simulation.server.sim import EPOCH
from tests.simulation.store import Bytes

if TYPE_CHECKING:
    from tests.simulation.world import World

FORGETTING = frozenset(
    {
        "server killed",
        "server restarted",
        "server swapped",
        "executor died",  # ends with a restart
        "queue cleared",
        "history cleared",
        "history evicted",
    }
)
RESTARTING = frozenset({"server killed", "server restarted", "server swapped", "executor died"})
# A cleared history and a new machine look like a cleared queue if the entry was never seen.
REMOVING = frozenset({"queue cleared", "history cleared", "history evicted", "server swapped"})
VANISHING = frozenset({"server killed", "server restarted", "server swapped", "executor died", "file deleted"})
REPLACING = VANISHING | {"file overwritten"}  # a freed name is reused
UNSTAMPED = "nobody"  # bytes without a stamp
UNKEPT = frozenset({"storage full", "storage failing", "storage blocked"})
UNSEEN = UNKEPT | {"answer lost", "request lost"}  # an acceptance may not have been recorded


class Verdicts:
    """Checks one world at its end."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._runs = Counter(prompt_id for machine in world.machines for prompt_id in machine.ran)

    def check(self) -> None:
        """Check everything; a broken promise goes to `world.fail`."""
        for prompt_id, count in self._runs.items():
            if count > 1:
                self._world.fail(f"promise 5: {prompt_id} ran {count} times")
        for task in self._world.database.every_task():
            self._check_task(task)
        self._check_clicks()
        self._check_presses()
        self._check_lines()
        self._check_results()
        self._check_windows()
        self._check_editor_files()

    def _met(self, prompt_id: str, faults: frozenset[str]) -> bool:
        return bool(self._world.tally.met[prompt_id] & faults)

    # Tasks

    def end_of(self, task: Task) -> str | None:
        """Return what really became of a task, by the machines that have been at its address."""
        machines = self._world.stood_at.get(task.address, [])
        return next(
            (machine.finished[task.prompt_id] for machine in machines if task.prompt_id in machine.finished), None
        )

    def _check_task(self, task: Task) -> None:
        world, really = self._world, self.end_of(task)
        here = world.stood_at.get(task.address, [])
        elsewhere = [item.name for item in world.machines if item not in here and task.prompt_id in item.ran]
        if elsewhere:
            world.fail(f"promise 1: {task.prompt_id} ran on {elsewhere}, bound to {task.address}")
        if problem := self._problem(task, really):
            described = f"{task.state.value}, {'proven' if task.end.is_proven else 'inferred'}"
            world.fail(f"promise 6: {task.prompt_id} is shown as {described}; {problem}; really {really}")
        if (cause := end_cause(task)) is not None and not self._is_true(cause, task, really):
            world.fail(
                f"{task.prompt_id} is shown as {cause.value}; really {really}, met {world.tally.met[task.prompt_id]}"
            )
        for output in task.delivery.outputs:
            self._check_delivery(task, output)

    def _is_true(self, cause: EndCause, task: Task, really: str | None) -> bool:
        """Return whether the cause in the record is true, as far as the servers' answers can show it."""
        match cause:
            case EndCause.CANCELLED:
                return task.prompt_id in self._world.requested.cancelled
            case EndCause.INTERRUPTED:
                is_unwritten = task.prompt_id in self._world.requested.cancelled and self._world.tally.came & UNKEPT
                return self._met(task.prompt_id, frozenset({"interrupted by another"})) or bool(is_unwritten)
            case EndCause.REMOVED:
                return self._met(task.prompt_id, REMOVING)
            case EndCause.RESTARTED:
                return self._met(task.prompt_id, RESTARTING)
            case EndCause.NEVER_SEEN:
                was_unseen = really == "deleted" and self._met(task.prompt_id, UNSEEN)
                return really is None or was_unseen or self._met(task.prompt_id, FORGETTING)
            case EndCause.UNKNOWN:
                return True  # the cause claims nothing

    def _problem(self, task: Task, really: str | None) -> str:
        world, runs = self._world, self._runs[task.prompt_id]
        has_forgotten = self._met(task.prompt_id, FORGETTING)
        match task.state:
            case TaskState.SUCCEEDED:
                was_reported = task.end.told_end == "success" and not task.end.is_proven and has_forgotten and runs == 1
                return "" if really == "success" or was_reported else "it did not succeed"
            case TaskState.FAILED if (
                met_busy(task.end.failure) and not task.end.is_proven
            ):  # like lost, by two absent polls
                return "" if really in {None, "deleted"} or has_forgotten else "it ran"
            case TaskState.FAILED if task.end.failure is not None and task.end.failure.kind in {"rejected", "not_sent"}:
                return "it ran" if runs or really else ""
            case TaskState.FAILED:
                was_reported = task.end.told_end == "error" and not task.end.is_proven and has_forgotten and runs == 1
                return "" if really == "error" or was_reported else "it did not fail"
            case TaskState.CANCELLED:
                if task.prompt_id in world.requested.cancelled and (really in {None, "deleted"} or has_forgotten):
                    return ""
                return "" if really == "interrupted" else "no user cancelled it"
            case TaskState.LOST:
                return "" if really in {None, "deleted"} or has_forgotten else "nothing was lost"
            case TaskState.GIVEN_UP:
                return "" if task.prompt_id in world.requested.given_up else "no user gave it up"
            case _:
                return "it never ended"

    def check_lost(self) -> None:
        """Check, after another poll, that no task is called lost while its server still knows it."""
        world = self._world
        for task in world.database.all_tasks():
            machine = world.network.machine_of(task.server_id)
            is_polled = world.page_of(task.owner) and world.network.address_of(task.server_id) == task.address
            if task.state is TaskState.LOST and is_polled and machine and task.prompt_id in machine.history:
                world.fail(f"promise 6: {task.prompt_id} is shown as lost, and is in the history of {machine.name}")

    def _check_delivery(self, task: Task, output: Output) -> None:
        match output.delivery:
            case Delivery.GONE:
                is_excused = self._met(task.prompt_id, VANISHING) or self._was_deleted(task, output)
            case Delivery.OVERWRITTEN:
                is_replaced = self._met(task.prompt_id, REPLACING) or self._was_deleted(task, output)
                is_excused = is_replaced or self._was_overwritten(task, output) or _has_no_dates(task, output)
                is_excused |= _lacks_dates(task, output) and self._met(task.prompt_id, FORGETTING)
            case Delivery.NOT_KEPT:
                is_excused = bool(self._world.tally.came & UNKEPT)
            case _:
                return
        if not is_excused:
            self._world.fail(f"promise 8: {output.filename} of {task.prompt_id} is shown as {output.delivery.value}")

    def _was_deleted(self, task: Task, output: Output) -> bool:
        """Return whether another user deleted it, perhaps when no history showed its task."""
        return any((name, _key(output)) in self._world.promises.deleted for name in self._machines(task))

    def _was_overwritten(self, task: Task, output: Output) -> bool:
        """Return whether another prompt that had it from the cache overwrote it: both name one file."""
        return any((name, _key(output)) in self._world.promises.overwritten for name in self._machines(task))

    def _machines(self, task: Task) -> list[str]:
        """Return the machines that have been at its address."""
        return [machine.name for machine in self._world.stood_at.get(task.address, [])]

    # Results

    def _check_results(self) -> None:
        tasks = {str(task.prompt_id): task for task in self._world.database.every_task()}
        for (prompt_id, index), kept in self._world.database.results.items():
            task = tasks.get(prompt_id)
            if task is None:
                self._world.fail(f"promise 8: bytes of {prompt_id} are kept without its record")
            elif index >= len(task.delivery.outputs):
                self._world.fail(f"promise 8: {prompt_id} has kept bytes at {index}, and no such output")
            elif task.delivery.outputs[index].delivery is Delivery.KEPT:
                self._check_stamp(task, index, kept.blob)

    def _check_stamp(self, task: Task, index: int, blob: Blob) -> None:
        """Check the stamp: the server wrote its name and the prompt into the file."""
        assert isinstance(blob, Bytes)
        server, prompt = read_stamp(blob.data)
        makers = [machine for machine in self._world.stood_at[task.address] if task.prompt_id in machine.ran]
        output = task.delivery.outputs[index]
        is_its_own = prompt == json.loads(task.workflow) or output.node_id in task.end.cached
        if server in {machine.name for machine in makers} and is_its_own:
            return
        latest = _latest(task, output, makers)
        is_put = server == UNSTAMPED and self._was_put_there(output, makers, latest)
        if not is_put and not self._was_made_too_soon(task, output, latest):
            self._world.fail(f"promise 11: kept as {output.filename} of {task.prompt_id} is a picture of {server}")

    def _was_put_there(self, output: Output, makers: list[SimServer], latest: float) -> bool:
        """Return whether it was replaced before the task used it, or so soon that its date does not show it."""
        overwritten = self._world.promises.overwritten
        moments = [moment for machine in makers for moment in overwritten[machine.name, _key(output)]]
        return any(moment < latest for moment in moments)

    def _was_made_too_soon(self, task: Task, output: Output, latest: float) -> bool:
        """Return whether another task used its name at the address, so close in time that the date cannot show it."""
        posted = self._world.promises.posted_at.get(task.prompt_id, math.inf)
        made = int(output.etag.strip('"').partition("-")[0] or "0", 16) / 1e9
        return self._met(task.prompt_id, VANISHING) and posted - FILE_CLOCK_SLACK - 1.0 <= made <= latest

    # The editor's files

    def _check_editor_files(self) -> None:
        """Check that files that a record calls kept exist, and that files that it calls gone were really deleted."""
        database, came = self._world.database, self._world.tally.came
        is_excused = bool(came & UNKEPT or self._world.requested.deleted)
        for task in database.all_tasks():
            is_kept = task.editor_sha256 in database.inputs if task.editor_sha256 else not task.editor_fault
            if not is_kept and not is_excused:
                self._world.fail(f"the editor's file of {task.prompt_id} is gone: {task.editor_fault!r}")

    # Clicks and windows

    def _check_clicks(self) -> None:
        world = self._world
        for click in world.clicks:
            if not click.page.life.is_alive or (click.is_returned and click.error):
                continue  # a page that died before it registered loses its click; otherwise an error was shown
            known = click.prompt_id in world.database.ids or click.prompt_id in world.requested.deleted
            known |= click.prompt_id in world.promises.have_waited  # what becomes of those is checked at each write
            if click.prompt_id is None or not known:
                world.fail(f"promise 5: a click was not answered: {click.prompt_id} {click.error}")
        accounted = world.database.ids | world.requested.deleted
        for prompt_id in self._runs:
            if prompt_id not in accounted:
                world.fail(f"promise 5: {prompt_id} ran, and nothing is known of it")

    def _check_presses(self) -> None:
        """Check that no press was lost by a reload, nor by a crash once it was stored, unless its tab was closed.

        One that was refused is shown with its reason until the user dismisses it.
        """
        world = self._world
        tabs = [page.tab for page in world.pages]
        accounted = world.database.ids | world.requested.deleted | world.requested.removed
        for prompt_id, tab in world.interrupted.items():
            if tab in tabs and prompt_id not in accounted and prompt_id not in world.promises.have_waited:
                world.fail(f"promise 5: the press {prompt_id} is lost")

    def _check_lines(self) -> None:
        """Check that no run waits any more, and that every window's line is the stored one."""
        for prompt_id, row in self._world.database.waiting.items():
            self._world.fail(f"promise 5: {prompt_id} still waits in the line of {row['owner']}")
        if self._world.database.batches or self._world.database.lines:
            self._world.fail("what waiting runs shared was left behind")

    def _check_windows(self) -> None:
        world = self._world
        ids = [window_id for page in world.pages for window_id in page.tab.ids]
        if len(set(ids)) != len(ids):
            world.fail(f"promise 9: two windows share an id: {ids}")
        for window in [window for page in world.pages for window in page.windows]:
            for task in window.tasks.values():
                stored = world.database.task(task.prompt_id)
                if stored is None or (stored.owner, stored.epoch) != (window.window_id, task.epoch):
                    world.fail(f"promise 9: {window.window_id} keeps {task.prompt_id}, which is not its own")
        for page in world.pages:
            for problem in page.session.violations():
                world.fail(f"promise 4: {problem}")


def _has_no_dates(task: Task, output: Output) -> bool:
    """Return whether nothing dates the output: the history is gone, and the socket reported too little."""
    is_bounded = task.end.server_ended_ms is not None or output.told_ms is not None
    is_old = output.node_id in task.end.cached
    return not task.end.is_proven and (task.end.server_started_ms is None or not is_bounded or is_old)


def _lacks_dates(task: Task, output: Output) -> bool:
    """Return whether no date ties the file to the task: an earlier one made it, or the server reports none."""
    return output.node_id in task.end.cached or task.end.server_started_ms is None


def _key(output: Output) -> tuple[str, str, str]:
    return output.folder, output.subfolder, output.filename


def _latest(task: Task, output: Output, makers: list[SimServer]) -> float:
    """Return the date up to which files cannot be distinguished from the task's own."""
    ended = math.inf if task.end.server_ended_ms is None else task.end.server_ended_ms / 1000
    if task.end.server_ended_ms is None:
        ended = max(
            (EPOCH + machine.files[_key(output)][1] for machine in makers if _key(output) in machine.files),
            default=ended,
        )
    return ended + FILE_CLOCK_SLACK + 1.0


def read_stamp(data: bytes) -> tuple[str, object]:
    """Return the server that made a picture, and its prompt."""
    with Image.open(io.BytesIO(data)) as file:
        texts = getattr(file, "text", {})
    return texts.get("server", UNSTAMPED), json.loads(texts.get("prompt", "null"))
