"""The promises (docs/promises.md) as invariants, checked at each commit, each request and each new socket."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from app.core.model import ENDS, ServerId, WindowId
from app.core.ports.transfers import MOST_TRANSFERS
from app.core.turns import GONE_COUNTS_FOR
from app.core.waiting_runs import own_window_of, window_number
from app.session.submitting.editor_files import GONE, UNSTORED
from tests.simulation.editor import graph_of, is_drawn
from tests.simulation.network import Exchange
from tests.simulation.server import SimServer
from wire.turns import AHEAD, ALL_NOW, OWNER

if TYPE_CHECKING:
    from tests.simulation.world import Page, World

Key = tuple[str, str, str]
_ENDS = frozenset(state.value for state in ENDS)


class Promises:
    """Watches a world and reports broken promises to `world.fail`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.sent: set[str] = set()  # prompt_ids whose POST has left a page
        self._known: dict[str, dict[str, Any]] = {}  # the records as last read
        self._holding: dict[str, tuple[str, tuple[str, str]]] = {}  # unfinished work: its window and its server
        self.posted_at: dict[str, float] = {}  # by the server's clock, seconds
        self.deleted: set[tuple[str, Key]] = set()  # files deleted by other users, by machine
        self.overwritten: defaultdict[tuple[str, Key], list[float]] = defaultdict(list)  # likewise, by machine and file
        self._windows: dict[str, str] = {}  # client_id by window_id, for ever
        self._owners: dict[str, str] = {}  # window_id by client_id, for ever
        self.have_waited: set[str] = set()  # runs that were in a line
        self._waiting: dict[str, str] = {}  # the window of a waiting run, by prompt_id
        self._unbounded: set[str] = set()  # windows that ever used *send all*
        self._waited_for: dict[str, float] = {}  # seconds from a task's record to the arrival of its prompt
        self._shift_at: dict[str, float] = {}  # how far the clock was set forward when a run got its place
        self._uncounted: set[str] = set()  # runs sent by *send all*, or found again after their end was recorded
        world.database.watchers.append(self._store_changed)
        world.network.on_sent.append(self._leaves)
        world.network.on_exchange.append(self._arrives)
        world.network.on_transfer.append(self._check_transfers)

    # The store

    def _store_changed(self) -> None:
        world = self._world
        world.tally.counts["commits"] += 1
        for prompt_id in world.database.reservations:
            self._shift_at.setdefault(prompt_id, world.browser.clock_shift)
        for prompt_id, record in world.database.tasks.items():
            if self._known.get(prompt_id) is not record:
                self._task_changed(prompt_id, record)
        for prompt_id in [key for key in self._known if key not in world.database.tasks]:
            del self._known[prompt_id]
            self._holding.pop(prompt_id, None)
        self._one_window_one_server()
        self._line_changed()
        for window_id, window in world.database.windows.items():
            self._check_client(window_id, window["client_id"])

    def _task_changed(self, prompt_id: str, record: dict[str, Any]) -> None:
        world, before = self._world, self._known.get(prompt_id)
        self._known[prompt_id] = record
        self._shift_at.setdefault(prompt_id, world.browser.clock_shift)  # moored, a run gets its place with its task
        if record["state"] in _ENDS:
            self._uncounted.add(prompt_id)
        bound = (record["server_id"], record["address"])
        if world.bindings.setdefault(prompt_id, bound) != bound:
            world.fail(f"promise 2: {prompt_id} was moved to {bound}")
        if before is not None:
            self._check_fence(prompt_id, before, record)
        if record["epoch"] == 1 and self._windows.get(record["owner"], record["client_id"]) != record["client_id"]:
            world.fail(f"promise 9: {prompt_id} carries the client_id of another window")
        self._holding.pop(prompt_id, None)
        if record["state"] not in _ENDS and not record["is_ward"]:
            self._holding[prompt_id] = (record["owner"], bound)

    def _check_fence(self, prompt_id: str, before: dict[str, Any], record: dict[str, Any]) -> None:
        fail, was_end = self._world.fail, before["state"] in _ENDS
        if record["epoch"] < before["epoch"]:
            fail(f"promise 9: the epoch of {prompt_id} fell")
        if record["owner"] != before["owner"] and (record["epoch"] <= before["epoch"] or not record["is_ward"]):
            fail(f"promise 9: {prompt_id} changed hands without a new epoch, or not as a ward")
        if was_end and before["is_proven"] and record["state"] != before["state"]:
            fail(f"promise 6: the proven end of {prompt_id}, {before['state']}, became {record['state']}")
        if before["state"] == "given_up" and record["state"] != "given_up":
            fail(f"{prompt_id} was given up and came back as {record['state']}")
        if was_end and record["state"] not in _ENDS and not record["is_ward"]:
            fail(f"promise 1: {prompt_id} came back and holds its window")

    def _line_changed(self) -> None:
        """Check that no run of a line is lost or runs twice: it waits, is a task, or was removed by the user."""
        world, database = self._world, self._world.database
        self._unbounded.update(name for name, head in database.lines.items() if head["is_unbounded"])
        now = {prompt_id: row["owner"] for prompt_id, row in database.waiting.items()}
        self.have_waited.update(now)
        for prompt_id in now:
            if prompt_id in database.tasks or prompt_id in self.sent:
                world.fail(f"promise 5: {prompt_id} waits, and was sent")
        for prompt_id, owner in self._waiting.items():
            is_asked_for = prompt_id in world.requested.removed or world.requested.clearing[owner]
            if prompt_id not in now and prompt_id not in database.tasks and not is_asked_for:
                world.fail(f"promise 5: {prompt_id} is lost from the line of {owner}")
            if prompt_id not in now and prompt_id in database.tasks:
                self._check_ahead(database.tasks[prompt_id]["owner"])
        if now.keys() != self._waiting.keys() and set(now.values()) != set(database.lines):
            world.fail(f"runs wait in {set(now.values())}, and there are lines of {set(database.lines)}")
        self._waiting = now

    def _check_ahead(self, owner: str) -> None:
        """Check, when a run has just left its line, that at most two are ahead of a session."""
        ahead = [
            item
            for item in self._world.database.tasks.values()
            if item["owner"] == owner and item["part"] and item["state"] not in _ENDS and not item["is_ward"]
        ]
        if len(ahead) > AHEAD and own_window_of(WindowId(owner)) not in self._unbounded:
            self._world.fail(f"{owner} has {len(ahead)} runs of its line ahead")

    def _one_window_one_server(self) -> None:
        places: dict[str, tuple[str, str]] = {}
        held = [(item["window_id"], (item["server_id"], item["address"])) for item in self._reserved()]
        for owner, bound in (*self._holding.values(), *held):
            if places.setdefault(owner, bound) != bound:
                self._world.fail(f"promise 1: window {owner} holds {places[owner]} and {bound}")

    def _reserved(self) -> list[dict[str, Any]]:
        return [item for item in self._world.database.reservations.values() if item["waits_since"] is None]

    def _check_client(self, window_id: str, client_id: str) -> None:
        if self._windows.setdefault(window_id, client_id) != client_id:
            self._world.fail(f"promise 9: the client_id of {window_id} changed")
        if self._owners.setdefault(client_id, window_id) != window_id:
            self._world.fail(f"promise 9: two windows have the client_id {client_id}")

    # The network

    def _leaves(self, exchange: Exchange) -> None:
        if exchange.route == ("POST", "prompt"):
            self.sent.add(str(json.loads(exchange.body)["prompt_id"]))

    def _check_transfers(self) -> None:
        """Check that few of the browser's connections carry uploads and results."""
        under_way = Counter(id(life) for life in self._world.network.transfers if life.is_alive)
        if self._world.browser.has_locks and under_way.total() > MOST_TRANSFERS:
            self._world.fail(f"{under_way.total()} transfers are under way in one browser")
        if not self._world.browser.has_locks and max(under_way.values()) > 1:
            self._world.fail("one window has several transfers under way")

    def _arrives(self, exchange: Exchange, machine: SimServer) -> None:
        self._world.tally.counts["requests"] += 1
        self._world.note(f"{exchange.request.method} {machine.name}{exchange.path}")
        message = json.loads(exchange.body) if exchange.body else {}
        match exchange.route, exchange.path.split("/")[2:]:
            case ("POST", "prompt"), _:
                self._check_submit(exchange, machine, message)
            case ("GET", "history"), [prompt_id]:
                self._check_place(exchange, prompt_id, "history")
            case ("GET", "view"), _:
                self._check_place(exchange, exchange.query.get("mooring", ""), "view")
            case ("POST", "queue" | "interrupt" | "history"), _:
                self._check_cancel(exchange, message)
            case ("POST" | "GET", "api"), ["jobs", prompt_id, *rest]:
                self._check_place(exchange, prompt_id, "job")
                if rest == ["cancel"]:
                    self._check_cancel(exchange, {"prompt_id": prompt_id})

    def _check_place(self, exchange: Exchange, prompt_id: str, operation: str) -> None:
        """Check by address, since an id may refer to another machine."""
        bound = self._world.bindings.get(prompt_id)
        here = (exchange.server_id, exchange.address)
        record = self._world.database.tasks.get(prompt_id, {})
        confirmed = (exchange.server_id, record.get("confirmed_address"))  # the user said that it is the same server
        if here not in (bound, confirmed):
            self._world.fail(f"promise 2: {operation} of {prompt_id} at {here}, bound to {bound}")

    def _check_submit(self, exchange: Exchange, machine: SimServer, message: dict[str, Any]) -> None:
        world, prompt_id = self._world, str(message["prompt_id"])
        world.posted[prompt_id] += 1
        if world.posted[prompt_id] > 1:
            world.fail(f"promise 5: {prompt_id} was posted {world.posted[prompt_id]} times")
        record = world.database.tasks.get(prompt_id)
        if record is None and prompt_id not in world.requested.deleted:
            world.fail(f"promise 5: {prompt_id} was posted before it was durable")
        if (
            record is not None
            and (record["workflow"] or not self._is_private(record))
            and (json.loads(record["workflow"]) != message["prompt"])
        ):
            world.fail(f"promise 5: {prompt_id} was posted with another workflow than its record has")
        if record is not None and record["client_id"] != message["client_id"]:
            world.fail(f"promise 9: {prompt_id} was posted under another client_id than its record has")
        if record is not None and is_drawn(message["prompt"]):
            self._check_editor(prompt_id, record, message)
        if record is not None:
            self._check_turn(exchange, machine, record, message)
        self.posted_at[prompt_id] = machine.now_ms() / 1000
        self._check_place(exchange, prompt_id, "submit")

    def _check_turn(
        self, exchange: Exchange, machine: SimServer, record: dict[str, Any], message: dict[str, Any]
    ) -> None:
        """Check that at most two of the browser's runs are ahead, unless the user chose to send all now.

        Prompts whose requests took long are not counted, nor any with a place from before the clock was set: the age
        of a place is by that clock. None are at an address where another server has answered for a while: what that
        one did not have seemed to have ended.
        """
        world, tasks = self._world, self._world.database.tasks
        shift = world.browser.clock_shift
        now = world.loop.time() + shift
        self._waited_for[record["prompt_id"]] = abs(now - record["created_at"])
        if OWNER in message["extra_data"] and message["extra_data"][OWNER].get(ALL_NOW):
            world.tally.counts["sent by send all"] += 1
            self._uncounted.add(record["prompt_id"])
            return
        if len(world.stood_at.get(exchange.address, ())) > 1 or self._shift_at[record["prompt_id"]] != shift:
            return
        queued = [item[1] for item in (*machine.heap, *((machine.running,) if machine.running else ()))]
        ahead = [
            prompt_id
            for prompt_id in queued
            if (item := tasks.get(prompt_id)) is not None
            and item["server_id"] == exchange.server_id
            and prompt_id not in self._uncounted
            and self._waited_for.get(prompt_id, 0.0) < GONE_COUNTS_FOR
            and self._shift_at[prompt_id] == shift
        ]
        if len(ahead) >= AHEAD and self._waited_for[record["prompt_id"]] < GONE_COUNTS_FOR:
            world.fail(f"{record['prompt_id']} was posted while {ahead} are ahead on {machine.name}")

    def _is_private(self, record: dict[str, Any]) -> bool:
        """Return whether the record is of a private window, which stores none of the user's texts."""
        page = self._world.page_of(record["owner"])
        return page is not None and page.tab.is_private

    def _check_editor(self, prompt_id: str, record: dict[str, Any], message: dict[str, Any]) -> None:
        """Check that the editor's file matches what is sent, or that the record says why there is none."""
        world, prompt, fault = self._world, message["prompt"], record["editor_fault"]
        graph = message["extra_data"].get("extra_pnginfo", {}).get("workflow")
        if graph not in (None, graph_of(prompt)):
            world.fail(f"{prompt_id} was posted with an editor's file that has other values")
        if (graph is None) != (fault == GONE) or fault not in ("", GONE, UNSTORED):
            world.fail(f"{prompt_id} was posted with the editor's file {graph}, and its record says {fault!r}")
        if bool(record["editor_sha256"]) == bool(fault):
            world.fail(f"the record of {prompt_id} has the editor's file {record['editor_sha256']}, and {fault!r}")
        world.tally.counts["editor's files"] += graph is not None

    def _check_cancel(self, exchange: Exchange, message: dict[str, Any]) -> None:
        world = self._world
        asked = message.get("delete") or [message.get("prompt_id")]
        if "clear" in message or None in asked:
            world.fail(f"promise 10: {exchange.path} with {message}")
            return
        for prompt_id in asked:
            self._check_place(exchange, prompt_id, "cancel")
            if prompt_id not in world.requested.cancelled:
                world.fail(f"promise 10: {prompt_id} was cancelled, and nobody had asked for it")

    def socket_opens(self, page: Page, server_id: ServerId, client_id: str) -> None:
        """Check that a page opens one socket at a time, with its own client_id, only where it is moored."""
        world = self._world
        window = next((item for item in page.windows if item.client_id == client_id), None)
        if any(connection.client_id == client_id for connection in page.sockets.living):
            world.fail(f"promise 7: {page.tab.window_id} opens a second socket before the first is closed")
        if window is None or window.window_locked_server != server_id:
            locked = window.window_locked_server if window else "nothing yet"
            world.fail(f"promise 1: {page.tab.window_id} opens a socket to {server_id}, moored to {locked}")
        if window is not None:
            world.tally.counts["sockets of other windows of a session"] += window_number(window.window_id) is not None
            self._check_client(window.window_id, client_id)
            others = [item for other in world.pages for item in other.windows if item is not window]
            if any(other.client_id == client_id for other in others):
                world.fail(f"promise 9: the client_id {client_id} is another living window's too")
