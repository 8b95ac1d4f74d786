"""Two hundred windows of twenty users at one gateway, with a server and the gateway killed in between.

    python3 -m benchmarks team                 # five minutes; --seconds 60 for a shorter one

Twenty users, ten windows each, as far as HTTP and sockets go: each user logs in, each window gets the fleet's state
over its socket, moors to a server (a second socket), submits small prompts with pauses, and polls queue and history as
the page does. After a third of the time a server is killed and restarted, after two thirds the gateway. At the end
every prompt that was sent must be in its owner's history, or have been on the killed server's queue, or have been
refused. Events of other users' prompts are counted too. Real processes on loopback; prints tables.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import tempfile
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.kit.report import Load, percentiles, show, table
from gateway.people.accounts import Account, Accounts, write_accounts
from gateway.people.passwords import PasswordHash
from tests.kit.services import Service, free_ports, start_demo, start_gateway

PEOPLE, WINDOWS, SERVERS = 20, 10, 3
SECONDS = 300.0
PASSWORD = "a long enough one"


@dataclass
class Tally:
    """The counts of all windows."""

    took: dict[str, list[float]] = field(default_factory=dict)  # milliseconds by kind of request
    failed: Counter[str] = field(default_factory=Counter)
    sent: dict[str, tuple[str, str, float]] = field(default_factory=dict)  # prompt_id: user, server, when
    unclear: set[str] = field(default_factory=set)
    done: set[str] = field(default_factory=set)  # seen in history by their owner
    refused: int = 0
    foreign: int = 0  # prompts of others that a user has received events of
    events: int = 0
    reconnects: int = 0


@dataclass
class Stage:
    """The gateway's address, and what is measured."""

    url: str
    jars: dict[str, aiohttp.CookieJar]  # by user
    ends: float = 0.0
    tally: Tally = field(default_factory=Tally)
    own: dict[str, set[str]] = field(default_factory=dict)  # by user

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self.ends


