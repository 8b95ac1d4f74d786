"""The gateway as a process: start, errors and end."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.fleet import demo
from gateway.fleet.demo import DemoFleet
from gateway.install.place import Installation
from gateway.platforms import system
from tests.kit.platforms import posix_only
from tests.kit.services import ROOT, Service, free_ports, start_gateway, wait_until

PATIENCE = 60.0
ENDS_SECONDS = 20.0  # on a loaded machine; waiting for the windows would take a minute


def run_gateway(*flags: str) -> subprocess.CompletedProcess[str]:
    """Run a gateway that must fail immediately."""
    return subprocess.run(
        [sys.executable, "-m", "gateway", *flags],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def fetch(url: str, context: ssl.SSLContext | None = None) -> bytes:
    with urllib.request.urlopen(url, timeout=PATIENCE, context=context) as reply:
        body: bytes = reply.read()
        return body


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def fleet_of(service: Service) -> dict[str, dict[str, object]]:
    return {server["id"]: server for server in json.loads(fetch(f"{service.url}/fleet"))["servers"]}


def assert_fails(ran: subprocess.CompletedProcess[str], *words: str) -> None:
    """Check for one clear sentence and exit code 1."""
    assert ran.returncode == 1
    assert ran.stdout == ""
    assert len(ran.stderr.strip().splitlines()) == 1, ran.stderr
    for word in words:
        assert word in ran.stderr


# Start


@pytest.fixture(scope="module")
def idle_gateway() -> Iterator[Service]:
    """A gateway that no test here changes or ends."""
    with start_gateway("--server", "studio=http://127.0.0.1:1", "--host", "127.0.0.1") as gateway:
        yield gateway


def test_gateway_prints_its_fleet_and_its_source(idle_gateway: Service) -> None:
    assert idle_gateway.lines[0] == "Fleet: --server names 1 server."
    assert idle_gateway.lines[1].split() == ["studio", "http://127.0.0.1:1"]
    why = json.loads(fetch(f"{idle_gateway.url}/fleet"))["why"]
    assert why == {"source": "flags", "detail": "--server names 1 server."}


def test_fleet_file_is_used(tmp_path: Path) -> None:
    file = tmp_path / "fleet.toml"
    file.write_text('[[server]]\nid = "a"\nurl = "http://127.0.0.1:1"\nname = "Left"\n')
    with start_gateway("--fleet", str(file)) as gateway:
        assert fleet_of(gateway)["a"]["name"] == "Left"


def test_gateway_prints_its_canonical_address(idle_gateway: Service) -> None:
    with start_gateway("--server", "a=http://127.0.0.1:1", "--host", "localhost") as other:
        for one in (idle_gateway, other):
            assert one.url == f"http://127.0.0.1:{one.port}"
            assert fetch(f"{one.url}/fleet")


def test_port_in_use_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ran = run_gateway("--port", str(port), "--server", "a=http://127.0.0.1:1")
        assert_fails(ran, f"Port {port} is in use", "--port")


def test_second_gateway_on_one_port_is_reported(idle_gateway: Service) -> None:
    assert_fails(run_gateway("--port", str(idle_gateway.port), "--server", "a=http://127.0.0.1:1"), "in use")


def test_demo_servers_port_in_use_is_reported() -> None:
    port = free_ports(3)
    with socket.create_server(("127.0.0.1", port + 2)):
        assert_fails(run_gateway("--port", str(port), "--demo", "2"), f"Port {port + 2}, which demo-2 needs, is in use")
    assert not is_open(port + 1), "nothing was left running"


def test_invalid_fleet_file_is_reported_with_line_and_key(tmp_path: Path) -> None:
    file = tmp_path / "fleet.toml"
    file.write_text(
        '[[server]]\nid = "a"\nurl = "http://127.0.0.1:1"\n\n[[server]]\nid = "a"\nurl = "http://127.0.0.1:2"\n'
    )
    assert_fails(run_gateway("--port", str(free_ports()), "--fleet", str(file)), str(file), "line 6", "id", "already")


def test_address_of_another_machine_is_reported() -> None:
    ran = run_gateway("--port", str(free_ports()), "--host", "192.0.2.1", "--insecure", "--server", "a=http://x")
    assert_fails(ran, "--host 192.0.2.1 is not an address of this machine")


def test_invalid_certificate_is_reported(tmp_path: Path) -> None:
    bad = tmp_path / "bad.pem"
    bad.write_text("no certificate")
    flags = ["--tls-cert", str(bad), "--tls-key", str(bad), "--server", "a=http://127.0.0.1:1"]
    assert_fails(run_gateway("--port", str(free_ports()), *flags), str(bad), "--tls-cert")


# Open to the network, and TLS


def test_network_gateway_accepts_addresses_but_not_every_host_name() -> None:
    with start_gateway("--server", "a=http://127.0.0.1:1", "--host", "0.0.0.0", "--insecure") as gateway:
        assert any("Open to everyone" in line for line in gateway.lines)
        assert fetch(f"http://127.0.0.1:{gateway.port}/fleet")
        assert fetch(f"http://127.0.0.2:{gateway.port}/fleet"), "another address of this machine"
        rebound = urllib.request.Request(
            f"http://127.0.0.1:{gateway.port}/fleet", headers={"Host": f"evil.example:{gateway.port}"}
        )
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(rebound, timeout=PATIENCE)
        with caught.value as refusal:
            assert refusal.headers["X-Mooring-Gateway"] == "bad-host; sent=no"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_gateway_speaks_tls(tmp_path: Path) -> None:
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-subj",
            "/CN=mooring",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-days",
            "1",
            "-keyout",
            str(key),
            "-out",
            str(cert),
        ],
        check=True,
        capture_output=True,
    )
    flags = ["--server", "a=http://127.0.0.1:1", "--tls-cert", str(cert), "--tls-key", str(key)]
    with start_gateway(*flags) as gateway:
        assert gateway.url == f"https://127.0.0.1:{gateway.port}"
        context = ssl.create_default_context(cafile=str(cert))
        assert fetch(f"{gateway.url}/fleet", context)


# The demo fleet


def test_demo_fleet_uses_following_ports_and_is_probed_once_up(tmp_path: Path) -> None:
    log = tmp_path / "mooring.log"
    with start_gateway("--log", str(log), demo=2) as gateway:
        wait_until(lambda: all(server["health"] == "well" for server in fleet_of(gateway).values()))
        servers = fleet_of(gateway)
        assert list(servers) == ["demo-1", "demo-2"]
        assert [server["address"] for server in servers.values()] == [
            f"http://127.0.0.1:{gateway.port + offset}" for offset in (1, 2)
        ]
        assert all(server["demo"] for server in servers.values())
        assert fetch(f"{gateway.url}/servers/demo-2/queue")
    conditions = [line.partition(" is ")[2].split()[0] for line in log.read_text().splitlines() if "demo-1 is " in line]
    assert conditions == ["well"]


@posix_only("Python can send no signal")
def test_dead_demo_server_is_reported_and_not_restarted() -> None:
    with start_gateway(demo=2) as gateway:
        wait_until(lambda: all(server["health"] == "well" for server in fleet_of(gateway).values()))
        state = json.loads(fetch(f"http://127.0.0.1:{gateway.port + 1}/demo/faults"))
        os.kill(state["pid"], signal.SIGKILL)
        wait_until(lambda: fleet_of(gateway)["demo-1"]["health"] == "down")
        assert "its process has ended (signal 9)" in str(fleet_of(gateway)["demo-1"]["detail"])
        assert fleet_of(gateway)["demo-2"]["health"] == "well"
        assert not is_open(gateway.port + 1)


# End


@posix_only("Python can send no signal")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_gateway_stops_soon_with_its_processes_despite_open_windows(number: signal.Signals) -> None:
    with start_gateway(demo=1) as gateway, socket.create_connection(("127.0.0.1", gateway.port)) as window:
        window.sendall(
            f"GET /fleet/ws HTTP/1.1\r\nHost: 127.0.0.1:{gateway.port}\r\nOrigin: {gateway.url}\r\n"
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        assert window.recv(12) == b"HTTP/1.1 101"
        began = time.monotonic()
        gateway.process.send_signal(number)
        assert gateway.process.wait(PATIENCE) == 0
        assert time.monotonic() - began < ENDS_SECONDS
        assert not any(is_open(gateway.port + offset) for offset in (0, 1))
        assert not any("Traceback" in line or "ERROR" in line for line in gateway.lines)


@posix_only("Python can send no signal")
def test_gateway_stops_soon_while_a_server_hangs() -> None:
    with socket.create_server(("127.0.0.1", 0)) as hung, contextlib.ExitStack() as stack:
        hung.settimeout(PATIENCE)
        gateway = stack.enter_context(start_gateway("--server", f"a=http://127.0.0.1:{hung.getsockname()[1]}"))
        prompt = b'{"prompt": {}, "client_id": "w", "prompt_id": "00000000-0000-4000-8000-000000000000"}'
        length = b"Content-Type: application/json\r\nContent-Length: %d\r\n" % len(prompt)
        for line, more in ((b"GET /queue", b"\r\n"), (b"POST /prompt", length + b"\r\n" + prompt)):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", gateway.port)))
            target = line.replace(b" ", b" /servers/a")
            client.sendall(b"%b HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%b" % (target, gateway.port, more))
            while line not in stack.enter_context(hung.accept()[0]).recv(65_536):
                pass  # the gateway sends requests of its own
        began = time.monotonic()
        gateway.process.send_signal(signal.SIGTERM)
        assert gateway.process.wait(PATIENCE) == 0
        assert time.monotonic() - began < ENDS_SECONDS


async def test_demo_servers_end_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "_END_SECONDS", PATIENCE)
    port = free_ports(2)
    fleet = DemoFleet(count=1, after_port=port, is_faulty=False, place=Installation(ROOT), version=None)
    await fleet.start()
    await fleet.ready(PATIENCE)
    left = ROOT / ".mooring" / "demo" / str(port + 1) / "temp" / "left.png"
    left.touch()
    await fleet.close()
    assert not left.exists(), "a killed one does not empty its folder of temporary files"


def test_killed_gateway_leaves_no_demo_server() -> None:
    with start_gateway(demo=2) as gateway:
        gateway.kill()
        wait_until(lambda: not any(is_open(gateway.port + offset) for offset in (1, 2)))


def test_signal_during_start_ends_the_gateway() -> None:
    port = free_ports(3)
    command = [sys.executable, "-m", "gateway", "--port", str(port), "--demo", "2"]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **system.ENDABLE
    )
    wait_until(lambda: is_open(port))  # it opens its port before the demo servers are ready
    system.end(process)
    output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert "Traceback" not in output
    wait_until(lambda: not any(is_open(port + offset) for offset in (0, 1, 2)))
