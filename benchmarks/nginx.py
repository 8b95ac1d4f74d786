"""Bodies through nginx, as `serve.py --export` writes it, beside the gateway alone, in turns.

    python3 -m benchmarks.nginx             # two minutes; writes its section of RESULTS.md

Small JSON (`/queue`) and pictures of 20 MB (`/view`), from 1 to 200 connections: directly at the server, through the
gateway alone, through a plain nginx with as many workers, through nginx to the server, and through nginx and the
gateway, which is the way of everything that must be examined. Server, load and rounds are those of
`benchmarks/gateway.py`. For the small ones nginx's limit of requests by address is removed, since the load comes from
one address.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.gateway import LARGE, ROOT, SMALL, Figures, Way, compare
from benchmarks.sections import Load, table, write_json, write_section
from benchmarks.servers import NOTICE, find_nginx, start_origin
from benchmarks.servers import start_nginx as start_plain_nginx
from gateway.http.servers import Server, ServerId
from tests.nginx_kit import start_nginx
from tests.services import free_ports, start_gateway

TITLE = "Through nginx"
ALONE, PLAIN, STRAIGHT, BOTH = "the gateway alone", "plain nginx", "nginx", "nginx and the gateway"
LIMIT = "limit_req zone=mooring_rate"
INTRO = """\
`python3 -m benchmarks.nginx`: the configuration that `serve.py --export` writes, with a worker for each core, beside
one gateway ({load}). The best of four rounds of 0.8 s, in turns; the CPU is the least of them, of nginx or of the
gateway alone. Server and load share the two cores, so the CPU says more than the rates.

"""


def main() -> None:
    """Measure, print, and write the section."""
    if find_nginx() is None:
        print(NOTICE)
        return
    load = Load()
    with all_ways() as ways:
        found = {
            "small": compare(ways, "/queue", SMALL),
            "large": compare(ways, "/view?filename=large.png", LARGE),
        }
    figures = "\n\n".join(
        (
            written(found["small"], "small, requests/s", "requests", "CPU by request"),
            written(found["large"], "20 MB, MB/s", "MB", "CPU by MB"),
        )
    )
    print(figures)
    write_json("nginx", found)
    write_section("RESULTS.md", TITLE, INTRO.format(load=load) + figures)


@contextlib.contextmanager
def all_ways() -> Iterator[dict[str, Way]]:
    """Return the ways to the same server, by name."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        origin, port = stack.enter_context(start_origin()), free_ports(2)
        url, fleet = f"http://127.0.0.1:{port}", folder / "fleet.toml"
        fleet.write_text(
            f'[[server]]\nid = "a"\nurl = "{origin.url}"\nmax_requests = 200\n'
            f'[gateway]\nnames = ["{url}"]\nproxies = ["127.0.0.1"]\n'
        )
        gateway = stack.enter_context(start_gateway("--fleet", str(fleet), port=port + 1))
        out = folder / "out"
        words = ["--fleet", str(fleet), "--port", str(port), "--export", str(out)]
        subprocess.run([sys.executable, "-m", "gateway", *words], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        conf = out / "nginx.conf"
        lines = conf.read_text("utf-8").splitlines(keepends=True)
        conf.write_text("".join(line for line in lines if LIMIT not in line), "utf-8")
        nginx = stack.enter_context(start_nginx(out, port))
        plain = stack.enter_context(start_plain_nginx({"a": origin.url}, is_buffered=False, workers="auto"))
        assert plain is not None
        server = Server(ServerId("a"), "a", origin.url)
        yield {
            "straight": Way(origin.url),
            ALONE: Way(f"{gateway.url}/servers/a", gateway.process.pid),
            PLAIN: Way(f"{plain.url}/servers/a", plain.pid),
            STRAIGHT: Way(f"{url}/servers/a@{server.tag}", nginx.pid),
            BOTH: Way(f"{url}/servers/a", nginx.pid),
        }


def written(found: Figures, head: str, key: str, cpu: str) -> str:
    """Return one table: throughput, median wait, and cost."""
    rows = [
        [
            f"{count} connections",
            *(f"{figures[way][key]:,.0f}" for way in figures),
            f"{figures[STRAIGHT][key] / figures[PLAIN][key]:.2f}",
            f"{figures[STRAIGHT][key] / figures[ALONE][key]:.1f}",
            f"{figures[ALONE]['p50']:.1f}, {figures[STRAIGHT]['p50']:.1f}",
            f"{figures[ALONE][cpu]:.0f}, {figures[PLAIN][cpu]:.0f}, {figures[STRAIGHT][cpu]:.0f}",
            f"{sum(figures[way]['errors'] for way in figures):.0f}",
        ]
        for count, figures in found.items()
    ]
    ways, about = list(next(iter(found.values()))), f"{cpu}, µs: gateway, plain, nginx"
    more = ["nginx to plain", "to the gateway", "p50 in ms, of gateway and nginx", about, "broken"]
    return table([head, *ways, *more], rows)


if __name__ == "__main__":
    main()
