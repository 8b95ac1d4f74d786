"""The memory of the gateway, and the latency of `/healthz`, while users send and read as much as they can.

    python3 -m benchmarks overload                # four minutes; or one of: users bodies

- `users`: three users have made prompts of 2 MB each, three per user. Each reads the whole history ten times at once,
  again and again; or sends ten bodies of 8 MB at once; or both.
- `bodies`: 30, 300 and 1,000 connections each begin a POST and send all of its body but the end, as fast as it is read.

Memory is the highest resident set of the gateway with all its child processes; the demo server is not counted.
`/healthz` is polled on new connections, from another address and from the senders' own. Senders would be on other
machines, so on this one their process yields the processor to the gateway and to the polls.
"""

from __future__ import annotations

import argparse
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
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.kit.processes import family, resident
from benchmarks.kit.report import Load, percentiles, show, table
from gateway.people.accounts import Account, Accounts, write_accounts
from gateway.people.passwords import PasswordHash
from tests.kit.services import Service, start_demo, start_gateway
from wire.turns import ALL_NOW, OWNER

MB = 1_000_000
PAUSE = 0.05  # seconds between polls, and between a user's requests
NICENESS = 10  # of the senders' process
SENDER, OTHER = "127.0.0.1", "127.0.0.2"  # addresses that connections come from


@dataclass
class Seen:
    """The measurements during one kind of work."""

    memory: int = 0  # bytes
    waits: dict[str, list[float]] = field(default_factory=dict)  # seconds for /healthz, by the poll's address
    answers: Counter[str] = field(default_factory=Counter)

    def cells(self) -> list[str]:
        """Return the memory, the waits, and the answers."""
        waits = (percentiles([1000 * wait for wait in self.waits[address]]) for address in (OTHER, SENDER))
        answers = ", ".join(f"{count:,} × {answer}" for answer, count in sorted(self.answers.items())) or "none"
        cells = (", ".join(f"{wait[part]:.0f}" for part in ("max", "p99", "p50")) for wait in waits)
        return [f"{self.memory / MB:.0f}", *cells, answers]


def main() -> None:
    """Read the flags, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=("all", "users", "bodies"), default="all")
    parser.add_argument("--seconds", type=float, help="of each row; by default 20 for users, 10 for bodies")
    flags = parser.parse_args()
    load, found = Load(), dict[str, Seen]()
    if flags.what != "bodies":
        for name, kinds in WORK.items():
            found[f"users: {name}"] = asyncio.run(of_users(kinds, flags.seconds or 20.0))
            print(f"users: {name}: done", flush=True)
    if flags.what != "users":
        for kind, count in itertools.product(KINDS, COUNTS):
            found[f"{count:,} × {kind.name}"] = asyncio.run(of_bodies(kind, count, flags.seconds or 10.0))
            print(f"{count:,} × {kind.name}: done", flush=True)
    at = "`/healthz` from"
    heads = ["", "memory, MB", f"{at} another address: slowest, p99, p50 in ms", f"{at} the senders'", "answers"]
    rows = [[name, *seen.cells()] for name, seen in found.items()]
    show("overload", load, table(heads, rows), found={name: vars(seen) for name, seen in found.items()})


async def watch(gateway: Service, work: Callable[[ProcessPoolExecutor], Future[Counter[str]]]) -> Seen:
    """Measure the gateway and poll it while another process works."""
    seen = Seen()
    with ProcessPoolExecutor(1, get_context("spawn"), os.nice, (NICENESS,)) as pool:
        await asyncio.wrap_future(pool.submit(os.getpid))  # its process has started
        for address in (OTHER, SENDER):  # the first answer of a gateway takes longer
            await poll(gateway.url, address)
        working = asyncio.wrap_future(work(pool))
        pollers = [asyncio.create_task(poll_on(gateway.url, address, seen)) for address in (OTHER, SENDER)]
        while not working.done():
            seen.memory = max(seen.memory, sum(map(resident, family(gateway.process.pid))))
            await asyncio.sleep(PAUSE)
        for poller in pollers:
            poller.cancel()
        await asyncio.gather(*pollers, return_exceptions=True)
        seen.answers = await working
    return seen


async def poll_on(url: str, address: str, seen: Seen) -> None:
    """Poll until cancelled."""
    waits = seen.waits.setdefault(address, [])
    while True:
        waits.append(await poll(url, address))
        await asyncio.sleep(PAUSE)


async def poll(url: str, address: str) -> float:
    """Return how many seconds /healthz takes on a new connection from this address."""
    host = url.removeprefix("http://")
    began = time.perf_counter()
    reader, writer = await asyncio.open_connection(*host.split(":"), local_addr=(address, 0))
    writer.write(f"GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    await reader.read()
    writer.transport.abort()
    return time.perf_counter() - began


USERS = ("alice", "bob", "carol")
PASSWORD = "a long enough one"
AT_ONCE = 10  # of each user
PROMPTS = 3  # in each user's history
ITEMS = 50_000  # of the editor's graph in a prompt, which together have nearly as many values as one may have
WORK = {"nothing": (), "histories": ("read",), "bodies": ("send",), "both": ("read", "send")}


async def of_users(kinds: tuple[str, ...], seconds: float) -> Seen:
    """Return what is seen while logged-in users do this."""
    with tempfile.TemporaryDirectory() as home:
        users = Path(home) / "users.toml"
        password = PasswordHash.of(PASSWORD)
        write_accounts(users, Accounts({name: Account(name, password) for name in USERS}))
        with (
            start_demo("--step-seconds", "0") as demo,
            start_gateway("--server", f"a={demo.url}", "--users", str(users)) as gateway,
        ):
            await asyncio.to_thread(prepare_histories, gateway.url)
            return await watch(gateway, lambda pool: pool.submit(run_users, gateway.url, kinds, seconds))


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


def prepare_histories(url: str) -> None:
    """Fill the users' histories."""

    async def prepare() -> None:
        async with logged_in(url) as users:
            for number, user in enumerate(users):
                await user.prepare(number)

    asyncio.run(prepare())


