"""Whether a parser of text from outside takes more than linear time: CPU time against size, up to 32 MB.

    python3 -m benchmarks.growth_of_parsers [beginning of a name …]

Each parser and regular expression of the gateway for such text gets its worst known texts in growing sizes. If a bound
refuses a text, the time of the refusal counts, and the table says from which size on. The exponent is fitted to sizes
that took ten milliseconds or more; the limit is 1.2. The CPU time of this process is measured, the least of a few
rounds, so that other work on the machine has little influence.
"""

from __future__ import annotations

import asyncio
import json
import math
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import MultipartReader, StreamReader
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http import HttpProcessingError
from multidict import CIMultiDict, CIMultiDictProxy

from gateway.fleet.catalogue_contents import is_any, read_contents
from gateway.fleet.classes import Classes
from gateway.fleet.rules import Rules
from gateway.fleet.server_answers import NotComfyError, not_json, read_queue_answer
from gateway.fleet.server_proof import describe, read_id
from gateway.http.backlog import Frame, overtaking_key
from gateway.http.bodies import examine_body, is_client_id
from gateway.http.guard import RequestFacts, judge
from gateway.http.headers import response_headers, strip_mark
from gateway.http.json_reader import Bounds, JsonError, Scan, read_json
from gateway.http.own_hosts import build_house
from gateway.http.peers import told_by
from gateway.http.refusal import Refused
from gateway.http.routes import Body, find_route, split_target
from gateway.people.keys import Keys
from gateway.people.person import Person
from gateway.people.projection import ShapeError, project_text, read_rows_text
from gateway.people.prompts import plain_text, split_annotation, write_prompt_text
from gateway.people.seals import Seal, tag_of

SIZES = tuple(2**power for power in range(16, 26))  # 64 kB to 32 MB
ROUNDS = 2
LEAST = 0.01  # seconds; shorter times depend more on caches than on the parser
ENOUGH = 4.0  # seconds; a parser that takes longer gets no larger texts
ASKED = 1.2
ANY = Bounds(64 * 1024 * 1024, values=10**9)
USUAL = Bounds(32 * 1024 * 1024)
KEYS = Keys((bytes(32),))
ALICE = Person("alice", keys=KEYS)
REFUSALS = (JsonError, Refused, NotComfyError, ShapeError, HttpProcessingError, ValueError)
PROMPT = b'{"client_id": "w", "prompt_id": "0fcb1c85-6a7e-4f0b-9f3c-0e6f3d1f0a11", "prompt": {"1": {"class_type": "A", '
RULES = Rules(deny_nodes=("*a*b*c*", "x*"))

Work = Callable[[bytes], object]


