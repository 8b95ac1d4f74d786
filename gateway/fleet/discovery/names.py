"""DNS look-ups: the endpoints under a name at present, and how long the answer is valid.

    answer = await Names(nameservers, deadline=5.0).look_up(discover)

`dnspython` sends the queries, by the machine's settings or to the configured servers. A missing name, a name without
records and a failing name server are all `LookupFailed`: none of them proves that the servers have gone. Import this
module only where DNS is searched: `dnspython` takes an eighth of a start.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

import dns.asyncresolver
import dns.exception
import dns.message
import dns.name
import dns.nameserver
import dns.rdatatype
import dns.resolver
from dns.rdtypes.IN.A import A
from dns.rdtypes.IN.AAAA import AAAA
from dns.rdtypes.IN.SRV import SRV

from gateway.fleet.discovery.endpoints import Answer, Endpoint, LookupFailed, NoRecords
from gateway.fleet.fleet import Discover

ABREAST = 8  # look-ups of SRV targets at a time
# A label in DNS may hold any byte, and one that parses as a number would be used as an address itself.
_HOST = re.compile(r"(?!(.*\.)?[0-9]+$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Addresses:
    found: tuple[str, ...]
    ttl: float


class Names:
    """A resolver with a deadline for each query."""

    def __init__(self, nameservers: tuple[tuple[str, int], ...], deadline: float) -> None:
        self._deadline = deadline
        self._is_by_machine = not nameservers
        try:
            self._resolver = dns.asyncresolver.Resolver(configure=self._is_by_machine)
        except (dns.exception.DNSException, OSError) as error:
            raise LookupFailed("this machine names no name server") from error
        if nameservers:
            self._resolver.nameservers = [dns.nameserver.Do53Nameserver(host, port) for host, port in nameservers]
        self._resolver.timeout = max(deadline / 3, 0.05)  # of one try, so that a lost datagram is repeated

    async def look_up(self, discover: Discover, place: tuple[str, int | None] | None = None) -> Answer:
        """Return the endpoints under a table's name, or under another name of its servers; or raise `LookupFailed`."""
        name, port = place or (discover.name, discover.port)
        if port is None:
            answer = await self._services(name)
        else:
            addresses, remark = await self._addresses(name, is_minted=discover.is_minted)
            host = discover.name.rstrip(".") if discover.is_https else ""
            answer = Answer(_plain(addresses.found, port, host), addresses.ttl, remark)
        usable = tuple(sorted(end for end in set(answer.endpoints) if _is_usable(end)))
        left_out = [f"{end.place} is no address of a server" for end in answer.endpoints if not _is_usable(end)]
        if len(usable) > discover.most:
            left_out.append(f"it has {len(usable)} servers, and the first {discover.most} are used")
        return Answer(usable[: discover.most], answer.ttl, (*answer.remarks, *sorted(left_out)))

    async def _addresses(self, name: str, *, is_minted: bool) -> tuple[_Addresses, tuple[str, ...]]:
        """Query A and AAAA. Without ids the two addresses of one server cannot be matched, so IPv4 goes first."""
        four, six = await asyncio.gather(
            self._records(name, dns.rdatatype.A), self._records(name, dns.rdatatype.AAAA), return_exceptions=True
        )
        if isinstance(four, BaseException):
            raise four
        if isinstance(six, LookupFailed) and four.found:
            six = _Addresses((), four.ttl)  # some name servers answer for one kind only
        if isinstance(six, BaseException):
            raise six
        if not four.found and not six.found:
            raise NoRecords(f"{name} has no A and no AAAA records")
        ttl = min(one.ttl for one in (four, six) if one.found)
        if four.found and six.found and not is_minted:
            return _Addresses(four.found, ttl), ("its IPv6 addresses are left out: mint = true identifies servers",)
        return _Addresses((*four.found, *six.found), ttl), ()

    async def _records(self, name: str, kind: dns.rdatatype.RdataType) -> _Addresses:
        answer = await self._ask(name, kind)
        if answer.rrset is None:
            return _Addresses((), 0.0)
        found = tuple(sorted(item.address for item in answer.rrset if isinstance(item, A | AAAA)))
        return _Addresses(found, float(answer.chaining_result.minimum_ttl))

    async def _services(self, name: str) -> Answer:
        """Query SRV records, and the addresses of targets that were not included in the answer."""
        answer = await self._ask(name, dns.rdatatype.SRV)
        records = [] if answer.rrset is None else [item for item in answer.rrset if isinstance(item, SRV)]
        if not records:
            raise NoRecords(f"{name} has no SRV records")
        lane = asyncio.Semaphore(ABREAST)
        resolved = await asyncio.gather(*(self._target(lane, answer.response, record) for record in records))
        endpoints, remarks, ttls = [], [], [float(answer.chaining_result.minimum_ttl)]
        for record, found in zip(records, resolved, strict=True):
            host = record.target.to_text(omit_final_dot=True).lower()
            if isinstance(found, str):
                remarks.append(f"{host}: {found}")
                continue
            ttls.append(found.ttl)
            endpoints.append(Endpoint(host, record.port, found.found, True, record.priority, record.weight))
        if not endpoints:
            raise LookupFailed(min(remarks))
        return Answer(tuple(endpoints), min(ttls), tuple(sorted(remarks)))

    async def _target(self, lane: asyncio.Semaphore, answer: dns.message.Message, record: SRV) -> _Addresses | str:
        """Return a target's addresses, or why it is left out. A target is one server, with one address of a kind."""
        if not _is_host(record.target.to_text(omit_final_dot=True).lower()):
            return "it is no name of a server"
        along = _along(answer, record.target)
        if along is None:
            try:
                async with lane:
                    along, _ = await self._addresses(record.target.to_text(), is_minted=True)
            except LookupFailed as error:
                return str(error)
        count = max(sum(":" in one for one in along.found), sum(":" not in one for one in along.found))
        return along if count <= 1 else f"it has {count} addresses, and an SRV target is one server"

    async def _ask(self, name: str, kind: dns.rdatatype.RdataType) -> dns.resolver.Answer:
        try:
            return await self._resolver.resolve(
                name, kind, lifetime=self._deadline, raise_on_no_answer=False, search=self._is_by_machine
            )
        except dns.resolver.NXDOMAIN as error:
            raise LookupFailed(f"there is no name {name}") from error
        except dns.exception.Timeout as error:
            raise LookupFailed("no name server answers in time") from error
        except dns.resolver.NoNameservers as error:
            raise LookupFailed("the name servers refuse or fail") from error
        except (dns.exception.DNSException, OSError, ValueError) as error:
            raise LookupFailed(f"the look-up failed ({type(error).__name__})") from error


