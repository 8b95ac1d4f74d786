"""The client of the contract's tests, and its implementation over real sockets.

A `Peer` is one server. The tests in `test_protocol_*.py` use nothing else, so that they run against a demo process, a
real ComfyUI and a server in memory (`simulated.py`). Required node classes: LoadImage, SaveImage, PreviewImage,
EmptyImage, ImageScale, ImageInvert, ImageBlur; and those of `slow_workflow` for peers with `previews`.
"""

from __future__ import annotations

import asyncio
import json
import random
import struct
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import aiohttp

from tests.contract.expected import Expected, expected_of

Workflow = dict[str, Any]

PATIENCE = 60.0
"""Seconds after which a condition counts as never met, long enough for a loaded two-core machine."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer with header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Event:
    """One message of a socket: `kind` is the type with `data` from JSON, or a frame number with its bytes."""

    kind: str | int
    data: Any


class Listener(Protocol):
    """An open socket and all messages it has received, in order."""

    received: list[Event]

    async def until(self, condition: Callable[[list[Event]], bool]) -> list[Event]:
        """Wait until the received messages meet the condition; the test fails if they never do."""
        ...

    async def say(self, text: str) -> None:
        """Send a text message."""
        ...

    async def close(self) -> None:
        """Close with a handshake, and wait for its end."""
        ...


class Peer(Protocol):
    """A server under test.

    `version` is ComfyUI's, and `expected` is what the contract expects of that version. `is_alone`: it has no other
    users, so that `clear` may be tested. `previews`: its slow workflow sends previews. `has_recorded_nodes`: it has the
    small test nodes of the recorded server.
    """

    name: str
    version: str
    is_alone: bool
    previews: bool
    has_recorded_nodes: bool

    @property
    def expected(self) -> Expected:
        """Return the expectations of its version."""
        ...

    async def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send an HTTP request; `path` begins with a slash and has no query."""
        ...

    async def upload(self, name: str, data: bytes, route: str = "/upload/image", **fields: str) -> Answer:
        """POST a multipart form with the file field `image` and these text fields."""
        ...

    async def connect(self, client_id: str | None, flags: Mapping[str, Any] | None = None) -> Listener:
        """Open a socket, send the flags if there are any, and wait for the first `status`."""
        ...

    async def handshake(self, headers: Mapping[str, str]) -> tuple[int, list[Event]]:
        """Open a socket of client "o" with these headers, and return the status and the first messages."""
        ...

    def slow_workflow(self, steps: int) -> Workflow:
        """Return a workflow that is never cached and takes a while (2 nodes or more); `steps` makes it longer.

        Its output node is "9" and saves an image.
        """
        ...

    def sampler_workflow(self, steps: int) -> Workflow:
        """Return a workflow that samples in so many steps, and is never cached."""
        ...

    def forget_file(self, name: str) -> None:
        """Delete a file of its output folder."""
        ...

    async def pause(self) -> None:
        """Wait briefly between two polls."""
        ...


@dataclass
class Recorder:
    """Records received messages, and waits for more."""

    received: list[Event] = field(default_factory=list)
    is_closed: bool = False
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, message: str | bytes) -> None:
        """Record a message."""
        if isinstance(message, str):
            said = json.loads(message)
            self.received.append(Event(said["type"], said["data"]))
        else:
            (kind,) = struct.unpack(">I", message[:4])
            self.received.append(Event(kind, message[4:]))
        self.news.set()

    async def until(self, condition: Callable[[list[Event]], bool]) -> list[Event]:
        """Wait until the received messages meet the condition."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not condition(self.received):
                    self.news.clear()
                    await self.news.wait()
        except TimeoutError:
            raise AssertionError(f"not received, but: {[event.kind for event in self.received]}") from None
        return self.received


@dataclass
class WebListener(Recorder):
    """A listener over a real WebSocket."""

    _task: asyncio.Task[None] | None = None

    def start(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Begin to listen."""
        self.socket = socket
        self._task = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        async for message in self.socket:
            if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                self.take(message.data)
        self.is_closed = True
        self.news.set()

    async def until_closed(self) -> int | None:
        """Wait for the end of the connection, and return its close code."""
        async with asyncio.timeout(PATIENCE):
            while not self.is_closed:
                self.news.clear()
                await self.news.wait()
        return self.socket.close_code

    async def say(self, text: str) -> None:
        """Send a text message."""
        await self.socket.send_str(text)

    async def close(self) -> None:
        """Close, and wait for the end."""
        await self.socket.close()
        if self._task:
            await self._task


