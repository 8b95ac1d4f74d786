"""The memory that users' large histories and bodies take in the gateway, and the latency of `/healthz` meanwhile.

    python3 -m benchmarks.memory gateway

Three users have made prompts of 2 MB each, three per user. Each user reads the whole history ten times at once, again
and again; or sends ten bodies of 8 MB at once; or both. Memory is the highest resident set of the gateway with all its
child processes. `/healthz` is polled on new connections from another address.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.bodies_in_flight import NICENESS, OTHER, PAUSE, family, poll, resident
from benchmarks.sections import Load, table, write_section
from gateway.people.accounts import Account, Accounts, write_accounts
from gateway.people.passwords import PasswordHash
from tests.services import start_demo, start_gateway
from wire.turns import ALL_NOW, OWNER

USERS = ("alice", "bob", "carol")
PASSWORD = "a long enough one"
AT_ONCE = 10  # of each user
PROMPTS = 3  # in each user's history
ITEMS = 50_000  # of the editor's graph in a prompt, which together have nearly as many values as one may have
SECONDS = 20.0
ALLOWED = 512  # MB
MB = 1_000_000
TITLE = "Memory of the gateway with users"
INTRO = f"""`python3 -m benchmarks.memory gateway` ({{load}}): {len(USERS)} users, {SECONDS:.0f} s for each row. They
read their own history of {PROMPTS} prompts of 2 MB each, {AT_ONCE} times at once, or send {AT_ONCE} bodies of 8 MB at
once, or both. Memory is the peak of the gateway and its child processes together; 1 GB is allowed, and {ALLOWED} MB is
the target. Before answers were charged to their user, the histories alone took 481 MB, and `/healthz` 477 ms, on the
same machine while others worked on it.

"""
HEADS = ["", "memory, MB", "`/healthz`, p99 in ms", "slowest", "answers"]


@dataclass
class Seen:
    """The measurements of one kind of work."""

    memory: int = 0  # bytes
    waits: list[float] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)


def main() -> None:
    """Measure, and write the section."""
    load, rows = Load(), []
    for name, kinds in (("nothing", ()), ("histories", ("read",)), ("bodies", ("send",)), ("both", ("read", "send"))):
        seen = asyncio.run(measure(kinds))
        waits = sorted(seen.waits)
        answers = ", ".join(f"{count:,} × {answer}" for answer, count in sorted(seen.answers.items())) or "none"
        slow = [f"{wait * 1000:.0f}" for wait in (waits[int(len(waits) * 0.99)], waits[-1])]
        rows.append([name, f"{seen.memory / MB:.0f}", *slow, answers])
        print(" | ".join(rows[-1]), flush=True)
    write_section("RELIABILITY.md", TITLE, INTRO.format(load=load) + table(HEADS, rows))


async def measure(kinds: tuple[str, ...]) -> Seen:
    """Return what is seen while the users do this."""
    seen = Seen()
    with tempfile.TemporaryDirectory() as home:
        users = Path(home) / "users.toml"
        password = PasswordHash.of(PASSWORD)
        write_accounts(users, Accounts({name: Account(name, password) for name in USERS}))
        with (
            start_demo("--step-seconds", "0") as demo,
            start_gateway("--server", f"a={demo.url}", "--users", str(users)) as gateway,
            ProcessPoolExecutor(1, get_context("spawn"), os.nice, (NICENESS,)) as pool,
        ):
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(pool, run_prepare, gateway.url)
            work = loop.run_in_executor(pool, run_users, gateway.url, kinds)
            while not work.done():
                seen.memory = max(seen.memory, sum(map(resident, family(gateway.process.pid))))
                seen.waits.append(await poll(gateway.url, OTHER))
                await asyncio.sleep(PAUSE)
            seen.answers = await work
    return seen


def body(number: int, size: int) -> dict[str, Any]:
    """Return a prompt whose `extra_data` has many values, about this many bytes together."""
    text = "a value ".ljust(size // ITEMS - 12, ".")
    values = [[index, text] for index in range(ITEMS)]
    node = {"width": 64, "height": 64, "batch_size": 1, "color": number}
    save = {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}}
    return {
        "prompt": {"1": {"class_type": "EmptyImage", "inputs": node}, "2": save},
        "prompt_id": str(uuid.uuid4()),
        "client_id": "w",
        "extra_data": {"extra_pnginfo": {"workflow": values}, OWNER: {ALL_NOW: True}},
    }


class User:
    """A logged-in user's connections."""

    def __init__(self, url: str, name: str, session: aiohttp.ClientSession) -> None:
        self._url = url
        self._name = name
        self._session = session
        self.answers: Counter[str] = Counter()

    async def log_in(self) -> None:
        await self._ask("POST", "/login", {"name": self._name, "password": PASSWORD})

    async def prepare(self, number: int) -> None:
        """Fill the history."""
        for prompt in range(PROMPTS):
            made = body(number * PROMPTS + prompt, 1_900_000)
            await repeat(lambda made=made: self._is(200, self._ask("POST", "/servers/a/prompt", made)))
            await repeat(lambda made=made: self._lists(made["prompt_id"]))

    async def _is(self, status: int, answer: Awaitable[int]) -> bool:
        return await answer == status

    async def _lists(self, prompt_id: str) -> bool:
        async with self._session.get(f"{self._url}/servers/a/history/{prompt_id}") as reply:
            return prompt_id in await reply.text()

    async def read(self, until: float) -> None:
        """Read the history until then."""
        while time.monotonic() < until:
            async with self._session.get(f"{self._url}/servers/a/history") as reply:
                self.answers[f"history {reply.status}"] += 1
                await reply.read()
            await asyncio.sleep(PAUSE)

    async def send(self, until: float) -> None:
        """Send bodies until then; the gateway reads each, and refuses it for its `extra_data`."""
        text = json.dumps(body(0, 7_900_000)).encode()
        while time.monotonic() < until:
            self.answers[f"body {await self._ask('POST', '/servers/a/prompt', text)}"] += 1
            await asyncio.sleep(PAUSE)

    async def _ask(self, method: str, path: str, sent: dict[str, Any] | bytes) -> int:
        text = sent if isinstance(sent, bytes) else json.dumps(sent).encode()
        headers = {"Origin": self._url, "Content-Type": "application/json"}
        try:
            async with self._session.request(method, self._url + path, data=text, headers=headers) as reply:
                await reply.read()
                return reply.status
        except aiohttp.ClientError:  # refused before the body was sent
            return 0


