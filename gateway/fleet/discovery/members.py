"""The servers that one table has found, as values: their endpoints, and which of them leave or have left.

    membership = membership.named(endpoints)                 # DNS has answered
    membership = membership.met(claims)                      # servers were identified
    membership = membership.parted(now, is_well, departure)  # time has passed
    servers = membership.servers(is_well)

A server that DNS names no more, or only among the leaving ones, gets no new work, and every other request as long as
it answers. It leaves the fleet after being unreachable for a while. A server is recognized by its claim, never by its
address.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from gateway.fleet.discovery.claims import Claim, address_of, dial_of
from gateway.fleet.discovery.endpoints import Endpoint
from gateway.fleet.fleet import Discover
from gateway.http.servers import DiscoveredIdentity, Server, ServerId

LEAST_WEIGHT = 0.01  # of an SRV record with weight 0, which is chosen only rarely

IsWell = Callable[[ServerId], bool]


@dataclass(frozen=True, slots=True)
class Member:
    """One server: its identity, its endpoint, and since when it is neither named nor reachable."""

    claim: Claim
    endpoint: Endpoint
    gone_since: float | None = None


@dataclass(frozen=True, slots=True)
class Membership:
    """The members of one table, by id.

    `listed` are the endpoints that DNS names, by place; `lingering` are those of the table's other name, which servers
    keep until they have ended, without the listed ones. `occupants` has the server that was last met at a place, and at
    which addresses. `contested` are ids that two servers have claimed at the same time, with their places: they are not
    used while both are named and neither has claimed another id.
    """

    discover: Discover
    listed: Mapping[str, Endpoint] = field(default_factory=dict)
    lingering: Mapping[str, Endpoint] = field(default_factory=dict)
    members: Mapping[ServerId, Member] = field(default_factory=dict)
    occupants: Mapping[str, tuple[Endpoint, ServerId]] = field(default_factory=dict)
    contested: Mapping[ServerId, frozenset[str]] = field(default_factory=dict)

    def named(self, endpoints: Iterable[Endpoint], lingering: Iterable[Endpoint] = ()) -> Membership:
        """Return the membership after an answer from DNS."""
        listed = {end.place: end for end in endpoints}
        others = {end.place: end for end in lingering if end.place not in listed}
        kept = {member.endpoint.place for member in self.members.values()} | listed.keys() | others.keys()
        occupants = {place: who for place, who in self.occupants.items() if place in kept}
        return replace(self, listed=listed, lingering=others, occupants=occupants)

    def unsettled(self, is_well: IsWell, *, is_thorough: bool) -> list[Endpoint]:
        """Return the endpoints that DNS names whose server is not known at present.

        A member that answers is known: each connection to it proves its identity. Its other address, which is not
        used, is checked if `is_thorough`.
        """
        named = (*self.listed.values(), *self.lingering.values())
        return [end for end in named if not self._is_settled(end, is_well, is_thorough=is_thorough)]

    def _is_settled(self, end: Endpoint, is_well: IsWell, *, is_thorough: bool) -> bool:
        met, server_id = self.occupants.get(end.place, (None, ServerId("")))
        member = self.members.get(server_id)
        if met is None or member is None or met.dial != end.dial or not is_well(server_id):
            return False
        return not is_thorough or member.endpoint.place == end.place

    def rivals(self, claims: Mapping[Endpoint, Claim]) -> dict[ServerId, set[Endpoint]]:
        """Return the ids that are claimed at several places, with these, which must be asked a second time."""
        ends: dict[ServerId, dict[str, Endpoint]] = {}
        for end, claim in claims.items():
            ends.setdefault(claim.server_id, {})[end.place] = end
        for end, server_id in self.occupants.values():
            if server_id in ends:
                ends[server_id].setdefault(end.place, end)
        return {server_id: set(found.values()) for server_id, found in ends.items() if len(found) > 1}

    def met(self, claims: Mapping[Endpoint, Claim]) -> Membership:
        """Return the membership after servers were identified. A server has at most one IPv4 and one IPv6 address.

        A server may be a second one with its id if that id was met at another place that is still named, and where no
        other server was met since: the first one may only be slow to answer.
        """
        members, contested, occupants = dict(self.members), dict(self.contested), dict(self.occupants)
        for server_id, ends in _by_server(claims).items():
            kinds = {end.is_v6 for end in ends}
            places = frozenset(end.place for end in ends) | self._unvacated(server_id, kinds, claims)
            places |= self._disputed(server_id, kinds, claims)
            occupants = {place: who for place, who in occupants.items() if who[1] != server_id}
            occupants |= {end.place: (end, server_id) for end in ends}
            if len(places) > len(kinds):
                contested[server_id] = places
                members.pop(server_id, None)
            else:
                contested.pop(server_id, None)
                members[server_id] = Member(claims[ends[0]], ends[0])
        met = {who[1] for place, who in occupants.items() if place in self.listed}
        contested = {server_id: places for server_id, places in contested.items() if server_id in met}
        return replace(self, members=members, contested=contested, occupants=occupants)

    def _unvacated(self, server_id: ServerId, kinds: set[bool], claims: Iterable[Endpoint]) -> frozenset[str]:
        """Return the other places of an id, with the same kind of address, that are still named and not taken over."""
        met = {end.place for end in claims}
        return frozenset(
            place
            for place, (end, occupant) in self.occupants.items()
            if occupant == server_id and place in self.listed and place not in met and end.is_v6 in kinds
        )

    def _disputed(self, server_id: ServerId, kinds: set[bool], claims: Iterable[Endpoint]) -> frozenset[str]:
        """Return earlier places of a contested id that are still named, now silent, and not taken over."""
        taken = {end.place for end in claims} | {
            place for place, (_, occupant) in self.occupants.items() if occupant != server_id
        }
        places = self.contested.get(server_id, frozenset()) - taken
        return frozenset(place for place in places if place in self.listed and self.listed[place].is_v6 in kinds)

    def parted(self, now: float, is_well: IsWell, departure: float) -> Membership:
        """Return the membership without members that are not named and have been unreachable for long."""
        members = {}
        for server_id, member in self.members.items():
            since = now if member.gone_since is None else member.gone_since
            gone = None if self._is_listed(server_id) or is_well(server_id) else since
            if gone is None or now - gone < departure:
                members[server_id] = replace(member, gone_since=gone)
        return replace(self, members=_bounded(members, self.discover.most))

    def _is_listed(self, server_id: ServerId) -> bool:
        return any(place in self.listed for place, who in self.occupants.items() if who[1] == server_id)

    def leaving(self) -> list[ServerId]:
        """Return the members that DNS does not name any more."""
        return [server_id for server_id in self.members if not self._is_listed(server_id)]

    @property
    def has_spares(self) -> bool:
        """Whether the choice of servers for new work depends on which are healthy."""
        return len({end.priority for end in self.listed.values()}) > 1

    def servers(self, is_well: IsWell) -> tuple[Server, ...]:
        """Return the fleet's servers of this table, in a fixed order.

        Of SRV records those with the lowest priority number get new work, and the others while none of them is healthy.
        A weight is a share of the heaviest of the same priority.
        """
        staying = [self._as_listed(one) for one in self.members if self._is_listed(one)]
        first = min((end.priority for server_id, end in staying if is_well(server_id)), default=None)
        active = {server_id for server_id, end in staying if first is None or end.priority <= first}
        heaviest: dict[int, int] = {}
        for _, end in staying:
            heaviest[end.priority] = max(end.weight, heaviest.get(end.priority, 0))
        weights = {one: end.weight / heaviest[end.priority] for one, end in staying if heaviest[end.priority]}
        ordered = sorted(self.members.items(), key=lambda item: (item[1].endpoint, item[0]))
        return tuple(
            self._server(member, is_drained=server_id not in active, share=weights.get(server_id, 1.0))
            for server_id, member in ordered
        )

    def _as_listed(self, server_id: ServerId) -> tuple[ServerId, Endpoint]:
        """Return a member with its present priority and weight in DNS, which may have changed since it was met."""
        endpoint = self.members[server_id].endpoint
        return server_id, self.listed.get(endpoint.place, endpoint)

    def _server(self, member: Member, *, is_drained: bool, share: float) -> Server:
        discover, claim, endpoint = self.discover, member.claim, member.endpoint
        is_nameless = discover.is_minted and not endpoint.is_named
        return Server(
            claim.server_id,
            claim.server_id if is_nameless else endpoint.place,
            address_of(discover, endpoint),
            is_drained=is_drained,
            colour=discover.colour,
            weight=max(discover.weight * share, LEAST_WEIGHT),
            tags=discover.tags,
            access=discover.access,
            limits=discover.limits,
            dial=dial_of(endpoint),
            found=DiscoveredIdentity(discover.origin, claim.identity, claim.proof),
        )


def _by_server(claims: Mapping[Endpoint, Claim]) -> dict[ServerId, list[Endpoint]]:
    """Return the endpoints of each id, IPv4 first."""
    ends: dict[ServerId, list[Endpoint]] = {}
    for end in sorted(claims, key=lambda end: (end.is_v6, end)):
        ends.setdefault(claims[end].server_id, []).append(end)
    return ends


def _bounded(members: dict[ServerId, Member], most: int) -> dict[ServerId, Member]:
    """Return at most `most` members, without those that have been missing the longest."""
    if len(members) <= 2 * most:
        return members
    by_absence = sorted(
        members, key=lambda one: (members[one].gone_since is not None, -(members[one].gone_since or 0.0))
    )
    return {server_id: members[server_id] for server_id in by_absence[: 2 * most]}