class Window:
    """One window of a user."""

    def __init__(self, stage: Stage, user: str, number: int) -> None:
        self.stage = stage
        self.user = user
        self.random = random.Random(f"{user}{number}")
        self.server = f"s{self.random.randrange(SERVERS)}"
        self.client_id = uuid.uuid4().hex
        self.pending: list[str] = []

    async def live(self) -> None:
        """Work until the time is over."""
        async with self.browser() as http:
            listening = [
                asyncio.create_task(self.listen(http, path))
                for path in ("/fleet/ws", f"/servers/{self.server}/ws?clientId={self.client_id}")
            ]
            await asyncio.sleep(self.random.random() * 5)
            while not self.stage.is_over:
                await self.work(http)
                await asyncio.sleep(1 + self.random.random() * 3)
            for task in listening:
                task.cancel()
            await asyncio.gather(*listening, return_exceptions=True)

    def browser(self) -> aiohttp.ClientSession:
        """Open connections of this window, with the cookies that all windows of its user share."""
        jar, timeout = self.stage.jars[self.user], aiohttp.ClientTimeout(total=15)
        return aiohttp.ClientSession(cookie_jar=jar, timeout=timeout)

    async def log_in(self) -> None:
        """Log in for all windows of this user; passwords are checked one at a time, so users wait for a while."""
        body = {"name": self.user, "password": PASSWORD}
        async with self.browser() as http:
            while (await self.ask(http, "login", "POST", "/login", json=body))[0] != 200:  # noqa: ASYNC110
                await asyncio.sleep(0.5 + self.random.random() * 2)

    async def listen(self, http: aiohttp.ClientSession, path: str) -> None:
        """Keep a socket open, reconnecting whenever it is lost."""
        while True:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError, ConnectionError):
                async with http.ws_connect(f"{self.stage.url}{path}", origin=self.stage.url) as socket:
                    if "/servers/" in path:
                        await socket.send_str('{"type": "feature_flags", "data": {"supports_preview_metadata": true}}')
                    async for message in socket:
                        self.hear(message)
            self.stage.tally.reconnects += 1
            await asyncio.sleep(0.3 + self.random.random())

    def hear(self, message: aiohttp.WSMessage) -> None:
        """Count the events, and those of other users."""
        self.stage.tally.events += 1
        if message.type is aiohttp.WSMsgType.TEXT:
            prompt_id = (json.loads(message.data).get("data") or {}).get("prompt_id")
            self.check(prompt_id)

    def check(self, prompt_id: object) -> None:
        """Check that a prompt in an event is the user's own, or has a name that reveals nothing."""
        if isinstance(prompt_id, str) and not prompt_id.startswith("other-"):
            self.stage.tally.foreign += prompt_id not in self.stage.own[self.user]

    async def work(self, http: aiohttp.ClientSession) -> None:
        """Submit if nothing is under way, and check what happened to it."""
        if not self.pending:
            await self.submit(http)
        status, queue = await self.ask(http, "queue", "GET", f"/servers/{self.server}/queue")
        if status == 200:
            for row in (*queue["queue_running"], *queue["queue_pending"]):
                self.check(row[1])
        for prompt_id in list(self.pending):
            status, found = await self.ask(http, "history", "GET", f"/servers/{self.server}/history/{prompt_id}")
            if status == 200 and prompt_id in found:
                self.stage.tally.done.add(prompt_id)
                self.pending.remove(prompt_id)
            elif status == 200 and queue and prompt_id not in json.dumps(queue):
                self.pending.remove(prompt_id)  # judged at the end, by the servers' answers

    async def submit(self, http: aiohttp.ClientSession) -> None:
        """POST /prompt; an unclear answer is settled at the end, and never sent a second time."""
        prompt_id = str(uuid.uuid4())
        inputs = {"text": f"{self.person} {prompt_id}", "seed": 1, "steps": 3, "width": 64, "height": 64}
        prompt = {
            "1": {"class_type": "DemoSampler", "inputs": inputs},
            "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "team"}},
        }
        shown = {"preview_method": "auto"}  # as the page asks
        body = {"prompt": prompt, "prompt_id": prompt_id, "client_id": self.client_id, "extra_data": shown}
        self.stage.own[self.user].add(prompt_id)
        self.stage.tally.sent[prompt_id] = (self.user, self.server, time.monotonic())
        status, answer = await self.ask(http, "prompt", "POST", f"/servers/{self.server}/prompt", json=body)
        if status == 200:
            self.pending.append(prompt_id)
        elif answer == "sent=no":
            self.stage.tally.refused += 1
            del self.stage.tally.sent[prompt_id]
        else:
            self.stage.tally.unclear.add(prompt_id)

    async def ask(self, http: aiohttp.ClientSession, kind: str, method: str, path: str, **how: Any) -> tuple[int, Any]:
        """Return the status and the answer; 0 for a missing answer, `sent=no` for a request certainly not sent."""
        began = time.perf_counter()
        headers = {"Origin": self.stage.url, "Accept": "*/*"}
        try:
            async with http.request(method, f"{self.stage.url}{path}", headers=headers, **how) as reply:
                body = await reply.read()
                cause = reply.headers.get("X-Mooring-Gateway", "")
        except aiohttp.ClientConnectorError:
            self.stage.tally.failed[f"{kind}: not connected"] += 1
            return 0, "sent=no"
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            self.stage.tally.failed[f"{kind}: {type(error).__name__}"] += 1
            return 0, None
        if cause:
            self.stage.tally.failed[f"{kind}: {cause}"] += 1
            return reply.status, "sent=no" if "sent=no" in cause else None
        self.stage.tally.took.setdefault(kind, []).append((time.perf_counter() - began) * 1000)
        return reply.status, json.loads(body) if body else None


