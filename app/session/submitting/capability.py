"""What the servers of the fleet can run, by their node catalogues.

A server with an unknown catalogue may still be chosen. Catalogues are read as the gateway had them when its list of
servers came, and reread when a server has refused a value or a class.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.core import comfy
from app.core.errors import BadInput, ConfigError, TransportError
from app.core.model import Server, ServerId
from app.core.workflow import ApiWorkflow
from app.session.state import State
from app.session.submitting.named_files import FileFinder, FoundFiles, Origin
from app.workflows.catalogue import Catalogue
from app.workflows.graph import Key
from app.workflows.needs import Runnability, classes_of, respell, standing, unlisted_files
from app.workflows.replacements import read_replacements
from wire.catalogue_files import with_files
from wire.health import Health
from wire.versions import checks_new_choices

log = logging.getLogger("mooring.session")

KEPT = 8  # catalogues beside those that the fleet has now

_Content = tuple[str, str]  # hashes of nodes and files


@dataclass(slots=True)
class _Part:
    """The known part of a catalogue: the classes that were asked for, as far as they exist."""

    catalogue: Catalogue = field(default_factory=lambda: Catalogue({}))
    asked: set[str] = field(default_factory=set)
    has_replacements: bool = False  # whether the server was asked for its replacements


@dataclass(frozen=True, slots=True)
class Survey:
    """The servers that can run a workflow, and those that have the files it names."""

    standing: Runnability
    has_replaced: bool  # whether a server replaces the class of one of its nodes
    found: FoundFiles = field(default_factory=FoundFiles)


class Capabilities:
    """Finds out which servers can run a workflow."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._kept: OrderedDict[_Content, _Part] = OrderedDict()
        self.holdings = FileFinder(state)

    async def survey(
        self,
        workflow: ApiWorkflow,
        supplied: Collection[Key] = (),
        *,
        only: ServerId | None = None,
        origin: Origin | None = None,
        is_now: bool = False,
    ) -> Survey:
        """Find the servers (or check the `only` one) that can run this workflow, and the files it needs there.

        Inputs in `supplied` come with an upload. `origin` is the run that is repeated; `is_now` if it is sent now.
        """
        names = classes_of(workflow)
        servers = [server for server in self._state.servers.fleet.servers if only in {None, server.server_id}]
        if unread := [item for item in servers if self._missing(item, names) or self._lacked(item, names)]:
            await asyncio.gather(*(self.catalogue(server, names) for server in unread))
        known = {server.server_id: self._known(server, names) for server in servers}
        without_keys = {server.server_id for server in servers if not server.gets_keys}
        unlisted: dict[Key, str] = {}
        for catalogue in {id(item): item for item in known.values() if item is not None}.values():
            unlisted |= unlisted_files(workflow, catalogue, supplied)
        has_replaced = any(item and any(map(item.replacement, names)) for item in known.values())
        if not unlisted:
            return Survey(standing(workflow, known, supplied, without_keys=without_keys), has_replaced)
        found = await self.holdings.find(unlisted, servers, origin, is_now=is_now)
        covered = {*supplied, *found.copies}
        return Survey(standing(workflow, known, covered, found.files, without_keys=without_keys), has_replaced, found)

    def as_sent(self, workflow: ApiWorkflow, server_id: ServerId) -> ApiWorkflow:
        """Return the workflow with models as this server spells them; unchanged while its catalogue is unknown."""
        server = self._state.servers.fleet.get(server_id)
        catalogue = self._known(server, classes_of(workflow)) if server is not None else None
        return workflow if catalogue is None else respell(workflow, catalogue)

    async def uses_credits(self, workflow: ApiWorkflow) -> bool:
        """Return whether a server lists one of the nodes as one that costs credits."""
        names = classes_of(workflow)
        for server in self._state.servers.fleet.servers:
            catalogue = await self.catalogue(server, names)
            if catalogue is not None and any(map(catalogue.uses_credits, names)):
                return True
        return False

    async def catalogue(self, server: Server, names: frozenset[str]) -> Catalogue | None:
        """Those classes of a server, among others; None if they are unknown now.

        Classes that it lacks are there with what it replaces them by, if it does.
        """
        found = await self._catalogue(server, names)
        if lacked := self._lacked(server, names):
            await self._read_replacing(server, lacked)
        return found

    async def _catalogue(self, server: Server, names: frozenset[str]) -> Catalogue | None:
        if missing := self._missing(server, names):
            part = self._kept.setdefault(_content_of(server), _Part())
            part.catalogue.checks_new_choices = checks_new_choices(server.version)
            self._forget()
            try:
                part.catalogue.add(await self._read(_content_of(server), missing))
            except (TransportError, ConfigError, BadInput) as error:
                log.info("no catalogue of %s: %r", server.server_id, error)
                return None
            part.asked |= missing
        return self._known(server, names)

    async def _read_replacing(self, server: Server, lacked: list[str]) -> None:
        """Read the replacements of classes that a server does not have."""
        part = self._kept[_content_of(server)]
        if not part.has_replacements:
            await self._read_replacements(server, part)
        known = part.catalogue.replacements
        if new := frozenset(known[name].new_class for name in lacked if name in known):
            await self._catalogue(server, new)

    async def _read_replacements(self, server: Server, part: _Part) -> None:
        """Ask which classes the server replaces, once per catalogue; again with the next read if that failed."""
        try:
            features = await self._state.ports.http.send(comfy.features_request(server.base))
            if comfy.read_server_features(features, server.server_id).replaces_nodes:
                response = await self._state.ports.http.send(comfy.replacements_request(server.base))
                comfy.check_own(response, server.server_id)
                part.catalogue.replacements = read_replacements(response.text) if response.status == 200 else {}
        except (TransportError, BadInput) as error:
            log.info("%s: replaced classes are unknown: %r", server.server_id, error)
            return
        part.has_replacements = True

    def _missing(self, server: Server, names: frozenset[str]) -> frozenset[str]:
        """Those classes that still have to be requested."""
        if self._state.ports.catalogues is None or not server.catalogue:
            return frozenset()
        part = self._kept.get(_content_of(server))
        return names if part is None else names - part.asked

    def _lacked(self, server: Server, names: frozenset[str]) -> list[str]:
        """Those classes that a server is known not to have: a class whose read failed is not one of them."""
        part = self._kept.get(_content_of(server))
        return [name for name in names & part.asked if name not in part.catalogue] if part is not None else []

    def _known(self, server: Server, names: frozenset[str]) -> Catalogue | None:
        """The known part of that server's catalogue, if it covers all of these names."""
        part = self._kept.get(_content_of(server))
        if part is None or not names <= part.asked:
            return None
        self._kept.move_to_end(_content_of(server))
        return part.catalogue

    def _forget(self) -> None:
        """Drop the oldest catalogues that no server has now, beyond a few."""
        current = {(item.catalogue, item.files) for item in self._state.servers.fleet.servers}
        others = [content for content in self._kept if content not in current]
        for content in others[: max(0, len(others) - KEPT)]:
            del self._kept[content]

    def refresh_soon(self, server_id: ServerId) -> None:
        """Have a server's catalogue reread in the background, because it has changed."""
        if self._state.ports.catalogues is not None:
            self._state.spawn(self._refresh(server_id), f"catalogue {server_id}")

    async def refresh(self, server_id: ServerId) -> None:
        """Have it reread at the user's request; raises the gateway's errors. The fleet shows the outcome."""
        if self._state.ports.catalogues is not None:
            await self._state.ports.catalogues.refresh(server_id)

    async def refresh_all(self) -> None:
        """Refresh every server that may answer; afterwards raise the first error."""
        asked = [
            item.server_id for item in self._state.servers.fleet.servers if item.health in (Health.WELL, Health.UNKNOWN)
        ]
        answers = await asyncio.gather(*(self.refresh(item) for item in asked), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer

    async def _refresh(self, server_id: ServerId) -> None:
        try:
            await self.refresh(server_id)
        except (TransportError, ConfigError) as error:
            log.info("the catalogue of %s was not reread: %r", server_id, error)

    async def _read(self, content: _Content, names: frozenset[str]) -> Mapping[str, Any]:
        nodes, files = content
        catalogues = self._state.ports.catalogues
        assert catalogues is not None  # checked by the callers
        texts = [await catalogues.classes(item, sorted(names)) if item else "{}" for item in (nodes, files)]
        try:
            parted = [json.loads(text) for text in texts]
        except ValueError as error:
            raise BadInput("bad-catalogue", detail=str(error)) from error
        return Catalogue.parse(with_files(*parted)).entries


def _content_of(server: Server) -> _Content:
    return server.catalogue, server.files
