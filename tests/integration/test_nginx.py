"""A real nginx before gateways: it enforces the guard's rules and passes bodies to servers itself."""

from __future__ import annotations

import asyncio
import hashlib
import io
import random
import uuid
from ipaddress import ip_network
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from gateway.export.folder import write_configuration
from gateway.export.nginx import write_nginx
from gateway.export.plan import make_plan
from gateway.flags import Flags
from gateway.fleet.file import read_fleet
from gateway.fleet.fleet import DeclaredBy, Fleet
from gateway.fleet.rules import Rules
from gateway.http.servers import Access, Limits, Server, ServerId, TlsFiles
from tests.integration import test_gateway_attackers, test_gateway_attacks
from tests.integration.attacks import GuardedServer, get, post, write
from tests.integration.exchanges import MIB, PROMPT, hang, verdict
from tests.integration.front import PAGE, open_front
from tests.integration.hub import FLAGS, Hub, connect, drop, end_of, text
from tests.kit.certificates import make_pem
from tests.kit.codings import decompressed
from tests.kit.gateways import head_of, serve, serve_all, speak, until
from tests.kit.nginx import find_errors

ATTACKS = {**test_gateway_attackers.ATTACKS, **test_gateway_attacks.ATTACKS}
# Requests that nginx's own parser may refuse before any rule applies: which of them depends on its version.
BY_THE_PARSER = (
    "an empty host",
    "an old version",
    "an encoded NUL",
    "a server-wide OPTIONS",
    "a CONNECT",
    "the host behind a login",
)
LOST_LINE = "a header without a colon"  # nginx drops the line, and the rest is a valid request
STRAIGHT = "mooring-nginx"  # the User-Agent of nginx's own requests to servers
ODD_LOGIN = 'Bearer a$b"c\\d$mooring_origin'


async def test_nginx_refuses_every_attack_as_the_gateway_does(tmp_path: Path) -> None:
    wrong = []
    async with serve() as upstream, open_front({"a": upstream.url}, tmp_path) as front:
        guarded = GuardedServer(front.running, upstream)
        for name, (cause, attack) in ATTACKS.items():
            for path in ("/servers/a/", f"{front.base()}/"):
                request = attack.replace(b"PORT", str(front.port).encode()).replace(b"/servers/a/", path.encode())
                status, headers = await guarded.send(request)
                refusal = headers.get("x-mooring-gateway", "")
                causes = {cause, "bad-request", "bad-method"} if name in BY_THE_PARSER else {cause}
                if name == LOST_LINE:
                    assert status == 200
                elif refusal not in {f"{one}; sent=no" for one in causes} or upstream.seen or not 400 <= status < 500:
                    wrong.append((name, path, status, refusal, list(upstream.seen)))
                assert headers.get("x-content-type-options") == "nosniff", name
                upstream.seen.clear()
        assert (await guarded.send(get(f"{front.base()}/queue")))[0] == 200
    assert wrong == [] and len(ATTACKS) > 100


FILE = bytes(range(256)) * 8


def picture(kind: str = "image/png", **headers: str) -> web.Response:
    """Return a server's answer with headers that must not reach a browser."""
    bad = {"Set-Cookie": "a=b", "Access-Control-Allow-Origin": "*", "X-Accel-Redirect": "/@server/a", "Link": "<x>"}
    bad |= {"Speculation-Rules": '"/x"', "Use-As-Dictionary": 'match="/*"', "Accept-CH": "Width"}
    own = {"X-Mooring-Gateway": "timeout; sent=no", "Content-Security-Policy": "default-src *", "ETag": '"x-1"'}
    return web.Response(body=FILE, headers={"Content-Type": kind, **bad, **own, **headers})


