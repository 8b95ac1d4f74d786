"""Whether parsers of text from outside take more than linear time: CPU time against size, up to 32 MB.

    python3 -m benchmarks parsers [beginning of a name …]

Each parser and regular expression for such text gets its worst known texts in growing sizes. Texts that are accepted
and texts that a bound refuses are fitted separately, each kind over the five largest sizes, which is 2 MB to 32 MB if
all are accepted: beyond the caches of a core, and where a term that grows faster has the most weight. The limit is an
exponent of 1.2.

The CPU time of this process is measured, the least of a few rounds, so that other work on the machine has little
influence; `chrt -f 10` before the command keeps a core for it. Fast parsers are repeated until a round can be measured.
Two costs that do not depend on the parser are kept out, since they come with the size of a text and look like growth:

- The C library returns large blocks of memory to the system, and the kernel fills new ones with zeros: per byte, a
  copy of 32 MB then takes several times as long as a copy of 64 kB. So freed memory is kept.
- The garbage collector first visits all objects once there are some 70,000 lists and objects, and then whenever they
  have grown by a quarter: altogether some five visits of each. So it is off while a text is parsed.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import gc
import json
import math
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_network

from aiohttp import MultipartReader, StreamReader
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http import HttpProcessingError
from multidict import CIMultiDict, CIMultiDictProxy

from app.core.errors import BadInput
from app.core.plan import guessed
from app.core.redaction import without_credentials
from app.core.workflow import ApiWorkflow
from app.workflows.documents import looks_like_json, parse_document
from app.workflows.editor.copy import becomes
from app.workflows.editor.regexes import LONGEST_TEXT, Regex, StepBudget
from app.workflows.editor.texts import choose_first, has_choices, resolve_prompt
from app.workflows.plans.ranges import read_range
from gateway.fleet.catalogue_contents import NodeClasses, is_any, read_contents
from gateway.fleet.classes import Classes
from gateway.fleet.rules import Rules
from gateway.fleet.server_answers import NotComfyError, not_json, read_queue_answer
from gateway.http.backlog import QueuedFrame, overtaking_key
from gateway.http.bodies import examine_body, is_client_id
from gateway.http.connections import READ_BYTES
from gateway.http.guard import RequestFacts, judge
from gateway.http.headers import response_headers
from gateway.http.json_reader import Bounds, JsonError, Scan, read_json
from gateway.http.own_hosts import build_own_hosts
from gateway.http.peers import client_address
from gateway.http.queries import for_server, judge_query, read_query
from gateway.http.refusal import Refusal, RefusedRequest
from gateway.http.routes import RequiredBody, find_route, split_target
from gateway.http.server_proof import describe, read_id
from gateway.http.upstream import LARGEST_HEADER
from gateway.people.keys import Keys
from gateway.people.projection import ShapeError, own_history, project_text, read_rows_text
from gateway.people.prompts import plain_text, split_annotation, write_prompt_text
from gateway.people.seals import Seal, tag_of
from gateway.people.user import User

SIZES = tuple(2**power for power in range(12, 26))  # 4 kB to 32 MB
FITTED = 5  # sizes
ROUNDS = 9
LEAST = 0.005  # seconds of one size in a round
ENOUGH = 1.0  # seconds for the rounds of one size
TOO_LONG = 12.0  # seconds; a parser that takes longer gets no larger texts
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # of mallopt(3)
ASKED = 1.2
ANY = Bounds(64 * 1024 * 1024, values=10**9)
USUAL = Bounds(32 * 1024 * 1024)
KEYS = Keys((bytes(32),))
ALICE = User("alice", keys=KEYS)
REFUSALS = (JsonError, RefusedRequest, NotComfyError, ShapeError, HttpProcessingError, BadInput, ValueError)
PROMPT = b'{"client_id": "w", "prompt_id": "0fcb1c85-6a7e-4f0b-9f3c-0e6f3d1f0a11", "prompt": {"1": {"class_type": "A", '
SOCKET = (
    ("Origin", "http://127.0.0.1"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", f"{'A' * 22}=="),
)
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
    bound: str = ""  # what the gateway lets through to it, where the benchmark measures more

    def text(self, size: int) -> bytes:
        """Return a text of about this size."""
        return (
            self.before
            + self.piece * max(1, (size - len(self.before) - len(self.after)) // len(self.piece))
            + self.after
        )

    @property
    def shown(self) -> str:
        """The beginning of the text."""
        return f"{self.before[:12].decode('latin-1')}…{self.piece[:16].decode('latin-1')}…".replace("|", "\\|")


@dataclass(frozen=True)
class Row:
    """The measurements of one parser: seconds by size."""

    parser: Parser
    accepted: dict[int, float]
    refused: dict[int, float]

    @property
    def exponent(self) -> float:
        """The faster growth of the two."""
        return max(grows(self.accepted), grows(self.refused))

    def __str__(self) -> str:
        cells = [self.parser.name, f"`{self.parser.shown!a}`", self.parser.bound]
        for times, named in ((self.accepted, max), (self.refused, min)):
            most = ms_of(max(times.values(), default=0.0))
            cells += [size_of(named(times)), most, f"{grows(times):.2f}"] if times else [""] * 3
        return f"| {' | '.join(cells)} |"


def main() -> None:
    """Measure all parsers, print the table, and fail if one grows too fast."""
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("names", nargs="*", default=[""], metavar="NAME", help="the beginning of a parser's name")
    names = tuple(flags.parse_args().names)
    keep_freed_memory()
    gc.disable()
    print("| parser | text | bound | accepted up to | ms at most | exponent | refused from | ms at most | exponent |")
    print("|---|---|---|---|---|---|---|---|---|")
    chosen = [one for one in parsers() if one.name.startswith(names)]
    slow = []
    for parser in chosen:
        row = measure(parser)
        print(row, flush=True)
        slow += [parser.name] if row.exponent > ASKED else []
    print(f"\n{len(slow)} of {len(chosen)} grow faster than size^{ASKED}{': ' + ', '.join(slow) if slow else '.'}")
    sys.exit(1 if slow else 0)


def keep_freed_memory() -> None:
    """Have the C library take all memory from its heap, and return none to the system."""
    if (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)) is not None:
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def measure(
    parser: Parser,
    sizes: tuple[int, ...] = SIZES,
    clock: Callable[[], float] = time.process_time,
    rounds: int = ROUNDS,
) -> Row:
    """Measure one parser: a few rounds over all sizes, so that a slow second of the machine spoils no size."""
    row = Row(parser, {}, {})
    spent = dict.fromkeys(sizes, 0.0)
    for number in range(rounds):
        for size in sizes:
            before = min(row.accepted.get(size, TOO_LONG), row.refused.get(size, TOO_LONG))
            if spent[size] > ENOUGH:
                continue
            times = max(1, math.ceil(LEAST / max(before, 1e-6)))
            took, is_refused = once(parser.work, parser.text(size), times, clock)
            (row.refused if is_refused else row.accepted)[size] = min(took, before) if number else took
            spent[size] += took * times
            if took > TOO_LONG:
                sizes = tuple(one for one in sizes if one <= size)
                break
    return row


def once(work: Work, text: bytes, times: int, clock: Callable[[], float]) -> tuple[float, bool]:
    """Return how long a text takes, repeated so often, and whether it is refused."""
    is_refused = False
    gc.collect()
    began = clock()
    for _ in range(times):
        try:
            work(text)
        except REFUSALS:
            is_refused = True
    return (clock() - began) / times, is_refused


def grows(times: dict[int, float]) -> float:
    """Return the exponent of growth, up to each size from which on an earlier refusal takes far less time."""
    parts: list[dict[int, float]] = [{}]
    for size, took in sorted(times.items()):
        if parts[-1] and took < parts[-1][max(parts[-1])] / 2:
            parts.append({})
        parts[-1][size] = took
    return max(map(fit, parts))


def fit(times: dict[int, float]) -> float:
    """Return the exponent of growth at the largest sizes: the slope of a line through the logarithms."""
    points = [(math.log(size), math.log(max(took, 1e-9))) for size, took in sorted(times.items())[-FITTED:]]
    if len(points) < 2:
        return 0.0
    middle = [sum(values) / len(points) for values in zip(*points, strict=True)]
    above = sum((x - middle[0]) * (y - middle[1]) for x, y in points)
    return above / sum((x - middle[0]) ** 2 for x, _ in points)


def size_of(size: int) -> str:
    """Return a size as text, such as `64 kB`."""
    return f"{size // 1024:,} kB" if size < 2**20 else f"{size // 2**20} MB"


def ms_of(seconds: float) -> str:
    """Return a time in milliseconds, with three digits or more."""
    return f"{seconds * 1000:,.{max(0, 2 - math.floor(math.log10(max(seconds * 1000, 0.0001))))}f}"


def parsers() -> list[Parser]:
    """Return all parsers."""
    return [*of_json(), *of_prompts(), *of_servers(), *of_requests(), *of_pages()]


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
    classes = Classes(NodeClasses(frozenset({"A"})))

    def write(raw: bytes) -> object:
        Scan(Bounds(8 * 1024 * 1024)).feed(raw)  # as the gateway does while a body arrives
        return write_prompt_text(raw, ALICE, "s", RULES, classes)

    def examine(raw: bytes) -> None:
        if (fault := examine_body(raw, RequiredBody.PROMPT).fault) is not None:
            raise ValueError(fault)

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
        Parser("POST /prompt, examined", examine, b"[],", PROMPT + b'"i": [', b"0]}}}"),
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
        Parser("/queue, of one user", scanned(lambda text: project_text(text, "/queue", ALICE, "s")), row, *rows),
        Parser(
            "/history, of one user",
            scanned(lambda text: own_history(text, ALICE, "s")),
            entry,
            b"{",
            b'"z": 0}',
        ),
        Parser("/object_info", scanned(lambda text: read_contents(text, is_any)), node, b"{", b'"M": {}}'),
        Parser("a web page instead", lambda text: not_json("/", JsonError(), text), b"type ", b"<html"),
        Parser("who a server is", describe, b'"x",', b'{"system": {"argv": [', b'0]}, "devices": []}'),
        Parser("an id", read_id, b"x", b'{"mooring": "', b'"}'),
        Parser(
            "progress",
            lambda text: overtaking_key(QueuedFrame(text, is_text=True)),
            b"[",
            b'{"type": "progress", "data": ',
        ),
        Parser(
            "preview",
            lambda text: overtaking_key(QueuedFrame(text, is_text=False)),
            b"x",
            struct.pack(">II", 4, len(metadata)) + metadata,
        ),
        Parser("an Etag", lambda text: tag_of(text.decode()), b'W/"'),
    ]


def of_requests() -> list[Parser]:
    """Return the parsers of request heads, without the HTTP server's bound on a line, and of forms."""
    line = size_of(LARGEST_HEADER)
    proxied = Rules(proxies=(ip_network("127.0.0.1"),))
    own_hosts = build_own_hosts(host="127.0.0.1", port=80, is_tls=False, names=())

    def guard(target: str, *headers: tuple[str, str]) -> object:
        verdict = judge(RequestFacts("GET", target, (("Host", "127.0.0.1"), *headers)), own_hosts, {"a": "0" * 8})
        if isinstance(verdict, Refusal):
            raise RefusedRequest(verdict)
        return verdict

    targets = {
        "query": (b"%20", b"/servers/a/view?filename="),
        "percent": (b"%41", b"/servers/a/history/"),
        "published": (b"a/", b"/workflows/"),
        "asset": (b"/a.b", b"/static"),
        "saved": (b"%2Fa", b"/servers/a/userdata/workflows"),
        "build": (b"/a.b", b"/b/" + b"0" * 32),
        "userdata": (b"dir=workflows&", b"/servers/a/userdata?"),
        "socket": (b"a", b"/servers/a/ws?clientId="),
    }
    heads: list[tuple[str, Work, bytes, bytes]] = [
        *(
            (f"target, {name}", lambda text: guard(text.decode()), piece, before)
            for name, (piece, before) in targets.items()
        ),
        ("target, split", lambda text: split_target(text.decode()), b"/", b""),
        ("route", lambda text: find_route(text.decode()), b"/a", b"/servers/a"),
        ("Host, names", lambda text: own_hosts.origin_for(text.decode()), b"a-", b""),
        ("Host, dots", lambda text: own_hosts.origin_for(text.decode()), b"a.", b""),
        ("Connection", lambda text: guard("/fleet/ws", *SOCKET, ("Connection", text.decode())), b"a, ", b"upgrade, "),
        ("X-Forwarded-For", lambda text: client_address("127.0.0.1", [text.decode()], proxied.is_proxy), b"1.", b""),
        ("a seal", lambda text: Seal.read(text.decode()), b"a~1", b""),
        ("a client_id", lambda text: is_client_id(text.decode()), b"a", b""),
        (
            "name of a download",
            lambda text: response_headers({}, is_view=True, filename=text.decode()),
            b"a/",
            b"",
        ),
        ("query, value", lambda text: for_server(judge_query("/view", text.decode())), b"%2F", b"filename="),
        ("query, parts", lambda text: read_query(text.decode()), b"a=1&", b""),
    ]
    return [
        *(Parser(name, work, piece, before, bound=line) for name, work, piece, before in heads),
        Parser("form, preamble", read_form, b"x\r\n", after=b"--b--\r\n"),
        Parser("form, headers", read_form, b"X: y\r\n", b"--b\r\n", b"\r\n\r\n--b--\r\n"),
        Parser(
            "form, fields", read_form, b"--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n", after=b"--b--\r\n"
        ),
    ]


