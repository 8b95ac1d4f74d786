"""A gateway with logged-in users in front of a real demo server, and an HTTP client for each user.

async with open_studio() as studio:
    alice, bob = await studio.log_in("alice"), await studio.log_in("bob")
    prompt_id = await alice.submit()
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import struct
import tempfile
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

import aiohttp
import pytest
from aiohttp import WSMsgType
from PIL import Image

from gateway.fleet.partner_rules import PartnerRules
from gateway.fleet.rules import Rules
from gateway.people import login, passwords
from gateway.people.accounts import Account, Accounts, write_accounts
from gateway.people.keys import load_keys
from gateway.people.login_settings import LoginSettings
from gateway.people.passwords import PasswordHash
from gateway.people.user import Role
from tests.integration.hub import FLAGS
from tests.kit.gateways import NO_KEYS, PATIENCE, PLAIN, Running, open_gateway, until
from tests.kit.services import Service, forget, start_demo
from wire.turns import ALL_NOW, OWNER

PASSWORD = "a long enough one"
NAMES = ("alice", "bob", "carol")  # Carol may run the fleet
ALL_AT_ONCE = {OWNER: {ALL_NOW: True}}  # the `extra_data` of *Send all now*


def picture_prompt(**inputs: Any) -> dict[str, Any]:
    """Return a prompt that quickly makes one small picture."""
    size = {"width": 64, "height": 64, "batch_size": 1, "color": 255}
    return {
        "1": {"class_type": "EmptyImage", "inputs": size | inputs},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "made"}},
    }


def load_prompt(image: object) -> dict[str, Any]:
    """Return a prompt that reads a file."""
    return {
        "1": {"class_type": "LoadImage", "inputs": {"image": image}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "read"}},
    }


@dataclass
class Client:
    """One user's browser, as far as HTTP goes."""

    name: str
    url: str
    http: aiohttp.ClientSession
    client_id: str = field(default_factory=lambda: f"window-{uuid.uuid4().hex[:8]}")

    async def ask(self, method: str, path: str, **how: Any) -> tuple[int, Any]:
        """Send a request, and return the status with the answer's JSON, or its bytes if it is not JSON."""
        async with self.http.request(method, f"{self.url}{path}", **how) as reply:
            body = await reply.read()
            try:
                return reply.status, json.loads(body)
            except ValueError:
                return reply.status, body

    async def get(self, path: str, **how: Any) -> tuple[int, Any]:
        return await self.ask("GET", path, **how)

    async def post(self, path: str, body: object, **how: Any) -> tuple[int, Any]:
        """POST JSON as the page does."""
        headers = {"Origin": self.url, **how.pop("headers", {})}
        return await self.ask("POST", path, json=body, headers=headers, **how)

    def body(self, prompt: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        """Return the body that the page posts to submit a prompt."""
        known = {"prompt_id": str(uuid.uuid4()), "client_id": self.client_id}
        return {"prompt": prompt or picture_prompt(), **known, "extra_data": {}, **more}

    async def submit(self, prompt: dict[str, Any] | None = None, **more: Any) -> str:
        """Submit a prompt, check that it is accepted, and return its id. It waits for no turn."""
        body = self.body(prompt, **{"extra_data": ALL_AT_ONCE, **more})
        status, answer = await self.post("/servers/a/prompt", body)
        assert (status, answer["prompt_id"]) == (200, body["prompt_id"]), (status, answer)
        return str(body["prompt_id"])

    async def result(self, prompt_id: str) -> dict[str, Any]:
        """Wait for the history entry of a prompt."""

        async def entry() -> dict[str, Any] | None:
            _, answer = await self.get(f"/servers/a/history/{prompt_id}")
            return answer.get(prompt_id)

        return dict(await until(entry))

    async def made(self, prompt_id: str) -> dict[str, Any]:
        """Return the first file of a prompt, as its history describes it."""
        outputs = (await self.result(prompt_id))["outputs"]
        return dict(next(file for made in outputs.values() for file in made.get("images", ())))

    async def upload(self, name: str = "mine.png", data: bytes | IO[bytes] = b"", **fields: str) -> tuple[int, Any]:
        """Upload a file as the page does; `fields` are other parts of the form."""
        form = aiohttp.FormData(quote_fields=False)  # as browsers write names
        for key, value in fields.items():
            form.add_field(key, value)
        form.add_field("image", data or small_png(), filename=name, content_type="image/png")
        return await self.ask("POST", "/servers/a/upload/image", data=form, headers={"Origin": self.url})


@dataclass
class Studio:
    """A gateway, its server and its files."""

    gateway: Running
    server_url: str
    data: Path
    users: Path
    stack: contextlib.AsyncExitStack

    async def open_client(self, name: str = "") -> Client:
        """Open a client without a login."""
        jar = aiohttp.CookieJar(unsafe=True)
        timeout = aiohttp.ClientTimeout(total=PATIENCE)
        session = aiohttp.ClientSession(cookie_jar=jar, timeout=timeout)
        return Client(name, self.gateway.url, await self.stack.enter_async_context(session))

    async def log_in(self, name: str) -> Client:
        """Open a client and log in."""
        client = await self.open_client(name)
        status, _ = await client.post("/login", {"name": name, "password": PASSWORD})
        assert status == 200
        return client

    def cookie_of(self, client: Client) -> dict[str, str]:
        """Return the `Cookie` header of a client's session, as a thief would copy it."""
        name = f"mooring-{self.gateway.port}"
        [value] = [cookie.value for cookie in client.http.cookie_jar if cookie.key == name]
        return {"Cookie": f"{name}={value}"}

    async def direct(self, method: str, path: str, **how: Any) -> Any:
        """Send a request to the server itself, past the gateway."""
        async with aiohttp.request(method, f"{self.server_url}{path}", **how) as reply:
            return json.loads(await reply.read() or b"null")

    async def queued(self) -> list[Any]:
        """Return the waiting and running prompts from the server itself."""
        answer = await self.direct("GET", "/queue")
        return [*answer["queue_running"], *answer["queue_pending"]]

    async def is_idle(self) -> bool:
        """Return whether the server has no prompts."""
        return not await self.queued()

    async def is_running(self, prompt_id: str) -> bool:
        """Return whether the server executes a prompt."""
        return any(row[1] == prompt_id for row in (await self.direct("GET", "/queue"))["queue_running"])

    async def has_ended(self, prompt_id: str) -> bool:
        """Return whether a prompt is in the server's history."""
        return prompt_id in await self.direct("GET", f"/history/{prompt_id}")


@dataclass(frozen=True)
class SharedDemo:
    """A demo server that several studios use one after the other, for its start costs more than most tests."""

    server: Service
    data: Path

    def forget(self) -> None:
        """Drop all that it knows, and its files."""
        forget(self.server)
        for file in self.data.rglob("*"):
            if file.is_file():
                file.unlink()


def hash_quickly(patch: pytest.MonkeyPatch) -> None:
    """Have a password checked in 8 ms instead of 240: end-to-end tests log in at the real strength."""
    patch.setattr(passwords, "LOG_N", 10)
    patch.setattr(login, "UNKNOWN_USER_HASH", replace(passwords.UNKNOWN_USER_HASH, log_n=10))


def write_users(path: Path) -> None:
    """Write accounts for Alice and Bob, and for Carol, who may also run the fleet."""
    password = PasswordHash.of(PASSWORD)
    people = {name: Account(name, password) for name in NAMES[:2]}
    carol = Account("carol", password, frozenset({Role.USE, Role.RUN}))
    write_accounts(path, Accounts({**people, "carol": carol}))


@contextlib.asynccontextmanager
async def open_studio(
    rules: Rules = PLAIN,
    *flags: str,
    workflows: Path | None = None,
    server: str = "",
    demo: SharedDemo | None = None,
    sessions: Path | None = None,
    partner: PartnerRules = NO_KEYS,
    **deadlines: float,
) -> AsyncIterator[Studio]:
    """Start a gateway with three users for one demo server, for a shared `demo`, or for the `server` at that address.

    `rules` are the installation's, `flags` the demo server's; `sessions` is the file of ended sessions.
    """
    async with contextlib.AsyncExitStack() as stack:
        hash_quickly(stack.enter_context(pytest.MonkeyPatch.context()))
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        users = home / "users.toml"
        write_users(users)
        data = demo.data if demo else home / "data"
        if demo:
            demo.forget()
        else:
            data.mkdir()
        url = server or (demo.server if demo else stack.enter_context(start_demo(*flags, data=data))).url
        logins = LoginSettings(load_keys(home / "mooring.key"), users, sessions)
        gateway = await stack.enter_async_context(
            open_gateway({"a": url}, logins=logins, rules=rules, workflows=workflows, partner=partner, **deadlines)
        )
        await gateway.first_probe()
        state = gateway.gateway.state
        await until(lambda: all(state.catalogue(one).files for one in state.servers))
        yield Studio(gateway, url, data, users, stack)


def small_png(colour: int = 0) -> bytes:
    """Return a small PNG; each colour is another file."""
    file = io.BytesIO()
    Image.new("RGB", (8, 8), (colour, 90, 120)).save(file, "PNG")
    return file.getvalue()


def view_query(uploaded: dict[str, str]) -> dict[str, str]:
    """Return the query that shows an uploaded file."""
    return {"filename": uploaded["name"], "type": "input"} | {key: uploaded[key] for key in ("subfolder", "seal")}


def slow_prompt(seed: int = 1) -> dict[str, Any]:
    """Return a prompt for the demo's sampler that runs for some seconds and reports each step."""
    inputs = {"text": "a tide", "seed": seed, "steps": 150, "width": 64, "height": 64}
    return {
        "1": {"class_type": "DemoSampler", "inputs": inputs},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "slow"}},
    }


