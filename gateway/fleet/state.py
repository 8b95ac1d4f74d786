"""The present state of the fleet as JSON, with a way to wait for the next change."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from gateway.flags import same_server
from gateway.fleet.fleet import DeclaredBy, Fleet, LocalServer
from gateway.http.servers import Server, ServerId
from wire.health import Condition, Health
from wire.operator_facts import operator_facts_json

VERSION = 1
DEFAULT_MAX_UPLOAD = 104_857_600  # bytes; ComfyUI's own default, --max-upload-size 100


@dataclass(frozen=True, slots=True)
class HeldCatalogue:
    """A server's nodes, and its lists of uploaded files, as hashes of their content."""

    nodes: str = ""
    files: str = ""


@dataclass(frozen=True, slots=True)
class SearchReport:
    """The state of one DNS search: how many servers were found, and a sentence for each problem."""

    origin: str
    found: int = 0
    is_answered: bool = False  # whether DNS answered the last look-up
    troubles: tuple[str, ...] = ()


class FleetState:
    """The conditions of all servers. Each change wakes the callers of `changed`; equal facts are no change."""

    def __init__(self, fleet: Fleet, *, is_breakable: bool = False) -> None:
        self.fleet = fleet
        self._problem = ""
        self._left_out: tuple[str, ...] = ()
        self.searches: tuple[SearchReport, ...] = ()
        self.local: tuple[LocalServer, ...] = ()  # found on this machine, also those that were chosen since
        self.is_breakable = is_breakable  # whether the page may inject faults
        self.max_upload: dict[ServerId, int] = {}
        self._conditions = {server.id: self._first() for server in fleet.servers}
        self._broken: dict[ServerId, tuple[str, ...]] = {}
        self._catalogues: dict[ServerId, HeldCatalogue] = {}
        self._build = ""
        self._workflows = ""
        self._revision = 0
        self._written = -1  # the revision of `_texts`, which are keyed by whether they are for an administrator
        self._texts: dict[bool, str] = {}
        self._digests: dict[bool, str] = {}  # of what lasts, with the same keys
        self._next: asyncio.Future[None] | None = None

    @property
    def revision(self) -> int:
        """A number that grows with each change."""
        return self._revision

    @property
    def servers(self) -> Mapping[ServerId, Server]:
        """The fleet's servers by id."""
        return {server.id: server for server in self.fleet.servers}

    def change(self, fleet: Fleet) -> None:
        """Use another fleet. A new server, or another one under a known id, starts without a condition."""
        before, self.fleet = self.servers, fleet
        stayed = {server.id for server in fleet.servers if _identity(before, server.id) == server.identity}
        for server_id in set(before) - stayed:
            for known in (self._conditions, self._catalogues, self._broken, self.max_upload):
                known.pop(server_id, None)
        self._conditions = {server.id: self._conditions.get(server.id, self._first()) for server in fleet.servers}
        self._notify()

    def _first(self) -> Condition:
        return Condition(is_demo=self.fleet.source is DeclaredBy.DEMO)

    def note_problem(self, problem: str) -> None:
        """Record what is wrong with the present fleet file, while the fleet before it stays; empty if nothing is."""
        if self._problem != problem:
            self._problem = problem
            self._notify()

    def note_discovery(self, searches: tuple[SearchReport, ...], left_out: tuple[str, ...]) -> None:
        """Record the state of the DNS searches, and a sentence for each discovered server that is not used."""
        before = self._troubles
        self.searches, self._left_out = searches, left_out
        if self._troubles != before:
            self._notify()

    def note_local(self, found: tuple[LocalServer, ...]) -> None:
        """Record which servers were found on this machine."""
        if self.local != found:
            self.local = found
            self._notify()

    @property
    def _troubles(self) -> list[str]:
        """The problems of the DNS searches, in sentences."""
        return [*(trouble for search in self.searches for trouble in search.troubles), *self._left_out]

    def is_well(self, server_id: ServerId) -> bool:
        """Whether a server answered its last probe; False for an unknown id."""
        known = self._conditions.get(server_id)
        return known is not None and known.health is Health.WELL

    @property
    def is_read(self) -> bool:
        """Whether every server was asked, and the node classes were read of each that is well."""
        return all(
            known.health is not Health.UNKNOWN and (known.health is not Health.WELL or self.catalogue(one).nodes)
            for one, known in self._conditions.items()
        )

    def largest_upload(self, server_id: ServerId) -> int:
        """Return the largest request body for a server, in bytes: its own limit, or a lower one of the fleet file."""
        taken = self.max_upload.get(server_id, DEFAULT_MAX_UPLOAD)
        limit = self.servers[server_id].limits.upload
        return taken if limit is None else min(taken, limit)

    def condition(self, server_id: ServerId) -> Condition:
        """Return the condition of a server."""
        return self._conditions[server_id]

    def note(self, server_id: ServerId, condition: Condition) -> None:
        """Record a condition, unless the server has left the fleet in the meantime."""
        known = self._conditions.get(server_id, condition)
        if known == condition:
            return
        self._conditions[server_id] = condition
        self._notify(is_passing=replace(known, running=condition.running, pending=condition.pending) == condition)

    def note_build(self, build: str) -> None:
        """Record which build of the page is served."""
        if self._build != build:
            self._build = build
            self._notify()

    def catalogue(self, server_id: ServerId) -> HeldCatalogue:
        """Return the catalogue that was read last; empty hashes before the first."""
        return self._catalogues.get(server_id, HeldCatalogue())

    def note_catalogue(self, server_id: ServerId, catalogue: HeldCatalogue) -> None:
        """Record which catalogue a server has."""
        if self.catalogue(server_id) != catalogue:
            self._catalogues[server_id] = catalogue
            self._notify()

    def note_workflows(self, tag: str) -> None:
        """Record the published workflows, by their listing's tag."""
        if self._workflows != tag:
            self._workflows = tag
            self._notify()

    def broken(self, server_id: ServerId) -> tuple[str, ...]:
        """Return the names of a server's injected faults."""
        return self._broken.get(server_id, ())

    def note_faults(self, server_id: ServerId, broken: tuple[str, ...]) -> None:
        """Record a server's injected faults."""
        if self.broken(server_id) != broken:
            self._broken[server_id] = broken
            self._notify()

    def _notify(self, *, is_passing: bool = False) -> None:
        self._revision += 1
        if not is_passing:
            self._digests.clear()
        if self._next is not None and not self._next.done():
            self._next.set_result(None)
        self._next = None

    def note_queue(self, server_id: ServerId, *, running: int, pending: int) -> None:
        """Record a queue's length that was read between two probes."""
        known = self._conditions[server_id]
        if known.health is Health.WELL:
            self.note(server_id, replace(known, running=running, pending=pending))

    async def changed(self, since: int) -> int:
        """Wait until the revision is past `since`; return it."""
        while self._revision <= since:
            if self._next is None:
                self._next = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._next)
        return self._revision

    def as_json(self, *, runs_fleet: bool = True, user: str = "") -> dict[str, object]:
        """Return what `GET /fleet` and `/fleet/ws` send; problems of the file, servers that were found on this machine
        and may be chosen, and the hosts of models are for administrators only.

        `user` is the recipient, so that a page notices when another user has logged in in its browser. Addresses of
        servers are for administrators too: others get the tag, which pages compare in the same way.
        """
        return self._fleet_json(runs_fleet=runs_fleet) | {
            "person": user,
            "servers": [self._server_json(server, runs_fleet=runs_fleet) for server in self.fleet.servers],
        }

    def _fleet_json(self, *, runs_fleet: bool) -> dict[str, object]:
        source = self.fleet.source.value
        known = [server.address for server in self.servers.values()]
        local = [one.as_json() for one in self.local if not any(same_server(one.server.address, at) for at in known)]
        return {
            "v": VERSION,
            "build": self._build,
            "workflows": self._workflows,
            "mostPending": self.fleet.rules.max_pending_per_user,
            "modelHosts": list(self.fleet.rules.model_hosts) if runs_fleet else [],
            "source": source,
            "faults": self.is_breakable,
            "why": {"source": source, "detail": self.fleet.why if runs_fleet else ""},
            "problem": self._problem if runs_fleet else "",
            "searches": self._troubles if runs_fleet else [],
            "local": local if runs_fleet else [],
        }

    def as_text(self, *, runs_fleet: bool = True, user: str = "") -> str:
        """Return the same as text, which is made once for all windows: for three hundred servers it has 150 kB."""
        if self._written != self._revision:
            self._written = self._revision
            self._texts.clear()
        if runs_fleet not in self._texts:
            state = self.as_json(runs_fleet=runs_fleet)
            del state["person"]
            self._texts[runs_fleet] = json.dumps(state)
        return f'{{"person": {json.dumps(user)}, {self._texts[runs_fleet][1:]}'

    def digest(self, *, runs_fleet: bool = True) -> str:
        """Return a digest of the state without the lengths of queues, which change all the time."""
        if runs_fleet not in self._digests:
            servers = [self._server_json(server, runs_fleet=runs_fleet) for server in self.fleet.servers]
            lasting = [facts | {"running": 0, "pending": 0} for facts in servers]
            text = json.dumps([self._fleet_json(runs_fleet=runs_fleet), lasting])
            self._digests[runs_fleet] = hashlib.sha256(text.encode()).hexdigest()
        return self._digests[runs_fleet]

    def _server_json(self, server: Server, *, runs_fleet: bool) -> dict[str, object]:
        known = self._conditions[server.id]
        return {
            "id": server.id,
            "address": server.identity if runs_fleet else server.tag,
            "at": server.address if runs_fleet else "",
            "base": f"/servers/{server.id}@{server.tag}",
            **(known if runs_fleet else replace(known, detail="")).as_json(),
            **operator_facts_json(server),
            "partner": server.is_partner,
            "catalogue": self.catalogue(server.id).nodes,
            "files": self.catalogue(server.id).files,
            "broken": list(self.broken(server.id)),
        }


def _identity(servers: Mapping[ServerId, Server], server_id: ServerId) -> str:
    known = servers.get(server_id)
    return "" if known is None else known.identity