async def test_answers_pass_through_nginx_without_unsafe_headers(
    browser: aiohttp.ClientSession, tmp_path: Path
) -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        kind = request.query.get("subfolder", "")
        if request.path == "/pre/fix/models":
            raise web.HTTPFound("http://127.0.0.1:1/elsewhere")
        return picture(kind or "application/json")

    async with serve(answer) as upstream:
        server = Server(ServerId("a"), "a", f"{upstream.url}/pre/fix", access=Access(ODD_LOGIN))
        async with open_front((server,), tmp_path) as front:
            url = f"{front.url}{front.base()}"
            mine = {
                "Cookie": "x=y",
                "Authorization": "Basic eA==",
                "X-Other": "z",
                "Origin": front.url,
                "Accept": "*/*",
            }
            query = "filename=n%C3%A4me.png&subfolder=image/png&mooring=1-2"
            async with browser.get(f"{url}/view?{query}", headers=mine) as reply:
                assert (reply.status, await reply.read()) == (200, FILE)
                passed = reply.headers
            asked = upstream.seen[-1]
            assert asked.headers["User-Agent"] == STRAIGHT
            assert asked.raw_path == "/pre/fix/view?filename=n%C3%A4me.png&subfolder=image/png"
            assert (asked.headers["Host"], asked.headers["Origin"]) == (f"127.0.0.1:{upstream.port}", upstream.url)
            assert asked.headers["Authorization"] == ODD_LOGIN
            assert not {"Cookie", "X-Other", "X-Forwarded-For"} & set(asked.headers)
            assert passed.getall("Content-Type") == ["image/png"] and passed["ETag"] == '"x-1"'
            assert passed.getall("Content-Disposition") == ["inline; filename*=UTF-8''n%C3%A4me.png"]
            assert passed.getall("Content-Security-Policy") == ["sandbox"]
            assert (passed["X-Content-Type-Options"], passed["Cache-Control"]) == ("nosniff", "private, no-cache")
            dropped = {"Set-Cookie", "Access-Control-Allow-Origin", "X-Accel-Redirect", "Link", "X-Mooring-Gateway"}
            assert not (dropped | {"Speculation-Rules", "Use-As-Dictionary", "Accept-CH"}) & set(passed)
            for kind in ("text/html", "image/svg%2Bxml", "text/javascript", "application/json"):
                async with browser.get(f"{url}/view?filename=x&subfolder={kind}") as reply:
                    assert reply.headers.getall("Content-Type") == ["application/octet-stream"], kind
                    assert reply.headers["Content-Disposition"].startswith("attachment"), kind
            async with browser.get(f"{url}/history/{uuid.uuid4()}") as reply:
                assert reply.headers.getall("Content-Type") == ["application/json; charset=utf-8"]
                assert reply.headers["Cache-Control"] == "no-store" and "Content-Disposition" not in reply.headers
            async with browser.get(f"{url}/view?filename=a%2Fb+c.png&subfolder=image/png") as reply:
                assert reply.headers["Content-Disposition"] == "inline; filename*=UTF-8''b%20c.png"
            assert upstream.seen[-1].headers["User-Agent"] == "mooring-gateway", "a name that must be re-encoded"
            async with browser.get(f"{url}/models", allow_redirects=False) as reply:
                assert verdict(reply) == (502, "redirect; sent=unknown") and "Location" not in reply.headers


async def test_ranges_and_conditional_requests_pass(browser: aiohttp.ClientSession, tmp_path: Path) -> None:
    file = tmp_path / "large.png"
    file.write_bytes(random.Random(1).randbytes(20 * MIB))

    async def answer(_request: web.BaseRequest) -> web.StreamResponse:
        return web.FileResponse(file)

    async with serve(answer) as upstream, open_front({"a": upstream.url}, tmp_path) as front:
        url = f"{front.url}{front.base()}/view?filename=large.png"
        async with browser.get(url) as reply:
            assert reply.headers["Content-Length"] == str(20 * MIB) and reply.headers["Accept-Ranges"] == "bytes"
            assert hashlib.sha256(await reply.read()).digest() == hashlib.sha256(file.read_bytes()).digest()
            etag = reply.headers["ETag"]
        async with browser.get(url, headers={"Range": "bytes=5-14", "If-Range": etag}) as reply:
            assert (reply.status, await reply.read()) == (206, file.read_bytes()[5:15])
            assert reply.headers["Content-Range"] == f"bytes 5-14/{20 * MIB}"
        async with browser.get(url, headers={"If-None-Match": etag}) as reply:
            assert (reply.status, await reply.read(), reply.headers["ETag"]) == (304, b"", etag)
        assert {seen.headers["User-Agent"] for seen in upstream.seen} == {STRAIGHT}
        file.unlink()
        async with browser.get(url) as reply:
            assert (reply.status, "X-Mooring-Gateway" in reply.headers) == (404, False), "it is the server's own word"


