"""How one prompt runs: the order of its events, the states of its nodes, and what the history keeps.

An interrupt is a flag that is read between pieces of work and cleared when a job starts, so an interrupt without a
running job has no effect.
"""

from __future__ import annotations

import json
import struct
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from demo_comfyui.model.catalogue import Catalogue
from demo_comfyui.model.jobs import Item, Outcome
from demo_comfyui.model.plan import Plan
from demo_comfyui.model.prompts import Prompt, is_link
from demo_comfyui.model.results import Cached, Fingerprint, NodeResult, OutputCache
from demo_comfyui.model.validation import type_name
from demo_comfyui.model.versions import PREVIEW_METHODS, Version
from wire.frames import PREVIEW, PREVIEW_WITH_METADATA, TEXT

FORMATS = {"JPEG": (1, "image/jpeg"), "PNG": (2, "image/png")}

Preview = tuple[str, bytes]
"""A format (JPEG or PNG) and a picture in it."""
Post = Callable[[str | int, Any, str | None], None]
"""Sends an event (its type, its data) to one client, or to all if that is None."""


class Interrupted(BaseException):
    """The job was interrupted. Not an `Exception`, so that no node catches it."""


@dataclass(frozen=True, slots=True)
class Blocker:
    """A result that blocks the nodes after it; its message, if any, is sent as an error."""

    message: str


@dataclass(frozen=True, slots=True)
class Expansion:
    """Nodes that replace one, each on the result of the previous one; the last one's result is its result."""

    nodes: list[dict[str, Any]]


@dataclass
class _Run:
    """A running job: its events, and the state of each node that has started."""

    item: Item
    post: Post
    now_ms: Callable[[], int]
    messages: list[list[Any]] = field(default_factory=list)
    executed: list[str] = field(default_factory=list)
    visited: set[str] = field(default_factory=set)
    states: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def prompt_id(self) -> str:
        return self.item[1]

    @property
    def prompt(self) -> Prompt:
        return self.item[2]

    @property
    def client_id(self) -> str | None:
        """The client that gets the events; without one, only progress and previews are sent, to all clients."""
        client_id: str | None = self.item[3].get("client_id")
        return client_id

    def send(self, event: str, data: dict[str, Any], *, to_all: bool = False) -> None:
        """Send an event to the job's client; without one, to all clients or to none."""
        if self.client_id is not None or to_all:
            self.post(event, {**data, "prompt_id": self.prompt_id}, self.client_id)

    def keep(self, event: str, data: dict[str, Any], *, to_all: bool = False) -> None:
        """Send an event, and keep it for the history."""
        data = {**data, "prompt_id": self.prompt_id, "timestamp": self.now_ms()}
        self.messages.append([event, data])
        self.send(event, data, to_all=to_all)


