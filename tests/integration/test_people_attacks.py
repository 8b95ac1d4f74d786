"""The attacks on a gateway with a login, by a logged-in user and by a stranger."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.people.keys import load_keys
from gateway.people.login_settings import LoginSettings
from tests.integration import test_gateway_attackers, test_gateway_attacks
from tests.integration.attacks import GuardedServer, get
from tests.kit.gateways import open_gateway, serve
from tests.kit.studio import PASSWORD, SharedDemo, Studio, open_studio, small_png, view_query, write_users

pytestmark = pytest.mark.asyncio(loop_scope="module")

ATTACKS = {**test_gateway_attackers.ATTACKS, **test_gateway_attacks.ATTACKS}
# Users may follow a picture's address from anywhere; without a seal it opens nothing.
SEALED = "another site's link to a picture"


class Team(GuardedServer):
    """A gateway with a logged-in user, whose cookie every attack carries."""

    cookie = ""

    async def send(self, request: bytes) -> tuple[int, dict[str, str]]:
        """Send a request with that user's cookie."""
        line, end, rest = request.partition(b"\r\n")
        return await super().send(line + end + f"Cookie: {self.cookie}".encode() + b"\r\n" + rest if end else request)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened_team(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Team]:
    """Start a gateway with a login and one server, and log Alice in."""
    home = tmp_path_factory.mktemp("team")
    write_users(home / "users.toml")
    logins = LoginSettings(load_keys(home / "mooring.key"), home / "users.toml")
    async with serve(_history) as upstream, open_gateway({"a": upstream.url}, logins=logins) as gateway:
        await gateway.first_probe()
        guarded = Team(gateway, upstream)
        async with aiohttp.ClientSession() as http:
            body = {"name": "alice", "password": PASSWORD}
            async with http.post(f"{gateway.url}/login", json=body, headers={"Origin": gateway.url}) as reply:
                guarded.cookie = reply.headers["Set-Cookie"].partition(";")[0]
        yield guarded


@pytest.fixture
def team(opened_team: Team) -> Team:
    """The same gateway, with an empty record of requests at its server."""
    opened_team.upstream.seen.clear()
    return opened_team


async def _history(request: Any) -> Any:
    return web.json_response({"queue_running": [], "queue_pending": []} if "queue" in request.path else {})


@pytest.mark.parametrize(
    ("cause", "attack"),
    [found for name, found in ATTACKS.items() if name != SEALED],
    ids=[name for name in ATTACKS if name != SEALED],
)
async def test_attack_with_a_logged_in_users_cookie_is_refused(team: Team, cause: str, attack: bytes) -> None:
    await team.assert_refused(cause, attack)


async def test_link_to_a_picture_needs_its_seal(team: Team) -> None:
    status, headers = await team.send(ATTACKS[SEALED][1])
    assert (status, headers["x-mooring-gateway"]) == (403, "not-yours; sent=no")
    assert team.upstream.seen == []


async def test_stranger_reaches_only_the_login(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(team, "cookie", "x=y")
    for target in ("/servers/a/queue", "/servers/a/view?filename=x.png", "/fleet", "/app.zip", "/metrics"):
        status, headers = await team.send(get(target))
        assert (status, headers["x-mooring-gateway"]) == (401, "not-logged-in; sent=no")
    link = get("/servers/a/view?filename=x&seal=y", Sec_Fetch_Mode="navigate", Sec_Fetch_Dest="document")
    status, headers = await team.send(link)
    assert status == 303
    assert headers["location"] == "/login?to=%2Fservers%2Fa%2Fview%3Ffilename%3Dx%26seal%3Dy"
    assert team.upstream.seen == []


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def studio(shared_demo: SharedDemo) -> AsyncIterator[Studio]:
    """Start a gateway with three users and a real server."""
    async with open_studio(demo=shared_demo) as studio:
        yield studio


PATHS = [
    "filename=../../users.toml&type=output",
    "filename=..%2f..%2fusers.toml&type=output",
    "filename=made_00001_.png&type=input",
    "filename=made_00001_.png&subfolder=..&type=output",
    "filename=made_00001_.png&type=output&type=temp",
    "filename=made_00001_.png&filename=other.png",
    "filename=made_00001_.png&shoe=1",
    "filename=/etc/passwd",
    "filename=made_00001_.png%00",
]


@pytest.mark.parametrize("query", PATHS)
async def test_seal_opens_only_its_file(studio: Studio, query: str) -> None:
    alice = await studio.log_in("alice")
    seal = (await alice.made(await alice.submit()))["seal"]
    status, answer = await alice.get(f"/servers/a/view?{query}&seal={seal}")
    assert status in {400, 403} and answer["error"]["cause"] in {"not-yours", "bad-request"}


NAMES = [
    "aux",
    "NUL",
    "nul.png",
    "a:b.png",
    "x.png.",
    "x.png ",
    "COM1.png",
    "CONIN$",
    "com¹.png",
    "..",
]


@pytest.mark.parametrize("name", NAMES)
async def test_upload_needs_a_name_for_every_system(studio: Studio, name: str) -> None:
    alice = await studio.log_in("alice")
    status, answer = await alice.upload(name)
    assert (status, answer["error"]["cause"]) == (400, "refused-body")


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"client_id": ["a"]}, 400),
        ({"client_id": ""}, 400),
        ({"client_id": None}, 400),
        ({"prompt_id": None}, 400),
        ({"prompt_id": 3}, 400),
        ({"prompt_id": "AAAAAAAA-0000-4000-8000-000000000000"}, 400),
        ({"extra_data": []}, 400),
        ({"extra_data": "x"}, 400),
        ({"prompt": []}, 400),
        ({"prompt": None}, 400),
    ],
)
async def test_harmful_body_never_reaches_a_server(studio: Studio, change: dict[str, Any], status: int) -> None:
    alice = await studio.log_in("alice")
    answer = await alice.post("/servers/a/prompt", alice.body(**change) | change)
    assert answer[0] == status and await studio.queued() == []


