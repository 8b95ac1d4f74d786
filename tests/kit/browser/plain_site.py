"""The page on plain web servers: exported as a user would, and served by Python or nginx.

write_site(folder / "site", folder, {"a": "http://127.0.0.1:8401"})
with python_pages(folder / "site", port) as url: ...        # python3 -m http.server
with nginx_pages(folder, port) as url: ...                  # nginx with Debian's media types
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

from aiohttp import web

from gateway.platforms import system
from tests.kit.gateways import serve_all
from tests.kit.services import ROOT, START_SECONDS

NGINX = shutil.which("nginx") or next((str(path) for path in [Path("/usr/sbin/nginx")] if path.exists()), None)
TYPES = Path("/etc/nginx/mime.types")
WRITE_SECONDS = 120  # including the memory snapshot

_NGINX = """\
daemon off;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
  include {types};
  default_type application/octet-stream;
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{ listen 127.0.0.1:{port}; root {root}; index index.html; location / {{ try_files $uri $uri/ =404; }} }}
}}
"""


def write_site(site: Path, folder: Path, servers: Mapping[str, str]) -> None:
    """Run `serve.py static`. The fleet file goes into `folder`."""
    fleet = folder / "fleet.toml"
    tables = [f'[[server]]\nid = "{key}"\nurl = "{url}"\ndirect = true\n' for key, url in servers.items()]
    fleet.write_text("\n".join(tables), "utf-8")
    command = [sys.executable, "-m", "gateway", "static", str(site), "--fleet", str(fleet)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=WRITE_SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@contextlib.contextmanager
def python_pages(site: Path, port: int) -> Iterator[str]:
    """Serve with Python's own web server."""
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(site)]
    with _running(command, port) as url:
        yield url


@contextlib.contextmanager
def nginx_pages(root: Path, folder: Path, port: int) -> Iterator[str]:
    """Serve with nginx and its default media types."""
    assert NGINX is not None
    file = folder / "nginx.conf"
    user = "user root;\n" if system.is_root() else ""  # its workers could not read a test's folder otherwise
    file.write_text(user + _NGINX.format(folder=folder, types=TYPES, port=port, root=root), "utf-8")
    with _running([NGINX, "-c", str(file), "-e", "stderr"], port) as url:
        yield url


@contextlib.contextmanager
def _running(command: list[str], port: int) -> Iterator[str]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + START_SECONDS
            while not _accepts(port):
                assert process.poll() is None and time.monotonic() < deadline, command
                time.sleep(0.05)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def _accepts(port: int) -> bool:
    with socket.socket() as found:
        return found.connect_ex(("127.0.0.1", port)) == 0


@contextlib.asynccontextmanager
async def log_in_proxy(port: int, place: str = "") -> AsyncIterator[None]:
    """A web server in front of ComfyUI that answers with a login page, or redirects to one at `place`."""

    async def answer(_request: web.BaseRequest) -> web.StreamResponse:
        if place:
            return web.Response(status=302, headers={"Location": place})
        return web.Response(text="<!doctype html><title>Sign in</title>", content_type="text/html")

    async with serve_all(answer, port):
        yield
