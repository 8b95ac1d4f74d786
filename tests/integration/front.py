"""An nginx before gateways in this process, as `serve.py --export` writes it, with a small page.

async with serve(answers) as upstream, open_front({"a": upstream.url}, folder) as front:
        async with browser.get(f"{front.url}{front.base("a")}/queue") as reply: …
"""

from __future__ import annotations

import contextlib
import dataclasses
import ipaddress
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.export.folder import SITE, claim, write_configuration
from gateway.export.nginx import write_nginx
from gateway.export.plan import make_plan
from gateway.export.site import write_site
from gateway.flags import Flags
from gateway.fleet.fleet import DeclaredBy, Fleet
from gateway.fleet.rules import Rules
from gateway.http.servers import Server, ServerId
from gateway.people.login_settings import LoginSettings
from tests.kit.certificates import Pem
from tests.kit.gateways import ROOT, Running, open_fleet
from tests.kit.nginx import start_nginx
from tests.kit.services import free_ports

PAGE = {
    "index.html": '<!doctype html><html lang="en"><!-- boot --><script type="module" src="static/js/a.js"></script>',
    "pyscript.toml": "",
    "app/main.py": "x = 1",
    "static/home/worker.js": "let worker;",
    "static/js/a.js": "let page; " * 50,
    "static/icon.png": "png",
}
NGINX = ipaddress.ip_network("127.0.0.1")


@dataclass
class Front:
    """A running nginx, and the gateways behind it."""

    url: str
    gateways: list[Running]
    servers: Mapping[ServerId, Server]
    build: str

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def base(self, server_id: str = "a") -> str:
        """Return the path of a server as the page requests it, with the tag of its address."""
        return f"/servers/{server_id}@{self.servers[ServerId(server_id)].tag}"

    @property
    def running(self) -> Running:
        """The first gateway, at nginx's address."""
        return Running(self.gateways[0].gateway, self.url)


def small_page(folder: Path) -> Path:
    """Write a small repository."""
    for name, text in PAGE.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@contextlib.asynccontextmanager
async def open_front(
    servers: Mapping[str, str] | tuple[Server, ...],
    folder: Path,
    *,
    gateways: int = 1,
    rules: Rules | None = None,
    logins: LoginSettings | None = None,
    pem: Pem | None = None,
    **deadlines: float,
) -> AsyncIterator[Front]:
    """Start nginx and this many gateways for these servers; with a certificate, nginx speaks HTTPS."""
    known = servers if isinstance(servers, tuple) else tuple(Server(ServerId(k), k, url) for k, url in servers.items())
    port = free_ports()
    url = f"{'http' if pem is None else 'https'}://127.0.0.1:{port}"
    rules = dataclasses.replace(rules or Rules(), proxies=(NGINX,))
    fleet = Fleet(DeclaredBy.FLAGS, "a test", known, names=(url,), rules=rules)
    root = small_page(folder / "clone")
    out = folder / "out"
    claim(out)
    site = write_site(root, out / SITE)  # before the gateways, which would pack the same files
    async with contextlib.AsyncExitStack() as stack:
        running = [
            await stack.enter_async_context(
                open_fleet(fleet, root=ROOT if logins else root, names=(url,), logins=logins, **deadlines)
            )
            for _ in range(gateways)
        ]
        flags = Flags(
            port=port,
            gateways=tuple(gateway.url.removeprefix("http://") for gateway in running),
            users=None if logins is None else logins.users,
            tls_cert=None if pem is None else pem.certificate,
            tls_key=None if pem is None else pem.key,
        )
        write_configuration(out, write_nginx(make_plan(flags, fleet)), is_private=False)
        stack.enter_context(start_nginx(out, port))
        for gateway in running:
            await gateway.first_probe()
        yield Front(url, running, {server.id: server for server in known}, site.build)