@dataclass(frozen=True)
class Parser:
    """A parser of text from outside, and its text: one piece, repeated."""

    name: str
    work: Work
    piece: bytes
    before: bytes = b""
    after: bytes = b""

    def text(self, size: int) -> bytes:
        """Return a text of about this size."""
        return (
            self.before
            + self.piece * max(1, (size - len(self.before) - len(self.after)) // len(self.piece))
            + self.after
        )


def main() -> None:
    """Measure all parsers, print the table, and fail if one grows too fast."""
    print("| parser | text | largest | refused from | ms at the largest | exponent |\n|---|---|---|---|---|---|")
    chosen = [one for one in parsers() if not sys.argv[1:] or any(one.name.startswith(name) for name in sys.argv[1:])]
    slow = [row.name for row in map(measure, chosen) if row.exponent > ASKED]
    print(f"\n{len(slow)} of {len(chosen)} grow faster than size^{ASKED}{': ' + ', '.join(slow) if slow else '.'}")
    sys.exit(1 if slow else 0)


@dataclass(frozen=True)
class Row:
    """The measurements of one parser."""

    name: str
    exponent: float


def measure(parser: Parser) -> Row:
    """Measure one parser and print its row."""
    times: dict[int, float] = {}
    refused = 0
    for size in SIZES:
        text = parser.text(size)
        took, is_refused = min(once(parser.work, text) for _ in range(ROUNDS))
        times[size] = took
        refused = refused or (size if is_refused else 0)
        if took > ENOUGH:
            break
    exponent, largest = fit(times), max(times)
    shown = f"{parser.before[:12].decode('latin-1')}…{parser.piece[:16].decode('latin-1')}…".replace("|", "\\|")
    print(
        f"| {parser.name} | `{shown!a}` | {size_of(largest)} | {size_of(refused) if refused else ''} "
        f"| {times[largest] * 1000:.1f} | {f'{exponent:.2f}' if exponent else 'too fast'} |",
        flush=True,
    )
    return Row(parser.name, exponent)


def once(work: Work, text: bytes) -> tuple[float, bool]:
    """Return how long a text takes, and whether it is refused."""
    began = time.process_time()
    try:
        work(text)
    except REFUSALS:
        return time.process_time() - began, True
    return time.process_time() - began, False


def fit(times: dict[int, float]) -> float:
    """Return the exponent of growth: the slope of a line through the logarithms."""
    points = [(math.log(size), math.log(took)) for size, took in times.items() if took >= LEAST]
    if len(points) < 3:
        return 0.0
    middle = [sum(values) / len(points) for values in zip(*points, strict=True)]
    above = sum((x - middle[0]) * (y - middle[1]) for x, y in points)
    return above / sum((x - middle[0]) ** 2 for x, _ in points)


def size_of(size: int) -> str:
    """Return a size as text, such as `64 kB`."""
    return f"{size // 1024:,} kB" if size < 2**20 else f"{size // 2**20} MB"


def parsers() -> list[Parser]:
    """Return all parsers."""
    return [*of_json(), *of_prompts(), *of_servers(), *of_requests()]


def of_json() -> list[Parser]:
    """Return the JSON reader with the bounds of bodies, and its scan without bounds."""
    pieces = {
        "text": (b"x", b'"', b'"'),
        "escapes": (b"\\n", b'"', b'"'),
        "backslashes": (b"\\\\", b'"', b'"'),
        "wide text": ("\U0001f600".encode(), b'"', b'"'),
        "half a pair": (b"\\ud800", b'"', b'"'),
        "lists": (b"[],", b"[", b"0]"),
        "numbers": (b"1.5,", b"[", b"0]"),
        "keys": (b'"a":0,', b"{", b'"b":0}'),
        "depth": (b"[", b"", b""),
        "digits": (b"9", b"", b""),
        "fraction": (b"9", b"0.", b""),
        "constants": (b"NaN,", b"[", b"0]"),
        "spaces": (b" ", b"", b"0"),
        "quotes": (b'"', b"", b""),
        "nothing like JSON": (b"<a>", b"", b""),
    }
    scanned = [
        Parser(f"scan, {name}", lambda text: Scan(ANY).feed(text), piece, *around)
        for name, (piece, *around) in pieces.items()
        if name not in {"digits", "fraction", "depth"}
    ]
    return scanned + [
        Parser(f"JSON, {name}", lambda text: read_json(text, USUAL), piece, *around)
        for name, (piece, *around) in pieces.items()
    ]


def of_prompts() -> list[Parser]:
    """Return the parsers of prompts and of the file names in them."""
    classes = Classes(frozenset({"A"}), {})

    def write(raw: bytes) -> object:
        Scan(Bounds(8 * 1024 * 1024)).feed(raw)  # as the gateway does while a body arrives
        return write_prompt_text(raw, ALICE, "s", RULES, classes)

    pieces = {
        "spaces": b" ",
        "brackets": b" [output]",
        "open brackets": b" [",
        "folders": b"mooring-people/",
        "slashes": b"/",
        "combining marks": "\u0315\u0300".encode(),
        "wide letters": "\uff4d".encode(),
        "expanding letters": "\ufdfa".encode(),
    }
    inputs = (b'"inputs": {"image": "', b'x"}}}}')
    whole = [
        Parser(
            "POST /prompt, examined", lambda raw: examine_body(Body.PROMPT, raw), b"[],", PROMPT + b'"i": [', b"0]}}}"
        ),
        Parser("POST /prompt, nodes", write, b'{"a":["1",0]},', PROMPT + b'"inputs": {"a": [', b"0]}}}}"),
        Parser("POST /prompt, class", write, b"ab", PROMPT[:-5] + b'"', b'"}}}'),
    ]
    return [
        *whole,
        *(
            Parser(f"POST /prompt, {name}", write, piece, PROMPT + inputs[0], inputs[1])
            for name, piece in pieces.items()
        ),
        *(Parser(f"comparing, {name}", lambda raw: plain_text(raw.decode()), piece) for name, piece in pieces.items()),
        *(
            Parser(f"annotation, {name}", lambda raw: split_annotation(raw.decode()), piece, after=b"x")
            for name, piece in pieces.items()
        ),
        Parser("a path of one's own", lambda raw: ALICE.has_upload(raw.decode()), b"a/", b"mooring-people/alice/"),
    ]


def of_servers() -> list[Parser]:
    """Return the parsers of servers' answers and events."""
    rows = (b'{"queue_running": [], "queue_pending": [', b'[1, "p", {}, {}, []]]}')
    row = b'[1, "p", {"1": {"class_type": "A"}}, {}, []],'
    entry = b'"%s": {"prompt": [1, "p", {}, {}, []], "outputs": {}},'
    node = b'"N": {"input": {"required": {"a": [["x.png"], {"image_upload": true}]}}},'
    metadata = json.dumps({"prompt_id": "p"}).encode()

    def scanned(work: Work) -> Work:
        def bounded(text: bytes) -> object:
            Scan(Bounds(32 * 1024 * 1024, values=1_000_000)).feed(text)
            return work(text)

        return bounded

    return [
        Parser("/queue, counted", scanned(read_queue_answer), row, *rows),
        Parser("/queue, whose", scanned(read_rows_text), row, *rows),
        Parser("/queue, of one person", scanned(lambda text: project_text(text, "/queue", ALICE, "s")), row, *rows),
        Parser(
            "/history, of one person",
            scanned(lambda text: project_text(text, "/history", ALICE, "s")),
            entry,
            b"{",
            b'"z": 0}',
        ),
        Parser("/object_info", scanned(lambda text: read_contents(text, is_any)), node, b"{", b'"M": {}}'),
        Parser("a web page instead", lambda text: not_json("/", JsonError(), text), b"type ", b"<html"),
        Parser("who a server is", describe, b'"x",', b'{"system": {"argv": [', b'0]}, "devices": []}'),
        Parser("an id", read_id, b"x", b'{"mooring": "', b'"}'),
        Parser(
            "progress", lambda text: overtaking_key(Frame(text, is_text=True)), b"[", b'{"type": "progress", "data": '
        ),
        Parser(
            "preview",
            lambda text: overtaking_key(Frame(text, is_text=False)),
            b"x",
            struct.pack(">II", 4, len(metadata)) + metadata,
        ),
        Parser("an Etag", lambda text: tag_of(text.decode()), b'W/"'),
    ]


def of_requests() -> list[Parser]:
    """Return the parsers of request heads, without the HTTP server's bound of 32 kB a line, and of forms."""
    house = build_house(host="127.0.0.1", port=80, is_tls=False, names=())

    def guard(target: str, *headers: tuple[str, str]) -> object:
        return judge(RequestFacts("GET", target, (("Host", "127.0.0.1"), *headers)), house, {"a": "0" * 8})

    targets = {
        "query": (b"a=b&", b"/servers/a/view?"),
        "percent": (b"%41", b"/servers/a/history/"),
        "published": (b"a/", b"/workflows/"),
        "asset": (b"/a.b", b"/static"),
        "saved": (b"%2Fa", b"/servers/a/userdata/workflows"),
        "build": (b"/a.b", b"/b/" + b"0" * 32),
        "userdata": (b"dir=workflows&", b"/servers/a/userdata?"),
        "socket": (b"clientId=a&", b"/servers/a/ws?"),
    }
    return [
        *(
            Parser(f"target, {name}", lambda text: guard(text.decode()), piece, before)
            for name, (piece, before) in targets.items()
        ),
        Parser("target, split", lambda text: split_target(text.decode()), b"/"),
        Parser("route", lambda text: find_route(text.decode()), b"/a", b"/servers/a"),
        Parser("Host, names", lambda text: house.origin_for(text.decode()), b"a-"),
        Parser("Host, dots", lambda text: house.origin_for(text.decode()), b"a."),
        Parser("Connection", lambda text: guard("/fleet/ws", ("Connection", text.decode())), b"a, "),
        Parser("X-Forwarded-For", lambda text: told_by("127.0.0.1", [text.decode()], Rules()), b"1."),
        Parser("a seal", lambda text: Seal.read(text.decode()), b"a~1"),
        Parser("a client_id", lambda text: is_client_id(text.decode()), b"a"),
        Parser(
            "name of a download",
            lambda text: response_headers({}, is_view=True, query=text.decode()),
            b"filename=a%2F&",
        ),
        Parser("own mark", lambda text: strip_mark(text.decode()), b"mooring=1&"),
        Parser("form, preamble", read_form, b"x\r\n", after=b"--b--\r\n"),
        Parser("form, headers", read_form, b"X: y\r\n", b"--b\r\n", b"\r\n\r\n--b--\r\n"),
        Parser(
            "form, fields", read_form, b"--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n", after=b"--b--\r\n"
        ),
    ]


def read_form(text: bytes) -> int:
    """Count the parts of an upload, skipping them as the gateway does."""

    async def read() -> int:
        stream = StreamReader(BaseProtocol(asyncio.get_running_loop()), 2**16)
        stream.feed_data(text)
        stream.feed_eof()
        headers = CIMultiDictProxy(CIMultiDict({"Content-Type": "multipart/form-data; boundary=b"}))
        reader, count = MultipartReader(headers, stream), 0
        while await reader.next() is not None:
            count += 1
        return count

    return asyncio.run(read())


if __name__ == "__main__":
    main()
