"""Identifies a discovered server: by the id that is stored on it, or by its description of itself.

    claim = await identify(discover, endpoint, deadlines, may_mint=True)

With `mint = true` an id is created once, by the first gateway that meets the server: a `POST` that overwrites nothing.
ComfyUI checks whether the file exists before it reads the body, so two gateways that post at the same moment may both
succeed. A gateway that has minted therefore waits, and believes only the id that it reads afterwards.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import uuid
from dataclasses import dataclass

import aiohttp

from gateway.fleet.discovery.endpoints import Endpoint, with_port
from gateway.fleet.fleet import Discover
from gateway.fleet.probes import StatusError, fetch_body, judge_failure, read_bounded
from gateway.fleet.server_answers import SMALL, NotComfyError, parse_json, parse_stats
from gateway.http.deadlines import Deadlines
from gateway.http.json_reader import Bounds
from gateway.http.server_proof import ID_FILE, STATS, describe, read_id
from gateway.http.servers import Proof, ProofKind, Server, ServerId
from gateway.http.upstream import Upstream

USER = "mooring"  # owner of the id's file, on a server that has users
_DIGITS = 10  # of an id, after the prefix; three hundred servers collide once in twenty million fleets
_USERS = Bounds(1_048_576, values=20_000)  # the list of a server's users
_USER_ID = re.compile(r"[A-Za-z0-9_.-]{1,200}")  # as ComfyUI makes them; it is sent in a header
_FAILURES = (aiohttp.ClientError, OSError, TimeoutError, NotComfyError, StatusError)


class NoClaim(Exception):
    """The server could not be identified. The message is for users, and equal causes have equal messages."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The identity that the server at an endpoint claims."""

    server_id: ServerId
    identity: str
    proof: Proof


async def identify(discover: Discover, endpoint: Endpoint, deadlines: Deadlines, *, may_mint: bool) -> Claim:
    """Identify the server at an endpoint, or raise `NoClaim`. Nothing is minted on anything but a ComfyUI."""
    async with Upstream(_unidentified(discover, endpoint), deadlines) as upstream:
        try:
            async with asyncio.timeout(deadlines.probe):
                stats = await fetch_body(upstream, STATS, SMALL)
            parse_stats(parse_json(stats, STATS))
            if discover.is_minted:
                return _minted(discover, await _IdFile(upstream, may_mint=may_mint).proof())
        except _FAILURES as error:
            raise NoClaim(judge_failure(error).detail) from error
    return _described(discover, endpoint, describe(stats) or "")


def address_of(discover: Discover, endpoint: Endpoint) -> str:
    """Return the normalized address of an endpoint."""
    own = 443 if discover.is_https else 80
    place = with_port(endpoint.host, endpoint.port)
    return f"{_scheme(discover)}://{place.removesuffix(f':{own}') if endpoint.port == own else place}"


def dial_of(endpoint: Endpoint) -> tuple[str, ...]:
    """Return the addresses to connect to, if the endpoint's host is a name."""
    return () if endpoint.dial == (endpoint.host,) else endpoint.dial


def _scheme(discover: Discover) -> str:
    return "https" if discover.is_https else "http"


def _unidentified(discover: Discover, endpoint: Endpoint) -> Server:
    """Return a server that is used for this identification only."""
    return Server(
        ServerId(endpoint.place), endpoint.place, address_of(discover, endpoint), access=discover.access,
        dial=dial_of(endpoint),
    )  # fmt: skip


def _minted(discover: Discover, proof: Proof) -> Claim:
    return Claim(_id(discover, proof.expected), f"mooring:{proof.expected}", proof)


def _described(discover: Discover, endpoint: Endpoint, description: str) -> Claim:
    identity = f"{_scheme(discover)}://{endpoint.place} ({description[:8]})"
    return Claim(_id(discover, endpoint.place), identity, Proof(ProofKind.DESCRIBED, description))


def _id(discover: Discover, what: str) -> ServerId:
    return ServerId(f"{discover.prefix}-{hashlib.sha256(what.encode()).hexdigest()[:_DIGITS]}")


class _IdFile:
    """The file on a server that stores its id."""

    def __init__(self, upstream: Upstream, *, may_mint: bool) -> None:
        self._upstream = upstream
        self._may_mint = may_mint
        self._user = ""

    async def proof(self) -> Proof:
        """Return the server's id, minted now if it has none; otherwise raise `NoClaim`."""
        found = await self._read()
        if found is None and self._may_mint:
            await self._mint()
            await asyncio.sleep(self._upstream.deadlines.minted)
            found = await self._read()
        if found is None:
            raise NoClaim("it stores no id" if self._may_mint else "it has no id yet; a gateway gives it one")
        return Proof(ProofKind.MINTED, found, self._user)

    async def _read(self) -> str | None:
        status, body = await self._exchange("GET", ID_FILE)
        if status not in {200, 404} and not self._user:  # a ComfyUI that has users answers 500 without one
            self._user = await self._find_user()
            status, body = await self._exchange("GET", ID_FILE)
        if status == 404:
            return None
        found = read_id(body) if status == 200 else None
        if found is None:
            raise NoClaim(f"what stands in mooring/id.json of its user data is no id (status {status})")
        return found

    async def _mint(self) -> None:
        body = json.dumps({"v": 1, "mooring": str(uuid.uuid4())}).encode()
        status, _ = await self._exchange("POST", f"{ID_FILE}?overwrite=false", body)
        if status not in {200, 409}:
            raise NoClaim(f"it does not accept an id (status {status})")

    async def _find_user(self) -> str:
        """Return our user on a server that has users, created if it is missing; its name is there only once."""
        found = await self._users()
        if found is None and self._may_mint:
            await self._exchange("POST", "/users", json.dumps({"username": USER}).encode())
            found = await self._users()
        if found is None:
            raise NoClaim(f"it has users of its own, and none is called {USER}")
        return found

    async def _users(self) -> str | None:
        async with asyncio.timeout(self._upstream.deadlines.probe):
            match parse_json(await fetch_body(self._upstream, "/users", _USERS), "/users"):
                case {"users": dict(users)}:
                    ours = (key for key, name in users.items() if name == USER and _USER_ID.fullmatch(key))
                    return min(ours, default=None)
        raise NoClaim("its user data cannot be read")

    async def _exchange(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        path, _, query = path.partition("?")
        headers = {"comfy-user": self._user} if self._user else {}
        async with (
            asyncio.timeout(self._upstream.deadlines.probe),
            self._upstream.session(is_fresh=True).request(
                method, self._upstream.url(path, query), data=body, headers=headers
            ) as reply,
        ):
            return reply.status, await read_bounded(reply, path, SMALL)