@dataclass(frozen=True)
class RunningNode:
    """A node that runs, for the code that computes it; one that another expanded into is shown as that node."""

    node_id: str
    node: dict[str, Any]
    inputs: dict[str, Any]
    parent: str | None
    worker: Worker
    run: _Run

    @property
    def class_type(self) -> str:
        name: str = self.node["class_type"]
        return name

    @property
    def prompt(self) -> Prompt:
        """The whole prompt."""
        return self.run.prompt

    @property
    def extra_data(self) -> dict[str, Any]:
        """What was sent with the prompt."""
        return self.run.item[3]

    @property
    def client_id(self) -> str | None:
        """The client of the job."""
        return self.run.client_id

    @property
    def is_first(self) -> bool:
        """Whether no node has run before it."""
        return not self.run.executed

    @property
    def shows_latents(self) -> bool:
        """Whether samplers send previews in this run; an old server is one that was started with them."""
        on_request = self.worker.version.previews_on_request
        return not on_request or self.extra_data.get("preview_method") in PREVIEW_METHODS

    @property
    def memory(self) -> dict[str, Any]:
        """What the node keeps from run to run."""
        return self.worker.cache.memory(self.node_id, self.class_type)

    def check(self) -> None:
        """Raise Interrupted if the job was interrupted."""
        if self.worker.is_interrupted:
            raise Interrupted

    def step(self, value: int, total: int, preview: Preview | None) -> None:
        """Send the state, and the preview before or after `progress`, as the client's flags require."""
        client_id = self.run.client_id
        with_metadata = self.worker.wants_metadata(client_id)
        self.set_state("running", value, total)
        if preview and with_metadata:
            head = json.dumps({**self._identity(), "image_type": FORMATS[preview[0]][1]}).encode()
            self.run.post(PREVIEW_WITH_METADATA, struct.pack(">I", len(head)) + head + preview[1], client_id)
        self.run.send("progress", {"value": value, "max": total, "node": self.node_id}, to_all=True)
        if preview and not with_metadata:
            self.run.post(PREVIEW, struct.pack(">I", FORMATS[preview[0]][0]) + preview[1], client_id)

    def text(self, text: str, *, to_all: bool) -> None:
        """Send a text of the node."""
        node = self.node_id.encode()
        frame = struct.pack(">I", len(node)) + node + text.encode()
        if to_all or self.run.client_id is not None:
            self.run.post(TEXT, frame, None if to_all else self.run.client_id)

    def set_state(self, state: str, value: float, top: float) -> None:
        """Send the states of all nodes that have started, as ComfyUI does at every change."""
        entry = self.run.states.setdefault(self.node_id, self._identity())
        entry.update(value=value, max=top, state=state)
        self.run.send("progress_state", {"nodes": self.run.states}, to_all=True)

    def show(self, ui: dict[str, Any] | None) -> None:
        """Send what the node shows; the history has it elsewhere."""
        self.run.send("executed", {"node": self.node_id, "display_node": self._shown_at, "output": ui})

    def finish(self) -> None:
        """Send that the node is finished; a cached one was never started, and counts in whole numbers."""
        top = self.run.states[self.node_id]["max"] if self.node_id in self.run.states else 1
        self.set_state("finished", top, top)

    def start(self) -> None:
        """Send that the node runs."""
        self.set_state("running", 0.0, 1.0)
        if self.run.client_id is not None:
            self.worker.last_node = self.node_id
            self.run.send("executing", {"node": self.node_id, "display_node": self._shown_at})

    def where(self) -> dict[str, Any]:
        """Return what an early end says of its place."""
        return {"node_id": self.node_id, "node_type": self.class_type, "executed": list(self.run.executed)}

    @property
    def _shown_at(self) -> str:
        return self.parent or self.node_id

    def _identity(self) -> dict[str, Any]:
        """Return the node's ids in the user's workflow and in the run."""
        return {
            "node_id": self.node_id,
            "prompt_id": self.run.prompt_id,
            "display_node_id": self._shown_at,
            "parent_node_id": self.parent,
            "real_node_id": self._shown_at,
        }


Compute = Callable[[RunningNode], Awaitable[NodeResult | Expansion]]
"""Computes a node; it may raise Interrupted, or any exception of the node's own."""


