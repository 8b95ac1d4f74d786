"""`serve.py check` names each possible fault of a server, and what to do about it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path

import pytest
from aiohttp import web

from gateway.check.command import examine_all
from gateway.check.examination import Report
from gateway.check.output import HEADS, advice, paragraphs, table
from gateway.fleet.file import read_fleet
from gateway.http.deadlines import Deadlines
from tests.integration.hub import text
from tests.integration.test_gateway_fleet import hang, http, say
from tests.kit.certificates import make_pem
from tests.kit.gateways import QUEUE, STATS, Raw, serve_all, serve_raw
from tests.kit.gateways import table as server_table
from tests.kit.partner_server import serve_partner
from tests.kit.services import ROOT, free_ports, start_demo
from wire.health import Health

FAST = replace(Deadlines(), probe=2.0, handshake=2.0)
SLOW_SECONDS = 60.0


class Comfy:
    """A scripted ComfyUI in which one thing may be wrong."""

    def __init__(
        self,
        *,
        socket: str = "greets",
        token: str = "",
        date: float = 0.0,
        admits: str = "",
        stats: dict[str, object] = STATS,
    ) -> None:
        self._socket, self._token, self._date, self._admits, self._stats = socket, token, date, admits, stats

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if self._token and request.headers.get("Authorization") != f"Bearer {self._token}":
            return web.Response(status=401)
        if request.path == "/ws":
            return await self._serve_socket(request)
        features = {"max_upload_size": 104_857_600}
        known = {"/system_stats": self._stats, "/queue": QUEUE, "/features": features, "/api/jobs": {"jobs": []}}
        if request.path not in known:
            return web.Response(status=404)
        headers = {"Date": formatdate(time.time() + self._date, usegmt=True)}
        if self._admits:
            headers["Access-Control-Allow-Origin"] = self._admits
        return web.json_response(known[request.path], headers=headers)

    async def _serve_socket(self, request: web.BaseRequest) -> web.StreamResponse:
        if self._socket == "refused":
            return web.Response(status=404)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        if self._socket == "greets":
            await socket.send_str(text("status", sid="x"))
        if self._socket != "ends":
            await socket.receive()
        await socket.close()
        return socket


async def report_on(folder: Path, url: str, deadlines: Deadlines = FAST, **values: object) -> Report:
    lines = {"id": "a", "url": url} | values
    path = folder / "fleet.toml"
    content = "[[server]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in lines.items())
    await asyncio.to_thread(path.write_text, content)
    [report] = await examine_all(read_fleet(path), deadlines)
    return report


def text_of(report: Report) -> str:
    return " / ".join(advice(report))


def row_of(report: Report) -> dict[str, str]:
    """Return the table's row by column."""
    head, row = table([report])
    starts = [head.index(name) for name in HEADS]
    ends = [*starts[1:], None]
    return {name: row[start:end].strip() for name, start, end in zip(HEADS, starts, ends, strict=True)}


async def test_healthy_server_has_no_message(tmp_path: Path) -> None:
    async with serve_all(Comfy().answer) as url:
        report = await report_on(tmp_path, url)
    assert report.is_well
    assert text_of(report) == ""
    assert report.seconds is not None and 0 < report.seconds < FAST.probe
    assert report.clock is not None and abs(report.clock) < 5
    row = row_of(report)
    assert (row["SERVER"], row["ADDRESS"], row["STATE"], row["WAY IN"], row["COMFYUI"]) == (
        "a", url, "ready", "http", "0.3.64",
    )  # fmt: skip
    assert (row["SOCKET"], row["JOBS API"], row["UPLOADS"]) == ("works", "yes", "104 MB")


@pytest.mark.parametrize(
    ("version", "argv", "previews"),
    [
        ("0.30.0", ["main.py", "--preview-method", "taesd"], "its own (--preview-method taesd)"),
        ("0.3.64", ["main.py", "--preview-method=auto"], "its own (--preview-method auto)"),
        ("0.30.0", ["main.py"], "as each run asks"),
        ("0.3.64", ["main.py"], "its own default"),
    ],
)
async def test_table_says_whose_choice_previews_are(
    tmp_path: Path, version: str, argv: list[str], previews: str
) -> None:
    stats = {"system": {"comfyui_version": version, "argv": argv}, "devices": []}
    async with serve_all(Comfy(stats=stats).answer) as url:
        report = await report_on(tmp_path, url)
    assert row_of(report)["PREVIEWS"] == previews