def of_pages() -> list[Parser]:
    """Return the expressions of the page for workflows from files, and for texts that users paste."""
    scheduler = b'"%d": {"class_type": "BasicScheduler", "inputs": {"steps": 4, "model": ["0", 0]}}, '

    def plan(text: bytes) -> object:
        count = len(text) // len(scheduler)
        return guessed(ApiWorkflow(f"{{{''.join((scheduler % at).decode() for at in range(count))[:-2]}}}", {}))

    def class_of(text: bytes) -> object:
        return guessed(ApiWorkflow(json.dumps({"1": {"class_type": text.decode()}}), {}))

    def on(work: Callable[[str], object]) -> Work:
        return lambda text: work(text.decode())

    slow = Regex.parse("(a|aa)+$b|(a*)*c")

    def search(title: bytes) -> None:
        if len(title) > LONGEST_TEXT:
            raise ValueError("refused by its length, before the benchmark would decode it")
        StepBudget(2_000_000).of(slow, title.decode())

    bounded = {
        "20 MB": [
            ("report, addresses", on(without_credentials), b"http://", b""),
            ("report, users", on(without_credentials), b"//a", b""),
            ("report, passwords", on(without_credentials), b"passw", b""),
            ("report, tokens", on(without_credentials), b"token ", b""),
            ("class, VAE", class_of, b"VAE", b""),
            ("class, Load", class_of, b"Load", b""),
            ("file name, patterns", on(lambda text: becomes("%a%x%b%y%c%z", text)), b"xy", b""),
            ("choices, comments", on(has_choices), b"/*", b""),
            ("choices, one", on(lambda text: resolve_prompt(text, choose_first)), b"{a|b}", b""),
            ("choices, open", on(lambda text: resolve_prompt(text, choose_first)), b"{", b""),
            ("a document, wrapped", on(looks_like_json), b"\\ ", b""),
        ],
        "20 MB, refused by length": [("a title", search, b"a", b"")],
        "5,000 nodes": [("plan, schedulers", plan, scheduler, b"")],
        "8 MB": [
            ("a range, spaces", on(read_range), b" ", b"1..2"),
            ("a range, dots", on(read_range), b".", b"1"),
            ("a range, digits", on(read_range), b"1", b"1.."),
        ],
    }
    return [
        Parser("a document, pairs", on(parse_document), b"\\ud83d\\ude00", b'{"a": "', b'"}', bound="20 MB"),
        *(
            Parser(name, work, piece, before, after=b"x", bound=bound)
            for bound, rows in bounded.items()
            for name, work, piece, before in rows
        ),
    ]


