"""Keys for partner nodes reach the server that may get them, and nothing of them reaches a browser or a log."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import logging
import re
import secrets
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.fleet.file import read_fleet
from gateway.fleet.partner_rules import PartnerRules
from gateway.fleet.rules import Rules
from gateway.http.deadlines import Deadlines
from gateway.http.refusal import RefusedRequest
from gateway.http.secret import Secret
from gateway.http.servers import Server, ServerId
from gateway.http.upstream import Upstream
from gateway.partner.proof import Proofs
from tests.kit.gateways import NO_KEYS, PATIENCE, Running, open_fleet, open_gateway, serve_raw, table, until
from tests.kit.partner_server import MODEL, PartnerServer, partner_prompt, serve_partner
from tests.kit.services import start_demo
from tests.kit.studio import PASSWORD, open_studio, picture_prompt
from wire.partner import API_KEY, PARTNER_KEYS

REFUSED = (403, "no-partner-key; sent=no")
NO_SERVER = (403, "no-partner-server; sent=no")
PIECE = 10  # bytes; fewer of them may be there by chance


@pytest.fixture
async def partner_server() -> AsyncIterator[PartnerServer]:
    async with serve_partner() as server:
        yield server


@pytest.fixture
def key() -> str:
    return f"comfyui-{secrets.token_hex(20)}"


@dataclass
class Browser:
    """A browser, and every byte that it receives."""

    gateway: Running
    http: aiohttp.ClientSession
    received: bytearray = field(default_factory=bytearray)
    client_id: str = "window-1"
    ids: list[str] = field(default_factory=list)

    def body(self, prompt: object = None, **more: object) -> dict[str, Any]:
        known = {"client_id": self.client_id, "prompt_id": str(uuid.uuid4()), "extra_data": {"mine": 1}}
        return {"prompt": partner_prompt() if prompt is None else prompt, **known, **more}

    async def ask(self, method: str, path: str, **how: Any) -> tuple[int, str | None]:
        """Send a request; return the status and the gateway's refusal."""
        try:
            async with self.http.request(method, path, **how) as reply:
                await reply.read()
                return reply.status, reply.headers.get("X-Mooring-Gateway")
        except aiohttp.ClientError as error:
            return 0, str(error)

    async def submit(self, prompt: object = None, **more: object) -> tuple[int, str | None]:
        return await self.ask("POST", "/servers/a/prompt", json=self.body(prompt, **more))

    async def read_everything(self) -> None:
        """Read all that a page can read."""
        for path in (
            "/servers/a/queue",
            "/servers/a/history",
            "/servers/a/api/jobs",
            "/fleet",
            "/fleet/loads",
            "/metrics",
        ):
            await self.ask("GET", path)
        for prompt_id in self.ids:
            await self.ask("GET", f"/servers/a/history/{prompt_id}")
            await self.ask("GET", f"/servers/a/api/jobs/{prompt_id}")


@contextlib.asynccontextmanager
async def open_browser(gateway: Running) -> AsyncIterator[Browser]:
    """Open a browser whose connections pass through a wire that records what the gateway sends."""
    received = bytearray()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_gateway, to_gateway = await asyncio.open_connection("127.0.0.1", gateway.port)

        async def up() -> None:
            with contextlib.suppress(ConnectionError):
                while part := await reader.read(65_536):
                    to_gateway.write(part)
            to_gateway.close()

        sending = asyncio.create_task(up())
        try:
            while part := await from_gateway.read(65_536):
                received.extend(part)
                writer.write(part)
        finally:
            sending.cancel()
            to_gateway.transport.abort()

    own = gateway.url.removeprefix("http://")
    headers = {"Host": own, "Origin": gateway.url, "Accept-Encoding": "identity"}
    async with (
        serve_raw(carry) as url,
        aiohttp.ClientSession(
            url, headers=headers, cookie_jar=aiohttp.CookieJar(unsafe=True), timeout=aiohttp.ClientTimeout(PATIENCE)
        ) as http,
    ):
        yield Browser(gateway, http, received)


def check_hidden(key: str, *places: bytes | bytearray | str) -> None:
    """Check that no piece of the key is in any of these."""
    for place in places:
        text = place if isinstance(place, str) else place.decode("latin-1")
        assert text
        text += re.sub(r"\\+u00([0-9a-fA-F]{2})", lambda found: chr(int(found[1], 16)), text)
        for start in range(len("comfyui-"), len(key) - PIECE):
            assert key[start : start + PIECE] not in text