@pytest.mark.parametrize(
    ("socket", "words"),
    [
        ("refused", "refused the WebSocket with status 404. Windows would see no progress."),
        ("silent", "opens and sends nothing"),
        ("ends", "closes immediately"),
    ],
)
async def test_server_with_failing_socket_is_not_well(tmp_path: Path, socket: str, words: str) -> None:
    async with serve_all(Comfy(socket=socket).answer) as url:
        report = await report_on(tmp_path, url, replace(FAST, probe=0.5))
    assert report.condition.health is Health.WELL and not report.is_well
    assert words in text_of(report)
    assert row_of(report)["SOCKET"] == "no"


async def test_missing_login_is_reported_with_its_setting(tmp_path: Path) -> None:
    for name, token in (("right", "t"), ("wrong", "s3cret")):
        await asyncio.to_thread((tmp_path / name).write_text, token)
    async with serve_all(Comfy(token="t").answer) as url:
        without = await report_on(tmp_path, url)
        wrong = await report_on(tmp_path, url, token="file:wrong")
        right = await report_on(tmp_path, url, token="file:right")
    assert "It requires a login (it answers with status 401). Name one in the fleet file: token =" in text_of(without)
    assert "If one is named there, check its content" in text_of(wrong)
    assert "s3cret" not in "".join([*table([wrong]), *paragraphs([wrong], [])])
    assert right.is_well and row_of(right)["WAY IN"] == "http, log-in"


async def test_untrusted_certificate_is_reported_with_reason_and_setting(tmp_path: Path) -> None:
    pem = await asyncio.to_thread(make_pem, tmp_path)
    async with serve_all(Comfy().answer, tls=pem.server_context()) as url:
        untrusted = await report_on(tmp_path, url)
        other_name = await report_on(tmp_path, url.replace("127.0.0.1", "localhost"), tls_ca="ca.pem")
        trusted = await report_on(tmp_path, url, tls_ca="ca.pem")
        unchecked = await report_on(tmp_path, url, tls_verify=False)
    assert "unable to get local issuer certificate" in text_of(untrusted) and "tls_ca" in text_of(untrusted)
    assert "ostname mismatch" in text_of(other_name)
    assert trusted.is_well and row_of(trusted)["WAY IN"] == "https, own TLS"
    assert unchecked.is_well and row_of(unchecked)["WAY IN"] == "https, unchecked"


async def test_wrong_clock_is_reported_without_failure(tmp_path: Path) -> None:
    async with serve_all(Comfy(date=-300.0).answer) as url:
        report = await report_on(tmp_path, url)
    assert report.is_well
    assert report.clock is not None and -303 < report.clock < -297
    assert " s behind this machine's" in text_of(report)


async def test_wrong_upload_limit_is_reported(tmp_path: Path) -> None:
    async with serve_all(Comfy().answer) as url:
        report = await report_on(tmp_path, url, max_upload=300 * 2**20)
        smaller = await report_on(tmp_path, url, max_upload=20_000_000)
    assert "--max-upload-size 300" in text_of(report)
    assert text_of(smaller) == "" and row_of(smaller)["UPLOADS"] == "20 MB"


async def test_direct_server_without_cors_is_reported(tmp_path: Path) -> None:
    async with serve_all(Comfy().answer) as url:
        report = await report_on(tmp_path, url, direct=True)
        assert report.is_well and "--enable-cors-header" in text_of(report)
        assert text_of(await report_on(tmp_path, url)) == ""
    async with serve_all(Comfy(admits="http://pages.lan").answer) as url:
        assert text_of(await report_on(tmp_path, url, direct=True)) == ""


