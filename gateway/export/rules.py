"""The requests that nginx answers without a gateway, as `map` blocks: only those that the guard would surely admit.

nginx sees one line of text per request: whether Host, Origin and `Sec-Fetch-Site` are our own, that there is no
upgrade, encoding or expectation, the length, and the request line, which is compared as received and never as nginx
has parsed it. Everything that does not match goes to a gateway, whose guard decides; so a rule that is too narrow
costs a detour, and nothing else.
"""

from __future__ import annotations

import re

from gateway.export.plan import ExportPlan, hosts_of
from gateway.http.queries import OWN_MARK, SEAL, VIEW_KEYS
from gateway.http.routes import ENDPOINTS, RequiredBody
from gateway.people.accel import place_of
from gateway.site.site import TYPES, page_headers
from wire.downloads import TASKS
from wire.media import INLINE_TYPES
from wire.model_files import LISTS, METADATA

_SEGMENT = "[A-Za-z0-9_-][A-Za-z0-9._~-]{0,199}"
_SERVER = r"/servers/(?<mooring_server>[a-z0-9-]+@[0-9a-f]{8})"
_CHECKED = ("/userdata", "/models/", METADATA, LISTS, TASKS)  # only gateways can check these requests
_NEXT = "%[89AB][0-9A-F]"  # a further byte of a character
_BEYOND_ASCII = (  # a character in UTF-8, as the gateway decodes it
    rf"%C[2-9A-F]{_NEXT}|%D[0-9A-F]{_NEXT}|%E0%[AB][0-9A-F]{_NEXT}|%E[1-9A-CEF]{_NEXT}{_NEXT}|%ED%[89][0-9A-F]{_NEXT}"
    rf"|%F0%[9AB][0-9A-F]{_NEXT}{_NEXT}|%F[123]{_NEXT}{_NEXT}{_NEXT}|%F4%8[0-9A-F]{_NEXT}{_NEXT}"
)
_VALUE = rf"(?i:[A-Z0-9._~+/-]|%[2-7][0-9A-F]|{_BEYOND_ASCII})*+"
# The gateway rewrites names with slashes and controls for the browser, and refuses some with a colon.
_NAME = rf"(?i:[A-Z0-9._~-]|%2[0-9A-E]|%3[0-9B-F]|%[46][0-9A-F]|%5[0-9ABD-F]|%7[0-9A-E]|{_BEYOND_ASCII})++"
_ASKED = (
    '"$mooring_is_own:$mooring_is_near:$http_upgrade$http_transfer_encoding$http_expect$http_content_encoding'
    ':$content_length:$request:$content_type"'
)


def write_rules(plan: ExportPlan) -> str:
    """Return all maps."""
    return "\n".join(
        [
            *_whose(plan),
            *_asked(plan),
            *_listed(plan),
            *_codings(),
            *_answers(),
            *_failures(),
        ]
    )


def block(head: str, rows: list[tuple[str, str]]) -> list[str]:
    """Return a `map` with a row for each key."""
    return [f"map {head} {{", *(f"    {key} {value};" for key, value in rows), "}"]


def _quoted(text: str) -> str:
    assert '"' not in text and "$" not in text and "\\" not in text, text
    return f'"{text}"'


def _whose(plan: ExportPlan) -> list[str]:
    """Map the Host to the page's origin. A Host that is missing is foreign, or one that only a gateway answers."""
    hosts = list(hosts_of(plan))
    headers = {host: page_headers(plan.origins[host]) for host in hosts}
    policies = [(_quoted(host), _quoted(headers[host]["Content-Security-Policy"])) for host in hosts]
    openers = [(_quoted(host), _quoted(headers[host].get("Cross-Origin-Opener-Policy", ""))) for host in hosts]
    return [
        *block("$http_host $mooring_origin", [("default", '""'), *((_quoted(h), plan.origins[h]) for h in hosts)]),
        *block("$http_host $mooring_policy", [("default", "\"default-src 'none'\""), *policies]),
        *block("$http_host $mooring_opener", [("default", "same-origin"), *openers]),
        *block(
            '"$mooring_origin|$http_origin" $mooring_is_own',
            [("default", "0"), (r'"~^[^|]+\|$"', "1"), (r'"~^([^|]+)\|\1$"', "1")],
        ),
        *block(
            "$http_sec_fetch_site $mooring_is_near",
            [("default", "0"), ('""', "1"), ("same-origin", "1"), ("none", "1")],
        ),
        *block("$http_upgrade $mooring_connection", [("default", "$http_connection"), ('""', '""')]),
        *block("$request_method $mooring_login_of", [("default", '""'), ("POST", "$binary_remote_addr")]),
        *block("$request $mooring_form", [("default", '""'), ('"~^[A-Z]+ /"', "1")]),
        *block(
            '"$request_method:$http_transfer_encoding:$http_expect" $mooring_is_odd',
            [("default", "1"), ('"~^POST:[^:]*:(?i:100-continue)?$"', '""'), ('"~^[A-Z]*::$"', '""')],
        ),
    ]