def common(key: str, *people: str) -> PartnerRules:
    return PartnerRules(people, Secret(key))


async def has_catalogue(gateway: Running) -> None:
    state = gateway.gateway.state
    await until(lambda: all(state.catalogue(one).nodes for one in state.servers))


@pytest.fixture
async def partner_browser(partner_server: PartnerServer, key: str) -> AsyncIterator[Browser]:
    """A browser of a gateway without users, whose server may get the key."""
    async with (
        open_gateway({"a": partner_server.url}, partner=common(key)) as gateway,
        open_browser(gateway) as browser,
    ):
        await has_catalogue(gateway)
        yield browser


# Who gets a key


@pytest.mark.parametrize("prompt", [partner_prompt(), partner_prompt("OldPartner"), MODEL])
async def test_key_reaches_the_server(
    partner_server: PartnerServer, partner_browser: Browser, key: str, prompt: Any
) -> None:
    assert await partner_browser.submit(prompt) == (200, None)
    assert (partner_server.keys, partner_server.bodies[-1]["prompt"]) == ([key], prompt)
    assert partner_server.bodies[-1]["extra_data"] == {"mine": 1, API_KEY: key}
    assert len(partner_server.fakes) == 1 and len(partner_server.fakes[0]) > 40


async def test_large_prompt_gets_its_key(partner_server: PartnerServer, partner_browser: Browser, key: str) -> None:
    """Another process reads it, which never has the key."""
    extra = {"extra_pnginfo": {"workflow": "ü" * 300_000}}
    sent = io.BytesIO(json.dumps(partner_browser.body(extra_data=extra)).encode())
    headers = {"Content-Type": "application/json"}
    assert await partner_browser.ask("POST", "/servers/a/prompt", data=sent, headers=headers) == (200, None)
    assert partner_server.bodies[-1]["extra_data"] == {**extra, API_KEY: key}


@pytest.mark.parametrize("more", [{}, {"partial_execution_targets": ["2"]}])
async def test_prompt_without_running_partner_nodes_gets_no_key(
    partner_server: PartnerServer, partner_browser: Browser, more: dict[str, Any]
) -> None:
    unreached = picture_prompt() | {"9": {"class_type": "PartnerImage", "inputs": {}}}
    if more:
        unreached["8"] = {"class_type": "PartnerModel", "inputs": {}}
    assert await partner_browser.submit(unreached, **more) == (200, None)
    assert (partner_server.keys, partner_server.fakes) == ([], [])
    assert API_KEY not in partner_server.bodies[-1]["extra_data"]


async def test_server_passes_once_for_each_process(
    partner_server: PartnerServer, partner_browser: Browser, key: str
) -> None:
    assert [await partner_browser.submit() for _ in range(3)] == [(200, None)] * 3
    assert (len(partner_server.fakes), partner_server.keys) == (1, [key] * 3)
    partner_server.restart()
    partner_server.shows = {"queue"}
    assert await partner_browser.submit() == NO_SERVER
    assert (len(partner_server.fakes), len(partner_server.keys)) == (2, 3)
    partner_server.shows.clear()
    assert await partner_browser.submit() == (200, None)


async def test_two_prompts_at_one_time_need_one_examination(
    partner_server: PartnerServer, partner_browser: Browser
) -> None:
    assert await asyncio.gather(*(partner_browser.submit() for _ in range(4))) == [(200, None)] * 4
    assert (len(partner_server.fakes), len(partner_server.keys)) == (1, 4)


async def test_server_that_shows_keys_as_escapes_gets_none(
    partner_server: PartnerServer, partner_browser: Browser
) -> None:
    partner_server.shows, partner_server.is_escaped = {"queue"}, True
    assert await partner_browser.submit() == NO_SERVER
    assert partner_server.keys == []


@pytest.mark.parametrize("place", ["queue", "history", "jobs"])
async def test_server_that_shows_keys_gets_none(
    partner_server: PartnerServer, partner_browser: Browser, place: str, key: str
) -> None:
    partner_server.shows = {place}
    assert await partner_browser.submit() == NO_SERVER
    assert partner_server.keys == []
    assert partner_server.bodies[0]["prompt_id"] in partner_server.deleted, "the examination leaves nothing behind"
    assert await partner_browser.submit(picture_prompt()) == (200, None)