@dataclass
class WebPeer:
    """A server at an address, over real sockets."""

    name: str
    url: str
    session: aiohttp.ClientSession
    version: str
    is_alone: bool = True
    previews: bool = True
    folder: Path | None = None
    has_recorded_nodes: bool = False
    listeners: list[WebListener] = field(default_factory=list)

    @property
    def expected(self) -> Expected:
        """Return the expectations of its version."""
        return expected_of(self.version)

    async def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send an HTTP request."""
        async with self.session.request(
            method, self.url + path, params=query, data=body, headers=headers, allow_redirects=False
        ) as answer:
            content = await answer.read()
            return Answer(answer.status, {key.lower(): value for key, value in answer.headers.items()}, content)

    async def upload(self, name: str, data: bytes, route: str = "/upload/image", **fields: str) -> Answer:
        """POST a form as a browser does, with raw UTF-8 file names, which aiohttp's own forms would quote."""
        boundary = uuid.uuid4().hex
        parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="{name}"\r\n'.encode()]
        parts += [b"Content-Type: application/octet-stream\r\n\r\n", data, b"\r\n"]
        for key, value in fields.items():
            parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode())
        parts.append(f"--{boundary}--\r\n".encode())
        kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        return await self.request("POST", route, body=b"".join(parts), headers=kind)

    async def connect(self, client_id: str | None, flags: Mapping[str, Any] | None = None) -> WebListener:
        """Open a socket, and wait for its first status."""
        query = {} if client_id is None else {"clientId": client_id}
        listener = WebListener()
        listener.start(await self.session.ws_connect(f"{self.url}/ws", params=query, max_msg_size=0))
        self.listeners.append(listener)
        if flags is not None:
            await listener.say(json.dumps({"type": "feature_flags", "data": dict(flags)}))
            await listener.until(lambda received: any(event.kind == "feature_flags" for event in received))
        await listener.until(lambda received: any(event.kind == "status" for event in received))
        return listener

    async def handshake(self, headers: Mapping[str, str]) -> tuple[int, list[Event]]:
        """Open a socket with these headers."""
        url, query = f"{self.url}/ws", {"clientId": "o"}
        listener = WebListener()
        try:
            listener.start(await self.session.ws_connect(url, params=query, headers=headers, max_msg_size=0))
        except aiohttp.WSServerHandshakeError as refusal:
            return refusal.status, []
        received = await listener.until(bool)
        await listener.close()
        return 101, received

    def slow_workflow(self, steps: int) -> Workflow:
        """Return the demo's own node, or for a real server a chain of blurs, interruptible between them."""
        source = {"width": 256, "height": 256, "batch_size": 1, "color": random.randrange(1 << 24)}
        if self.previews:
            return {
                "1": {"class_type": "EmptyImage", "inputs": source},
                "2": {"class_type": "DemoFailAt", "inputs": {"image": ["1", 0], "steps": steps, "fail_at": 0}},
                "9": save("2"),
            }
        source = {**source, "width": 1024, "height": 1024}
        workflow: Workflow = {"1": {"class_type": "EmptyImage", "inputs": source}}
        for index in range(steps):
            inputs = {"image": ["1" if index == 0 else f"b{index - 1}", 0], "blur_radius": 10, "sigma": 1.0}
            workflow[f"b{index}"] = {"class_type": "ImageBlur", "inputs": inputs}
        workflow["9"] = save(f"b{steps - 1}")
        return workflow

    def sampler_workflow(self, steps: int) -> Workflow:
        """Return the demo's sampler, or the test node of the recordings, which a real server may have."""
        seed = random.randrange(1 << 32)
        if self.previews:
            inputs = {"text": "calm", "seed": seed, "steps": steps, "width": 64, "height": 64}
            return {"2": {"class_type": "DemoSampler", "inputs": inputs}, "9": save("2")}
        return fake_sampler(steps)

    def forget_file(self, name: str) -> None:
        """Delete a file of its output folder."""
        assert self.folder is not None
        (self.folder / "output" / name).unlink()

    async def pause(self) -> None:
        """Wait briefly."""
        await asyncio.sleep(0.02)


@asynccontextmanager
async def web_peer(
    name: str, url: str, *, is_alone: bool = True, previews: bool = True, folder: Path | None = None
) -> AsyncIterator[WebPeer]:
    """Open a server at an address; its sockets are closed at the end. `folder` has its files."""
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{url}/system_stats") as answer:
            version = str((await answer.json())["system"]["comfyui_version"])
        peer = WebPeer(name, url, session, version, is_alone, previews, folder)
        yield peer
        await asyncio.gather(*(listener.close() for listener in peer.listeners))


