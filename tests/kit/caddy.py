"""A real Caddy on a loopback port, with a Caddyfile of the documents, until the block ends.

    with start_caddy(folder, caddyfile) as authority:      # the certificate of Caddy's own authority
        ...

Tests that need Caddy are skipped with a message where it is missing.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.nginx import ended

START_SECONDS = 30.0

# No administration, no port 80, and certificates of its own authority, which no browser of this machine is to trust.
_OPTIONS = """{
	admin off
	auto_https disable_redirects
	default_bind 127.0.0.1
	local_certs
	skip_install_trust
	storage file_system STORE
}
"""


def find_caddy() -> str:
    """Return the path of Caddy, or skip the test."""
    found = shutil.which("caddy")
    if found is None:
        pytest.skip("this machine has no Caddy: install the system's package to run what is behind it")
    return found


@contextlib.contextmanager
def start_caddy(folder: Path, caddyfile: str) -> Iterator[Path]:
    """Serve a Caddyfile, and yield the certificate of its authority."""
    program, store = find_caddy(), folder / "store"
    (folder / "Caddyfile").write_text(_OPTIONS.replace("STORE", str(store)) + caddyfile, "utf-8")
    command = [program, "run", "--config", "Caddyfile", "--adapter", "caddyfile"]
    environment = {**os.environ, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    log = folder / "caddy.log"
    with (
        log.open("wb") as file,
        subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stderr=file) as process,
        ended(process),
    ):
        _await(process, caddyfile, log)
        yield store / "pki/authorities/local/root.crt"


def _await(process: subprocess.Popen[bytes], caddyfile: str, log: Path) -> None:
    """Wait until it serves every site with its certificate, which it uses only after its log names it."""
    sites = [(host, int(port)) for host, port in re.findall(r"^(\S+):(\d+) \{", caddyfile, re.MULTILINE)]
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if all(_shakes_hands(host, port) for host, port in sites):
            return
        time.sleep(0.05)
    raise RuntimeError(f"Caddy did not start (exit code {process.poll()}): {log.read_text('utf-8')[-2000:]}")


def _shakes_hands(host: str, port: int) -> bool:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=START_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=host),
        ):
            return True
    except OSError:
        return False