async def test_waiting_examination_shows_keys_too(partner_server: PartnerServer, partner_browser: Browser) -> None:
    partner_server.shows, partner_server.is_held = {"pending"}, True
    assert await partner_browser.submit(picture_prompt()) == (200, None)
    assert await partner_browser.submit() == NO_SERVER
    assert partner_server.keys == []


async def test_quick_server_is_examined_with_more_pictures(
    partner_server: PartnerServer, partner_browser: Browser, key: str
) -> None:
    partner_server.is_quick = 2
    assert await partner_browser.submit() == (200, None)
    sizes = [body["prompt"]["1"]["inputs"]["batch_size"] for body in partner_server.bodies[:-1]]
    assert (sizes, partner_server.keys) == ([2, 8, 32], [key])
    assert partner_server.deleted == [body["prompt_id"] for body in partner_server.bodies[:2] for _ in range(2)]


async def test_server_whose_queue_never_shows_the_prompt_gets_no_key(
    partner_server: PartnerServer, partner_browser: Browser
) -> None:
    partner_server.is_quick = 100
    assert await partner_browser.submit() == NO_SERVER
    assert partner_server.keys == []


async def test_examination_of_a_busy_server_continues(partner_server: PartnerServer, key: str) -> None:
    partner_server.is_held = True
    async with (
        open_gateway({"a": partner_server.url}, partner=common(key), partner_proof=0.3) as gateway,
        open_browser(gateway) as browser,
    ):
        await has_catalogue(gateway)
        assert await browser.submit() == (503, "upstream-busy; sent=no")
        assert b"is busy" in browser.received
        partner_server.is_held = False
        await until(lambda: partner_server.history)
        assert await browser.submit() == (200, None)
    assert len(partner_server.fakes) == 1
    assert partner_server.keys == [key]


@pytest.mark.parametrize("version", ["0.3.64", "0.30.0"])
async def test_versions_pass_by_what_they_show(version: str) -> None:
    """Demo servers run the examination's prompt; 0.3.64 shows keys in its queue."""
    with start_demo("--speaks", version) as demo:
        async with Upstream(Server(ServerId("a"), "a", demo.url), Deadlines(partner_proof=PATIENCE)) as upstream:
            if version == "0.30.0":
                await Proofs().demand(upstream)
            else:
                with pytest.raises(RefusedRequest, match="shows them to everyone, at /queue"):
                    await Proofs().demand(upstream)


async def test_node_that_only_asks_for_the_key_prevents_it(
    partner_server: PartnerServer, partner_browser: Browser
) -> None:
    spy = partner_prompt() | {"7": {"class_type": "KeyReader", "inputs": {}}}
    assert await partner_browser.submit(spy) == (200, None), "it does not run"
    spy["2"]["inputs"]["more"] = ["7", 0]
    assert await partner_browser.submit(spy) == REFUSED
    assert len(partner_server.keys) == 1


async def test_class_that_the_server_has_not_listed_prevents_it(
    partner_server: PartnerServer, partner_browser: Browser
) -> None:
    prompt = partner_prompt() | {"7": {"class_type": "NewNode", "inputs": {}}}
    assert await partner_browser.submit(prompt) == (403, "denied-node; sent=no")
    assert (partner_server.keys, partner_server.fakes) == ([], [])


@pytest.mark.parametrize(
    "rules", [NO_KEYS, PartnerRules((), None, {"anna": Secret("x" * 20)}), common("x" * 20, "anna")]
)
async def test_nothing_is_sent_without_a_key(partner_server: PartnerServer, rules: PartnerRules) -> None:
    async with open_gateway({"a": partner_server.url}, partner=rules) as gateway, open_browser(gateway) as browser:
        await has_catalogue(gateway)
        assert await browser.submit() == REFUSED
        assert (await browser.submit(picture_prompt()))[0] == 200
    assert [body["client_id"] for body in partner_server.bodies] == ["window-1"]


