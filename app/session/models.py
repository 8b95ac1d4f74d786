"""The models that a server has: each one's file, picture and metadata.

    files = await models.find("LoraLoader", "lora_name", ("styles/ink.safetensors", …))
    files["styles/ink.safetensors"].preview          # the path of its picture
    await models.facts(files["styles/ink.safetensors"])

Nothing is requested before the user opens a picker. Answers are kept until the server's catalogue changes.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from app.core.comfy import check_arrived
from app.core.errors import HttpStatusError, MooringError, ProtocolError, RequestTimeout
from app.core.model import Server, ServerId
from app.core.model_facts import LARGEST, ModelFacts, read_model_facts
from app.core.ports.blobs import Blob
from app.core.ports.http import Request
from app.core.spelling import with_slashes
from app.core.window import Window
from app.session.state import State
from app.workflows.model_files import is_model_name, likely_folder, place
from wire.health import Health
from wire.model_files import (
    LISTS,
    ListedModel,
    is_inside,
    metadata_path,
    preview_path,
    read_folders,
    read_listing,
    read_names,
)

log = logging.getLogger("mooring.session")

DEADLINE = 12.0  # seconds; the server reads the whole folder
LONGEST = 30.0  # seconds for all folders of a server; those that were read are kept for the next time
LARGEST_LIST = 16 * 1024 * 1024  # bytes: 100,000 models with their sizes
MOST_SERVERS = 3  # asked about one list
MOST_FACTS = 500  # models of one server whose facts are kept
_ABSENT = {204, 404}  # a gateway answers 204 where ComfyUI answers 404


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One model on one server."""

    server_id: ServerId
    base: str  # of the server's paths
    folder: str
    name: str  # as its server spells it
    size: int = 0  # bytes; 0 if unknown
    preview: str = ""  # the path of its picture, which may not exist; empty if there can be none


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
    """Models on the window's server or, in a free window, on the healthy servers."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._known: dict[ServerId, _Known] = {}
        self._lock = asyncio.Lock()  # so that nothing is requested twice

    async def find(self, class_type: str, input_name: str, choices: Collection[str]) -> Mapping[str, ModelFile]:
        """Return the files of these choices of an input; choices that no server has are left out.

        Raises a server's error if nothing was found.
        """
        left = {with_slashes(choice): choice for choice in choices if is_model_name(choice)}
        guess = likely_folder(class_type, input_name)
        found: dict[str, ModelFile] = {}
        failure: MooringError | None = None
        async with self._lock:
            for server in self._servers()[:MOST_SERVERS]:
                try:
                    here = await self._find_on(self._known_of(server), guess, frozenset(left))
                except MooringError as error:
                    log.info("the models of %s were not read: %r", server.server_id, error)
                    failure = failure or error
                    continue
                found |= {left.pop(name): file for name, file in here.items()}
                if not left:
                    break
        if failure is not None and not found:
            raise failure
        return found

    async def facts(self, file: ModelFile) -> ModelFacts:
        """Return the facts in a model's metadata; `NO_FACTS` without metadata."""
        server = self._state.servers.fleet.get(file.server_id)
        if server is None or not file.name.lower().endswith(".safetensors") or not is_inside(file.name):
            return NO_FACTS
        async with self._lock:
            known = self._known_of(server).facts
            if file not in known:
                known[file] = await self._read_facts(file)
                if len(known) > MOST_FACTS:
                    del known[next(iter(known))]
            return known[file]

    async def listed(self, folder: str) -> tuple[str, ...]:
        """Return the names in a folder, in order, of those servers that answer."""
        found = set[str]()
        async with self._lock:
            for server in self._servers()[:MOST_SERVERS]:
                try:
                    found |= (await self._names(self._known_of(server), folder)).keys()
                except MooringError as error:
                    log.info("%s of %s were not read: %r", folder, server.server_id, error)
        return tuple(sorted(found, key=str.casefold))

    def _servers(self) -> list[Server]:
        fleet, window = self._state.servers.fleet, self._state.records.own
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
        try:
            async with asyncio.timeout(LONGEST):
                places = await self._places(known, guess, wanted)
                files = {folder: await self._files(known, folder) for folder in dict.fromkeys(places.values())}
        except TimeoutError as error:
            raise RequestTimeout(known.server.server_id, "deadline") from error
        return {name: files[folder][name] for name, folder in places.items()}

    async def _places(self, known: _Known, guess: str, wanted: frozenset[str]) -> Mapping[str, str]:
        """Return the folder of each name. All folders are read only if the guess does not have all names."""
        if guess and wanted <= (await self._names(known, guess)).keys():
            return dict.fromkeys(wanted, guess)
        if known.folders is None:
            known.folders = read_folders(await self._ask(known.server, "/models"))
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
        """Return a folder's files. ComfyUI reports sizes and pictures only of the file types that it knows."""
        if folder not in known.files:
            answer = await self._ask(known.server, f"{LISTS}/{quote(folder, safe='')}")
            listing = {with_slashes(item.name): item for item in read_listing(answer)}
            names = await self._names(known, folder)
            known.files[folder] = {
                plain: _file(known.server, folder, name, listing.get(plain)) for plain, name in names.items()
            }
        return known.files[folder]

    async def _ask(self, server: Server, path: str) -> object:
        """Return the JSON of an answer; None without one."""
        blob = await self._fetch(server.server_id, f"{server.base}{path}")
        if blob is None:
            return None
        if blob.size > LARGEST_LIST:
            raise ProtocolError(server.server_id, "a list of models that is too large")
        try:
            answer: object = json.loads(await blob.read())
        except (ValueError, RecursionError):
            return None
        return answer

    async def _read_facts(self, file: ModelFile) -> ModelFacts:
        blob = await self._fetch(file.server_id, f"{file.base}{metadata_path(file.folder, file.name)}")
        if blob is None:
            return NO_FACTS
        if blob.size > LARGEST:
            return ModelFacts(is_too_large=True)
        return read_model_facts((await blob.read()).decode("utf-8", "replace"))

    async def _fetch(self, server_id: ServerId, path: str) -> Blob | None:
        """Return the bytes of an answer, which may be too many to be read; None if the server does not have this."""
        response = await self._state.ports.http.fetch(Request(method="GET", path=path, deadline=DEADLINE))
        check_arrived(response, server_id)
        if response.status in _ABSENT:
            return None
        if response.status != 200:
            raise HttpStatusError(server_id, response.status, "")
        return response.blob


def _file(server: Server, folder: str, name: str, item: ListedModel | None) -> ModelFile:
    if item is None:
        return ModelFile(server.server_id, server.base, folder, name)
    path = preview_path(folder, item.path_index, item.name)
    return ModelFile(server.server_id, server.base, folder, name, item.size, f"{server.base}{path}" if path else "")
