"""A DNS server on loopback with the resolver library's message classes, and answers that tests change.

It uses UDP, and TCP for answers that do not fit.

async with serve_names() as names:
    names.zone["comfyui.test."] = {"A": ["127.0.0.1"]}
    names.mood = Mood.SERVFAIL
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from enum import Enum
from typing import cast

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
from aiohttp.abc import AbstractResolver, ResolveResult


class Mood(Enum):
    """How the server answers."""

    WELL = "well"
    SERVFAIL = "servfail"
    NXDOMAIN = "nxdomain"  # for every name
    SILENT = "silent"


@dataclass
class NameServer(asyncio.DatagramProtocol):
    """The records by name and kind, as text; `asked` counts queries by kind."""

    zone: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    ttl: int = 1
    mood: Mood = Mood.WELL
    port: int = 0
    asked: dict[str, int] = field(default_factory=dict)
    along: dict[str, dict[str, list[str]]] = field(default_factory=dict)  # records added to every SRV answer
    _transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport for answers."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer one query."""
        answer = self._answer(dns.message.from_wire(data))
        if answer is None or self._transport is None:
            return
        try:
            self._transport.sendto(answer.to_wire(max_size=512), addr)
        except dns.exception.TooBig:
            short = dns.message.make_response(dns.message.from_wire(data))
            short.flags |= dns.flags.TC
            self._transport.sendto(short.to_wire(), addr)

    async def serve_stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one query over TCP."""
        data = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
        answer = self._answer(dns.message.from_wire(data))
        if answer is not None:
            wire = answer.to_wire()
            writer.write(len(wire).to_bytes(2, "big") + wire)
            await writer.drain()
        writer.close()

    def _answer(self, query: dns.message.Message) -> dns.message.Message | None:
        question = query.question[0]
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked[kind] = self.asked.get(kind, 0) + 1
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.AA | dns.flags.RA
        known = self.zone.get(question.name.to_text().lower())
        match self.mood:
            case Mood.SILENT:
                return None
            case Mood.SERVFAIL:
                answer.set_rcode(dns.rcode.SERVFAIL)
                return answer
        if known is None or self.mood is Mood.NXDOMAIN:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif records := known.get(kind):
            answer.answer.append(dns.rrset.from_text(question.name, self.ttl, "IN", kind, *records))
            if kind == "SRV":
                for name, kinds in self.along.items():
                    answer.additional += [dns.rrset.from_text(name, self.ttl, "IN", *item) for item in _flat(kinds)]
        return answer


def _flat(kinds: dict[str, list[str]]) -> list[list[str]]:
    return [[kind, *records] for kind, records in kinds.items()]


@contextlib.asynccontextmanager
async def serve_names() -> AsyncIterator[NameServer]:
    """Run a name server until the block ends."""
    server = NameServer()
    stream = await asyncio.start_server(server.serve_stream, "127.0.0.1", 0)
    server.port = stream.sockets[0].getsockname()[1]
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: server, local_addr=("127.0.0.1", server.port)
    )
    try:
        async with stream:
            yield server
    finally:
        transport.close()


@dataclass
class KnownNames(AbstractResolver):
    """Knows every name, by the next of these answers; the last one stays."""

    answers: list[list[str]]
    asked: list[str] = field(default_factory=list)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked.append(host)
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            ResolveResult(hostname=host, host=one, port=port, family=family, proto=0, flags=socket.AI_NUMERICHOST)
            for one in found
        ]

    async def close(self) -> None:
        """Nothing is open."""
