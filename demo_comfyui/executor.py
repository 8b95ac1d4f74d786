"""The worker of one server: a thread that takes jobs from the queue and runs them, one at a time.

Interrupts are a flag that is read before each node and at each step. It is cleared when a job starts, so an interrupt
sent while nothing ran has no effect.
"""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

from demo_comfyui.faults import Faults
from demo_comfyui.model.plan import Plan
from demo_comfyui.model.prompts import is_link
from demo_comfyui.model.results import Cached, OutputCache
from demo_comfyui.model.validation import type_name
from demo_comfyui.model.versions import PREVIEW_METHODS
from demo_comfyui.nodes import FINGERPRINTS, RUNNERS, Interrupted, NodeContext, NodeResult
from demo_comfyui.progress import Progress
from demo_comfyui.prompt_queue import Item, Outcome, PromptQueue
from demo_comfyui.settings import Settings
from demo_comfyui.sockets import SocketHub
from demo_comfyui.storage import Storage

PAUSE_SECONDS = 0.02
"""How often a job that is paused looks whether it may continue."""
START_SECONDS = 0.012
"""From the start of a job to its first node, as on a real server: files' times may be 10 ms behind the clock."""

log = logging.getLogger(__name__)


class Executor:
    """Runs prompts. `client_id` and `last_node` are sent to a client that reconnects."""

    def __init__(
        self, queue: PromptQueue, hub: SocketHub, storage: Storage, settings: Settings, faults: Faults
    ) -> None:
        self._settings = settings
        self._faults = faults
        self._catalogue = settings.catalogue
        self._queue = queue
        self._hub = hub
        self._storage = storage
        self._cache = OutputCache()
        self._interrupt = threading.Event()
        self._is_abandoned = False
        self.client_id: str | None = None
        self.last_node: str | None = None

    def start(self) -> None:
        """Start the worker thread; it ends with the process."""
        threading.Thread(target=self._work, name="prompt-worker", daemon=True).start()

    def abandon(self) -> None:
        """Let the running job end as soon as possible, with no result: this server has ended."""
        self._is_abandoned = True
        self._interrupt.set()

    def interrupt(self) -> None:
        """Ask the running job to stop at its next check."""
        self._interrupt.set()

    def _work(self) -> None:
        while True:
            taken = self._queue.take()
            if taken is not None:
                run, item = taken
                try:
                    outcome = self._run(item)
                except Exception:  # a real worker dies here, and its server takes prompts that never run
                    log.exception("job %s made the worker fail", item[1])
                    self.last_node = None
                    outcome = Outcome(False, [], {}, {})
                self._queue.finish(run, outcome)
                if self.client_id is not None:
                    self._hub.post("executing", {"node": None, "prompt_id": item[1]}, self.client_id)
            if self._queue.pop_cache_drop():
                self._cache = OutputCache()

    def _run(self, item: Item) -> Outcome:
        self._interrupt.clear()
        self.client_id = item[3].get("client_id")
        run = _Run(item, self.client_id, self._hub)
        run.send("execution_start", {"prompt_id": item[1]})
        time.sleep(START_SECONDS)
        fingerprints = {kind: _bound(mark, self._storage) for kind, mark in FINGERPRINTS.items()}
        self._cache.set_prompt(item[2], fingerprints)
        cached = [node_id for node_id in item[2] if self._cache.get(node_id)]
        run.send("execution_cached", {"nodes": cached, "prompt_id": item[1]})
        plan = Plan(item[2], item[4], self._is_cached, self._catalogue.is_output)
        succeeded = True
        while plan and succeeded:
            node_id = plan.next()
            succeeded = self._node(run, node_id)
            plan.done(node_id)
        if succeeded:
            run.send("execution_success", {"prompt_id": item[1]})
        self.last_node = None
        shown = self._cache.shown()
        if not self._settings.version.lists_whole_cache:
            shown = {node_id: cached for node_id, cached in shown.items() if node_id in run.visited}
        return Outcome(
            succeeded,
            run.messages,
            {node_id: cached.ui for node_id, cached in shown.items()},
            {node_id: cached.meta for node_id, cached in shown.items()},
        )

    def _is_cached(self, node_id: str) -> bool:
        return self._cache.get(node_id) is not None

    def _node(self, run: _Run, node_id: str) -> bool:
        run.visited.add(node_id)
        cached = self._cache.get(node_id)
        if cached is not None:
            run.send_executed(node_id, cached.ui)
            run.progress.finish(node_id)
            return True
        node = run.prompt[node_id]
        run.progress.start(node_id)
        inputs = self._inputs(node)
        if run.client_id is not None:
            self.last_node = node_id
            data = {"node": node_id, "display_node": node_id, "prompt_id": run.prompt_id}
            self._hub.post("executing", data, run.client_id)
        try:
            result = self._compute(run, node_id, node["class_type"], inputs)
        except Interrupted:
            self._interrupt.clear()
            run.send_interrupted(node_id)
            return False
        except Exception as error:  # noqa: BLE001 - a node may raise anything; it ends the job, not the server
            log.info("node %s failed: %s", node_id, error)
            run.send_error(node_id, error, inputs, list(run.prompt))
            return False
        if result.ui is not None:
            run.send_executed(node_id, result.ui)
        self._cache.put(node_id, Cached(result.outputs, result.ui, _meta(node_id) if result.ui else None))
        run.progress.finish(node_id)
        run.executed.append(node_id)
        return True

    def _compute(self, run: _Run, node_id: str, class_type: str, inputs: dict[str, Any]) -> NodeResult:
        def check() -> None:
            if self._is_abandoned or self._interrupt.is_set():
                raise Interrupted

        def step(value: int, total: int, preview: Any) -> None:
            check()
            run.progress.step(node_id, value, total, preview)
            while self._faults.pauses(value):
                check()
                self._interrupt.wait(PAUSE_SECONDS)

        context = NodeContext(
            storage=self._storage,
            prompt=run.prompt,
            extra_pnginfo=run.extra_data.get("extra_pnginfo"),
            memory=self._cache.memory(node_id, class_type),
            step_seconds=self._settings.step_seconds,
            step=step,
            animate=lambda frames, rate: run.progress.animate(node_id, frames, rate),
            stamp=self._settings.stamp,
            shows_latents=self._shows_latents(run),
            has_assets=self._settings.assets,
        )
        check()
        return RUNNERS[class_type](context, inputs)

    def _shows_latents(self, run: _Run) -> bool:
        """Whether samplers send previews in this run; an old server is one that was started with them."""
        on_request = self._settings.version.previews_on_request
        return not on_request or run.extra_data.get("preview_method") in PREVIEW_METHODS

    def _inputs(self, node: dict[str, Any]) -> dict[str, Any]:
        """Return the values of the inputs that the class knows; links are resolved from the cache."""
        given = node["inputs"]
        known = self._catalogue.inputs_of(node["class_type"])
        return {name: self._value(given[name]) for name in given if name in known}

    def _value(self, value: Any) -> Any:
        if not is_link(value):
            return value
        source = self._cache.get(value[0])
        return source.outputs[value[1]] if source and value[1] < len(source.outputs) else None


