"""One server: the answers of its routes of work, over the queue, the history, the worker and the clients.

What a real server does not check is not checked here: a body of another shape raises, which is a 500.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic

from demo_comfyui.model.catalogue import Catalogue
from demo_comfyui.model.clients import C, Clients, encode
from demo_comfyui.model.jobs import SECRETS, Item, Jobs, Outcome
from demo_comfyui.model.jobs_api import JobsApi, is_job_id
from demo_comfyui.model.replacements import apply_replacements
from demo_comfyui.model.reply import Reply
from demo_comfyui.model.results import Fingerprint
from demo_comfyui.model.running import Worker
from demo_comfyui.model.validation import Error, error_of, validate_prompt
from demo_comfyui.model.versions import Version

NO_PROMPT = error_of("no_prompt", "No prompt provided", "No prompt provided")
BAD_PROMPT_ID = error_of(
    "invalid_prompt_id",
    "prompt_id must be a valid UUID",
    "prompt_id must be a UUID string in canonical lowercase hyphenated form; omit it to let the server generate one",
)
DEADLY = {"client_id": str, "extra_data": dict}
"""Fields that a real server accepts with any type, and whose wrong type kills its process or its worker."""


@dataclass(frozen=True)
class Surroundings(Generic[C]):
    """What a server has from outside: its connections, clock, identifiers and files.

    `deliver` sends an encoded event to a client, or to all if that is None. `is_input` says whether LoadImage would
    find a name, and `fingerprints` has what changes with the file that a node of a class reads.
    """

    clients: Clients[C]
    deliver: Callable[[str | bytes, str | None], None]
    now_ms: Callable[[], int]
    new_id: Callable[[], str]
    is_input: Callable[[Any], bool]
    fingerprints: dict[str, Fingerprint]
    on_gone: Callable[[str], None] = lambda _: None
    """Called with the id of each job that is dropped without a trace."""


class PromptServer(Generic[C]):
    """A server from its start to its end. `number` is the next sort key; it starts at 0."""

    def __init__(
        self, version: Version, catalogue: Catalogue, features: Mapping[str, Any], surroundings: Surroundings[C]
    ) -> None:
        self.version = version
        self.catalogue = catalogue
        self.number = 0
        self._features = features
        self._outside = surroundings
        self._clients = surroundings.clients
        self.jobs = Jobs(lambda _: self.post("status", {"status": self.info()}), surroundings.on_gone)
        self.worker = Worker(
            version,
            catalogue,
            self.post,
            surroundings.now_ms,
            surroundings.clients.wants_metadata,
            surroundings.fingerprints,
        )
        self.jobs_api = JobsApi(self.jobs, self.worker.interrupt)

    # Sockets

    def post(self, event: str | int, data: Any, client_id: str | None = None) -> None:
        """Send an event to one client, or to all."""
        self._outside.deliver(encode(event, data), client_id)

    def greeting(self, client_id: str) -> list[str | bytes]:
        """Return the first messages to a new connection: `status`, and `executing` for the client whose job runs."""
        greeting = [encode("status", {"status": self.info(), "sid": client_id})]
        if self.worker.client_id == client_id and self.worker.last_node is not None:
            greeting.append(encode("executing", {"node": self.worker.last_node}))
        return greeting

    def hear(self, connection: C, text: str) -> list[str | bytes]:
        """Handle a message of a client, and return the answers."""
        is_answered = self._clients.hear(connection, text)
        return [encode("feature_flags", self._features)] if is_answered else []

    # Routes

    def info(self) -> dict[str, Any]:
        """The answer of GET /prompt: how many jobs are pending or running."""
        return {"exec_info": {"queue_remaining": self.jobs.remaining}}

    def submit(self, body: Any) -> Reply:
        """Queue a prompt. Raises TypeError with the job *in* the queue where two prompts must be compared."""
        number = self._next_number(body)
        if "prompt" not in body:
            return refused(NO_PROMPT)
        prompt, prompt_id = body["prompt"], self._prompt_id(body)
        if prompt_id is None:
            return refused(BAD_PROMPT_ID)
        for field, kind in DEADLY.items():
            if field in body and not isinstance(body[field], kind):
                return refused(error_of(f"invalid_{field}", f"{field} is no {kind.__name__}", ""))
        if self.version.replaces_nodes:
            apply_replacements(prompt, self.catalogue)
        targets = body.get("partial_execution_targets")
        verdict = validate_prompt(prompt, targets, self._outside.is_input, self.version, self.catalogue)
        extra_data = body.get("extra_data", {})
        if "client_id" in body:
            extra_data["client_id"] = body["client_id"]
        if verdict.error is not None:
            return refused(verdict.error, verdict.node_errors)
        if self.version.rewrites_extra_data:
            for key in SECRETS:
                extra_data.pop(key, None)
            extra_data["create_time"] = self._outside.now_ms()
        self.jobs.put((number, prompt_id, prompt, extra_data, verdict.outputs))
        return Reply({"prompt_id": prompt_id, "number": number, "node_errors": verdict.node_errors})

    def _next_number(self, body: Any) -> float:
        if "number" in body:
            return float(body["number"])
        number = self.number
        self.number += 1
        return -number if _said(body, "front", False) else number

    def _prompt_id(self, body: Any) -> str | None:
        """Return the id of a submit: the client's or a new one, or None if a newer version refuses the client's."""
        if not self.version.requires_uuids:
            return str(body.get("prompt_id", self._outside.new_id()))
        given = body.get("prompt_id")
        if given is None:
            return self._outside.new_id()
        return given if is_job_id(given) else None

    def change_queue(self, body: Any) -> Reply:
        """`clear` drops all pending jobs, `delete` one pending job per id."""
        return _forget(body, self.jobs.clear, self.jobs.delete)

    def history(self, query: Mapping[str, str]) -> Reply:
        """Return all entries, or a part by `max_items` and `offset`."""
        max_items = int(query["max_items"]) if "max_items" in query else None
        return Reply(self.jobs.entries(max_items, int(query.get("offset", -1))))

    def change_history(self, body: Any) -> Reply:
        """`clear` deletes the whole history, `delete` the given ids."""
        history = self.jobs.history
        return _forget(body, history.clear, lambda prompt_id: history.pop(prompt_id, None))

    def interrupt(self, body: bytes) -> Reply:
        """Interrupt the job of the prompt_id, if it runs now; without one, any running job."""
        try:
            said = json.loads(body)
        except json.JSONDecodeError:
            said = {}
        wanted = said.get("prompt_id") if self.version.interrupts_by_id else None
        if not wanted or self.jobs.is_running(wanted):
            self.worker.interrupt()
        return Reply()

    def free(self, body: Any) -> Reply:
        """`free_memory` drops the cached results; there are no models to unload."""
        self.worker.is_cache_unwanted |= bool(body.get("free_memory", False))
        return Reply()

    # The worker's end of a job

    def finish(self, item: Item, outcome: Outcome) -> None:
        """Move the running job into the history, and notify its client."""
        self.jobs.finish(item, outcome)
        if self.worker.client_id is not None:
            self.post("executing", {"node": None, "prompt_id": item[1]}, self.worker.client_id)


def refused(error: Error, node_errors: dict[str, Any] | None = None) -> Reply:
    """Return the answer to a prompt that is not queued."""
    return Reply({"error": error, "node_errors": node_errors or {}}, 400)


def _forget(body: Any, clear: Callable[[], None], delete: Callable[[str], object]) -> Reply:
    if _said(body, "clear", False):
        clear()
    for prompt_id in _said(body, "delete", ()):
        delete(prompt_id)
    return Reply()


def _said(body: Any, key: str, default: Any) -> Any:
    """Return the value of a key. Lists and strings have no keys: they fail here, or not, as in the real server."""
    return body[key] if key in body else default  # noqa: SIM401 - `get` is for objects only
