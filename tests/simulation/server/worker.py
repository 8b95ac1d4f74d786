"""The worker of one server: it runs one prompt, sends its events, and returns what the history keeps.

An interrupt is a flag that is read after each piece of work and cleared when a job starts, so an interrupt without a
running job has no effect.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import struct
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from demo_comfyui.model.catalogue import Catalogue
from demo_comfyui.model.plan import Plan
from demo_comfyui.model.prompts import is_link
from demo_comfyui.model.results import Cached, NodeResult, OutputCache
from demo_comfyui.model.validation import type_name
from demo_comfyui.model.versions import PREVIEW_METHODS, Version
from tests.simulation.server.catalogue import catalogue_of
from tests.simulation.server.files import Files
from tests.simulation.server.jobs import Item, Outcome
from tests.simulation.server.nodes import RUNNERS, Blocker, Context, Expansion
from tests.simulation.server.pictures import Picture, write
from tests.simulation.server.sockets import PREVIEW, PREVIEW_WITH_METADATA, TEXT, Sockets

NODE_SECONDS = 0.05
"""Seconds that any node takes; steps are added."""
FORMATS = {"JPEG": (1, "image/jpeg"), "PNG": (2, "image/png")}


class Interrupted(Exception):
    """The job was interrupted."""


class Restarted(Exception):
    """The server was restarted: the job is lost, and no event is sent."""


@dataclass(frozen=True)
class Place:
    """A running node; one that another node expanded into is shown as that node."""

    node_id: str
    node: dict[str, Any]
    parent: str | None = None

    @property
    def shown_at(self) -> str:
        """The node of the user's workflow."""
        return self.parent or self.node_id


@dataclass
class Run:
    """A running job: its events, and the state of each node that has started."""

    item: Item
    sockets: Sockets
    now_ms: Callable[[], int]
    messages: list[Any] = field(default_factory=list)
    executed: list[str] = field(default_factory=list)
    visited: set[str] = field(default_factory=set)
    states: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def prompt_id(self) -> str:
        return self.item[1]

    @property
    def client_id(self) -> str | None:
        """The client that gets the events; without one, only progress and previews are sent, to all clients."""
        client_id: str | None = self.item[3].get("client_id")
        return client_id

    def send(self, kind: str, data: dict[str, Any], *, to_all: bool = False) -> None:
        """Send an event to the job's client."""
        if self.client_id is not None or to_all:
            self.sockets.send_event(kind, {**data, "prompt_id": self.prompt_id}, self.client_id)

    def keep(self, kind: str, data: dict[str, Any], *, to_all: bool = False) -> None:
        """Send an event, and keep it for the history."""
        data = {**data, "prompt_id": self.prompt_id, "timestamp": self.now_ms()}
        self.messages.append([kind, data])
        self.send(kind, data, to_all=to_all)

    def state(self, place: Place, state: str, value: float, top: float) -> None:
        """Send the states of all nodes that have started, as ComfyUI does at every change."""
        entry = self.states.setdefault(place.node_id, self.identity(place))
        entry.update(value=value, max=top, state=state)
        self.send("progress_state", {"nodes": self.states}, to_all=True)

    def identity(self, place: Place) -> dict[str, Any]:
        """Return the node's ids in the user's workflow and in the run."""
        return {
            "node_id": place.node_id,
            "prompt_id": self.prompt_id,
            "display_node_id": place.shown_at,
            "parent_node_id": place.parent,
            "real_node_id": place.shown_at,
        }

    def where(self, place: Place) -> dict[str, Any]:
        """Return what an early end says of its place."""
        return {"node_id": place.node_id, "node_type": place.node["class_type"], "executed": list(self.executed)}