@dataclass
class Worker:
    """Runs jobs one by one. `client_id` and `last_node` are sent to a client that reconnects."""

    version: Version
    catalogue: Catalogue
    post: Post
    now_ms: Callable[[], int]
    wants_metadata: Callable[[str | None], bool]
    fingerprints: dict[str, Fingerprint]
    client_id: str | None = None
    last_node: str | None = None
    is_interrupted: bool = False
    is_cache_unwanted: bool = False
    cache: OutputCache = field(default_factory=OutputCache)

    def interrupt(self) -> None:
        """Ask the running job to stop at its next check."""
        self.is_interrupted = True

    async def run(self, item: Item, compute: Compute) -> Outcome:
        """Run a job to its end."""
        _, _, prompt, _, outputs = item
        run = _Run(item, self.post, self.now_ms)
        self.is_interrupted, self.client_id = False, run.client_id
        if self.is_cache_unwanted:
            self.cache, self.is_cache_unwanted = OutputCache(), False
        run.keep("execution_start", {})
        self.cache.set_prompt(prompt, self.fingerprints)
        run.keep("execution_cached", {"nodes": [node_id for node_id in prompt if self._is_cached(node_id)]})
        plan = Plan(prompt, outputs, self._is_cached, self.catalogue.is_output)
        end = "success"
        while plan and end == "success":
            node_id = plan.next()
            end = await self._node(run, node_id, prompt[node_id], None, compute)
            plan.done(node_id)
        if end == "success":
            run.keep("execution_success", {})
        self.last_node = None
        shown = self.cache.shown()
        if not self.version.lists_whole_cache:
            shown = {node_id: cached for node_id, cached in shown.items() if node_id in run.visited}
        return Outcome(
            end,
            run.messages,
            {node_id: cached.ui for node_id, cached in shown.items()},
            {node_id: cached.meta for node_id, cached in shown.items()},
        )

    def _is_cached(self, node_id: str) -> bool:
        return self.cache.get(node_id) is not None

    async def _node(self, run: _Run, node_id: str, node: dict[str, Any], parent: str | None, compute: Compute) -> str:
        """Run a node, or send its cached result; return the state of the job."""
        run.visited.add(node_id)
        cached = self.cache.get(node_id)
        running = RunningNode(node_id, node, {} if cached else self._inputs(node), parent, self, run)
        if cached is not None:
            running.show(cached.ui)
            running.finish()
            return "success"
        running.start()
        try:
            result = await self._result(running, compute)
        except Interrupted:
            self.is_interrupted = False
            run.keep("execution_interrupted", running.where(), to_all=True)
            return "interrupted"
        except Exception as error:  # noqa: BLE001 - a node may raise anything, which ends the job
            run.keep("execution_error", {**running.where(), **_error_facts(error, running.inputs, list(run.prompt))})
            return "error"
        if isinstance(result, str):
            return result
        if result.ui is not None:
            running.show(result.ui)
        self.cache.put(node_id, Cached(result.outputs, result.ui, _meta(node_id) if result.ui else None))
        running.finish()
        run.executed.append(node_id)
        return "success"

    async def _result(self, running: RunningNode, compute: Compute) -> NodeResult | str:
        """Return the node's result, or how the job was ended by a node that it expanded into."""
        blocker = next((value for value in running.inputs.values() if isinstance(value, Blocker)), None)
        if blocker is not None:
            if blocker.message:  # sent as an end, but the run continues
                running.run.send("execution_error", {**running.where(), **_blocked(blocker)})
            return NodeResult((blocker,))
        result = await compute(running)
        return await self._expanded(running, result, compute) if isinstance(result, Expansion) else result

    async def _expanded(self, running: RunningNode, expansion: Expansion, compute: Compute) -> NodeResult | str:
        last = NodeResult()
        for index, node in enumerate(expansion.nodes, start=1):
            inner = f"{running.node_id}.0.0.{index}"
            given = {"image": last.outputs[0]} if last.outputs else {}
            filled = {**node, "inputs": {**node["inputs"], **given}}
            end = await self._node(running.run, inner, filled, running.node_id, compute)
            if end != "success":
                return end
            cached = self.cache.get(inner)
            last = NodeResult(cached.outputs, cached.ui) if cached else last
        return last

    def _inputs(self, node: dict[str, Any]) -> dict[str, Any]:
        """Return the values of the inputs that the class knows; links are resolved from the cache."""
        known = self.catalogue.inputs_of(node["class_type"])
        return {name: self._value(value) for name, value in node["inputs"].items() if name in known}

    def _value(self, value: Any) -> Any:
        if not is_link(value):
            return value
        source = self.cache.get(value[0])
        outputs = source.outputs if source else ()
        if outputs and isinstance(outputs[0], Blocker):
            return outputs[0]
        return outputs[value[1]] if value[1] < len(outputs) else None


def _error_facts(error: Exception, inputs: dict[str, Any], known: list[str]) -> dict[str, Any]:
    """Return what is sent of a node that failed, with the traceback and the inputs in a readable form."""
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