async def test_open_gateway_without_users_needs_a_rule(partner_server: PartnerServer, key: str) -> None:
    behind_proxy = Rules(proxies=(ip_network("127.0.0.1"),))
    for people, expected in (((), REFUSED), (("*",), (200, None))):
        async with (
            open_gateway({"a": partner_server.url}, partner=common(key, *people), rules=behind_proxy) as gateway,
            open_browser(gateway) as browser,
        ):
            await has_catalogue(gateway)
            assert await browser.submit() == expected


async def test_each_user_has_the_key_of_the_rules(partner_server: PartnerServer, key: str) -> None:
    carols = f"comfyui-{secrets.token_hex(20)}"
    rules = PartnerRules(("bob",), Secret(key), {"carol": Secret(carols)})
    async with open_studio(server=partner_server.url, partner=rules) as studio:
        clients = [await studio.log_in(name) for name in ("alice", "bob", "carol")]
        answers = [await client.post("/servers/a/prompt", client.body(partner_prompt())) for client in clients]
    assert [status for status, _ in answers] == [403, 200, 200]
    assert answers[0][1]["error"]["cause"] == "no-partner-key"
    assert partner_server.keys == [key, carols]


async def test_server_that_is_not_marked_gets_no_key(partner_server: PartnerServer, key: str, tmp_path: Path) -> None:
    async with serve_partner() as other:
        (tmp_path / "key").write_text(key)
        marked = table("b", other.url) + "partner = true\n"
        (tmp_path / "fleet.toml").write_text(table("a", partner_server.url) + marked + '[partner]\nkey = "file:key"\n')
        fleet = await asyncio.to_thread(read_fleet, tmp_path / "fleet.toml")
        async with open_fleet(fleet, fleet_file=0.02, fleet_settles=0.01) as gateway, open_browser(gateway) as browser:
            await has_catalogue(gateway)
            assert await browser.submit() == NO_SERVER
            assert await browser.ask("POST", "/servers/b/prompt", json=browser.body()) == (200, None)
            another = f"comfyui-{secrets.token_hex(20)}"
            (tmp_path / "key").write_text(another)
            await until(lambda: gateway.gateway.state.fleet.files[1].digest != fleet.files[1].digest)
            assert await browser.ask("POST", "/servers/b/prompt", json=browser.body()) == (200, None)
            (tmp_path / "key").unlink()
            await until(lambda: gateway.gateway.state.as_json()["problem"])
            await browser.read_everything()
    assert (partner_server.keys, other.keys) == ([], [key, another])
    check_hidden(key, browser.received)
    check_hidden(another, browser.received)


# Nothing of a key comes back


PLACES = ("queue", "pending", "history", "jobs", "error", "answer", "stream")


@pytest.mark.parametrize("is_escaped", [False, True])
@pytest.mark.parametrize("has_users", [False, True])
async def test_no_piece_of_a_key_leaves_the_gateway(
    partner_server: PartnerServer, key: str, caplog: pytest.LogCaptureFixture, *, has_users: bool, is_escaped: bool
) -> None:
    """After the examination the server shows the key wherever it can: all that the browser receives is searched."""
    caplog.set_level(logging.DEBUG)
    rules = common(key, "carol")
    async with contextlib.AsyncExitStack() as stack:
        if has_users:
            studio = await stack.enter_async_context(open_studio(server=partner_server.url, partner=rules))
            gateway = studio.gateway
        else:
            gateway = await stack.enter_async_context(open_gateway({"a": partner_server.url}, partner=common(key)))
            await has_catalogue(gateway)
        browser = await stack.enter_async_context(open_browser(gateway))
        if has_users:
            assert (await browser.ask("POST", "/login", json={"name": "carol", "password": PASSWORD}))[0] == 200
        socket = await browser.http.ws_connect("/servers/a/ws?clientId=window-1")
        watcher = await browser.http.ws_connect("/fleet/ws")
        await socket.receive()
        assert (await browser.submit())[0] == 200
        await until(lambda: read_queue(browser, partner_server))  # it has ended: a user has at most two ahead
        partner_server.shows = set(PLACES)
        partner_server.is_escaped = is_escaped
        partner_server.is_held = True
        assert (await browser.submit())[0] == 200
        assert (await browser.submit())[0] == 200
        browser.ids = [body["prompt_id"] for body in partner_server.bodies]
        await browser.read_everything()
        partner_server.is_held = False
        await until(lambda: read_queue(browser, partner_server))
        await browser.read_everything()
        for status in (400, 500):
            partner_server.status = status
            assert (await browser.submit())[0] == status
        partner_server.status = 200
        partner_server.is_packed = True
        await browser.read_everything()
        assert (await browser.submit())[0] in {403, 502}
        partner_server.is_packed = False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                while "execution_error" not in str((await socket.receive()).data):
                    pass
        await watcher.close()
        await socket.close()
    assert set(partner_server.keys) == {key} and len(partner_server.keys) >= 5
    assert b"execution_error" in browser.received and b"*" * len(key) in browser.received, "the masks were needed"
    check_hidden(key, browser.received, caplog.text)
    check_hidden(partner_server.fakes[0], browser.received, caplog.text)


