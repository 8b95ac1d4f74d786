"""The files that a workflow names: which servers have them, and which of them this browser still has.

    found = await holdings.find({("1", "image"): "mooring/ab….png"}, servers, origin=None, is_now=True)
    found.files["gpu-1"]                # {"mooring/ab….png": True}, as the server answered
    found.copies[("1", "image")]        # our own copy, to be uploaded where a server does not have it

The same name on another server is another file. So a copy counts as ours in two cases only: Mooring uploaded it under a
hash of the content, or a task made it on the server that is meant (the one whose run is repeated, or the only one that
has a file of that name).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from app.core import comfy
from app.core.errors import BadInput, MooringError, StorageError
from app.core.model import Delivery, PromptId, Server, ServerId, Task
from app.core.server_file import ServerFile
from app.core.spelling import with_slashes
from app.session.facts import Picked
from app.session.state import State
from app.workflows.graph import Key
from wire.health import Health

FRESH = 10.0  # seconds for which "not there" is trusted, until the user presses Run
AT_SUBMIT = 1.0  # seconds for which any answer is trusted when the user presses Run
MOST_KNOWN = 2_000  # answers

log = logging.getLogger("mooring.session")

_Asked = tuple[ServerId, str, str, str, str]  # server, its address, its catalogue, its lists of files, the value


@dataclass(frozen=True, slots=True)
class Origin:
    """The server and time of the run that is repeated: its output files are that server's, from before then."""

    server_id: ServerId
    before: float


@dataclass(frozen=True, slots=True)
class Copy:
    """A file whose bytes this browser has: a kept input, by its hash, or one output of a task."""

    name: str
    sha256: str = ""
    prompt_id: PromptId | None = None
    index: int = 0


@dataclass(frozen=True, slots=True)
class FoundFiles:
    """The answers: for each server that was asked, which of the values it has; and our own copies."""

    names: Mapping[Key, str] = field(default_factory=dict)
    files: Mapping[ServerId, Mapping[str, bool]] = field(default_factory=dict)
    copies: Mapping[Key, Copy] = field(default_factory=dict)

    def to_upload(self, server_id: ServerId) -> dict[Key, Copy]:
        """Return the copies of the files that this server is not known to have."""
        there = self.files.get(server_id, {})
        return {key: copy for key, copy in self.copies.items() if not there.get(self.names[key])}


@dataclass(frozen=True, slots=True)
class _Answer:
    is_there: bool | None
    at: float


class FileFinder:
    """Finds files and keeps the answers: each holds until the fleet or the server's catalogue changes."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._known: dict[_Asked, _Answer] = {}

    async def find(
        self, names: Mapping[Key, str], servers: Sequence[Server], origin: Origin | None, *, is_now: bool
    ) -> FoundFiles:
        """Ask these servers for the files, and the store for our copies. With `is_now`, kept answers do not count."""
        files = {text: file for text in names.values() if (file := ServerFile.read(text)) is not None}
        answers = await asyncio.gather(*(self._ask(server, files, is_now=is_now) for server in servers))
        files_by_server = {server.server_id: dict(found) for server, found in zip(servers, answers, strict=True)}
        copies: dict[str, Copy] = {}
        for text, file in files.items():
            place = origin
            if file.is_made and origin is None:
                having = [server_id for server_id, found in files_by_server.items() if found.get(text)]
                place = Origin(having[0], self._state.ports.clock.now()) if len(having) == 1 else None
            if file.is_made and origin is not None:
                for server_id in files_by_server.keys() - {origin.server_id}:
                    files_by_server[server_id][text] = False  # another file under the same name
            if (copy := await self._copy(file, place)) is not None:
                copies[text] = copy
        return FoundFiles(names, files_by_server, {key: copies[text] for key, text in names.items() if text in copies})

    async def read(self, copy: Copy) -> Picked:
        """Return the bytes of a copy; BadInput if they are no longer kept."""
        store = self._state.ports.store
        if copy.prompt_id is None:
            blob = await store.read_input(copy.sha256)
        else:
            kept = await store.read_result(copy.prompt_id, copy.index)
            blob = kept.blob if kept is not None else None
        if blob is None:
            raise BadInput("input-not-kept", copy.name)
        return Picked(blob, copy.name)

    # Servers

    async def _ask(
        self, server: Server, files: Mapping[str, ServerFile], *, is_now: bool
    ) -> Iterable[tuple[str, bool]]:
        if server.health not in (Health.WELL, Health.UNKNOWN):
            return ()
        found: list[tuple[str, bool]] = []
        for text, file in files.items():
            is_there = await self._has(server, text, file, is_now=is_now)
            if is_there is None:
                break  # a server that hangs is asked for no other file
            found.append((text, is_there))
        return found

    async def _has(self, server: Server, text: str, file: ServerFile, *, is_now: bool) -> bool | None:
        asked, now = (server.server_id, server.address, server.catalogue, server.files, text), self._now()
        known = self._known.get(asked)
        if known is not None and (now - known.at < AT_SUBMIT if is_now else known.is_there or now - known.at < FRESH):
            return known.is_there
        try:
            response = await self._state.ports.http.send(comfy.file_request(server.base, file))
            is_there = comfy.read_presence(response)
        except MooringError as error:
            log.info("%s: no answer about %s: %r", server.server_id, text, error)
            is_there = None
        self._known.pop(asked, None)
        self._known[asked] = _Answer(is_there, self._now())
        while len(self._known) > MOST_KNOWN:
            del self._known[next(iter(self._known))]
        return is_there

    def _now(self) -> float:
        return self._state.ports.clock.steady()

    # Our copies

    async def _copy(self, file: ServerFile, origin: Origin | None) -> Copy | None:
        try:
            if start := file.hash_start:
                sha256 = await self._state.ports.store.find_input(start)
                return Copy(self._original_name(sha256) or file.name, sha256) if sha256 else None
            return await self._made(file, origin) if file.is_made and origin is not None else None
        except StorageError as error:
            log.warning("our copies could not be looked up: %r", error)
            return None

    def _original_name(self, sha256: str | None) -> str:
        """Return the name under which the user added a file that a task of this tab uses."""
        tasks = self._state.records.tasks.values()
        return next((item.original_name for task in tasks for item in task.inputs if item.sha256 == sha256), "")

    async def _made(self, file: ServerFile, origin: Origin) -> Copy | None:
        """Return the latest output with this name that the server made before then, if its bytes are kept."""
        tasks = [task for task in (await self._state.ports.store.read_tasks()).tasks if _is_of(task, origin)]
        found = [(task, index) for task in tasks for index in _places(task, file)]
        if not found:
            return None
        task, index = max(found, key=lambda item: item[0].created_at)
        is_kept = task.delivery.outputs[index].delivery is Delivery.KEPT
        kept = await self._state.ports.store.read_kept([(task.prompt_id, index)]) if is_kept else ()
        return Copy(file.name, prompt_id=task.prompt_id, index=index) if kept else None


def _is_of(task: Task, origin: Origin) -> bool:
    return task.server_id == origin.server_id and task.created_at < origin.before


def _places(task: Task, file: ServerFile) -> list[int]:
    return [
        index
        for index, output in enumerate(task.delivery.outputs)
        if (output.folder, with_slashes(output.subfolder), output.filename)
        == (file.folder, with_slashes(file.subfolder), file.name)
    ]
