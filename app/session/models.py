"""What servers have beside the models that a node lists: the file itself, its picture, and its metadata.

    files = await models.find("LoraLoader", "lora_name", ("styles/ink.safetensors", …))
    files["styles/ink.safetensors"].preview          # where its picture is
    await models.facts(files["styles/ink.safetensors"])

A page asks when the user opens a picker, not before. Answers are kept as long as the server's catalogue stays the same.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from app.core.comfy import check_arrived
from app.core.errors import HttpStatusError, MooringError
from app.core.model import Server, ServerId
from app.core.model_facts import LARGEST, ModelFacts, read_model_facts
from app.core.ports.http import Request
from app.core.spelling import with_slashes
from app.core.window import Window
from app.session.state import State
from app.workflows.model_files import is_model_name, likely_folder, place
from wire.health import Health
from wire.model_files import ListedModel, is_inside, metadata_path, preview_path, read_listing, read_names

log = logging.getLogger("mooring.session")

DEADLINE = 12.0  # seconds; a server walks through the folder
MOST_ASKED = 3  # servers for one list: those of a form's catalogue have all of its choices
MOST_FACTS = 500  # models of one server whose facts are kept
_ABSENT = {204, 404}  # a gateway answers 204 where ComfyUI answers 404


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One model on one server, which `base` leads to. A `size` of 0 is unknown."""

    server_id: ServerId
    base: str
    folder: str
    name: str  # as its server spells it
    size: int = 0
    preview: str = ""  # where its picture is, if it has one


NO_FACTS = ModelFacts()


@dataclass(slots=True)
class _Known:
    """The answers of one server."""

    server: Server
    folders: tuple[str, ...] | None = None
    names: dict[str, Mapping[str, str]] = field(default_factory=dict)  # by folder and by name with slashes
    files: dict[str, Mapping[str, ModelFile]] = field(default_factory=dict)  # likewise
    facts: dict[ModelFile, ModelFacts] = field(default_factory=dict)


class Models:
    """Models of the window's server; of a free window, of the healthy servers."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._known: dict[ServerId, _Known] = {}
        self._lock = asyncio.Lock()  # a second question about the same models waits for the first one's answer

    async def find(self, class_type: str, input_name: str, choices: Collection[str]) -> Mapping[str, ModelFile]:
        """Return the files of these choices of an input, as far as a server has them.

        Raises the error of the server if it could not be asked, and no other has any.
        """
        left = {with_slashes(choice): choice for choice in choices if is_model_name(choice)}
        guess = likely_folder(class_type, input_name)
        found: dict[str, ModelFile] = {}
        failure: MooringError | None = None
        async with self._lock:
            for server in self._servers()[:MOST_ASKED]:
                try:
                    here = await self._find_on(self._known_of(server), guess, frozenset(left))
                except MooringError as error:
                    log.info("no models of %s: %r", server.server_id, error)
                    failure = failure or error
                    continue
                found |= {left.pop(name): file for name, file in here.items()}
                if not left:
                    break
        if failure is not None and not found:
            raise failure
        return found

    async def facts(self, file: ModelFile) -> ModelFacts:
        """Return what the model's metadata says; nothing if it has none."""
        server = self._state.fleet.get(file.server_id)
        if server is None or not file.name.lower().endswith(".safetensors") or not is_inside(file.name):
            return NO_FACTS
        async with self._lock:
            known = self._known_of(server).facts
            if file not in known:
                known[file] = await self._read_facts(file)
                if len(known) > MOST_FACTS:
                    del known[next(iter(known))]
            return known[file]

    def _servers(self) -> list[Server]:
        fleet, window = self._state.fleet, self._state.window
        locked = window.window_locked_server if isinstance(window, Window) else None
        if locked is not None:
            server = fleet.get(locked)
            return [server] if server is not None else []
        return [server for server in fleet.servers if server.health is Health.WELL]

    def _known_of(self, server: Server) -> _Known:
        known = self._known.get(server.server_id)
        content = server.base, server.catalogue
        if known is None or (known.server.base, known.server.catalogue) != content:
            known = self._known[server.server_id] = _Known(server)
        return known

    async def _find_on(self, known: _Known, guess: str, wanted: frozenset[str]) -> Mapping[str, ModelFile]:
        """Return a server's files by their names with slashes."""
        places = await self._places(known, guess, wanted)
        files = {folder: await self._files(known, folder) for folder in dict.fromkeys(places.values())}
        return {name: files[folder][name] for name, folder in places.items()}

    async def _places(self, known: _Known, guess: str, wanted: frozenset[str]) -> Mapping[str, str]:
        """Return the folder of each name; all folders are read only if the likely one does not have all names."""
        if guess and wanted <= (await self._names(known, guess)).keys():
            return dict.fromkeys(wanted, guess)
        if known.folders is None:
            known.folders = read_names(await self._ask(known.server, "/models"))
        lists: dict[str, Mapping[str, str]] = {}
        for folder in known.folders:
            lists[folder] = await self._names(known, folder)
            if lists[folder].keys() == wanted:
                return dict.fromkeys(wanted, folder)
        return place(wanted, lists)

    async def _names(self, known: _Known, folder: str) -> Mapping[str, str]:
        if folder not in known.names:
            answer = await self._ask(known.server, f"/models/{quote(folder, safe='')}")
            known.names[folder] = {with_slashes(name): name for name in read_names(answer)}
        return known.names[folder]

    async def _files(self, known: _Known, folder: str) -> Mapping[str, ModelFile]:
        """Return a folder's files. Those of other kinds than ComfyUI's own are listed without size and picture."""
        if folder not in known.files:
            answer = await self._ask(known.server, f"/experiment/models/{quote(folder, safe='')}")
            listing = {with_slashes(item.name): item for item in read_listing(answer)}
            names = await self._names(known, folder)
            known.files[folder] = {
                plain: _file(known.server, folder, name, listing.get(plain)) for plain, name in names.items()
            }
        return known.files[folder]

    async def _ask(self, server: Server, path: str) -> object:
        """Return the JSON of an answer; nothing for what the server does not have."""
        request = Request(method="GET", path=f"{server.base}{path}", deadline=DEADLINE)
        response = await self._state.ports.http.send(request)
        check_arrived(response, server.server_id)
        if response.status in _ABSENT:
            return None
        if response.status != 200:
            raise HttpStatusError(server.server_id, response.status, response.text.strip()[:300])
        try:
            answer: object = json.loads(response.text)
        except (ValueError, RecursionError):
            return None
        return answer

    async def _read_facts(self, file: ModelFile) -> ModelFacts:
        path = f"{file.base}{metadata_path(file.folder, file.name)}"
        response = await self._state.ports.http.fetch(Request(method="GET", path=path, deadline=DEADLINE))
        check_arrived(response, file.server_id)
        if response.status in _ABSENT or response.blob is None:
            return NO_FACTS
        if response.status != 200:
            raise HttpStatusError(file.server_id, response.status, "")
        if response.blob.size > LARGEST:
            return ModelFacts(is_too_large=True)
        return read_model_facts((await response.blob.read()).decode("utf-8", "replace"))


def _file(server: Server, folder: str, name: str, item: ListedModel | None) -> ModelFile:
    if item is None:
        return ModelFile(server.server_id, server.base, folder, name)
    path = preview_path(folder, item.path_index, item.name)
    return ModelFile(server.server_id, server.base, folder, name, item.size, f"{server.base}{path}" if path else "")
