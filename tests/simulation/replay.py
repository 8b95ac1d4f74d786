"""Check a recorded life: the journal of a report is replayed through `core.truth` and the aggregate.

    report = replay("report.json")        # from `await mooring.debugBundle()`, saved as JSON
    assert report.ok, report.problems

Each piece of evidence is judged from the recorded state before it and must lead to the recorded state after it; each
change of the window must be possible in the recorded order and lead to the recorded mooring; and no entry may
contradict a promise. Dropped entries are counted and not judged.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.core.errors import MooringError
from app.core.journal import JournalEntry, read_entry
from app.core.journal_entries import holders, read_evidence, read_task, verdict
from app.core.model import ClientId, PromptId, Reservation, ServerId, WindowId
from app.core.truth import judge
from app.core.window import Restoring, Window

NO_CLIENT = ClientId("")
# What may change between two pieces of evidence without one: deliveries, what each poll may forget, and notes.
FREE = frozenset({"outputs", "silent_looks", "place", "longest_still", "confirmed_address", "notes"})


@dataclass
class Replayed:
    """The result of a replay: `judged` counts pieces of evidence, `skipped` what could not be judged, by cause."""

    entries: int = 0
    judged: int = 0
    window_steps: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether the replay reached every recorded state."""
        return not self.problems


def replay(path: str | Path) -> Replayed:
    """Replay the journal of a report in a file."""
    return replay_bundle(json.loads(Path(path).read_text("utf-8")))


def replay_bundle(bundle: Mapping[str, Any]) -> Replayed:
    """Replay the journal of a report."""
    recorded = bundle.get("journal", {}).get("entries", [])
    entries = [read_entry(item) for item in recorded]
    if None in entries:
        return Replayed(problems=["an entry of the journal is none"])
    return Replay().run(entry for entry in entries if entry is not None)


