"""How long the page's document with its first screen takes, beside a bare aiohttp server that sends the same bytes.

    python3 -m benchmarks.document          # half a minute; writes its section of RESULTS.md

Two gateways: one with three servers, one whose fleet file declares 300, of which three answer. One request at a time,
and eight; the ways take turns, and the best of the rounds counts, since other work only makes rounds slower.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from aiohttp import web

from benchmarks.gateway import Figures, Way, compare
from benchmarks.sections import Load, table, write_json, write_section
from tests.services import ROOT, free_ports, start_demo, start_gateway

TITLE = "The page's document"
AT_A_TIME = (1, 8)
FLEETS = (3, 300)
ANSWERING = 3
DRAWN = b'class="is-drawn '
PATIENCE = 60.0
BARE = "the same bytes from bare aiohttp"
INTRO = """\
`python3 -m benchmarks.document`: `GET /` with the first screen in it, compressed ({load}). The best of four rounds of
0.8 s, in turns. The gateway looks at all files of the page for each document, so that an edit is seen at once.

"""


def main() -> None:
    """Measure, print, and write the section."""
    load, found, sizes = Load(), {}, {}
    for count in FLEETS:
        with ways_to(count) as (ways, size):
            found[str(count)], sizes[count] = compare(ways, "/", AT_A_TIME), size
    rows = [row(count, sizes[count], many, figures) for count in FLEETS for many, figures in found[str(count)].items()]
    heads = ["servers", "kB", "at a time", "p50, ms", "p95", f"{BARE}: p50", "p95", "ratio of p50"]
    heads += ["CPU, µs", "of bare", "broken"]
    report = table(heads, rows)
    print(report)
    write_json("document", found)
    write_section("RESULTS.md", TITLE, INTRO.format(load=load) + report)


def row(count: int, size: int, many: str, figures: Figures) -> list[str]:
    """Return one row of the table."""
    ours, bare = figures[f"{count} servers"], figures[BARE]
    times = [f"{one[key]:.2f}" for one in (ours, bare) for key in ("p50", "p95")]
    cost = [f"{one['CPU by request']:.0f}" for one in (ours, bare)]
    ratio = f"{ours['p50'] / bare['p50']:.1f}"
    return [str(count), f"{size / 1000:.0f}", many, *times, ratio, *cost, f"{ours['errors'] + bare['errors']:.0f}"]


@contextlib.contextmanager
def ways_to(count: int) -> Iterator[tuple[dict[str, Way], int]]:
    """Yield a gateway with this many servers and a bare one, and the size of the document as sent."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        urls = [stack.enter_context(start_demo()).url for _ in range(ANSWERING)]
        urls += [f"http://127.0.0.2:{2_000 + number}" for number in range(count - ANSWERING)]  # nothing is there
        fleet = folder / "fleet.toml"
        tables = (f'[[server]]\nid = "gpu-{number}"\nurl = "{url}"\n' for number, url in enumerate(urls))
        fleet.write_text("\n".join(tables), "utf-8")
        gateway = stack.enter_context(start_gateway("--fleet", str(fleet)))
        document = folder / "document"
        document.write_bytes(drawn_document(gateway.url))
        port = free_ports()
        command = [sys.executable, "-m", "benchmarks.document", str(document), str(port)]
        bare = stack.enter_context(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE))
        stack.callback(bare.terminate)
        assert bare.stdout is not None
        bare.stdout.readline()  # aiohttp's own, once it accepts connections
        ways = {
            f"{count} servers": Way(gateway.url.rstrip("/"), gateway.process.pid),
            BARE: Way(f"http://127.0.0.1:{port}", bare.pid),
        }
        yield ways, document.stat().st_size


def drawn_document(url: str) -> bytes:
    """Return the document as sent, once it has a first screen and the fleet's state has settled."""
    request = urllib.request.Request(url, headers={"Accept-Encoding": "gzip"})
    end, before = time.monotonic() + PATIENCE, b""
    while time.monotonic() < end:
        plain = urllib.request.urlopen(url).read()
        if DRAWN in plain and plain == before:
            return urllib.request.urlopen(request).read()
        before = plain
        time.sleep(1.0)
    raise SystemExit("the document has no first screen")


def serve(document: Path, port: int) -> None:
    """Send a document's bytes in answer to every request."""
    body = document.read_bytes()
    headers = {"Content-Type": "text/html; charset=utf-8", "Content-Encoding": "gzip"}

    async def answer(_request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=body, headers=headers)

    app = web.Application()
    app.router.add_get("/", answer)
    web.run_app(app, host="127.0.0.1", port=port, access_log=None)


if __name__ == "__main__":
    if sys.argv[1:]:
        serve(Path(sys.argv[1]), int(sys.argv[2]))
    else:
        main()