@dataclass
class Worker:
    """Runs jobs one by one; created at each start of the server. `pace` scales all durations."""

    server: str
    version: Version
    files: Files
    sockets: Sockets
    now_ms: Callable[[], int]
    pace: float = 1.0
    client_id: str | None = None
    last_node: str | None = None  # sent to a client that reconnects during a run
    is_interrupted: bool = False
    is_gone: bool = False
    is_cache_unwanted: bool = False
    _results: OutputCache = field(default_factory=OutputCache)

    async def run(self, item: Item) -> Outcome:
        """Run a job to its end."""
        _, _, prompt, _, outputs = item
        run = Run(item, self.sockets, self.now_ms)
        self.is_interrupted, self.client_id = False, run.client_id
        if self.is_cache_unwanted:
            self._results, self.is_cache_unwanted = OutputCache(), False
        run.keep("execution_start", {})
        self._results.set_prompt(prompt, {"LoadImage": self._content_of})
        cached = [node_id for node_id in prompt if self._results.get(node_id)]
        run.keep("execution_cached", {"nodes": cached})
        is_output = self._catalogue.is_output
        plan = Plan(prompt, outputs, lambda node_id: self._results.get(node_id) is not None, is_output)
        end = "success"
        while plan and end == "success":
            node_id = plan.next()
            end = await self._node(run, Place(node_id, prompt[node_id]))
            plan.done(node_id)
        if end == "success":
            run.keep("execution_success", {})
        self.last_node = None
        await asyncio.sleep(0.001 * self.pace)  # the history may be later than the event (docs/comfyui.md 3)
        if self.is_gone:
            raise Restarted
        listed = [node_id for node_id in prompt if node_id in run.visited or self.version.lists_whole_cache]
        results = {node_id: self._results.get(node_id) for node_id in listed}
        shown = {node_id: result.ui for node_id, result in results.items() if result and result.ui is not None}
        return Outcome(end, run.messages, shown, {node_id: _meta(node_id) for node_id in shown})

    @property
    def _catalogue(self) -> Catalogue:
        return catalogue_of(self.version)

    def _content_of(self, inputs: dict[str, Any]) -> str:
        return hashlib.sha256(self.files.content(inputs["image"])).hexdigest()

    async def _node(self, run: Run, place: Place) -> str:
        """Run a node, or send its cached result; return the state of the job."""
        run.visited.add(place.node_id)
        known = self._results.get(place.node_id)
        if known is not None:
            self._executed(run, place, known.ui)
            self._finished(run, place)
            return "success"
        run.state(place, "running", 0.0, 1.0)
        inputs = self._inputs(place.node)
        if run.client_id is not None:
            self.last_node = place.node_id
            run.send("executing", {"node": place.node_id, "display_node": place.shown_at})
        try:
            result = await self._result(run, place, inputs)
        except Interrupted:
            self.is_interrupted = False
            run.keep("execution_interrupted", run.where(place), to_all=True)
            return "interrupted"
        except Restarted:
            raise
        except Exception as error:  # noqa: BLE001 - a node may raise anything, which ends the job
            run.keep("execution_error", {**run.where(place), **_error_facts(error, inputs, list(run.item[2]))})
            return "error"
        if isinstance(result, str):
            return result
        self._executed(run, place, result.ui)
        self._results.put(place.node_id, Cached(result.outputs, result.ui, None))
        self._finished(run, place)
        run.executed.append(place.node_id)
        return "success"

    async def _result(self, run: Run, place: Place, inputs: dict[str, Any]) -> NodeResult | str:
        """Return the node's result, or how the job was ended by a node that it expanded into."""
        blocker = next((value for value in inputs.values() if isinstance(value, Blocker)), None)
        if blocker is not None:
            if blocker.message:  # sent as an end, but the run continues
                run.send("execution_error", {**run.where(place), **_blocked(blocker)})
            return NodeResult((blocker,))
        telling = _NodeReporter(self, run, place)
        await telling.wait(NODE_SECONDS)
        extra = run.item[3]
        shows = not self.version.previews_on_request or extra.get("preview_method") in PREVIEW_METHODS
        context = Context(self.server, place.node_id, run.item[2], extra, self.files, telling, shows)
        result = await RUNNERS[place.node["class_type"]](context, inputs)
        if not isinstance(result, Expansion):
            return result
        return await self._expanded(run, place, result)

    async def _expanded(self, run: Run, place: Place, expansion: Expansion) -> NodeResult | str:
        """Run the nodes that replace one, each on the result of the previous one."""
        last = NodeResult()
        for index, node in enumerate(expansion.nodes, start=1):
            given = {"image": last.outputs[0]} if last.outputs else {}
            inner = Place(
                f"{place.node_id}.0.0.{index}", {**node, "inputs": {**node["inputs"], **given}}, place.node_id
            )
            end = await self._node(run, inner)
            if end != "success":
                return end
            known = self._results.get(inner.node_id)
            last = NodeResult(known.outputs) if known else last
        return last

    def _executed(self, run: Run, place: Place, ui: dict[str, Any] | None) -> None:
        if ui is not None:
            data = {"node": place.node_id, "display_node": place.shown_at, "output": ui}
            run.send("executed", data)

    def _finished(self, run: Run, place: Place) -> None:
        top = run.states[place.node_id]["max"] if place.node_id in run.states else 1
        run.state(place, "finished", top, top)

    def _inputs(self, node: dict[str, Any]) -> dict[str, Any]:
        """Return the values that the class knows, with links followed to their results."""
        known = self._catalogue.inputs_of(node["class_type"])
        return {name: self._value(value) for name, value in node["inputs"].items() if name in known}

    def _value(self, value: Any) -> Any:
        if not is_link(value):
            return value
        result = self._results.get(value[0])
        outputs = result.outputs if result else ()
        if outputs and isinstance(outputs[0], Blocker):
            return outputs[0]
        return outputs[value[1]] if value[1] < len(outputs) else None