async def run(seconds: float) -> None:
    """Run the whole measurement."""
    load = Load()
    names = [f"user{number:02}" for number in range(PEOPLE)]
    with tempfile.TemporaryDirectory() as home, contextlib.ExitStack() as stack:
        users = Path(home) / "users.toml"
        hashed = PasswordHash.of(PASSWORD)
        write_accounts(users, Accounts({name: Account(name, hashed) for name in names}))
        flags = ("--step-seconds", "0.02")
        servers = [stack.enter_context(start_demo(*flags, data=_folder(home, n))) for n in range(SERVERS)]
        fleet = [word for n, server in enumerate(servers) for word in ("--server", f"s{n}={server.url}")]
        port = free_ports()
        gateway = stack.enter_context(start_gateway(*fleet, "--users", str(users), port=port))
        jars = {name: aiohttp.CookieJar(unsafe=True) for name in names}
        stage = Stage(f"http://127.0.0.1:{port}", jars, own={name: set() for name in names})
        windows = [Window(stage, name, number) for name in names for number in range(WINDOWS)]
        await asyncio.gather(*(window.log_in() for window in windows[::WINDOWS]))
        stage.ends = time.monotonic() + seconds
        living = asyncio.gather(*(window.live() for window in windows))
        await asyncio.sleep(seconds / 3)
        servers[0], killed = await _replace(
            stack, servers[0], lambda at: start_demo(*flags, port=at, data=_folder(home, 9))
        )
        await asyncio.sleep(seconds / 3)
        await _replace(stack, gateway, lambda at: start_gateway(*fleet, "--users", str(users), port=at))
        await living
        await _report(stage, servers, killed, load)


def _folder(home: str, number: int) -> Path:
    folder = Path(home) / f"data{number}"
    folder.mkdir()
    return folder


async def _replace(stack: contextlib.ExitStack, service: Service, start: Any) -> tuple[Service, float]:
    """Start a service in its place; return it with the time of death: until then it took prompts."""
    port = service.port
    await asyncio.to_thread(service.kill)
    dead = time.monotonic()
    return await asyncio.to_thread(lambda: stack.enter_context(start(port))), dead


async def _report(stage: Stage, servers: list[Service], killed: float, load: Load) -> None:
    """Print how long requests took, and what happened to every prompt."""
    await asyncio.sleep(3)
    known: dict[str, set[str]] = {}
    async with aiohttp.ClientSession() as http:
        for number, server in enumerate(servers):
            async with http.get(f"{server.url}/queue") as reply:  # first: a prompt that leaves it is in the history
                queue = await reply.json()
            async with http.get(f"{server.url}/history") as reply:
                known[f"s{number}"] = set(await reply.json())
            known[f"s{number}"] |= {row[1] for part in queue.values() for row in part}
    tally, fate = stage.tally, Counter[str]()
    for prompt_id, (_, server, at) in tally.sent.items():
        if prompt_id in tally.done:
            fate["seen by their owner"] += 1
        elif prompt_id in known[server]:
            fate["ran, or still wait"] += 1
        elif server == "s0" and at <= killed:
            fate["was on the server that was killed"] += 1
        elif prompt_id in tally.unclear:
            fate["unclear, and never arrived"] += 1
        else:
            fate["LOST"] += 1
    rows = [
        [kind, f"{len(took):,}", *(f"{percentiles(took)[part]:.0f}" for part in ("p50", "p95"))]
        for kind, took in tally.took.items()
    ]
    counts = {
        **fate,
        "events": tally.events,
        "sockets opened again": tally.reconnects,
        "prompts refused for certain": tally.refused,
        "events of another user's prompt": tally.foreign,
        **{f"not answered: {what}": count for what, count in tally.failed.items()},
    }
    show(
        "team",
        load,
        table(["request", "answered", "p50, ms", "p95, ms"], rows),
        table(["prompts and events", ""], [[what, f"{count:,}"] for what, count in counts.items()]),
        found=counts,
    )


def main() -> None:
    """Read the flags and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    asyncio.run(run(parser.parse_args().seconds))


if __name__ == "__main__":
    main()