WRONG: dict[str, tuple[Raw, str]] = {
    "a log-in page": (say(http("200 OK", "<html>Log in</html>")), "It requires a login"),
    "a redirect to a log-in": (
        say(http("302 Found", "", more="Location: https://sso.lan/login?s3cret\n")),
        "with a redirect, status 302, to https://sso.lan/login).",
    ),
    "another redirect": (
        say(http("302 Found", "", more="Location: /comfy/\n")),
        "to /comfy/). No redirect is followed",
    ),
    "a web page": (say(http("200 OK", "<!DOCTYPE html><h1>It works</h1>")), "A web page answers there"),
    "another program": (say(http("200 OK", "{}", "application/json")), "Something else answers at its address"),
    "no HTTP": (say("SSH-2.0-OpenSSH_9.2\n"), "Something else answers at its address"),
    "too many": (say(http("429 Too Many Requests", "")), "Too many requests"),
    "a proxy without its server": (
        say(http("502 Bad Gateway", "")),
        "Not running (it answers with status 502",
    ),
    "a server that hangs": (hang, "Does not answer in time"),
}


@pytest.mark.parametrize(("talk", "words"), WRONG.values(), ids=WRONG.keys())
async def test_other_faults_are_reported(tmp_path: Path, talk: Raw, words: str) -> None:
    async with serve_raw(talk) as url:
        report = await report_on(tmp_path, url, replace(FAST, probe=0.5))
    assert not report.is_well
    assert words in text_of(report)
    assert "s3cret" not in text_of(report)


async def test_plain_http_on_an_https_address_is_reported(tmp_path: Path) -> None:
    async with serve_all(Comfy().answer) as url:
        report = await report_on(tmp_path, url.replace("http:", "https:"))
    assert "(TLS failed)" in text_of(report)
    assert "If it does not speak https on that port, write http" in text_of(report)


async def test_unreachable_server_suggests_listen_flag(tmp_path: Path) -> None:
    here = await report_on(tmp_path, f"http://127.0.0.1:{free_ports()}")
    assert "connection refused" in text_of(here) and "on another machine with --listen" in text_of(here)
    there = await report_on(tmp_path, "http://no-such-host.invalid")
    assert "--listen" in text_of(there) and "firewall" in text_of(there)


# The command


def run_check(*flags: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gateway", "check", *flags]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SLOW_SECONDS, check=False)


def test_exit_code_is_zero_only_if_all_are_well(tmp_path: Path) -> None:
    with start_demo(data=tmp_path / "data") as demo:
        well = run_check("--server", f"a={demo.url}")
        assert (well.returncode, well.stderr) == (0, ""), well.stdout
        assert well.stdout.splitlines()[0] == "--server names 1 server."
        assert well.stdout.splitlines()[-1] == "It is well."
        (tmp_path / "fleet.toml").write_text(
            f'[[server]]\nid = "a"\nurl = "{demo.url}"\ndrain = true\n\n'
            f'[[server]]\nid = "b"\nurl = "http://127.0.0.1:{free_ports()}"\n'
        )
        ill = run_check("--fleet", str(tmp_path / "fleet.toml"))
        assert (ill.returncode, ill.stderr) == (1, "")
        assert "ready, drained" in ill.stdout and "not there" in ill.stdout
        assert ill.stdout.splitlines()[-1] == "1 of 2 not well."


def test_invalid_fleet_file_is_reported_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "fleet.toml").write_text('[[server]]\nid = "a"\nulr = "http://x"\n')
    ran = run_check("--fleet", str(tmp_path / "fleet.toml"))
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "line 3: ulr: there is no such setting; did you mean 'url'?" in ran.stderr
    assert ran.stderr.count("\n") == 1


async def test_check_says_which_servers_may_run_partner_nodes(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("comfyui-0123456789abcdef")
    async with serve_partner() as good, serve_partner() as leaky, serve_partner() as plain:
        leaky.shows = {"queue"}
        marked = [server_table(name, one.url, partner=True) for name, one in (("good", good), ("leaky", leaky))]
        lines = [*marked, server_table("plain", plain.url), '[partner]\nkey = "file:key"\n']
        (tmp_path / "fleet.toml").write_text("".join(lines))
        reports = await examine_all(read_fleet(tmp_path / "fleet.toml"), FAST)
    assert [row_of(report)["PARTNER NODES"] for report in reports] == ["possible", "no", "-"]
    assert "shows them to everyone, at /queue" in text_of(reports[1])
    assert (good.keys, leaky.keys, plain.fakes) == ([], [], [])
