"""Work started by scripts: uploads that hold their server until a submit uses them, and queries about a task."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeVar

from app.core import comfy
from app.core.balancer import Wish
from app.core.errors import BadInput, NotYourTurn, TaskNotFound
from app.core.model import InputFile, NodeId, PromptId, Reservation, TaskState
from app.core.ports.blobs import Blob
from app.core.window import get_api_base_url
from app.core.workflow import ApiWorkflow
from app.session.state import State
from app.session.submitting.editor_files import EditorCopy
from app.session.submitting.submit import Inputs, RunOrder, Submitter

TURN_REST = 3.0  # seconds until it asks again whether its turn has come

T = TypeVar("T")
log = logging.getLogger("mooring.session")


class Scripting:
    """The scripting interface of a session."""

    def __init__(self, state: State, submitter: Submitter) -> None:
        self._state = state
        self._submitter = submitter
        self._uploads: Reservation | None = None
        self._files: dict[str, InputFile] = {}  # by the value of the input that names it
        self._reserving_uploads = asyncio.Lock()

    async def upload_image(self, blob: Blob, filename: str) -> comfy.Uploaded:
        """Upload, holding a reservation until a submit uses it or `release_uploads` gives it up.

        It waits until the user has a turn on a server (`core/turns.py`).
        """
        async with self._reserving_uploads:
            if self._uploads is None:
                prompt_id = PromptId(self._state.ports.random.uuid4())
                self._uploads = await self._in_turn(lambda: self._submitter.places.reserve(prompt_id))
            held = self._uploads
        with self._state.records.loose_ends.upload():
            item, uploaded = await self._submitter.upload(held, blob, filename)
        self._files[uploaded.input_value] = item
        return uploaded

    def _named_in(self, workflow: ApiWorkflow, inputs: Inputs) -> tuple[InputFile, ...]:
        """Return the uploads that a workflow names, by input, so that another server can be given them too."""
        return tuple(
            replace(file, node_id=NodeId(node_id), input_name=input_name)
            for node_id, node in json.loads(workflow.text).items()
            for input_name, value in (node.get("inputs") or {}).items()
            if isinstance(value, str) and (file := self._files.get(value)) and (node_id, input_name) not in inputs
        )

    async def release_uploads(self) -> None:
        """Give up the reservation that uploads hold."""
        held, self._uploads = self._uploads, None
        if held is not None:
            await self._submitter.places.release(held.prompt_id)

    async def submit_workflow(self, workflow: ApiWorkflow, title: str, inputs: Inputs, editor: str = "") -> PromptId:
        """Like `run`, on the server that holds this interface's uploads if there are any.

        A script sees no card, so a refusal by the server is raised here: PromptRejected, or ConnectError if
        the prompt was certainly not sent. The task with its end is kept all the same. It waits for its turn.
        """
        held, self._uploads = self._uploads, None
        prompt_id = held.prompt_id if held else PromptId(self._state.ports.random.uuid4())
        wish = Wish(asked=held.server_id if held else None)
        copy, uploaded = EditorCopy(editor), self._named_in(workflow, inputs)
        order = RunOrder(prompt_id, workflow, title, inputs, wish, editor=copy, uploaded=uploaded)
        while True:
            await self._in_turn(lambda: self._submitter.run(order))  # noqa: B023 - it is awaited here
            task = self._state.records.get_task("submit_workflow", order.prompt_id)
            if not comfy.waits_for_turn(task.end.failure):
                break
            await self._state.ports.store.delete_task(task)
            self._state.records.forget(task.prompt_id)
            await self._state.ports.clock.sleep(TURN_REST)
            order = replace(order, prompt_id=PromptId(self._state.ports.random.uuid4()))
        if task.state is TaskState.FAILED and task.end.failure is not None and task.end.failure.kind in comfy.NEVER_RAN:
            raise comfy.refusal_of(task, task.end.failure)
        return order.prompt_id

    async def _in_turn(self, work: Callable[[], Awaitable[T]]) -> T:
        """Return the result of `work`, which is repeated until its turn has come."""
        while True:
            try:
                return await work()
            except NotYourTurn as turn:
                log.info("a script waits for its turn: %r", turn)
                await self._state.ports.clock.sleep(TURN_REST)

    async def get_task_history(self, prompt_id: PromptId) -> dict[str, Any]:
        """The history answer of the task's own server, as JSON text: `{}` if it has none."""
        task = self._state.records.get_task("get_task_history", prompt_id)
        base = get_api_base_url("get_task_history", task, self._state.servers.fleet)
        response = await self._state.servers.ask(task.server_id, comfy.history_request(base, prompt_id))
        return comfy.read_object(response, task.server_id)

    def get_task_bound_image_url(self, prompt_id: PromptId, index: int) -> str:
        """The address of one output, on the server that made it, wherever the window is moored now."""
        task = self._state.records.get_task("get_task_bound_image_url", prompt_id)
        base = get_api_base_url("get_task_bound_image_url", task, self._state.servers.fleet)
        if not 0 <= index < len(task.delivery.outputs):
            raise TaskNotFound("get_task_bound_image_url", prompt_id)
        if task.delivery.outputs[index].is_text:
            raise BadInput("not-a-file", detail="this output is a text, which has no address")
        return comfy.view_path(base, task, task.delivery.outputs[index])