class Listener:
    """A window's socket, and everything received on it."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.texts: list[dict[str, Any]] = []
        self.binaries: list[bytes] = []

    async def listen(self) -> None:
        async for message in self.socket:
            if message.type is WSMsgType.TEXT:
                self.texts.append(json.loads(message.data))
            else:
                self.binaries.append(message.data)

    def prompts(self) -> set[str]:
        """Return the ids of the prompts in all messages."""
        named = {text["data"].get("prompt_id") for text in self.texts} - {None}
        for data in self.binaries:
            kind, length = struct.unpack_from(">II", data)
            named.add(json.loads(data[8 : 8 + length])["prompt_id"] if kind == 4 else f"nameless {kind}")
        return named

    def kinds(self) -> list[str]:
        """Return the types of the texts."""
        return [text["type"] for text in self.texts]


@contextlib.asynccontextmanager
async def open_listener(client: Client, client_id: str | None = None) -> AsyncIterator[Listener]:
    """Open a user's socket, under their own client_id by default."""
    url = f"{client.url}/servers/a/ws?clientId={client_id or client.client_id}"
    async with client.http.ws_connect(url, origin=client.url) as socket:
        await socket.send_str(FLAGS)
        listener = Listener(socket)
        listening = asyncio.create_task(listener.listen())
        await until(lambda: "status" in listener.kinds())
        yield listener
        listening.cancel()
