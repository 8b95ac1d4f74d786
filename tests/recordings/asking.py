"""A client that records the answers of a server in the format of the recordings."""

from __future__ import annotations

import asyncio
import json
import struct
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from yarl import URL

Recorded = dict[str, Any]

PATIENCE = 120.0
"""Seconds after which a condition counts as never met."""


class NeverMetError(Exception):
    """The server did not do in time what a recording needs."""


@dataclass
class Socket:
    """A socket with its received messages, and for each the seconds since it was opened."""

    connection: aiohttp.ClientWebSocketResponse
    received: list[Recorded] = field(default_factory=list)
    opened_at: float = field(default_factory=time.monotonic)

    async def read(self) -> None:
        """Record messages until the socket closes."""
        async for message in self.connection:
            at = {"t": round(time.monotonic() - self.opened_at, 3)}
            if message.type is aiohttp.WSMsgType.TEXT:
                self.received.append(at | {"text": json.loads(message.data)})
            elif message.type is aiohttp.WSMsgType.BINARY:
                self.received.append(at | _frame(message.data))

    def texts(self, kind: str) -> list[Any]:
        """Return the data of all text messages of one type."""
        return [item["text"]["data"] for item in self.received if item.get("text", {}).get("type") == kind]

    async def until_ended(self, prompt_id: str) -> None:
        """Wait for `executing` with node null, the last message about a prompt."""
        await until(lambda: {"node": None, "prompt_id": prompt_id} in self.texts("executing"))

    async def until_idle(self) -> None:
        """Wait until the last `status` of several says that the queue is empty."""

        def is_idle() -> bool:
            counts = [data["status"]["exec_info"]["queue_remaining"] for data in self.texts("status")]
            return len(counts) > 1 and counts[-1] == 0

        await until(is_idle)


@dataclass(frozen=True)
class Server:
    """A running ComfyUI."""

    session: aiohttp.ClientSession
    base: str

    async def ask(
        self,
        method: str,
        url: str,
        *,
        json_body: Any = None,
        data: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Recorded:
        """Make one request and return it with its answer."""
        address = URL(f"{self.base}/{url.lstrip('/')}", encoded=True)
        body = json.dumps(json_body) if json_body is not None else data
        sent = {"Content-Type": "application/json"} if json_body is not None else {}
        async with self.session.request(
            method, address, data=body, headers=sent | dict(headers or {}), allow_redirects=False
        ) as answer:
            content = await answer.read()
            return {
                "method": method,
                "url": url,
                "status": answer.status,
                "headers": dict(answer.headers),
                "body": _body(answer.headers.get("Content-Type", "text/plain"), content),
            }

    async def post(self, prompt: Any, **more: Any) -> Recorded:
        """POST /prompt."""
        return await self.ask("POST", "prompt", json_body={"prompt": prompt, **more})

    async def submit(self, prompt: Any, **more: Any) -> str:
        """POST a valid prompt and return its id."""
        return str((await self.post(prompt, **more))["body"]["prompt_id"])

    async def get(self, url: str) -> Any:
        """Return the body of a GET."""
        return (await self.ask("GET", url))["body"]

    async def entry(self, prompt_id: str) -> Recorded:
        """Wait for a prompt's end and return /history/{id}."""
        found: Recorded = {}
        deadline = time.monotonic() + PATIENCE
        while not found and time.monotonic() < deadline:
            found = await self.get(f"history/{prompt_id}")
            await asyncio.sleep(0.05)
        if not found:
            raise NeverMetError(f"{self.base} did not finish {prompt_id}.")
        return found

    async def until_running(self, prompt_id: str) -> None:
        """Wait until the server works on a prompt."""
        deadline = time.monotonic() + PATIENCE
        while prompt_id not in [item[1] for item in (await self.get("queue"))["queue_running"]]:
            if time.monotonic() > deadline:
                raise NeverMetError(f"{self.base} did not begin {prompt_id}.")
            await asyncio.sleep(0.02)

    async def upload(self, name: str, content: bytes, **fields: str) -> Recorded:
        """POST /upload/image."""
        form = aiohttp.FormData(fields)
        form.add_field("image", content, filename=name)
        return await self.ask("POST", "upload/image", data=form)

    @asynccontextmanager
    async def socket(self, client_id: str | None = None, flags: Any = None) -> AsyncIterator[Socket]:
        """Open a socket, and wait for its first `status`, since it is not usable before."""
        query = {} if client_id is None else {"clientId": client_id}
        async with self.session.ws_connect(f"{self.base}/ws", params=query, max_msg_size=0) as connection:
            if flags is not None:
                await connection.send_json({"type": "feature_flags", "data": flags})
            socket = Socket(connection)
            reading = asyncio.create_task(socket.read())
            await until(lambda: bool(socket.texts("status")) and (not flags or bool(socket.texts("feature_flags"))))
            try:
                yield socket
            finally:
                await connection.close()
                await reading

    async def handshake(self, headers: Mapping[str, str]) -> Recorded:
        """Request a socket with these headers; return the status, and the first message if it opens."""
        try:
            async with self.session.ws_connect(f"{self.base}/ws?clientId=o", headers=headers) as connection:
                return {"status": 101, "first": await connection.receive_json()}
        except aiohttp.WSServerHandshakeError as error:
            return {"status": error.status}


async def until(condition: Callable[[], bool]) -> None:
    """Wait until the condition is true."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise NeverMetError("The server did not send what the recording needs.")
        await asyncio.sleep(0.01)


@asynccontextmanager
async def open_server(base: str) -> AsyncIterator[Server]:
    """Connect to the server at this address."""
    async with aiohttp.ClientSession() as session:
        yield Server(session, base.rstrip("/"))


def new_id() -> str:
    """Return a prompt id in the form that ComfyUI requires."""
    return str(uuid.uuid4())


def _body(content_type: str, content: bytes) -> Any:
    if content_type.startswith("application/json"):
        return json.loads(content)
    if content_type.startswith("text/plain"):
        return content.decode()
    return f"<{len(content)} bytes>"


def _frame(data: bytes) -> Recorded:
    """Describe a binary frame."""
    (kind,) = struct.unpack(">I", data[:4])
    described: Recorded = {"binary": True, "len": len(data), "event_type": kind, "hex_first_16": data[:16].hex()}
    (head,) = struct.unpack(">I", data[4:8])
    match kind:
        case 1:
            return described | {"image_format_word": head, "image_magic": data[8:12].hex()}
        case 3:
            return described | {"node_id": data[8 : 8 + head].decode(), "progress_text": data[8 + head :].decode()}
        case 4:
            picture = data[8 + head :]
            return described | {
                "metadata_length": head,
                "metadata": json.loads(data[8 : 8 + head]),
                "image_magic": picture[:4].hex(),
                "image_bytes": len(picture),
            }
        case _:
            return described