class _Run:
    """One run, with the messages that it has sent."""

    def __init__(self, item: Item, client_id: str | None, hub: SocketHub) -> None:
        _, self.prompt_id, self.prompt, self.extra_data, _ = item
        self.client_id = client_id
        self.messages: list[tuple[str, dict[str, Any]]] = []
        self.executed: list[str] = []
        self.visited: set[str] = set()
        self.progress = Progress(hub, self.prompt_id, client_id)
        self._hub = hub

    def send(self, event: str, data: dict[str, Any], *, to_all: bool = False) -> None:
        """Send an event to the job's own client, and keep it for the history."""
        stamped = {**data, "timestamp": int(time.time() * 1000)}
        self.messages.append((event, stamped))
        if self.client_id is not None or to_all:
            self._hub.post(event, stamped, self.client_id)

    def send_executed(self, node_id: str, ui: dict[str, Any] | None) -> None:
        """Send what an output node shows; the history has it elsewhere."""
        if self.client_id is not None:
            data = {"node": node_id, "display_node": node_id, "output": ui, "prompt_id": self.prompt_id}
            self._hub.post("executed", data, self.client_id)

    def send_interrupted(self, node_id: str) -> None:
        """Report that the job was interrupted. For a job without a client_id, report it to all clients."""
        self.send("execution_interrupted", self._where(node_id), to_all=True)

    def send_error(self, node_id: str, error: Exception, inputs: dict[str, Any], known: list[str]) -> None:
        """Send that a node failed, with the traceback and the inputs in a readable form."""
        data = {
            **self._where(node_id),
            "exception_message": f"{error}\n",
            "exception_type": type_name(error),
            "traceback": traceback.format_tb(error.__traceback__),
            "current_inputs": {name: [_readable(value)] for name, value in inputs.items()},
            "current_outputs": known,
        }
        self.send("execution_error", data)

    def _where(self, node_id: str) -> dict[str, Any]:
        return {
            "prompt_id": self.prompt_id,
            "node_id": node_id,
            "node_type": self.prompt[node_id]["class_type"],
            "executed": list(self.executed),
        }


def _bound(mark: Callable[[Storage, dict[str, Any]], Any], storage: Storage) -> Callable[[dict[str, Any]], Any]:
    return lambda inputs: mark(storage, inputs)


def _meta(node_id: str) -> dict[str, Any]:
    return {"node_id": node_id, "display_node": node_id, "parent_node": None, "real_node_id": node_id}


def _readable(value: Any) -> Any:
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
