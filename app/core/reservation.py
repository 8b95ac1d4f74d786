"""Where a window's next work may go: decided within the store's transaction, considering the claims of all windows.

    wanted = Wanted(prompt_id, window, wish, job, unable)
    wanted.expect_possible(fleet)                       # before loads are read and anything is written
    reservation = wanted.choose(claims, snapshots, fleet, now=now, tie=tie)

Pure, like the choice of a server itself (`core/balancer.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from app.core.balancer import Claims, Snapshot, Wish, choose
from app.core.errors import NoServerAvailable, ServerLockedError, ServerUnable
from app.core.model import Fleet, Job, PromptId, Reservation, ServerChoice, ServerId, WindowId
from app.core.turns import Asker, Turn, turn_of
from app.core.window import Moored, Window, expect_readable, get_api_base_url

_NOBODY_ASKED: Mapping[WindowId, bool | None] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Wanted:
    """A place that a window wants for one prompt. A moored window gets it on its server, or nowhere.

    `unable` are the servers that cannot run it, with the cause: lacks. A drained server takes nothing from a free
    window; a moored window stays until its work has ended.
    """

    prompt_id: PromptId
    window: Window
    wish: Wish
    job: Job | None = None
    unable: Mapping[ServerId, str] = field(default_factory=dict)

    @property
    def is_moored(self) -> bool:
        """Whether there is nothing to choose, and so no load to read."""
        return isinstance(self.window.mooring, Moored)

    def expect_possible(self, fleet: Fleet) -> None:
        """Raise if no place is possible: UnreadableRecord, ServerLockedError, ServerMoved, ServerUnable."""
        self.window.expect_readable("reserve")
        mooring = self.window.mooring
        if not isinstance(mooring, Moored):
            return
        if self.wish.asked is not None:
            self.window.validate_server_consistency("reserve", self.wish.asked)
        if self.wish.avoided == mooring.server_id:
            raise ServerLockedError("reserve", None, mooring.server_id, len(mooring.holders))
        get_api_base_url("reserve", mooring, fleet)
        if cause := self.unable.get(mooring.server_id):
            raise ServerUnable("reserve", mooring.server_id, cause)

    def choose(
        self, claims: Claims, snapshots: Sequence[Snapshot], fleet: Fleet, *, now: float, tie: float
    ) -> Reservation:
        """Make the reservation, considering the claims of all windows; `tie` in [0, 1) picks among equals.

        Raises UnreadableRecord, NoServerAvailable, or ServerLockedError if the store has work of this window on
        another server: then the window's memory is out of date.
        """
        expect_readable("reserve", claims.unreadable_of(self.window.window_id))
        mooring = self.window.mooring
        if isinstance(mooring, Moored):
            choice, address = ServerChoice(server_id=mooring.server_id, reason="moored"), mooring.address
        else:
            unable = {**drained(fleet), **self.unable}
            choice = choose(
                snapshots,
                claims,
                now=now,
                tie=tie,
                wish=self.wish,
                job=self.job,
                unable=unable,
                weights={server.server_id: server.weight for server in fleet.servers},
            )
            address = _address_of(choice, fleet)
        _expect_no_other_claim(self.window.window_id, claims, choice.server_id, address)
        return Reservation(
            prompt_id=self.prompt_id,
            window_id=self.window.window_id,
            server_id=choice.server_id,
            address=address,
            at=now,
            choice=choice,
            job=self.job,
        )

    def turn(
        self,
        reservation: Reservation,
        claims: Claims,
        snapshots: Sequence[Snapshot] = (),
        alive: Mapping[WindowId, bool | None] = _NOBODY_ASKED,
    ) -> Turn:
        """Return whether this reservation may be a place now, or what is before it.

        `alive` says of windows whether they live, None if that is not known.
        """
        if self.wish.is_unbounded:
            return Turn(since=reservation.at)
        asker = Asker(
            prompt_id=self.prompt_id,
            window_id=self.window.window_id,
            server_id=reservation.server_id,
            now=reservation.at,
            alive=alive,
        )
        there = next((item for item in snapshots if item.server_id == reservation.server_id), None)
        return turn_of(asker, claims, there)


def drained(fleet: Fleet) -> dict[ServerId, str]:
    """The servers that take no new work, with that cause."""
    return {server.server_id: "drained" for server in fleet.servers if server.is_drained}


def _address_of(choice: ServerChoice, fleet: Fleet) -> str:
    server = fleet.get(choice.server_id)
    if server is None:
        raise NoServerAvailable("reserve", {str(choice.server_id): "not_in_fleet"})
    return server.address


def _expect_no_other_claim(window_id: WindowId, claims: Claims, server_id: ServerId, address: str) -> None:
    for held_server, held_address in claims.held_by(window_id):
        if (held_server, held_address) != (server_id, address):
            raise ServerLockedError("reserve", server_id, held_server, 1)
