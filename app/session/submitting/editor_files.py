"""The editor's files that are sent along with runs: kept among the inputs, filled with the values that are sent.

A run never waits for its file and never fails for it: without one, the picture opens in the editor as nodes without
their positions. Its task's record says why there was none.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from typing import Any

from app.core.errors import StorageError
from app.core.model import PromptId, Task
from app.core.workflow import ApiWorkflow
from app.session.state import State
from app.workflows.editor.copy import filled
from app.workflows.editor.problems import CannotWrite, WriteFault

log = logging.getLogger("mooring.session")

LARGEST = 30_000_000  # bytes of a submit; the gateway takes 32 MiB
GONE = "gone"  # it was kept here, and no longer is
UNSTORED = "unstored"  # it was sent along, and could not be kept for another run

Graph = dict[str, Any]


@dataclass(frozen=True, slots=True)
class EditorCopy:
    """The copy of one file (`workflows/editor/copy.py`), its hash once that is known, and its fault, if any."""

    text: str = ""
    sha256: str = ""
    fault: str = ""


NO_EDITOR = EditorCopy()


@dataclass(frozen=True, slots=True)
class _Text:
    """A text as a Blob."""

    data: bytes

    @property
    def size(self) -> int:
        return len(self.data)

    @property
    def media_type(self) -> str:
        return "application/json"

    async def read(self, most: int | None = None) -> bytes:
        return self.data[:most]


class EditorFiles:
    """Keeps and reads the copies of editor files, and fills them."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def keep(self, text: str) -> str:
        """Keep a copy for as long as something needs it; return its hash. StorageError if it cannot be kept."""
        data = text.encode()
        sha256 = hashlib.sha256(data).hexdigest()
        await self._state.ports.store.keep_input(sha256, _Text(data), self._state.ports.clock.now())
        return sha256

    async def read(self, sha256: str) -> EditorCopy:
        """Return the copy kept under a hash; its `fault` says if it is no longer there."""
        if not sha256:
            return NO_EDITOR
        try:
            blob = await self._state.ports.store.read_input(sha256)
        except StorageError as error:
            log.warning("the editor's file is not read: %r", error)
            blob = None
        if blob is None:
            return EditorCopy(fault=GONE)
        return EditorCopy((await blob.read()).decode(errors="replace"), sha256)

    async def for_run_again(self, task: Task) -> EditorCopy:
        """Return the copy that is sent along when a task's run is repeated."""
        if task.editor_sha256:
            return await self.read(task.editor_sha256)
        return EditorCopy(fault=GONE if task.editor_fault == UNSTORED else task.editor_fault)

    async def along(
        self, prompt_id: PromptId, copy: EditorCopy, workflow: ApiWorkflow
    ) -> tuple[EditorCopy, Graph | None]:
        """Return what is recorded of a run's copy, and the file filled with what that run sends."""
        graph: Graph | None = None
        if copy.text:
            try:
                graph = _filled(copy.text, workflow)
                copy = EditorCopy(sha256=copy.sha256 or await self.keep(copy.text))
            except CannotWrite as error:
                copy = EditorCopy(fault=error.fault.value)
            except StorageError as error:
                log.warning("the editor's file is not kept: %r", error)
                copy = EditorCopy(fault=UNSTORED)
        if copy.fault:
            self._state.note("editor_fault", prompt_id=prompt_id, cause=copy.fault)
        return copy, graph


def _filled(text: str, workflow: ApiWorkflow) -> Graph:
    if len(text.encode()) + len(workflow.text.encode()) > LARGEST:
        raise CannotWrite("cannot-write", "", "", WriteFault.TOO_LARGE)
    return filled(text, workflow)