async def test_header_of_ten_megabytes_is_cut(studio: Studio) -> None:
    alice = await studio.log_in("alice")
    with pytest.raises((aiohttp.ClientError, AssertionError)):
        status, _ = await alice.get("/fleet", headers={"X-Long": "a" * 10_000_000})
        assert status == 200
    assert (await alice.get("/fleet"))[0] == 200


async def test_compressed_bodies_are_not_decompressed(studio: Studio) -> None:
    alice = await studio.log_in("alice")
    headers = {"Origin": alice.url, "Content-Encoding": "gzip", "Content-Type": "application/json"}
    status, answer = await alice.ask("POST", "/servers/a/prompt", data=b"\x1f\x8b" + b"0" * 99, headers=headers)
    assert (status, answer["error"]["cause"]) == (415, "bad-type")


async def test_decompression_bomb_is_only_passed_on(studio: Studio) -> None:
    alice = await studio.log_in("alice")
    bomb = small_png(1)[:16] + b"\x7f\xff\xff\xff" * 2 + small_png(1)[24:]  # it claims 2^31 pixels each way
    status, uploaded = await alice.upload("bomb.png", bomb)
    assert status == 200
    assert (await alice.get("/servers/a/view", params=view_query(uploaded))) == (200, bomb)


async def test_markup_in_names_is_text_everywhere(studio: Studio) -> None:
    alice = await studio.log_in("alice")
    name = "<img src=x onerror=alert(1)>.png"
    _, uploaded = await alice.upload(name, small_png(7))
    async with alice.http.get(f"{alice.url}/servers/a/view", params=view_query(uploaded)) as reply:
        assert reply.headers["Content-Type"] == "image/png" and reply.headers["X-Content-Type-Options"] == "nosniff"
        assert "<" not in reply.headers["Content-Disposition"]
    status, answer = await alice.post("/servers/a/prompt", alice.body({"1": {"class_type": "<b>x</b>", "inputs": {}}}))
    assert status == 400 and "<b>x</b>" in json.dumps(answer)  # the page escapes it


async def test_file_that_may_run_script_is_never_inline(studio: Studio) -> None:
    alice = await studio.log_in("alice")
    for name in ("x.svg", "x.html", "x.xml", "x.js", "x.pdf"):
        _, uploaded = await alice.upload(name, b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>")
        async with alice.http.get(f"{alice.url}/servers/a/view", params=view_query(uploaded)) as reply:
            assert reply.status == 200 and reply.headers["Content-Type"] == "application/octet-stream"
            assert reply.headers["Content-Disposition"].startswith("attachment")
            assert reply.headers["Content-Security-Policy"] == "sandbox"


LISTED = re.compile(r"/(prompt|queue|history|features|embeddings|models|object_info|system_stats|api/jobs)")
TARGETS = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(method=st.sampled_from(["GET", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"]), rest=TARGETS)
async def test_every_target_is_answered_and_none_unlisted_reaches_a_server(team: Team, method: str, rest: str) -> None:
    for beginning in ("/", "/servers/a/", "/fleet/", "/servers/a/view?"):
        target = beginning + rest
        before = len(team.upstream.seen)
        head = f"{method} {target} HTTP/1.1\r\nHost: HOST\r\nOrigin: ORIGIN\r\nContent-Length: 0\r\n\r\n"
        status, _ = await team.send(head.encode())
        assert status != 500
        for request in team.upstream.seen[before:]:
            assert LISTED.match(request.path)


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Disposition: form-data; name=image; filename=a.png\r\nBroken header\r\n",
        b"Content-Disposition: form-data; name=image; filename=a.png\r\n: empty\r\n",
        b"Content-Disposition: form-data; name=image; filename=a.png\r\nX: " + b"y" * 20_000 + b"\r\n",
        b"Content-Disposition: form-data; name=image; filename=a.png\r\n" + b"X: y\r\n" * 2_000,
        b"Content-Type: multipart/mixed; boundary=x\r\n",
        b"Content-Disposition: \xff\x00; =\r\n",
    ],
    ids=["no colon", "no name", "long", "many", "nested", "binary"],
)
async def test_malformed_part_headers_are_refused(
    studio: Studio, head: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    alice = await studio.log_in("alice")
    body = b"--b\r\n" + head + b"\r\n" + b"z" * 100_000 + b"\r\n--b--\r\n"
    headers = {"Origin": alice.url, "Content-Type": "multipart/form-data; boundary=b"}
    status, answer = await alice.ask("POST", "/servers/a/upload/image", data=body, headers=headers)
    assert status == 400, answer
    assert answer["error"]["cause"] in {"bad-request", "refused-body"}
    assert "Traceback" not in caplog.text
