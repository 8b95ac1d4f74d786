"""The files of an exported nginx: the templates beside this module, filled from a plan. Pure but for reading those.

for name, text in write_nginx(plan).items(): …
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from pathlib import Path

from gateway.export.plan import ExportPlan, dial_of, host_of
from gateway.export.rules import write_rules
from gateway.http.bodies import LARGEST_JSON
from gateway.http.headers import OWN_HEADERS
from gateway.http.refusal import HEADER
from gateway.http.servers import Server
from gateway.people.accel import PLACE, place_of
from gateway.site.site import FOR_EVER, page_headers
from wire.refusals import Cause

TEMPLATES = ("nginx.conf", "gateway.inc", "server.inc", "page.inc")
_FOLDER = Path(__file__).resolve().parent
_MIB = 1024 * 1024
UPLOAD = 1024 * _MIB  # bytes, if the fleet file sets no limit: a server itself refuses what is too large
_MORE = 4  # times `max_requests` of one kind: a gateway lets further requests wait, nginx can only refuse them
_KEPT = 64  # connections that each worker keeps open to a server: a further one is opened for each request
_HIDDEN = (
    *("Content-Type", "Content-Disposition", "Content-Security-Policy", "Content-Security-Policy-Report-Only"),
    *("Content-Location", "Cache-Control", "Expires", "Pragma", "Set-Cookie", "Location", "Refresh", "Link"),
    *("Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Access-Control-Allow-Headers"),
    *("Access-Control-Allow-Methods", "Access-Control-Expose-Headers", "Access-Control-Max-Age"),
    *("Access-Control-Allow-Private-Network", "Timing-Allow-Origin", "Cross-Origin-Resource-Policy"),
    *("Cross-Origin-Opener-Policy", "Cross-Origin-Embedder-Policy", "Referrer-Policy", "X-Content-Type-Options"),
    *("Strict-Transport-Security", "Clear-Site-Data", "Service-Worker-Allowed", "SourceMap", "X-SourceMap"),
    *("WWW-Authenticate", "Proxy-Authenticate", "Alt-Svc", "NEL", "Report-To", "Reporting-Endpoints", "Vary"),
    *("Speculation-Rules", "Use-As-Dictionary", "No-Vary-Search", "Accept-CH", "Critical-CH", "Permissions-Policy"),
    *("Document-Policy", "Activate-Storage-Access", "Set-Login"),
    *("X-Powered-By", "X-Frame-Options", "X-Mooring-Gateway", "X-Mooring-Fits", "Upgrade", "Origin-Agent-Cluster"),
)

_SAID: Mapping[str, tuple[Cause, str, str]] = {  # by the name of the location: cause, whether it was sent, the sentence
    "malformed": (Cause.BAD_REQUEST, "no", "This is not valid HTTP."),
    "unlisted": (Cause.NOT_LISTED, "no", "There is no such route."),
    "method": (Cause.BAD_METHOD, "no", "This method is not for this route."),
    "large": (Cause.TOO_LARGE, "$mooring_sent", "The body is larger than the limit."),
    "many": (Cause.TOO_MANY_REQUESTS, "no", "Too many requests come from this address."),
    "busy": (Cause.UPSTREAM_BUSY, "no", "The server has too many unanswered requests already."),
    "redirected": (Cause.REDIRECT, "unknown", "The server answered with a redirect."),
    "changed": (Cause.PICTURE_CHANGED, "no", "Another file has this name by now."),
}
_OWN_ERRORS = (
    "error_page 400 414 431 494 501 =400 /@malformed;",
    "error_page 404 /@unlisted;",
    "error_page 405 /@method;",
    "error_page 413 /@large;",
    "error_page 429 503 =429 /@many;",
    "error_page 502 /@lost;",
    "error_page 504 /@late;",
)
_SERVER_ERRORS = (
    "error_page 300 301 302 303 305 306 307 308 =502 /@redirected;",
    "error_page 413 /@large;",
    "error_page 503 /@busy;",
    "error_page 502 /@lost;",
    "error_page 504 /@late;",
)
_TO_SERVER = """\
if ($mooring_place) {
    rewrite ^ /@server/$mooring_place last;
}"""


def write_nginx(plan: ExportPlan) -> dict[str, str]:
    """Return the text of each file, by its name."""
    fill = {
        "json_bytes": str(LARGEST_JSON),
        "upload_bytes": str(max((_upload(server) for server in plan.servers), default=UPLOAD)),
        "rules": textwrap.indent(write_rules(plan), " " * 4),
        "gateways": "\n".join(f"        server {address} max_fails=2 fail_timeout=3s;" for address in plan.gateways),
        "upstreams": textwrap.indent("\n".join(_upstream(server) for server in plan.servers), " " * 4),
        "listen": plan.listen + (" ssl" if plan.tls else ""),
        "tls": _tls(plan),
        "own_errors": textwrap.indent("\n".join((_FORM, *_OWN_ERRORS)), " " * 8),
        "to_server": "" if plan.has_people else textwrap.indent(_TO_SERVER, " " * 12),
        "places": textwrap.indent("\n".join(_place(plan, server) for server in plan.servers), " " * 8),
        "refusals": textwrap.indent("\n".join(_refusals()), " " * 8),
        "for_ever": FOR_EVER,
        "hand_over": "$mooring_place" if plan.has_people else '""',
        "errors": "\n".join(_OWN_ERRORS),
        "hidden": "\n".join(f"proxy_hide_header {name};" for name in _HIDDEN),
        "headers": "\n".join(_page_headers()),
    }
    more = {"server.inc": {"errors": "\n".join(_SERVER_ERRORS + _CHANGED * plan.has_people)}}
    return {name: _filled(name, {**fill, **more.get(name, {})}) for name in TEMPLATES}


_FORM = """\
set $mooring_fits "";
if ($uri ~ ^/@) {
    break;  # a place below, to which nginx itself has led
}
if ($mooring_is_odd) {
    return 400;  # chunks without a body's method, or an expectation that is none
}
if ($mooring_form = "") {
    return 404;  # another host's address in full, where a path belongs
}"""
_CHANGED = ("error_page 412 =410 /@changed;",)


def _filled(name: str, fill: Mapping[str, str]) -> str:
    text = (_FOLDER / name).read_text("utf-8")
    for key, value in fill.items():
        text = text.replace("{{" + key + "}}", value)
    assert "{{" not in text, name
    return text


def _tls(plan: ExportPlan) -> str:
    if plan.tls is None:
        return ""
    lines = [
        f"ssl_certificate {quoted(str(plan.tls.certificate))};",
        f"ssl_certificate_key {quoted(str(plan.tls.key))};",
        "ssl_protocols TLSv1.2 TLSv1.3;",
        "ssl_session_cache shared:mooring_tls:10m;",
    ]
    return textwrap.indent("\n".join(lines), " " * 8)


def _upstream(server: Server) -> str:
    lines = [
        f"upstream mooring-{server.id} {{",
        f"    server {dial_of(server)};",
        f"    keepalive {_KEPT};",
        "    keepalive_timeout 15s;",
        "    keepalive_requests 100000;",
        "}",
    ]
    if server.access.authorization:  # only `geo` takes a value literally, whatever characters it has
        lines += [
            f"geo $mooring_login_at_{_variable_part(server)} {{",
            f"    default {quoted(server.access.authorization)};",
            "}",
        ]
    return "\n".join(lines)


def _place(plan: ExportPlan, server: Server) -> str:
    """How one server is reached: by the path and query that nginx has compared, or the query that a gateway wrote."""
    scheme, _, rest = server.address.partition("://")
    prefix = rest[len(host_of(server)) :]
    lines = ["include server.inc;"]
    if plan.has_people:
        lines.append("set $mooring_fits $upstream_http_x_mooring_fits;  # sent by the gateway that admitted this")
    lines += [
        f"client_max_body_size {_upload(server)};",
        f"limit_conn mooring_servers {server.limits.requests * _MORE};",
        f"proxy_set_header Host {host_of(server)};",
        f"proxy_set_header Origin {scheme}://{host_of(server)};",
    ]
    if server.access.authorization:
        lines.append(f"proxy_set_header Authorization $mooring_login_at_{_variable_part(server)};")
    if scheme == "https":
        lines += _trust(plan, server)
    query = "?$args" if plan.has_people else "$mooring_query"
    lines.append(f"proxy_pass {scheme}://mooring-{server.id}{prefix}$mooring_path{query};")
    body = textwrap.indent("\n".join(lines), " " * 4)
    return f"location = {PLACE}{place_of(server)} {{\n{body}\n}}"


def _trust(plan: ExportPlan, server: Server) -> list[str]:
    access, name = server.access, host_of(server).rpartition(":")[0] or host_of(server)
    lines = [f"proxy_ssl_name {name.strip('[]')};"]
    if access.is_unverified:
        lines.append("proxy_ssl_verify off;")
    else:
        authorities = access.files.ca or plan.authorities
        lines += ["proxy_ssl_verify on;", f"proxy_ssl_trusted_certificate {quoted(str(authorities))};"]
    if access.files.certificate is not None:
        lines.append(f"proxy_ssl_certificate {quoted(str(access.files.certificate))};")
        lines.append(f"proxy_ssl_certificate_key {quoted(str(access.files.key))};")
    return lines


def _refusals() -> list[str]:
    """Return a location for each refusal of nginx itself."""
    lines = [
        line
        for name, (cause, sent, sentence) in _SAID.items()
        for line in _refusal(name, cause.status, (cause.code, sent), sentence)
    ]
    lines += _refusal("lost", 502, ("$mooring_lost", "$mooring_sent"), "There was no connection, or it was lost.")
    return lines + _refusal("late", 504, ("$mooring_late", "$mooring_sent"), "There was no answer in time.")


def _refusal(name: str, status: int, said: tuple[str, str], sentence: str) -> list[str]:
    cause, sent = said
    body = json.dumps({"error": {"cause": cause, "message": sentence}})
    headers = [
        (HEADER, f'"{cause}; sent={sent}"'),
        *OWN_HEADERS.items(),
    ]
    return [  # with an address, since nginx finds no named location for a request that it could not parse
        f"location = /@{name} {{",
        "    internal;",
        "    default_type application/json;",
        *(f"    add_header {key} {value} always;" for key, value in headers),
        f"    return {status} '{body}';",
        "}",
    ]


def _page_headers() -> list[str]:
    varying = {"Content-Security-Policy": "$mooring_policy", "Cross-Origin-Opener-Policy": "$mooring_opener"}
    headers = page_headers("https://mooring.example").items()
    return [f"add_header {name} {varying.get(name, value)};" for name, value in headers if name != "Cache-Control"]


def _upload(server: Server) -> int:
    return server.limits.upload or UPLOAD


def _variable_part(server: Server) -> str:
    """Return a server's id as a part of a variable's name."""
    return server.id.replace("-", "_") + f"_{server.tag}"


def quoted(text: str) -> str:
    """Quote a text so that nginx reads it as one argument."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
