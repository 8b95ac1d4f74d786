"""Processes beside the gateway, each on free ports and ended with its block: the servers behind it, and nginx.

Debian's nginx has the gateway's routing. It has one worker, as the gateway is one process, keeps connections to the
servers open, and buffers answers, on disk if necessary, as nginx does by default: without that it was no faster with
small answers, and half as fast with large ones.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.kit.services import Service, _start, free_ports

NOTICE = "There is no nginx on this machine (Debian: apt-get install nginx): nothing to compare with."
PATIENCE = 10.0  # seconds until it listens


@dataclass(frozen=True, slots=True)
class Nginx:
    """A running nginx: its address, and the process whose child is the worker."""

    url: str
    pid: int


_CONF = """
{user}
daemon off;
worker_processes 1;
worker_rlimit_nofile 8192;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  client_max_body_size 100m;
  keepalive_requests 1000000;
  {upstreams}
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    proxy_http_version 1.1;
    proxy_request_buffering off;
    {locations}
  }}
}}
"""
_UPSTREAM = "upstream {name} {{ server {host}; keepalive 64; keepalive_requests 1000000; }}"
_LOCATION = """
    location = /servers/{name}/ws {{
      proxy_pass http://{name}/ws; proxy_set_header Host {host}; proxy_set_header Origin http://{host};
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; proxy_read_timeout 300s;
    }}
    location /servers/{name}/ {{
      proxy_pass http://{name}/; proxy_set_header Host {host}; proxy_set_header Origin "";
      proxy_set_header Connection "";
    }}
"""


@contextlib.contextmanager
def start_origin(count: int = 1) -> Iterator[Service]:
    """Start this many servers (`benchmarks/kit/origin.py`) on neighbouring ports; the address is the first one's."""
    with _run("benchmarks.kit.origin", "--port", str(free_ports(count)), "--count", str(count)) as service:
        yield service


@contextlib.contextmanager
def start_streamer() -> Iterator[Service]:
    """Start the server whose prompt never ends (`benchmarks/kit/streamer.py`)."""
    with _run("benchmarks.kit.streamer", "--port", str(free_ports())) as service:
        yield service


@contextlib.contextmanager
def start_bare(server: str) -> Iterator[Service]:
    """Start the minimal aiohttp gateway before that server (`benchmarks/kit/bare.py`)."""
    with _run("benchmarks.kit.bare", "--port", str(free_ports()), "--to", server) as service:
        yield service


@contextlib.contextmanager
def _run(module: str, *flags: str) -> Iterator[Service]:
    service = _start([sys.executable, "-m", module, *flags], f"{module.rpartition('.')[2]} ready ")
    try:
        yield service
    finally:
        service.stop()


def find_nginx() -> str | None:
    """Find the program, which Debian installs where only root's PATH leads."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


@contextlib.contextmanager
def start_nginx(servers: Mapping[str, str]) -> Iterator[Nginx | None]:
    """Start an nginx before these servers (address by id), or return None if there is none."""
    program = find_nginx()
    if program is None:
        yield None
        return
    port = free_ports()
    hosts = {name: url.removeprefix("http://") for name, url in servers.items()}
    with tempfile.TemporaryDirectory() as folder:
        conf = Path(folder, "nginx.conf")
        text = _CONF.format(
            user="user root;" if os.geteuid() == 0 else "",  # else its worker could not write to the folder
            folder=folder,
            port=port,
            upstreams="\n  ".join(_UPSTREAM.format(name=name, host=host) for name, host in hosts.items()),
            locations="".join(_LOCATION.format(name=name, host=host) for name, host in hosts.items()),
        )
        conf.write_text(text, encoding="utf-8")
        process = subprocess.Popen([program, "-p", folder, "-c", str(conf), "-e", f"{folder}/error.log"])
        try:
            _await_port(port, process)
            yield Nginx(f"http://127.0.0.1:{port}", process.pid)
        finally:
            process.terminate()
            process.wait(PATIENCE)


def _await_port(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(ConnectionError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise RuntimeError("nginx did not start")