def run_users(url: str, kinds: tuple[str, ...], seconds: float) -> Counter[str]:
    """Let the users work, and return the answers."""

    async def work() -> Counter[str]:
        async with logged_in(url) as users:
            until = time.monotonic() + seconds
            pairs = itertools.product(users, kinds, range(AT_ONCE))
            await asyncio.gather(*(getattr(user, kind)(until) for user, kind, _ in pairs))
            if not kinds:
                await asyncio.sleep(seconds)
            return sum((user.answers for user in users), Counter())

    return asyncio.run(work())


COUNTS = (30, 300, 1_000)
CHUNK = b"x" * 65_536
PROMPT = json.dumps({"client_id": "w", "prompt_id": str(uuid.uuid4()), "prompt": {}})[:-1] + ', "extra_data": {"a": "'
FORM = '--b\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'


@dataclass(frozen=True)
class Kind:
    """One kind of body."""

    name: str
    path: str
    headers: str
    start: str
    length: int | None  # bytes; None: no Content-Length


KINDS = (
    Kind("a prompt of 31 MB", "prompt", "Content-Type: application/json", PROMPT, 31_000_000),
    Kind("a prompt of 8 MB", "prompt", "Content-Type: application/json", PROMPT, 8_000_000),
    Kind("a prompt without a length", "prompt", "Content-Type: application/json", PROMPT, None),
    Kind("an upload of 31 MB", "upload/image", "Content-Type: multipart/form-data; boundary=b", FORM, 31_000_000),
)


async def of_bodies(kind: Kind, count: int, seconds: float) -> Seen:
    """Return what is seen while this many connections hold a body without its end."""
    with start_demo() as demo, start_gateway("--server", f"a={demo.url}") as gateway:
        return await watch(gateway, lambda pool: pool.submit(send_all, gateway.url, kind, count, seconds))


def send_all(url: str, kind: Kind, count: int, seconds: float) -> Counter[str]:
    """Begin this many bodies, hold them for a while, and return the answers."""

    async def send_them() -> Counter[str]:
        answers: Counter[str] = Counter()
        senders = [asyncio.create_task(send(url, kind, answers)) for _ in range(count)]
        await asyncio.sleep(seconds)
        for sender in senders:
            sender.cancel()
        await asyncio.gather(*senders, return_exceptions=True)
        return answers + Counter(held=count - answers.total())

    return asyncio.run(send_them())


async def send(url: str, kind: Kind, answers: Counter[str]) -> None:
    """Send a body without its end, and note the answer."""
    host = url.removeprefix("http://")
    reader, writer = await asyncio.open_connection(*host.split(":"))
    length = "Transfer-Encoding: chunked" if kind.length is None else f"Content-Length: {kind.length}"
    lines = [f"POST /servers/a/{kind.path} HTTP/1.1", f"Host: {host}", f"Origin: {url}", kind.headers, length, "", ""]
    writer.write("\r\n".join(lines).encode())
    pour = asyncio.create_task(pour_into(writer, kind))
    try:
        line = await reader.readline()
        answers[line.decode("latin-1").split(" ")[1] if line else "cut"] += 1
    finally:
        pour.cancel()
        await asyncio.gather(pour, return_exceptions=True)
        writer.transport.abort()


async def pour_into(writer: asyncio.StreamWriter, kind: Kind) -> None:
    """Send the body without its last bytes."""
    left = (kind.length or 31_000_000) - len(kind.start) - 100
    first = kind.start.encode()
    writer.write(f"{len(first):x}\r\n".encode() + first + b"\r\n" if kind.length is None else first)
    while left > 0:
        chunk = CHUNK[:left]
        writer.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n" if kind.length is None else chunk)
        left -= len(chunk)
        await writer.drain()
    await asyncio.Event().wait()


if __name__ == "__main__":
    main()
