"""A real Caddy in front of gateways, with the Caddyfiles of docs/beyond-this-machine.md as they are written there.

Only the ports and, in the names, Caddy's port are the test's own.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from tests.kit.caddy import find_caddy, start_caddy
from tests.kit.gateways import serve, table, until
from tests.kit.services import Service, free_ports, start_demo, start_gateway
from tests.kit.studio import ALL_AT_ONCE, PASSWORD, Client, open_listener, slow_prompt, write_users

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/beyond-this-machine.md"
CADDYFILES = re.findall(r"```caddyfile\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)
PLAIN, AUTHELIA = CADDYFILES
HOST = "mooring.example"
MB = 1_000_000


class Here(AbstractResolver):
    """Resolves every name to this machine."""

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host="127.0.0.1", port=port, family=family, proto=0, flags=0)]

    async def close(self) -> None:
        pass


@contextlib.asynccontextmanager
async def open_browser(authority: Path, headers: dict[str, str] | None = None) -> AsyncIterator[aiohttp.ClientSession]:
    """Open a client that trusts Caddy's authority and finds the name on this machine."""
    context = ssl.create_default_context(cafile=str(authority))
    connector = aiohttp.TCPConnector(ssl=context, resolver=Here())
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        yield session


@contextlib.contextmanager
def start_front(
    folder: Path, caddyfile: str, *flags: str, fleet: str = "", auth: int = 0
) -> Iterator[tuple[str, Path, Service]]:
    """Start a gateway and a Caddy in front of it; yield the address, Caddy's authority and the gateway.

    With a fleet file, that has the name; without one it is a flag.
    """
    port = free_ports()
    url = f"https://{HOST}:{port}"
    named = ["--name", url]
    if fleet:
        (folder / "fleet.toml").write_text(fleet.replace(f"https://{HOST}", url), "utf-8")
        named = ["--fleet", str(folder / "fleet.toml")]
    with start_gateway(*named, *flags) as gateway:
        own = caddyfile.replace(HOST, f"{HOST}:{port}").replace("127.0.0.1:8200", f"127.0.0.1:{gateway.port}")
        with start_caddy(folder, own.replace("127.0.0.1:9091", f"127.0.0.1:{auth}")) as authority:
            yield url, authority, gateway


async def test_run_socket_and_large_upload_pass_through_caddy(tmp_path: Path) -> None:
    with (
        start_demo("--max-upload-size", "250") as demo,
        start_front(tmp_path, PLAIN, "--server", f"a={demo.url}") as (url, authority, gateway),
    ):
        assert any(line.startswith("Open to everyone who can reach what is in front of it") for line in gateway.lines)
        async with open_browser(authority) as http:
            window = Client("", url, http)
            status, page = await window.get("/")
            assert (status, b"data-admin" in page) == (200, False)
            async with open_listener(window) as listener:
                asks = {"extra_data": {**ALL_AT_ONCE, "preview_method": "auto"}}
                made = await window.made(prompt_id := await window.submit(slow_prompt(), **asks))
                await until(lambda: prompt_id in listener.prompts() and "progress" in listener.kinds())
                assert listener.binaries, "previews come too"
            status, picture = await window.get(f"/servers/a/view?filename={made['filename']}&type={made['type']}")
            assert (status, picture[:4]) == (200, b"\x89PNG")
            status, answer = await window.upload("large.png", io.BytesIO(os.urandom(200 * MB)))
            assert status == 200, answer
            status, _ = await window.post("/fleet/servers/a/drain", {"drain": True})
            assert status == 404, "behind a proxy no one runs the fleet without users"
            async with http.get(url, headers={"Host": "other.example"}) as refused:
                assert b"Mooring" not in await refused.read()


NAMES = '[gateway]\nnames = ["https://mooring.example"]\nproxies = ["127.0.0.1"]\n'


async def test_users_log_in_behind_caddy(tmp_path: Path) -> None:
    write_users(tmp_path / "users.toml")
    users = ("--users", str(tmp_path / "users.toml"))
    with (
        start_demo() as demo,
        start_front(tmp_path, PLAIN, *users, fleet=table("a", demo.url) + NAMES) as (url, authority, _),
    ):
        async with open_browser(authority) as http:
            window = Client("alice", url, http)
            assert (await window.get("/", allow_redirects=False))[0] == 303
            status, _ = await window.post("/login", {"name": "alice", "password": PASSWORD})
            assert status < 400
            assert all(cookie["secure"] for cookie in http.cookie_jar)
            await window.result(await window.submit())


async def test_caddy_names_the_users_own_address(tmp_path: Path) -> None:
    """It drops the header that a browser sends, so wrong passwords count for the user who typed them."""
    seen: list[list[str]] = []

    async def note(request: web.BaseRequest) -> web.StreamResponse:
        seen.append(request.headers.getall("X-Forwarded-For", []))
        return web.Response()

    port = free_ports()
    async with serve(note) as gateway:
        caddyfile = PLAIN.replace(HOST, f"{HOST}:{port}").replace("127.0.0.1:8200", f"127.0.0.1:{gateway.port}")
        with start_caddy(tmp_path, caddyfile) as authority:
            async with open_browser(authority, {"X-Forwarded-For": "10.9.9.9"}) as http:
                await Client("", f"https://{HOST}:{port}", http).get("/")
    assert seen == [["127.0.0.1"]]


async def test_login_proxy_names_the_user_and_a_browser_cannot(tmp_path: Path) -> None:
    allowed = {"alice": "Alice@studio.example"}

    async def ask(request: web.BaseRequest) -> web.StreamResponse:
        """Answer as Authelia does: 200 with the user, 200 without one by a rule that bypasses it, 401 otherwise."""
        who = request.headers.get("Cookie", "")
        if who == "bypass":
            return web.Response()
        return web.Response(headers={"Remote-User": allowed[who]}) if who in allowed else web.Response(status=401)

    trusted = 'trusted_header = "Remote-User"\ntrusted_peers = ["127.0.0.1"]\n'
    key = ("--key", str(tmp_path / "mooring.key"))
    async with serve(ask) as authelia:
        with (
            start_demo() as demo,
            start_front(tmp_path, AUTHELIA, *key, fleet=table("a", demo.url) + NAMES + trusted, auth=authelia.port) as (
                url,
                authority,
                _,
            ),
        ):
            for cookie, status in (("alice", 200), ("bob", 401), ("bypass", 401)):
                async with open_browser(authority, {"Cookie": cookie, "Remote-User": "carol"}) as http:
                    assert (await Client("", url, http).get("/servers/a/queue"))[0] == status, cookie
            async with open_browser(authority, {"Cookie": "alice"}) as http:
                window = Client("alice@studio.example", url, http)
                async with open_listener(window) as listener:
                    prompt_id = await window.submit()
                    await window.result(prompt_id)
                    await until(lambda: prompt_id in listener.prompts())


@pytest.mark.parametrize("caddyfile", CADDYFILES)
def test_caddyfiles_of_the_documents_are_as_caddy_formats_them(caddyfile: str, tmp_path: Path) -> None:
    file = tmp_path / "Caddyfile"
    file.write_text(caddyfile, "utf-8")
    formatted = subprocess.run([find_caddy(), "fmt", str(file)], capture_output=True, text=True, check=False)
    assert formatted.stdout == caddyfile