def _asked(plan: ExportPlan) -> list[str]:
    """Map the request to what nginx may answer: file, get or upload."""
    plain = "^1:1::0?:"
    end = r" HTTP/[0-9.]+:$"
    rows = [("default", '""')]
    if not plan.has_people:
        form = r"(?i:multipart/form-data) *;.*boundary=.*$"
        upload = f"^1:1::[0-9]+:POST {_SERVER}(?<mooring_path>/upload/image) HTTP/[0-9.]+:{form}"
        rows.append((f'"~{upload}"', "upload"))
    rows.append((f'"~{plain}(GET|HEAD) /(b|snapshots)/[A-Za-z0-9._@+~/-]+{end}"', "file"))
    rows.append((f'"~{plain}GET {_SERVER}(?<mooring_path>/view){_view_query()}{end}"', "get"))
    paths = "|".join(_shape(shape) for shape in readable(has_people=plan.has_people))
    if paths:
        rows.append((f'"~{plain}GET {_SERVER}(?<mooring_path>{paths}){end}"', "get"))
    return block(f"{_ASKED} $mooring_asks", rows)


def _view_query() -> str:
    """Match the address of a picture as the page writes it, each key once: any other query is a gateway's to read.

    The server gets the part that names the file.
    """
    name, *others = VIEW_KEYS
    file = f"{name}={_NAME}" + "".join(f"(?:&{key}={_VALUE})?" for key in others)
    return rf"(?<mooring_query>\?{file})(?:&{SEAL}={_VALUE})?(?:&{OWN_MARK}={_VALUE})?"


def readable(*, has_people: bool) -> list[str]:
    """Return the listed GETs without a query that need no check: without users most, otherwise none."""
    unchecked = () if has_people else ENDPOINTS
    return [
        shape
        for shape, bodies in unchecked
        if bodies.get("GET") is RequiredBody.NONE and shape != "/view" and not shape.startswith(_CHECKED)
    ]


def _shape(shape: str) -> str:
    return re.escape(shape).replace(r"\{\}", _SEGMENT).replace(r"\-", "-")


def _listed(plan: ExportPlan) -> list[str]:
    """Map the servers that nginx can reach, by id and address: a page that means another address gets a gateway."""
    names = [place_of(server) for server in plan.servers]
    return [
        *block("$mooring_server $mooring_listed", [("default", '""'), *((name, name) for name in names)]),
        *block(
            '"$mooring_asks:$mooring_listed" $mooring_place',
            [("default", '""'), ('"~^(get|upload):(?<mooring_known>.+)$"', "$mooring_known")],
        ),
        # Separate connections, so that large pictures on a slow link do not delay polls.
        *block("$mooring_path $mooring_lane", [("default", "read"), ("/view", "view"), ('"~^/upload/"', "upload")]),
        *block("$mooring_fits $mooring_if_match", [("default", "$mooring_fits"), ('""', "$http_if_match")]),
    ]


def _codings() -> list[str]:
    """Choose the encoding of a file. A range is a range of the uncompressed file."""

    def takes(coding: str) -> str:
        return rf'"~*^\|(.*,)? *{coding} *(;(?! *q=0(\.0*)? *(,|$))|,|$)"'

    types = [(rf'"~\{ending}(\.(zst|gz))?$"', _quoted(kind)) for ending, kind in sorted(TYPES.items())]
    return [
        *block('"$http_range|$http_accept_encoding" $mooring_zst', [("default", ".none"), (takes("zstd"), ".zst")]),
        *block('"$http_range|$http_accept_encoding" $mooring_gz', [("default", ".none"), (takes("gzip"), ".gz")]),
        *block("$uri $mooring_coding", [("default", '""'), (r'"~\.zst$"', "zstd"), (r'"~\.gz$"', "gzip")]),
        *block("$uri $mooring_file_type", [("default", "application/octet-stream"), *types]),
    ]


def _answers() -> list[str]:
    """Map a server's content type to how it may be shown: as picture, sound or data, otherwise as a download."""
    shown = [(rf'"~*\|{re.escape(kind)} *(;|$)"'.replace(r"\-", "-"), kind) for kind in sorted(INLINE_TYPES)]
    data = [
        (rf'"~*^/(?!view\|)[^|]*\|{kind} *(;|$)"', f'"{kind}; charset=utf-8"')
        for kind in ("application/json", "text/plain")
    ]
    named = "$mooring_shown; filename*=UTF-8''$arg_filename"
    return [
        *block(
            '"$mooring_path|$upstream_http_content_type" $mooring_type',
            [("default", "application/octet-stream"), *data, *shown],  # in order: polls are answered with JSON
        ),
        *block(
            "$mooring_type $mooring_shown",
            [("default", "attachment"), ('"~^(image|video|audio)/"', "inline"), ('"~; charset=utf-8$"', '""')],
        ),
        *block(
            '"$mooring_shown:$arg_filename" $mooring_disposition',
            [("default", f'"{named}"'), (r'"~^[a-z]+:$"', "$mooring_shown"), ('"~^:"', '""')],
        ),
        *block("$mooring_path $mooring_keep", [("default", "no-store"), ("/view", '"private, no-cache"')]),
    ]


def _failures() -> list[str]:
    """Map failures to whether the server may have acted: not if the connection failed."""
    return [
        *block("$upstream_connect_time $mooring_sent", [("default", "unknown"), ('""', "no"), ('"~^[-,: ]*$"', "no")]),
        *block("$mooring_sent $mooring_lost", [("default", "upstream-lost"), ("no", "connect-failed")]),
        *block("$mooring_sent $mooring_late", [("default", "timeout"), ("no", "connect-failed")]),
    ]
