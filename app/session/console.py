"""The console contract: what each name in a page's console does, in plain Python values (docs/console.md).

    contract = ConsoleContract(session)
    contract.call("debug_server_consistency", [])       # a JSON-like value, or a coroutine of one

`app/browser/console.py` puts it on `window`. Arguments are JSON-like values and Blobs, answers are JSON-like; what is
refused raises the session's own errors.
"""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from app.core.ends import end_cause
from app.core.errors import BadInput, MooringError
from app.core.model import Output, PromptId, ServerId, Task
from app.core.ports.blobs import Blob
from app.core.window import Moored, Window
from app.core.workflow import parse_workflow
from app.session.facts import Picked, SocketFacts
from app.session.report import make_report
from app.session.selfcheck import run_selfcheck
from app.session.session import Session
from app.session.window import SessionWindow
from app.workflows.editor.copy import ready_copy

VERSION = "0.1.1"

ReadPage = Callable[[], Awaitable[Mapping[str, Any]]]

# The names on `window`, those that are read like properties, and the names on `mooring`, each with its method here.
HELPERS = {
    "debugServerConsistency": "debug_server_consistency",
    "checkServerSwitchRisk": "check_server_switch_risk",
    "validateServerConsistency": "validate_server_consistency",
    "debugWebSocketLock": "debug_web_socket_lock",
    "resetWebSocketServer": "reset_web_socket_server",
    "testServerConsistencyFixes": "test_server_consistency_fixes",
}
GETTERS = {"windowLockedServer": "window_locked_server", "windowTasks": "window_tasks"}
METHODS = {
    "fleet": "fleet",
    "getApiBaseUrl": "get_api_base_url",
    "uploadImage": "upload_image",
    "releaseUploads": "release_uploads",
    "submitWorkflow": "submit_workflow",
    "waitFor": "wait_for",
    "getTaskHistory": "get_task_history",
    "getTaskBoundImageUrl": "get_task_bound_image_url",
    "cancel": "cancel",
    "giveUp": "give_up",
    "lookAgain": "look_again",
    "runAgain": "run_again",
    "orphans": "orphans",
    "adopt": "adopt",
    "tasks": "window_tasks",
    "verify": "verify",
    "debugBundle": "debug_bundle",
}
_CALLS = frozenset([*HELPERS.values(), *GETTERS.values(), *METHODS.values()])