def save(source: str, prefix: str | None = None) -> dict[str, Any]:
    """Return a SaveImage node, under a new prefix unless one is given."""
    name = prefix or f"contract_{uuid.uuid4().hex[:10]}"
    return {"class_type": "SaveImage", "inputs": {"images": [source, 0], "filename_prefix": name}}


def fake_sampler(steps: int) -> Workflow:
    """Return a workflow of the recorded server's sampler."""
    inputs = {"seed": random.randrange(1 << 32), "steps": steps, "seconds_per_step": 0.05}
    return {
        "1": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}},
        "2": {"class_type": "FakeSampler", "inputs": {"latent": ["1", 0], **inputs}},
        "3": {"class_type": "LatentPicture", "inputs": {"latent": ["2", 0]}},
        "9": save("3"),
    }


def invert(source: str) -> dict[str, Any]:
    """Return an ImageInvert node."""
    return {"class_type": "ImageInvert", "inputs": {"image": [source, 0]}}


def quick(prefix: str | None = None, *, color: int | None = None, batch: int = 1) -> Workflow:
    """Return a workflow of two fast nodes, in no cache unless a colour is given."""
    chosen = random.randrange(1 << 24) if color is None else color
    inputs = {"width": 32, "height": 24, "batch_size": batch, "color": chosen}
    return {"1": {"class_type": "EmptyImage", "inputs": inputs}, "9": save("1", prefix)}


async def post(peer: Peer, path: str, value: Any) -> Answer:
    """POST a JSON value."""
    return await peer.request("POST", path, body=json.dumps(value).encode())


async def submit(peer: Peer, workflow: Workflow, **more: Any) -> str:
    """Submit a workflow, check that it is accepted, and return its prompt_id."""
    answer = await post(peer, "/prompt", {"prompt": workflow, **more})
    assert answer.status == 200, answer.body
    return str(answer.json()["prompt_id"])


async def queue(peer: Peer) -> tuple[list[str], list[str]]:
    """Return the prompt_ids (running, pending) of all clients."""
    answer = (await peer.request("GET", "/queue")).json()
    return [item[1] for item in answer["queue_running"]], [item[1] for item in answer["queue_pending"]]


async def entry(peer: Peer, prompt_id: str) -> dict[str, Any]:
    """Wait for the history entry of a job."""
    found: dict[str, Any] = await until(peer, lambda: history_of(peer, prompt_id))
    return found


async def history_of(peer: Peer, prompt_id: str) -> dict[str, Any] | None:
    """Return the history entry of a job, or None."""
    found: dict[str, Any] = (await peer.request("GET", f"/history/{prompt_id}")).json()
    assert set(found) <= {prompt_id}
    return found.get(prompt_id)


async def running(peer: Peer, prompt_id: str) -> None:
    """Wait until a job runs."""

    async def find() -> bool:
        return prompt_id in (await queue(peer))[0]

    await until(peer, find)


async def until(peer: Peer, find: Callable[[], Any]) -> Any:
    """Poll until something is found."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + PATIENCE
    while True:
        found = await find()
        if found:
            return found
        assert clock() < deadline, "never happened"
        await peer.pause()


def ended(prompt_id: str) -> Callable[[list[Event]], bool]:
    """Return the condition that a socket has received the end of a job."""
    return lambda received: any(
        event.kind == "executing" and event.data["node"] is None and event.data["prompt_id"] == prompt_id
        for event in received
    )


def new_id() -> str:
    """Return a new prompt_id as a client chooses one."""
    return str(uuid.uuid4())


def without_added(peer: Peer, extra_data: dict[str, Any]) -> dict[str, Any]:
    """Return extra_data without the keys that a server of this version adds, which must all be there."""
    assert peer.expected.added <= set(extra_data)
    return {key: value for key, value in extra_data.items() if key not in peer.expected.added}


def kinds(received: list[Event]) -> list[str | int]:
    """Return the kinds of received messages in order, without `status`."""
    return [event.kind for event in received if event.kind != "status"]


def of_job(received: list[Event], prompt_id: str) -> list[Event]:
    """Return the messages of this job."""
    return [event for event in received if isinstance(event.data, dict) and event.data.get("prompt_id") == prompt_id]
