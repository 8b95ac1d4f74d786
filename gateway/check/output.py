"""The output of `serve.py check`: a table, then a paragraph for each problem and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gateway.check.examination import Report
from gateway.fleet.state import SearchReport
from gateway.http.servers import Server
from wire.health import Condition, Health
from wire.server_words import in_english, word_condition
from wire.versions import takes_preview_method

HEADS = (
    "SERVER", "ADDRESS", "STATE", "WAY IN", "COMFYUI", "ANSWERS IN", "SOCKET", "JOBS API", "UPLOADS", "CLOCK",
    "PREVIEWS", "PARTNER NODES",
)  # fmt: skip
SLOW = 1.0  # seconds for a small answer; windows request as much every few seconds
WRONG_CLOCK = 30.0  # seconds; the ends of tasks are dated by the server's clock
_NONE = "-"
_STATES = {
    Health.UNKNOWN: "not asked",
    Health.WELL: "ready",
    Health.DOWN: "not there",
    Health.TIMEOUT: "no answer",
    Health.REFUSES: "refuses",
    Health.NOT_COMFYUI: "not ComfyUI",
}


def table(reports: Sequence[Report]) -> list[str]:
    """Return the lines of the table."""
    rows = [HEADS, *(_row(report) for report in reports)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADS))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def paragraphs(reports: Sequence[Report], warnings: Sequence[str]) -> list[str]:
    """Return everything that is printed below the table."""
    said = [f"{report.server.id}: {words}" for report in reports for words in advice(report)]
    return [*said, *(f"Warning: {warning}" for warning in warnings)]


def words_of_searches(searches: Sequence[SearchReport]) -> Iterator[str]:
    """Describe the DNS look-ups: how many servers were found, and each problem."""
    for search in searches:
        yield f"{search.origin}: {search.found} found."
        yield from search.troubles


def _row(report: Report) -> tuple[str, ...]:
    condition, server = report.condition, report.server
    is_well = condition.health is Health.WELL
    state = _STATES[condition.health] + (", drained" if server.is_drained else "")
    return (
        server.id,
        server.address,
        state,
        _way_in(server),
        (condition.version or "unknown") if is_well else _NONE,
        _NONE if report.seconds is None else f"{report.seconds * 1000:.0f} ms",
        _NONE if report.socket is None else "no" if report.socket else "works",
        _NONE if report.has_jobs is None else "yes" if report.has_jobs else "no",
        _NONE if report.upload is None else f"{min(report.upload, server.limits.upload or report.upload) // 10**6} MB",
        _NONE if report.clock is None else f"{report.clock:+.0f} s",
        _previews(condition) if is_well else _NONE,
        _NONE if report.keeps_keys is None else "no" if report.keeps_keys else "possible",
    )


def _previews(condition: Condition) -> str:
    """Return whose choice a server's previews are, as long as the user leaves them automatic."""
    if condition.preview_method:
        return f"its own (--preview-method {condition.preview_method})"
    return "as each run asks" if takes_preview_method(condition.version) else "its own default"


def _way_in(server: Server) -> str:
    access = server.access
    way = "http" if server.address.startswith("http:") else "https"
    if access.is_unverified:
        way += ", unchecked"
    elif access.tls is not None:
        way += ", own TLS"
    return way + (", log-in" if access.authorization else "")


def advice(report: Report) -> Iterator[str]:
    """Yield each problem of a server with its cause and what to do, a paragraph each."""
    if report.condition.health is not Health.WELL:
        yield _of_health(report)
        return
    if report.socket:
        yield (
            f"{report.socket.rstrip('.')}. Windows would see no progress. If a proxy stands before it, have it pass"
            " WebSocket upgrades on /ws, unbuffered."
        )
    if report.server.is_direct and not report.admits:
        yield (
            "pages that ask it themselves (direct) are refused by browsers. Start it with --enable-cors-header and the"
            " page's origin, such as https://pages.studio.lan."
        )
    if report.clock is not None and abs(report.clock) > WRONG_CLOCK:
        yield (
            f"its clock is {abs(report.clock):.0f} s {'ahead of' if report.clock > 0 else 'behind'} this machine's. Set"
            " both by a time server: Mooring compares the times of pictures."
        )
    if report.seconds is not None and report.seconds > SLOW:
        yield f"a small answer took {report.seconds:.1f} s. Check the network between, or what else runs there."
    if report.keeps_keys:
        yield (
            f"{report.keeps_keys.rstrip('.')}. Partner nodes are refused there: update its ComfyUI, or remove"
            " partner = true."
        )
    if not report.condition.version:
        yield "it does not report its version: it is older than Mooring knows. Update it if something does not work."
    limit = report.server.limits.upload
    if limit is not None and report.upload is not None and limit > report.upload:
        yield (
            f"max_upload is {limit} bytes, and the server takes {report.upload}. Start it with --max-upload-size"
            f" {-(-limit // 2**20)}, or lower max_upload."
        )


def _of_health(report: Report) -> str:
    condition = report.condition
    title, advice = word_condition(condition.health, condition.cause, in_english)
    seen = report.distrust or condition.detail + (f", to {report.location}" if report.location else "")
    return f"{title} ({seen}). {advice}"