@dataclass(frozen=True)
class _NodeReporter:
    """How one node reports."""

    worker: Worker
    run: Run
    place: Place

    async def wait(self, seconds: float) -> None:
        """Let time pass."""
        await asyncio.sleep(seconds * self.worker.pace)
        if self.worker.is_gone:
            raise Restarted
        if self.worker.is_interrupted:
            raise Interrupted

    def step(self, value: int, total: int, preview: tuple[str, Picture] | None) -> None:
        """Send the state, and the preview before or after `progress`, as the client's flags require."""
        run, place = self.run, self.place
        wants_metadata = self.worker.sockets.wants_metadata(run.client_id)
        run.state(place, "running", value, total)
        if preview and wants_metadata:
            head = json.dumps({**run.identity(place), "image_type": FORMATS[preview[0]][1]}).encode()
            frame = struct.pack(">I", len(head)) + head + write(preview[1], preview[0])
            self.worker.sockets.send_frame(PREVIEW_WITH_METADATA, frame, run.client_id)
        run.send("progress", {"value": value, "max": total, "node": place.node_id}, to_all=True)
        if preview and not wants_metadata:
            frame = struct.pack(">I", FORMATS[preview[0]][0]) + write(preview[1], preview[0])
            self.worker.sockets.send_frame(PREVIEW, frame, run.client_id)

    def text(self, frame: bytes, *, to_all: bool) -> None:
        """Send a text frame."""
        if to_all or self.run.client_id is not None:
            self.worker.sockets.send_frame(TEXT, frame, None if to_all else self.run.client_id)


def _error_facts(error: Exception, inputs: dict[str, Any], known: list[str]) -> dict[str, Any]:
    return {
        "exception_message": f"{error}\n",
        "exception_type": type_name(error),
        "traceback": traceback.format_tb(error.__traceback__),
        "current_inputs": {name: [_readable(value)] for name, value in inputs.items()},
        "current_outputs": known,
    }


def _blocked(blocker: Blocker) -> dict[str, Any]:
    message = f"Execution Blocked: {blocker.message}"
    nothing: dict[str, Any] = {"traceback": [], "current_inputs": [], "current_outputs": []}
    return {"exception_message": message, "exception_type": "ExecutionBlocked", **nothing}


def _readable(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _meta(node_id: str) -> dict[str, Any]:
    return {"node_id": node_id, "display_node": node_id, "parent_node": None, "real_node_id": node_id}