class Uploading(BaseProtocol):
    """A connection on which a text arrives as fast as it is read."""

    def __init__(self, text: bytes) -> None:
        super().__init__(asyncio.get_running_loop())
        self.transport = asyncio.Transport()  # a stream without one counts as closed
        self.stream = StreamReader(self, READ_BYTES)
        self._text = text
        self._can_read = asyncio.Event()
        self._can_read.set()

    def pause_reading(self) -> None:
        """Wait until the stream has been read."""
        self._reading_paused = True
        self._can_read.clear()

    def resume_reading(self, resume_parser: bool = True) -> None:
        """Continue."""
        del resume_parser
        self._reading_paused = False
        self._can_read.set()

    async def send(self) -> None:
        """Feed the whole text to the stream."""
        for start in range(0, len(self._text), READ_BYTES):
            await self._can_read.wait()
            self.stream.feed_data(self._text[start : start + READ_BYTES])
        self.stream.feed_eof()


def read_form(text: bytes) -> int:
    """Count the parts of an upload, skipping them as the gateway does."""

    async def read() -> int:
        connection = Uploading(text)
        sending = asyncio.create_task(connection.send())
        headers = CIMultiDictProxy(CIMultiDict({"Content-Type": "multipart/form-data; boundary=b"}))
        reader, count = MultipartReader(headers, connection.stream), 0
        try:
            while await reader.next() is not None:
                count += 1
        finally:
            sending.cancel()
        return count

    return asyncio.run(read())


if __name__ == "__main__":
    main()