class ConsoleContract:
    """One method per name of the contract, over one session."""

    version = VERSION
    helpers, getters, methods = HELPERS, GETTERS, METHODS

    def __init__(self, session: Session, read_page: ReadPage | None = None) -> None:
        """`read_page` returns the browser's facts for the report."""
        self._session = session
        self._read_page = read_page

    def call(self, name: str, arguments: Sequence[Any]) -> Any | Awaitable[Any]:
        """Do what a name of the contract stands for; TypeError if the arguments do not fit."""
        if name not in _CALLS:
            raise TypeError(f"no such name: {name}")
        return getattr(self, name)(*arguments)

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` after every change of the session; the returned function ends it."""
        return self._session.subscribe(listener)

    @property
    def is_ready(self) -> bool:
        """Whether the window has read its records."""
        return self._window is not None

    @property
    def error(self) -> MooringError | None:
        """Why it never will, as things are: the store cannot be read."""
        return None if self.is_ready else self._session.store_error

    @property
    def _window(self) -> Window | None:
        window = self._session.window
        return window if isinstance(window, Window) else None

    # On `window`

    def window_locked_server(self) -> str | None:
        """The id of the server that holds the window, or None."""
        return self._window.window_locked_server if self._window else None

    def window_tasks(self) -> list[dict[str, Any]]:
        """A snapshot of the tasks of all windows of this session, oldest first."""
        return [task_facts(task) for task in _tasks_of(*self._session.windows)]

    def debug_server_consistency(self) -> dict[str, Any]:
        """A summary of the window, its socket and its tasks, with any violations.

        `crew` has the same for each other window of this session.
        """
        own, *others = (_consistency(self._session, worker.window) for worker in self._session.workers)
        return {**own, "crew": others}

    def check_server_switch_risk(self) -> bool:
        """Whether anything contradicts a promise; `debug_server_consistency` and the log have the details."""
        return bool(self._session.violations())

    def validate_server_consistency(self, operation: Any = None, server_id: Any = None) -> bool | dict[str, Any]:
        """With a server: True, or the guard's refusal. Without: all violations."""
        if server_id is not None:
            self._session.validate_server_consistency(str(operation), ServerId(str(server_id)))
            return True
        return self._verdict(self._session.violations())

    def debug_web_socket_lock(self) -> dict[str, Any]:
        """What holds the window, and how its socket is."""
        socket, window = self._session.socket, self._window
        mooring = window.mooring if window else None
        heard = socket.last_event_at
        return {
            "windowId": _window_id(self._session),
            "lockedServer": self.window_locked_server(),
            "holders": sorted(mooring.holders) if isinstance(mooring, Moored) else [],
            "webSocket": {**_web_socket(self._session.socket), "url": socket.url},
            "clientId": window.client_id if window else None,
            "reconnects": socket.reconnects,
            "deaf": socket.deaf,
            "lastEventAge": None if heard is None else round(max(0.0, self._session.steady() - heard), 3),
        }

    def reset_web_socket_server(self) -> dict[str, Any]:
        """Reconnect the socket to the same server; the mooring stays."""
        self._session.reset_socket()
        return {"lockedServer": self.window_locked_server(), "webSocket": _web_socket(self._session.socket)}

    async def test_server_consistency_fixes(self) -> dict[str, Any]:
        """Check the promises in a sandbox, apart from the user's tasks."""
        results = await run_selfcheck()
        return {
            "passed": sum(result.ok for result in results),
            "failed": sum(not result.ok for result in results),
            "results": [{"name": item.name, "ok": item.ok, "detail": item.detail} for item in results],
        }

    # On `mooring`

    def fleet(self) -> dict[str, Any]:
        """The servers, as the gateway last reported them."""
        fleet = self._session.fleet
        servers = [
            {
                "id": server.server_id,
                "name": server.name,
                "address": server.address,
                "base": server.base,
                "health": server.health.value,
                "running": server.running,
                "pending": server.pending,
                "version": server.version,
                "demo": server.is_demo,
                "drained": server.is_drained,
                "weight": server.weight,
                "tags": list(server.tags),
                "catalogue": server.catalogue,
            }
            for server in fleet.servers
        ]
        return {"source": fleet.source, "detail": fleet.detail, "servers": servers}

    def get_api_base_url(self) -> str | None:
        """Where the moored server is reached, or None."""
        return self._session.get_api_base_url()

    async def upload_image(self, blob: Any = None, filename: Any = None) -> dict[str, Any]:
        """Upload to the server that holds this window, or that is now chosen for it."""
        picked = _picked(blob, "image")
        uploaded = await self._session.upload_image(picked.blob, str(filename or picked.name))
        return {
            "name": uploaded.name,
            "subfolder": uploaded.subfolder,
            "type": uploaded.folder,
            "server": uploaded.server_id,
        }

    async def release_uploads(self) -> None:
        """Give up the reservation that uploads hold."""
        await self._session.release_uploads()

    async def submit_workflow(self, workflow: Any = None, options: Any = None) -> str:
        """Submit an API workflow, as an object or as JSON text. `inputs` are Blobs by node id and input name;
        `workflow` is the same in the editor's own format, for the pictures to carry: an object or JSON text too."""
        chosen: Mapping[str, Any] = options if isinstance(options, Mapping) else {}
        if not isinstance(workflow, str | Mapping):
            raise BadInput("bad-workflow", detail="not an object of nodes")
        return await self._session.submit_workflow(
            parse_workflow(workflow),
            title=str(chosen.get("title") or ""),
            inputs=_inputs(chosen.get("inputs")),
            editor=_editor(chosen.get("workflow")),
        )

    async def wait_for(self, prompt_id: Any = None) -> dict[str, Any]:
        """Wait until the task has ended and its results are delivered, and return it."""
        return task_facts(await self._session.wait_for(PromptId(str(prompt_id))))

    async def get_task_history(self, prompt_id: Any = None) -> Any:
        """The history answer of the task's own server."""
        return await self._session.get_task_history(PromptId(str(prompt_id)))

    def get_task_bound_image_url(self, prompt_id: Any = None, index: Any = 0) -> str:
        """The address of one output on the server that made it."""
        return self._session.get_task_bound_image_url(PromptId(str(prompt_id)), int(index or 0))

    async def cancel(self, prompt_id: Any = None) -> dict[str, Any] | None:
        """Stop that task and no other; return it as it is then."""
        await self._session.cancel(PromptId(str(prompt_id)))
        return self._facts_of(str(prompt_id))

    async def give_up(self, prompt_id: Any = None) -> dict[str, Any] | None:
        """Stop tracking the task, as the user chose; return it as it is then."""
        await self._session.give_up(PromptId(str(prompt_id)))
        return self._facts_of(str(prompt_id))

    async def look_again(self, prompt_id: Any = None) -> dict[str, Any] | None:
        """Poll the task's own server now; return the task as it is then."""
        await self._session.look_again(PromptId(str(prompt_id)))
        return self._facts_of(str(prompt_id))

    async def run_again(self, prompt_id: Any = None, options: Any = None) -> str:
        """Repeat a task with its kept inputs, here or with `{elsewhere: true}` on any other server.

        Returns the new task's prompt_id. The work may run twice; `elsewhere` gives up an unfinished task first.
        """
        elsewhere = isinstance(options, Mapping) and options.get("elsewhere") is True
        return await self._session.run_again(PromptId(str(prompt_id)), elsewhere=elsewhere)

    async def orphans(self) -> list[dict[str, Any]]:
        """Search for work of closed windows now, and return it."""
        found = await self._session.find_orphans()
        return [{**task_facts(item.task), "isOwnerGone": item.is_owner_gone} for item in found]

    async def adopt(self, prompt_id: Any = None) -> dict[str, Any]:
        """Take over an orphan that `orphans` has found."""
        return task_facts(await self._session.adopt(PromptId(str(prompt_id))))

    async def verify(self) -> dict[str, Any]:
        """Reread the store and compare."""
        return self._verdict(await self._session.verify())

    async def debug_bundle(self, options: Any = None) -> dict[str, Any]:
        """The report of this window: no pictures, no credentials, and no prompts without `{prompts: true}`."""
        prompts = isinstance(options, Mapping) and options.get("prompts") is True
        page = await self._read_page() if self._read_page else {}
        return make_report(self._session, version=VERSION, prompts=prompts, at=time.time(), page=page)

    def _facts_of(self, prompt_id: str) -> dict[str, Any] | None:
        found = (task for task in _tasks_of(*self._session.windows) if task.prompt_id == prompt_id)
        return next(map(task_facts, found), None)

    @staticmethod
    def _verdict(violations: Sequence[str]) -> dict[str, Any]:
        return {"ok": not violations, "violations": list(violations)}


def _window_id(session: Session) -> str | None:
    return session.identity.window_id if session.identity else None


def _tasks_of(*windows: Window) -> list[Task]:
    tasks = (task for window in windows for task in window.tasks.values())
    return sorted(tasks, key=lambda task: (task.created_at, task.prompt_id))


def _web_socket(socket: SocketFacts) -> dict[str, Any]:
    return {"server": socket.server_id, "state": socket.state}


def _consistency(session: Session, window: SessionWindow) -> dict[str, Any]:
    """Return the summary of one window: its server, socket and tasks, with any violations."""
    tasks = _tasks_of(*([window.restored] if window.restored else []))
    return {
        "windowId": window.window_id,
        "lockedServer": window.locked,
        "pendingTasks": sum(not task.state.is_end for task in tasks),
        "webSocket": _web_socket(window.socket),
        "tasks": [
            {"promptId": task.prompt_id, "executionServer": task.execution_server, "state": task.shown_state}
            for task in tasks
        ],
        "violations": list(session.violations(window.restored)) if window.restored else [],
    }


def task_facts(task: Task) -> dict[str, Any]:
    """A task as the console shows it."""
    failure = task.end.failure
    return {
        "promptId": task.prompt_id,
        "executionServer": task.execution_server,
        "state": task.shown_state,
        "title": task.title,
        "address": task.address,
        "owner": task.owner,
        "epoch": task.epoch,
        "isWard": task.is_ward,
        "againOf": task.again_of,
        "createdAt": task.created_at,
        "endedAt": task.end.ended_at,
        "cause": cause.value if (cause := end_cause(task)) is not None else None,
        "place": task.progress.place,
        "outputs": [_output_facts(output) for output in task.delivery.outputs],
        "missing": list(task.end.missing),
        "failure": None if failure is None else {"kind": failure.kind, "message": failure.message},
        "notes": [{"at": note.at, "kind": note.kind, "detail": note.detail} for note in task.notes],
    }


def _output_facts(output: Output) -> dict[str, Any]:
    return {
        "nodeId": output.node_id,
        "kind": output.kind,
        "filename": output.filename,
        "subfolder": output.subfolder,
        "type": output.folder,
        "delivery": output.delivery.value,
        "size": output.size,
        "mediaType": output.media_type,
        **({"text": output.text} if output.is_text else {}),
    }


def _picked(value: Any, fallback: str) -> Picked:
    """A Blob under its file's own name, if it has one."""
    if value is None or not hasattr(value, "media_type"):
        raise BadInput("not-a-file", detail="a Blob or File is needed")
    blob: Blob = value
    return Picked(blob, str(getattr(blob, "name", "") or fallback))


def _editor(graph: Any) -> str:
    """The copy of an editor's graph that a script passed; empty if there is none."""
    if graph is None:
        return ""
    try:
        parsed = json.loads(graph) if isinstance(graph, str) else graph
    except (ValueError, RecursionError) as error:
        raise BadInput("bad-workflow", detail="not JSON") from error
    if not isinstance(parsed, Mapping) or not isinstance(parsed.get("nodes"), list):
        raise BadInput("bad-workflow", detail="not the editor's format")
    return ready_copy(parsed)


def _inputs(given: Any) -> dict[tuple[str, str], Picked]:
    """`{nodeId: {inputName: Blob}}` as the session takes it."""
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not all(isinstance(inputs, Mapping) for inputs in given.values()):
        raise BadInput("bad-inputs", detail="{nodeId: {inputName: Blob}} is needed")
    return {
        (node_id, input_name): _picked(blob, input_name)
        for node_id, inputs in given.items()
        for input_name, blob in inputs.items()
    }
