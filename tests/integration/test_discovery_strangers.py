"""Unexpected answers to the question for an identity never end the search or affect another server."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from gateway.fleet.discovery.claims import Claim, NoClaim, identify
from gateway.fleet.discovery.endpoints import Endpoint
from gateway.fleet.fleet import Discover
from gateway.fleet.probes import condition_of, read_queue
from gateway.http.deadlines import Deadlines
from gateway.http.refusal import Sent
from gateway.http.server_proof import LARGEST, UnprovenError
from gateway.http.servers import DiscoveredIdentity, Proof, ProofKind, Server, ServerId
from gateway.http.upstream import Upstream
from wire.health import Health
from wire.refusals import Cause

HERE = "127.0.0.1"
GPU = Discover("dns://comfyui.test:8188", "comfyui.test", 8188, "gpu", is_minted=True)
STATS = json.dumps({"system": {"argv": ["main.py"], "comfyui_version": "0.3.64"}, "devices": []}).encode()
ID = json.dumps({"v": 1, "mooring": "a1"}).encode()
QUICK = replace(Deadlines(), minted=0.01)

Answers = Callable[[str, bytes], tuple[bytes, ...]]


def http(status: int, body: bytes) -> bytes:
    return b"HTTP/1.1 %d Told\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)


@contextlib.asynccontextmanager
async def other_program(answers: Answers) -> AsyncIterator[int]:
    """Start a program that answers each request line with these pieces, one after the other; yield its port."""

    ends: list[asyncio.Event] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends.append(end := asyncio.Event())
        with contextlib.suppress(asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                for piece in answers(head.partition(b"\r\n")[0].decode(), head.lower()):
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0.02)  # so that each arrives on its own
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        end.set()

    async with await asyncio.start_server(serve, HERE, 0) as server:
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            await asyncio.gather(*(end.wait() for end in ends))  # the client has hung up


async def asked(answers: Answers) -> Claim:
    async with other_program(answers) as port:
        return await identify(GPU, Endpoint(HERE, port, (HERE,)), QUICK, may_mint=True)


@pytest.mark.parametrize("user", ["a\r\nX-Mooring: 1", "\u7528\u6237", "", "a" * 100_000])
async def test_invalid_user_id_is_no_user(user: str) -> None:
    def answers(line: str, head: bytes) -> tuple[bytes, ...]:
        if "system_stats" in line:
            return (http(200, STATS),)
        if "/users" in line:
            return (http(200, json.dumps({"users": {user: "mooring"}}).encode()),)
        return (http(200, ID) if b"comfy-user" in head else http(500, b""),)

    with pytest.raises(NoClaim, match="none is called mooring"):
        await asked(answers)


async def test_id_in_two_pieces_is_read_completely() -> None:
    whole = http(200, ID)
    claim = await asked(lambda line, _: (http(200, STATS),) if "system_stats" in line else (whole[:-6], whole[-6:]))
    assert claim.proof.expected == "a1"


async def test_oversized_identity_is_not_read_to_its_end() -> None:
    much = json.dumps({"system": {}, "devices": [], "more": "x" * LARGEST}).encode()
    with pytest.raises(NoClaim, match="/system_stats is not read: The JSON has more than 262,144 bytes"):
        await asked(lambda *_: (http(200, much),))


async def test_server_that_keeps_moving_leaves_only_used_connections_open() -> None:
    whole = http(200, STATS)
    answers: Answers = lambda line, _: (http(200, ID),) if "userdata" in line else (whole[:-6], whole[-6:])  # noqa: E731
    async with other_program(answers) as port:
        found = DiscoveredIdentity(GPU.origin, "mooring:a1", Proof(ProofKind.MINTED, "a1"))
        server = Server(ServerId("gpu-1"), "gpu-1", f"http://{HERE}:{port}", found=found)
        async with (
            Upstream(server, QUICK) as upstream,
            upstream.session(is_fresh=True).get(upstream.url("/system_stats")) as reply,
        ):
            for number in range(100):
                upstream.change(replace(server, address=f"http://127.0.0.{number + 2}:{port}"))
            assert len(upstream._sessions) <= 6
            assert await reply.read() == STATS, "a request under way may finish"


async def test_other_program_on_a_servers_port_is_reported() -> None:
    async with other_program(lambda *_: (b"SSH-2.0-OpenSSH_9.9\r\n\r\n",)) as port:
        found = DiscoveredIdentity(GPU.origin, "mooring:a1", Proof(ProofKind.MINTED, "a1"))
        server = Server(ServerId("gpu-1"), "gpu-1", f"http://{HERE}:{port}", found=found)
        async with Upstream(server, QUICK) as upstream:
            assert (await condition_of(upstream)).health is Health.DOWN
            with pytest.raises(UnprovenError) as caught:  # as for `/fleet/loads` and all other requests
                await read_queue(upstream)
    refusal = upstream.explain(caught.value)
    assert (refusal.cause, refusal.sent) == (Cause.CONNECT_FAILED, Sent.NO)