async def test_actions_on_others_work_and_invalid_bodies_are_refused(tmp_path: Path) -> None:
    async with serve() as upstream, open_front({"a": upstream.url}, tmp_path, gateways=2) as front:
        guarded, base = GuardedServer(front.running, upstream), front.base()
        for path, body in (
            ("/interrupt", "{}"),
            ("/queue", '{"clear": true}'),
            ("/history", '{"clear": true}'),
            ("/prompt", '{"prompt": {}, "client_id": ["a"], "prompt_id": "x"}'),
        ):
            status, headers = await guarded.send(post(base + path, body))
            assert (status, headers["x-mooring-gateway"]) == (400, "refused-body; sent=no"), path
        for path in ("drain", "free", "cancel"):
            status, headers = await guarded.send(post(f"/fleet/servers/a/{path}", "{}", Origin="ORIGIN"))
            assert (status, headers["x-mooring-gateway"]) == (404, "not-listed; sent=no"), "no user may do it for all"
        assert upstream.seen == []
        large = f'{{"clear": "{"x" * 3_000_000}"}}'
        assert (await guarded.send(post(f"{base}/queue", large)))[1]["x-mooring-gateway"] == "refused-body; sent=no"
        prompt = f'{{"prompt": {{"1": {{}}}}, "client_id": "w", "prompt_id": "{uuid.uuid4()}"}}'
        answers = [await guarded.send(post(f"{base}/prompt", prompt)) for _ in range(4)]
        assert [status for status, _ in answers] == [200, 409, 409, 409], "one gateway handles all requests to a server"
        assert len(upstream.seen) == 1 and upstream.seen[0].headers["User-Agent"] == "mooring-gateway"


async def test_upload_streams_to_the_server_within_its_limit(browser: aiohttp.ClientSession, tmp_path: Path) -> None:
    async with serve() as upstream:
        server = Server(ServerId("a"), "a", upstream.url, limits=Limits(upload=2 * MIB))
        async with open_front((server,), tmp_path) as front:
            url = f"{front.url}{front.base()}/upload/image"
            kind = {"Content-Type": "multipart/form-data; boundary=x"}
            async with browser.post(url, data=io.BytesIO(bytes(2 * MIB)), headers=kind) as reply:
                assert reply.status == 200
            asked = upstream.seen[-1]
            assert (asked.headers["User-Agent"], asked.headers["Content-Type"]) == (STRAIGHT, kind["Content-Type"])
            assert upstream.bodies == [bytes(2 * MIB)]
            async with browser.post(url, data=io.BytesIO(bytes(2 * MIB + 1)), headers=kind) as reply:
                assert verdict(reply) == (413, "too-large; sent=no")
            async with browser.post(url, data=b"x", headers={"Content-Type": "text/plain"}) as reply:
                assert verdict(reply) == (415, "bad-type; sent=no"), "a gateway says so"
            assert len(upstream.seen) == 1


async def test_nginx_serves_the_page_to_allowed_users(browser: aiohttp.ClientSession, tmp_path: Path) -> None:
    async with serve() as upstream, open_front({"a": upstream.url}, tmp_path) as front:
        plain = {"Accept-Encoding": "identity"}
        script = f"{front.url}/b/{front.build}/static/js/a.js"
        async with browser.get(f"{front.url}/", headers=plain) as reply:
            assert reply.headers["Vary"] == "Accept-Encoding, Accept-Language, Cookie", "it is a gateway's"
            assert f"/b/{front.build}/static/js/a.js" in await reply.text(), "and names the files that nginx has"
            assert (
                f"connect-src 'self' blob: data: ws://127.0.0.1:{front.port};"
                in reply.headers["Content-Security-Policy"]
            )
        for takes, coding in (
            ("gzip", "gzip"),
            ("zstd;q=0, gzip;q=0.5", "gzip"),
            ("gzip, br, zstd", "zstd"),
            ("identity", None),
            ("gzip;q=0", None),
        ):
            async with browser.get(script, headers={"Accept-Encoding": takes}) as reply:
                assert (reply.headers.get("Content-Encoding"), reply.headers["Server"]) == (coding, "nginx"), takes
                body = await reply.read()
                assert (decompressed(body, coding) if coding else body).decode() == PAGE["static/js/a.js"]
                assert reply.headers.getall("Content-Type") == ["text/javascript; charset=utf-8"]
                assert "immutable" in reply.headers["Cache-Control"]
        async with browser.get(script, headers={"Accept-Encoding": "gzip", "Range": "bytes=4-7"}) as reply:
            assert (reply.status, await reply.text()) == (206, "page")
        async with browser.get(f"{front.url}/b/{'0' * 32}/static/js/a.js") as reply:
            assert verdict(reply) == (404, "not-listed; sent=no"), "a gateway may have had it"
        for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}, {"Host": "evil.example"}):
            async with browser.get(script, headers=headers) as reply:
                assert reply.status == 403, headers
        for path in ("/nginx.conf", "/mooring-export.json", "/b/x/../../nginx.conf", "/@server/a", "/@gateways"):
            status, _ = head_of(await speak(front.port, write("GET", path, host=front.url.removeprefix("http://"))))
            assert status == 404, path