async def repeat(attempt: Callable[[], Awaitable[bool]]) -> None:
    """Wait until an attempt succeeds."""
    until = time.monotonic() + 60
    while not await attempt():
        if time.monotonic() > until:
            raise TimeoutError
        await asyncio.sleep(PAUSE)


@contextlib.asynccontextmanager
async def logged_in(url: str) -> AsyncIterator[list[User]]:
    """Log in all users, each with connections of their own."""
    users = []
    async with contextlib.AsyncExitStack() as stack:
        for name in USERS:
            jar, timeout = aiohttp.CookieJar(unsafe=True), aiohttp.ClientTimeout(total=120)
            connector = aiohttp.TCPConnector(limit=0)
            session = aiohttp.ClientSession(cookie_jar=jar, timeout=timeout, connector=connector)
            users.append(User(url, name, await stack.enter_async_context(session)))
            await users[-1].log_in()
        yield users


def run_prepare(url: str) -> None:
    """Fill the users' histories."""

    async def prepare() -> None:
        async with logged_in(url) as users:
            for number, user in enumerate(users):
                await user.prepare(number)

    asyncio.run(prepare())


def run_users(url: str, kinds: tuple[str, ...]) -> Counter[str]:
    """Let the users work, and return the answers."""

    async def work() -> Counter[str]:
        async with logged_in(url) as users:
            until = time.monotonic() + SECONDS
            pairs = itertools.product(users, kinds, range(AT_ONCE))
            await asyncio.gather(*(getattr(user, kind)(until) for user, kind, _ in pairs))
            if not kinds:
                await asyncio.sleep(SECONDS)
            return sum((user.answers for user in users), Counter())

    return asyncio.run(work())


if __name__ == "__main__":
    main()
