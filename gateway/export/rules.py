"""What nginx answers by itself, as `map` blocks: requests that the guard would let pass for certain, and no others.

nginx sees one line of text per request: whether Host, Origin and `Sec-Fetch-Site` are our own, that there is no
upgrade, coding or expectation, the length, and the request line as it came, which is compared as it stands and never
as nginx has read it. Whatever does not fit goes to a gateway, whose guard has the last word; so a rule that is too
narrow costs a detour, and nothing else.
"""

from __future__ import annotations

import re

from gateway.export.plan import Plan, hosts_of
from gateway.http.routes import ENDPOINTS, Body
from gateway.people.accel import place_of
from gateway.site.site import TYPES, page_headers
from wire.media import INLINE_TYPES

_QUERY = r"[\x21\x22\x24-\x7e]*"  # printable, no fragment
_SEGMENT = "[A-Za-z0-9_-][A-Za-z0-9._~-]{0,199}"
_SERVER = r"/servers/(?<mooring_server>[a-z0-9-]+@[0-9a-f]{8})"
_MARK = r"(?:[?&]mooring=[A-Za-z0-9-]*)?"  # our own key, which the page writes last
_ODD_NAME = r"\+|%2[fF]|%5[cC]|%[01]|%7[fF]|[^A-Za-z0-9._~%-]"  # the gateway writes these anew
_ASKED = (
    '"$mooring_is_own:$mooring_is_near:$http_upgrade$http_transfer_encoding$http_expect$http_content_encoding'
    ':$content_length:$request:$content_type"'
)


def write_rules(plan: Plan) -> str:
    """All maps."""
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
    """A `map`, a row for each key."""
    return [f"map {head} {{", *(f"    {key} {value};" for key, value in rows), "}"]


def _quoted(text: str) -> str:
    assert '"' not in text and "$" not in text and "\\" not in text, text
    return f'"{text}"'


def _whose(plan: Plan) -> list[str]:
    """Whose page asks. A Host that is not here is foreign, or a gateway's own business."""
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


def _asked(plan: Plan) -> list[str]:
    """What is asked for, if nginx may answer it: page, file, get or upload."""
    plain = "^1:1::0?:"
    end = r" HTTP/[0-9.]+:$"
    rows = [("default", '""')]
    if not plan.has_people:
        rows.append((f'"~{plain}(GET|HEAD) /(\\?[\\x21-\\x7e]*)?{end}"', "page"))
        form = r"(?i:multipart/form-data) *;.*boundary=.*$"
        upload = f"^1:1::[0-9]+:POST {_SERVER}(?<mooring_path>/upload/(image|mask)) HTTP/[0-9.]+:{form}"
        rows.append((f'"~{upload}"', "upload"))
    rows.append((f'"~{plain}(GET|HEAD) /(b|snapshots)/[A-Za-z0-9._@+~/-]+{end}"', "file"))
    paths = "|".join(_shape(shape) for shape in readable(has_people=plan.has_people))
    get = f"{plain}GET {_SERVER}(?<mooring_path>{paths})(?<mooring_query>\\?{_QUERY}?)??{_MARK}{end}"
    rows.append((f'"~{get}"', "get"))
    return [
        *block(f"{_ASKED} $mooring_asks", rows),
        *block('"$mooring_path:$arg_filename" $mooring_is_named', [("default", "1"), (f'"~:.*({_ODD_NAME})"', '""')]),
    ]


def readable(*, has_people: bool) -> list[str]:
    """The listed GETs of which nothing has to be looked into: all where people are not told apart, else pictures."""
    if has_people:
        return ["/view"]
    return [shape for shape, bodies in ENDPOINTS if bodies.get("GET") is Body.NONE and "userdata" not in shape]


def _shape(shape: str) -> str:
    return re.escape(shape).replace(r"\{\}", _SEGMENT).replace(r"\-", "-")


def _listed(plan: Plan) -> list[str]:
    """Which servers nginx can reach: by id and address, so that a page that means another address asks a gateway."""
    names = [place_of(server) for server in plan.servers]
    return [
        *block("$mooring_server $mooring_listed", [("default", '""'), *((name, name) for name in names)]),
        *block(
            '"$mooring_asks:$mooring_is_named:$mooring_listed" $mooring_place',
            [("default", '""'), ('"~^(get|upload):1:(?<mooring_known>.+)$"', "$mooring_known")],
        ),
        # Large pictures that a browser takes slowly hold up no poll.
        *block("$mooring_path $mooring_lane", [("default", "read"), ("/view", "view"), ('"~^/upload/"', "upload")]),
        *block("$mooring_fits $mooring_if_match", [("default", "$mooring_fits"), ('""', "$http_if_match")]),
    ]


def _codings() -> list[str]:
    """Which packed form of a file is looked for; a part is a part of the file itself."""

    def takes(coding: str) -> str:
        return rf'"~*^\|(.*,)? *{coding} *(;(?! *q=0(\.0*)? *(,|$))|,|$)"'

    types = [(rf'"~\{ending}(\.(br|gz))?$"', _quoted(kind)) for ending, kind in sorted(TYPES.items())]
    return [
        *block('"$http_range|$http_accept_encoding" $mooring_br', [("default", ".none"), (takes("br"), ".br")]),
        *block('"$http_range|$http_accept_encoding" $mooring_gz', [("default", ".none"), (takes("gzip"), ".gz")]),
        *block("$uri $mooring_coding", [("default", '""'), (r'"~\.br$"', "br"), (r'"~\.gz$"', "gzip")]),
        *block("$uri $mooring_file_type", [("default", "application/octet-stream"), *types]),
    ]


def _answers() -> list[str]:
    """How a server's answer may be shown: as pixels, sound or data, or else as bytes to be saved."""
    shown = [(rf'"~*\|{re.escape(kind)} *(;|$)"'.replace(r"\-", "-"), kind) for kind in sorted(INLINE_TYPES)]
    data = [
        (rf'"~*^/(?!view\|)[^|]*\|{kind} *(;|$)"', f'"{kind}; charset=utf-8"')
        for kind in ("application/json", "text/plain")
    ]
    named = "$mooring_shown; filename*=UTF-8''$arg_filename"
    return [
        *block(
            '"$mooring_path|$upstream_http_content_type" $mooring_type',
            [("default", "application/octet-stream"), *shown, *data],
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
    """Whether something can have been acted on: not if no connection came about."""
    return [
        *block("$upstream_connect_time $mooring_sent", [("default", "unknown"), ('""', "no"), ('"~^[-,: ]*$"', "no")]),
        *block("$mooring_sent $mooring_lost", [("default", "upstream-lost"), ("no", "connect-failed")]),
        *block("$mooring_sent $mooring_late", [("default", "timeout"), ("no", "connect-failed")]),
    ]