async def test_gateways_serve_the_worker_of_a_page_behind_nginx(browser: aiohttp.ClientSession, tmp_path: Path) -> None:
    async with serve() as upstream, open_front({"a": upstream.url}, tmp_path) as front:
        async with browser.get(f"{front.url}/", headers={"Accept-Encoding": "identity"}) as reply:
            assert 'data-worker="worker.js"' in await reply.text()
        async with browser.get(f"{front.url}/worker.js") as reply:
            assert reply.headers["Content-Type"] == "text/javascript; charset=utf-8"
            assert reply.headers["Cache-Control"] == "no-cache"
            assert await reply.text() == f'const HOME = "/b/{front.build}/";\n{PAGE["static/home/worker.js"]}'
        form = aiohttp.FormData()
        form.add_field("files", b"x", filename="beach.png", content_type="image/png")
        async with browser.post(f"{front.url}/share", data=form) as reply:
            assert verdict(reply) == (404, "not-listed; sent=no")


async def test_missing_and_moved_servers_have_their_own_causes(browser: aiohttp.ClientSession, tmp_path: Path) -> None:
    async with serve() as upstream, open_front({"a": upstream.url}, tmp_path) as front:
        async with browser.get(f"{front.url}/servers/a@00000000/queue") as reply:
            assert verdict(reply) == (409, "server-moved; sent=no")
        async with browser.get(f"{front.url}/servers/b@00000000/queue") as reply:
            assert verdict(reply) == (404, "unknown-server; sent=no")
        async with browser.get(f"{front.url}/servers/a/queue", headers={"Accept": "*/*"}) as reply:
            assert reply.status == 200
        assert upstream.seen[-1].headers["User-Agent"] == "mooring-gateway", "without an address, as the fleet is now"


async def test_missing_server_and_gateway_are_certain_failures(browser: aiohttp.ClientSession, tmp_path: Path) -> None:
    async with serve() as upstream:
        gone = upstream.url
    async with open_front({"a": gone}, tmp_path) as front:
        async with browser.get(f"{front.url}{front.base()}/queue") as reply:
            assert verdict(reply) == (502, "connect-failed; sent=no")
        await front.gateways[0].gateway._runner.cleanup()
        async with browser.get(f"{front.url}/fleet") as reply:
            assert verdict(reply) == (502, "connect-failed; sent=no")
        async with browser.post(f"{front.url}{front.base()}/prompt", json={}) as reply:
            assert verdict(reply) == (502, "connect-failed; sent=no")


async def test_possibly_executed_request_is_not_sent_to_another_gateway(
    browser: aiohttp.ClientSession, tmp_path: Path
) -> None:
    async with serve(hang) as upstream, open_front({"a": upstream.url}, tmp_path, gateways=2) as front:
        for method, path, wanted in (("POST", "prompt", 1), ("GET", "userdata?dir=workflows", 2)):
            upstream.seen.clear()
            kind = {"json": PROMPT} if method == "POST" else {"headers": {"Accept": "*/*"}}
            asked = asyncio.ensure_future(
                browser.request(method, f"{front.url}{front.base()}/{path}", **kind)  # type: ignore[arg-type]
            )
            await until(lambda: upstream.seen)
            for gateway in front.gateways:
                for connection in gateway.gateway._browsers.connections:
                    if connection.transport is not None:
                        connection.transport.abort()
            if method == "POST":
                assert verdict(await asked) == (502, "upstream-lost; sent=unknown")
            await until(lambda wanted=wanted: len(upstream.seen) == wanted)  # type: ignore[misc]
            asked.cancel()


async def test_slow_pictures_delay_no_poll_and_excess_is_refused(
    browser: aiohttp.ClientSession, tmp_path: Path
) -> None:
    may_answer = asyncio.Event()

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/view":
            await may_answer.wait()
        return web.json_response({})

    async with serve(answer) as upstream:
        server = Server(ServerId("a"), "a", upstream.url, limits=Limits(requests=1))
        async with open_front((server,), tmp_path) as front:
            view = f"{front.url}{front.base()}/view?filename=x"
            slow = [asyncio.ensure_future(browser.get(view)) for _ in range(4)]
            await until(lambda: len(upstream.seen) == 4)
            async with browser.get(view) as reply:
                assert verdict(reply) == (503, "upstream-busy; sent=no")
            async with browser.get(f"{front.url}{front.base()}/history/x") as reply:
                assert reply.status == 200
            may_answer.set()
            assert [(await one).status for one in slow] == [200] * 4