async def test_answers_that_are_masked_come_whole_and_plain(
    partner_server: PartnerServer, partner_browser: Browser
) -> None:
    headers = {"Accept-Encoding": "gzip", "Range": "bytes=0-9"}
    assert (await partner_browser.ask("GET", "/servers/a/history", headers=headers))[0] == 200
    assert not {"accept-encoding", "range"} & partner_server.headers


async def read_queue(browser: Browser, server: PartnerServer) -> bool:
    await browser.ask("GET", "/servers/a/queue")
    return not server.rows


# Nothing of a browser's own is kept


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from([*PARTNER_KEYS, "smuggled"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*PARTNER_KEYS, "a"]), inner, max_size=3)
    ),
    max_leaves=6,
)


async def test_any_body_keeps_the_key_hidden_and_nothing_smuggled(
    partner_server: PartnerServer, partner_browser: Browser, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    loop = asyncio.get_running_loop()

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(extra=VALUES, more=st.dictionaries(st.sampled_from([*PARTNER_KEYS, "number", "x"]), VALUES, max_size=2))
    def post(extra: Any, more: dict[str, Any]) -> None:
        count = len(partner_server.bodies)
        sent = partner_browser.body(extra_data=extra, **more)
        status, cause = asyncio.run_coroutine_threadsafe(
            partner_browser.ask("POST", "/servers/a/prompt", json=sent), loop
        ).result(PATIENCE)
        is_fine = isinstance(extra, dict) and not set(PARTNER_KEYS) & set(extra)
        assert (status, cause) == ((200, None) if is_fine else (400, "refused-body; sent=no"))
        arrived = [body for body in partner_server.bodies[count:] if body["client_id"] == "window-1"]
        if is_fine:
            assert [body["extra_data"] for body in arrived] == [{**extra, API_KEY: key}]
            assert {**arrived[0], "extra_data": extra} == sent
        else:
            assert arrived == []

    await asyncio.to_thread(post)
    check_hidden(key, partner_browser.received, caplog.text)


@pytest.mark.parametrize(
    "extra",
    [
        f'{{"{API_KEY}": "smuggled"}}',
        '{"\\u0061pi_key_comfy_org": "smuggled", "b": 1}',
        '{"auth_token_comfy_org": null}',
        f'{{}}, "extra_data": {{"{API_KEY}": "smuggled"}}',
        "null",
        "[]",
    ],
)
async def test_smuggled_key_is_refused(partner_server: PartnerServer, partner_browser: Browser, extra: str) -> None:
    text = json.dumps(partner_browser.body()).replace('{"mine": 1}', extra)
    headers = {"Content-Type": "application/json"}
    for prompt in (text, text.replace("PartnerImage", "EmptyImage")):
        answer = await partner_browser.ask("POST", "/servers/a/prompt", data=prompt.encode(), headers=headers)
        assert answer == (400, "refused-body; sent=no")
    assert partner_server.bodies == []
    assert b"smuggled" not in partner_browser.received


async def test_later_duplicate_is_what_both_sides_read(
    partner_server: PartnerServer, partner_browser: Browser, key: str
) -> None:
    text = json.dumps(partner_browser.body()).replace('{"mine": 1}', f'{{"{API_KEY}": "smuggled"}}, "extra_data": {{}}')
    headers = {"Content-Type": "application/json"}
    assert await partner_browser.ask("POST", "/servers/a/prompt", data=text.encode(), headers=headers) == (200, None)
    assert partner_server.keys == [key]
