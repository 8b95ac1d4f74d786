"""Asking a server that was found who it is: the id that is kept on it, or how it describes itself.

    claim = await ask_who(discover, endpoint, deadlines, may_mint=True)

With `mint = true` an id is made once, by the first gateway that meets the server: a `POST` that overwrites nothing.
ComfyUI looks whether the file is there before it has read the body, so that two gateways at the same moment may both be
told that theirs was taken. Whoever has minted therefore waits, and believes only what it reads back then.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import uuid
from dataclasses import dataclass

import aiohttp

from gateway.fleet.discovery.names import Endpoint, with_port
from gateway.fleet.fleet import Discover
from gateway.fleet.looks import StatusError, fetch_body, judge_failure, read_bounded
from gateway.fleet.server_answers import SMALL, NotComfyError, parse_json, parse_stats
from gateway.http.deadlines import Deadlines
from gateway.http.json_reader import Bounds
from gateway.http.server_proof import ID_FILE, STATS, describe, read_id
from gateway.http.servers import Proof, ProofKind, Server, ServerId
from gateway.http.upstream import Upstream

USER = "mooring"  # whose file the id is, on a server that has users of its own
_DIGITS = 10  # of an id, after the prefix; three hundred servers collide once in twenty million fleets
_USERS = Bounds(1_048_576, values=20_000)  # the list of a server's users
_USER_ID = re.compile(r"[A-Za-z0-9_.-]{1,200}")  # as ComfyUI makes them; it goes into a header
_FAILURES = (aiohttp.ClientError, OSError, TimeoutError, NotComfyError, StatusError)


class NoClaim(Exception):
    """The server has not said who it is. The text is for people, and stays the same while the cause does."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a server at an endpoint says that it is."""

    server_id: ServerId
    identity: str
    proof: Proof


async def ask_who(discover: Discover, endpoint: Endpoint, deadlines: Deadlines, *, may_mint: bool) -> Claim:
    """Who is at an endpoint, or `NoClaim`. Nothing is minted on what is not ComfyUI."""
    async with Upstream(_anybody(discover, endpoint), deadlines) as upstream:
        try:
            async with asyncio.timeout(deadlines.probe):
                stats = await fetch_body(upstream, STATS, SMALL)
            parse_stats(parse_json(stats, STATS))
            if discover.is_minted:
                return _minted(discover, await _Keeper(upstream, may_mint=may_mint).proof())
        except _FAILURES as error:
            raise NoClaim(judge_failure(error).detail) from error
    return _described(discover, endpoint, describe(stats) or "")


def address_of(discover: Discover, endpoint: Endpoint) -> str:
    """The address of what is at an endpoint, in its normal form."""
    own = 443 if discover.is_https else 80
    place = with_port(endpoint.host, endpoint.port)
    return f"{_scheme(discover)}://{place.removesuffix(f':{own}') if endpoint.port == own else place}"


def dial_of(endpoint: Endpoint) -> tuple[str, ...]:
    """The addresses to dial, where its host is a name."""
    return () if endpoint.dial == (endpoint.host,) else endpoint.dial


def _scheme(discover: Discover) -> str:
    return "https" if discover.is_https else "http"


def _anybody(discover: Discover, endpoint: Endpoint) -> Server:
    """Whoever is there, to be asked: nothing but that question goes to it."""
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


class _Keeper:
    """The file on a server in which its id is kept."""

    def __init__(self, upstream: Upstream, *, may_mint: bool) -> None:
        self._upstream = upstream
        self._may_mint = may_mint
        self._user = ""

    async def proof(self) -> Proof:
        """The id by which the server is known, minted now if it has none; else `NoClaim`."""
        found = await self._read()
        if found is None and self._may_mint:
            await self._mint()
            await asyncio.sleep(self._upstream.deadlines.minted)
            found = await self._read()
        if found is None:
            raise NoClaim("it keeps no id" if self._may_mint else "it has no id yet; a gateway gives it one")
        return Proof(ProofKind.MINTED, found, self._user)

    async def _read(self) -> str | None:
        status, body = await self._exchange("GET", ID_FILE)
        if status not in {200, 404} and not self._user:  # ComfyUI with users of its own says 500 to nobody
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
            raise NoClaim(f"it does not take an id (status {status})")

    async def _find_user(self) -> str:
        """Our user on a server with users of its own; made if there is none. Its name is there once."""
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