async def greet(socket: web.WebSocketResponse) -> None:
    await socket.send_str(text("status", status={}))


async def test_sockets_of_a_window_share_a_gateway_without_overlap(
    browser: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """Otherwise a reloaded window's socket at the other gateway could overlap the old one at the server and go deaf."""
    hub = Hub(talk=greet, close_late=0.1)
    async with serve(hub.answer) as upstream, open_front({"a": upstream.url}, tmp_path, gateways=2) as front:
        for reload in range(8):
            socket = await browser.ws_connect(f"{front.url}{front.base()}/ws?clientId=w", origin=front.url)
            await socket.send_str(FLAGS)
            assert (await socket.receive_str()).startswith('{"type": "status"'), reload
            # What is still on its way when a socket is dropped may be lost.
            await until(lambda count=reload + 1: len(hub.heard) == count)
            if reload < 7:
                drop(socket)
        newer = await connect(browser, front.running, "w")
        assert (await end_of(socket))[0] == 4409, "the same gateway has both"
        await newer.receive_str()
        drop(newer)
        others = [await connect(browser, front.running, f"w{number}") for number in range(12)]
        await hub.has_accepted(21)
        assert all(gateway.gateway._tunnels.count for gateway in front.gateways), "other windows are distributed"
        for other in others:
            drop(other)
        await until(lambda: hub.open == 0)
        assert hub.heard == [FLAGS] * 8


@pytest.mark.parametrize("has_people", [False, True])
def test_nginx_accepts_the_export_of_any_fleet(tmp_path: Path, *, has_people: bool) -> None:
    pem = make_pem(tmp_path)
    servers = (
        Server(ServerId("gpu-1"), "GPU", "http://10.0.0.1:8188/pre/fix", access=Access(ODD_LOGIN)),
        Server(ServerId("v6"), "Version six", "http://[fd00::1]", limits=Limits(requests=3, upload=5_000_000)),
        Server(ServerId("own"), "Own", "https://localhost:1", access=Access(files=TlsFiles(pem.authority))),
    )
    flags = Flags(
        host="::",
        tls_cert=pem.certificate,
        tls_key=pem.key,
        users=tmp_path / "users.toml" if has_people else None,
        gateways=("127.0.0.1:8201", "[::1]:8202", "localhost:8203"),
    )
    for known in (servers, servers[:1], ()):
        names = ("https://mooring.studio.lan", "http://[fd00::7]:8200", "https://127.0.0.1:8200")
        rules = Rules(proxies=(ip_network("10.0.0.0/8"),))
        fleet = Fleet(DeclaredBy.FILE, "a test", known, names=names, rules=rules)
        write_configuration(tmp_path, write_nginx(make_plan(flags, fleet)), is_private=True)
        assert find_errors(tmp_path) == ""


async def test_server_certificate_is_checked_as_the_fleet_file_says(
    browser: aiohttp.ClientSession, tmp_path: Path
) -> None:
    pem = make_pem(tmp_path, "DNS:localhost,IP:127.0.0.1")
    (tmp_path / "strange").mkdir()
    strange = make_pem(tmp_path / "strange")
    context = pem.server_context(requires_client=True)
    askers = []

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        askers.append(request.headers["User-Agent"])
        return web.json_response({})

    own = f'tls_cert = "{pem.certificate}"\ntls_key = "{pem.key}"\n'
    async with serve_all(answer, tls=context) as url:
        port = url.rpartition(":")[2]
        rows = [
            f'id = "named"\nurl = "https://localhost:{port}"\ntls_ca = "{pem.authority}"\n{own}',
            f'id = "bare"\nurl = "https://127.0.0.1:{port}/z"\ntls_ca = "{pem.authority}"\n{own}',
            f'id = "wrong"\nurl = "https://localhost:{port}/x"\ntls_ca = "{strange.authority}"\n{own}',
            f'id = "blind"\nurl = "https://localhost:{port}/y"\ntls_ca = "{pem.authority}"\n',
        ]
        (tmp_path / "fleet.toml").write_text("".join(f"[[server]]\n{row}" for row in rows))
        async with open_front(read_fleet(tmp_path / "fleet.toml").servers, tmp_path) as front:
            results = {}
            for server_id in front.servers:
                askers.clear()
                async with browser.get(
                    f"{front.url}{front.base(server_id)}/history/x", headers={"Accept": "*/*"}
                ) as reply:
                    results[str(server_id)] = (reply.status, STRAIGHT in askers)
    assert results == {"named": (200, True), "bare": (200, False), "wrong": (502, False), "blind": (502, False)}