class Replay:
    """Replays the life of a session's windows."""

    def __init__(self) -> None:
        self.report = Replayed()
        self._own = ""  # the session's own window, which entries of older reports do not name
        self._windows: dict[str, Window] = {}  # those whose state the recorded entries show
        self._bound: dict[str, tuple[str, str]] = {}
        self._standing: dict[str, Mapping[str, Any]] = {}
        self._submitted: set[str] = set()
        self._entry = JournalEntry(0.0, "")
        self._steps: dict[str, Callable[[Mapping[str, Any]], None]] = {
            "claimed": self._claimed, "restored": self._restored, "reserved": self._reserved,
            "released": self._released, "registered": self._registered, "adopted": self._adopted,
            "dropped": self._dropped, "moored": self._moored, "evidence": self._evidence, "uploaded": self._uploaded,
            "submitting": self._submitting, "socket": self._socket,
        }  # fmt: skip

    def run(self, entries: Iterable[JournalEntry]) -> Replayed:
        """Replay all entries in order."""
        for entry in entries:
            self._entry = entry
            self.report.entries += 1
            try:
                self._check_bound(entry.facts)
                if entry.kind in self._steps:
                    self._steps[entry.kind](entry.facts)
            except MooringError as error:
                self._fail(f"the window refuses: {error!r}")
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                self._fail(f"cannot be read: {error!r}")
        return self.report

    def _fail(self, text: str) -> None:
        self.report.problems.append(f"entry {self.report.entries} ({self._entry.kind} at {self._entry.at}): {text}")

    def _expect(self, condition: object, text: str) -> None:
        if not condition:
            self._fail(text)

    def _check_bound(self, facts: Mapping[str, Any]) -> None:
        """Check that a task has the same server in all entries (promise 2)."""
        prompt_id, server_id, address = facts.get("prompt_id"), facts.get("server_id"), facts.get("address")
        if prompt_id is None or server_id is None:
            return
        known = self._bound.get(prompt_id)
        if known is None:
            if address is not None and self._entry.kind != "reserved":
                self._bound[prompt_id] = (server_id, address)
            return
        self._expect(known[0] == server_id, f"promise 2: {prompt_id} at {server_id}, bound to {known[0]}")
        self._expect(address in (None, known[1]), f"promise 2: {prompt_id} at {address}, bound to {known[1]}")

    # The window

    def _claimed(self, facts: Mapping[str, Any]) -> None:
        self._own = str(facts.get("window_id", ""))
        self._windows = {}
        self._standing = {}

    def _id(self, facts: Mapping[str, Any]) -> str:
        """The window that an entry is about."""
        return str(facts.get("window_id", self._own))

    def _put(self, window: Window) -> None:
        self._windows[window.window_id] = window

    def _having(self, prompt_id: str) -> Window | None:
        """The window that has this task."""
        return next((window for window in self._windows.values() if prompt_id in window.tasks), None)

    def _restored(self, facts: Mapping[str, Any]) -> None:
        if "cut" in facts:
            self.report.skipped["restored, cut"] += 1
            return
        tasks = [read_task(task) for task in facts["tasks"]]
        self._put(Restoring(WindowId(facts["window_id"])).restored(NO_CLIENT, tasks))
        self._standing |= {task["prompt_id"]: task for task in facts["tasks"]}
        self.report.window_steps += 1

    def _reserved(self, facts: Mapping[str, Any]) -> None:
        if self._id(facts) not in self._windows and facts["was"] is None:  # the state of a free window is known
            self._put(Window(WindowId(facts["window_id"]), NO_CLIENT))
        if (window := self._known(facts)) is None:
            return
        self._expect(window.window_locked_server == facts["was"], f"moored to {window.window_locked_server} before")
        reserved = window.reserve(
            Reservation(
                prompt_id=PromptId(facts["prompt_id"]),
                window_id=WindowId(facts["window_id"]),
                server_id=ServerId(facts["server_id"]),
                address=facts["address"],
                at=self._entry.at,
            )
        )
        self._put(reserved)

    def _released(self, facts: Mapping[str, Any]) -> None:
        if window := self._known(facts):
            self._put(window.release_reservation(facts["prompt_id"]))

    def _registered(self, facts: Mapping[str, Any]) -> None:
        self._standing[facts["prompt_id"]] = facts["task"]
        if window := self._known(facts):
            self._put(window.register_window_task(read_task(facts["task"])))

    def _adopted(self, facts: Mapping[str, Any]) -> None:
        self._standing[facts["prompt_id"]] = facts["task"]
        if window := self._known(facts):
            self._put(window.adopt(read_task(facts["task"])))

    def _dropped(self, facts: Mapping[str, Any]) -> None:
        self._standing.pop(facts["prompt_id"], None)
        window = self._known(facts)
        if (
            window and facts["prompt_id"] in window.tasks
        ):  # a task that had ended before the page started is not recorded
            self._put(window.drop(facts["prompt_id"]))

    def _moored(self, facts: Mapping[str, Any]) -> None:
        if window := self._known(facts):
            recorded = (facts["now"], facts["holders"])
            replayed = (window.window_locked_server, holders(window))
            self._expect(recorded == replayed, f"promise 4: recorded as {recorded}, again {replayed}")

    def _known(self, facts: Mapping[str, Any]) -> Window | None:
        window = self._windows.get(self._id(facts))
        if window is None:
            self.report.skipped["window unknown"] += 1
        else:
            self.report.window_steps += 1
        return window

    # Tasks

    def _evidence(self, facts: Mapping[str, Any]) -> None:
        prompt_id = facts["prompt_id"]
        if "cut" in facts:
            self.report.skipped["evidence, cut"] += 1
            self._standing.pop(prompt_id, None)
            return
        before, evidence = read_task(facts["before"]), read_evidence(facts["evidence"], facts["said"])
        judged = judge(before, evidence)
        replayed = verdict(before, evidence, judged)
        for name in ("was", "now", "before", "after"):
            self._expect(replayed[name] == facts[name], f"{name}: recorded {facts[name]}, again {replayed[name]}")
        self._check_chain(prompt_id, replayed)
        self.report.judged += 1
        if (window := self._having(prompt_id)) is not None:
            self._put(window.settle(judged))
        elif self._own in self._windows:
            self._expect(not before.holds_window, f"promise 4: {prompt_id} is unfinished and does not hold the window")

    def _check_chain(self, prompt_id: str, replayed: Mapping[str, Any]) -> None:
        """Check that only evidence changes a task's state."""
        known = self._standing.get(prompt_id)
        if known is not None:
            moved = {
                name for name in {*known, *replayed["before"]} if known.get(name) != replayed["before"].get(name)
            } - FREE
            self._expect(not moved, f"{prompt_id} changed without evidence: {sorted(moved)}")
        self._standing[prompt_id] = {
            name: value for name, value in {**replayed["before"], **replayed["after"]}.items() if value is not None
        }

    def _uploaded(self, facts: Mapping[str, Any]) -> None:
        for held in [window.reservations.get(facts["prompt_id"]) for window in self._windows.values()]:
            if held is None:
                continue
            self._expect(held.server_id == facts["server_id"], f"promise 1: uploaded past the reservation, {held}")

    def _submitting(self, facts: Mapping[str, Any]) -> None:
        prompt_id = facts["prompt_id"]
        self._expect(prompt_id not in self._submitted, f"promise 5: {prompt_id} is posted again")
        self._submitted.add(prompt_id)
        if self._own in self._windows:
            self._expect(self._having(prompt_id), f"promise 5: {prompt_id} is posted before it is registered")

    def _socket(self, facts: Mapping[str, Any]) -> None:
        window = self._windows.get(self._id(facts))
        if facts["state"] == "opening" and window is not None:
            locked = window.window_locked_server
            self._expect(locked == facts["server_id"], f"promise 1: a socket to another server than {locked}")
