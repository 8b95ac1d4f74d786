"""Proof of a server's identity, on the very connection that carries a request.

The address of a discovered server may belong to another server a moment later. So each new connection begins
with a question (for its id, or its description of itself), and nothing else is sent unless the answer identifies
this server. If that fails, nothing of any request has been sent.

    connector = ProvenConnector(question, deadline=3.0)
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
import weakref
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler
from aiohttp.http import HttpProcessingError
from yarl import URL

from gateway.http.json_reader import Bounds, JsonError, read_json
from gateway.http.servers import Proof, ProofKind, Server

ID_FILE = "/userdata/mooring%2Fid.json"  # where a server stores the id that was minted on it
STATS = "/system_stats"
LARGEST = 262_144  # bytes of an answer; a server with sixteen devices describes itself in four thousand
_SYSTEM_KEYS = ("os", "comfyui_version", "python_version", "pytorch_version", "embedded_python", "argv", "ram_total")
_DEVICE_KEYS = ("name", "type", "index", "vram_total")


class AnotherServerError(aiohttp.ClientError):
    """Another server answers at the address."""


class UnprovenError(aiohttp.ClientError):
    """The server's identity could not be proven."""


@dataclass(frozen=True, slots=True)
class ProofQuestion:
    """The first request on a connection, as bytes, and the proof that its answer must contain."""

    proof: Proof
    head: bytes

    @classmethod
    def to(cls, server: Server) -> ProofQuestion | None:
        """Return the question for a discovered server; None for one that is identified by its address."""
        if server.found is None:
            return None
        proof = server.found.proof
        path = ID_FILE if proof.kind is ProofKind.MINTED else STATS
        headers = {"Host": URL(server.address).host_port_subcomponent, "User-Agent": "mooring-gateway"}
        if server.access.authorization:
            headers["Authorization"] = server.access.authorization
        if proof.user:
            headers["comfy-user"] = proof.user
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        return cls(proof, "\r\n".join(lines).encode("latin-1"))

    def is_answered(self, status: int, body: bytes) -> bool:
        """Whether this is the server's answer; `UnprovenError` if it identifies no server."""
        if self.proof.kind is ProofKind.MINTED:
            if status == 404:  # a ComfyUI without an id
                return False
            found = read_id(body) if status == 200 else None
        else:
            found = describe(body) if status == 200 else None
        if found is None:
            raise UnprovenError(f"it does not identify itself (status {status})")
        return found == self.proof.expected


class ProvenConnector(aiohttp.TCPConnector):
    """A connector whose connections all have proven the server's identity; others are closed unused."""

    def __init__(self, question: ProofQuestion, *, deadline: float, **options: Any) -> None:
        super().__init__(**options)
        self._question = question
        self._deadline = deadline
        self._shown: weakref.WeakSet[ResponseHandler] = weakref.WeakSet()
        self._given: weakref.WeakSet[aiohttp.connector.Connection] = weakref.WeakSet()
        self._asked_for = 0  # connections that are being opened

    @property
    def is_idle(self) -> bool:
        """Whether no connection is in use or requested."""
        return not self._asked_for and all(connection.closed for connection in self._given)

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Any], timeout: aiohttp.ClientTimeout
    ) -> aiohttp.connector.Connection:
        """Return a connection to this server, or raise `AnotherServerError` or a connection error."""
        self._asked_for += 1
        try:
            connection = await self._proven(await super().connect(req, traces, timeout))
        finally:
            self._asked_for -= 1
        self._given.add(connection)
        return connection

    async def _proven(self, connection: aiohttp.connector.Connection) -> aiohttp.connector.Connection:
        protocol = connection.protocol
        assert protocol is not None
        if protocol in self._shown:
            return connection
        try:
            status, body = await self._ask(protocol)
            if not self._question.is_answered(status, body):
                raise AnotherServerError("another server answers there")
            if protocol.should_close:
                raise UnprovenError("it ends each connection after one answer, so the next may lead to another server")
        except BaseException:
            connection.close()
            raise
        self._shown.add(protocol)
        return connection

    async def _ask(self, protocol: ResponseHandler) -> tuple[int, bytes]:
        """Return the answer to our own question."""
        try:
            async with asyncio.timeout(self._deadline):
                protocol.set_response_params(read_until_eof=True, auto_decompress=False)
                assert protocol.transport is not None
                protocol.transport.write(self._question.head)
                message, payload = await protocol.read()
                body = bytearray()
                while chunk := await payload.readany():
                    body += chunk
                    if len(body) > LARGEST:
                        raise UnprovenError("its description is too long")
        except TimeoutError as error:
            raise UnprovenError("it does not identify itself in time") from error
        except HttpProcessingError as error:  # another program has the port
            raise UnprovenError("it does not speak HTTP as expected") from error
        except (OSError, aiohttp.ServerDisconnectedError, aiohttp.ClientPayloadError) as error:
            raise UnprovenError("it hangs up before it identifies itself") from error
        return message.code, bytes(body)


class FixedResolver(AbstractResolver):
    """A resolver for one name, with the addresses that the look-up has found."""

    def __init__(self, dial: tuple[str, ...]) -> None:
        self._dial = dial

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return all addresses."""
        del family  # both kinds are tried, whichever answers first
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self._dial
        ]

    async def close(self) -> None:
        """Nothing is held."""


def read_id(body: bytes) -> str | None:
    """Return the id in a server's file; None if the file is not ours."""
    match _json(body):
        case {"mooring": str(minted)} if minted.isascii() and 0 < len(minted) <= 64 and minted.isprintable():
            return minted
        case _:
            return None


def describe(body: bytes) -> str | None:
    """Return a digest of a server's description that stays the same over a restart; None if it is not ComfyUI's."""
    match _json(body):
        case {"system": dict(system), "devices": list(devices)}:
            of_system = [system.get(name) for name in _SYSTEM_KEYS]
            of_devices = [[device.get(name) for name in _DEVICE_KEYS] for device in devices if isinstance(device, dict)]
            return hashlib.sha256(json.dumps([of_system, of_devices], sort_keys=True).encode()).hexdigest()[:16]
        case _:
            return None


def _json(body: bytes) -> object:
    try:
        value: object = read_json(body, Bounds(LARGEST))
    except JsonError:
        return None
    return value