def _plain(addresses: Iterable[str], port: int, host: str) -> tuple[Endpoint, ...]:
    """Return a name's addresses as endpoints. With https the certificate is for the name, so it is their `host`."""
    return tuple(Endpoint(host or address, port, (address,)) for address in addresses)


def _along(answer: dns.message.Message, target: dns.name.Name) -> _Addresses | None:
    """Return the addresses of a target that came with the SRV records."""
    sets = [one for one in answer.additional if one.name == target]
    found = tuple(sorted(item.address for one in sets for item in one if isinstance(item, A | AAAA)))
    return _Addresses(found, float(min(one.ttl for one in sets))) if found else None


def _is_host(name: str) -> bool:
    """Whether a name is valid in an address."""
    try:
        name.encode("ascii").decode("idna")
    except UnicodeError:
        return False
    return _HOST.fullmatch(name) is not None


def _is_usable(endpoint: Endpoint) -> bool:
    """Whether a server can be there. A link-local address is a service of the machine or its cloud."""
    return endpoint.port > 0 and all(_is_server(ip_address(address)) for address in endpoint.dial)


def _is_server(address: IPv4Address | IPv6Address) -> bool:
    is_special = address.is_multicast or address.is_unspecified or address.is_link_local or address.is_reserved
    return address.is_loopback or not is_special
