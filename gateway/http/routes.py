"""The list of routes that the gateway answers, found from the raw request target.

Pure: text in, a route out. Targets are compared as received; nothing is normalized first, so
that no spelling of a path can mean one thing here and another on a server. Only `{…}` segments may contain
percent escapes; they are decoded once, checked, and rewritten. See `ENDPOINTS` for the list.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from urllib.parse import quote, unquote, unquote_to_bytes

from wire.downloads import DOWNLOAD, TASKS
from wire.model_files import LISTS, METADATA, NO_MODELS, PREVIEWS, is_plain_path

_TARGET = re.compile(r"/[\x21-\x7e]*")  # origin form, printable ASCII
# The possessive `+` in these two stores no state for each folder; other expressions take some hundred bytes for each.
_ASSET = re.compile(r"static(?:/[A-Za-z0-9_@+~-][A-Za-z0-9._@+~-]*+)++", re.ASCII)
_SERVER = re.compile(r"/servers/([A-Za-z0-9._-]{1,64})(?:@([0-9a-f]{8}))?(/.*)", re.ASCII)
_SEGMENT = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})+", re.ASCII)
_BUILT = re.compile(r"/b/([0-9a-f]{32})((?:/[A-Za-z0-9_@+~-][A-Za-z0-9._@+~-]*+)++)", re.ASCII)
_SNAPSHOT = re.compile(r"/snapshots/([0-9a-f]{32})(\.raw)?", re.ASCII)
_CATALOGUE = re.compile(r"/catalogues/([0-9a-f]{64})", re.ASCII)
_FLEET_CATALOGUE = re.compile(r"/fleet/catalogue/([A-Za-z0-9._-]{1,64})", re.ASCII)
_FLEET_ACTION = re.compile(r"/fleet/servers/([A-Za-z0-9._-]{1,64})/(drain|free|cancel|queue|rename|remove)", re.ASCII)
_PUBLISHED = "/workflows/"
_LONGEST_SEGMENT = 200  # characters, decoded; node classes and folders are shorter
_LONGEST_RAW_SEGMENT = 12 * _LONGEST_SEGMENT  # `%F0%9F%98%80` is one character
_INDEX = re.compile(r"[0-9]{1,3}", re.ASCII)


class RequiredBody(Enum):
    """The required body of a listed request."""

    NONE = "none"
    PROMPT = "prompt"
    QUEUE_DELETE = "queue-delete"
    HISTORY_DELETE = "history-delete"
    INTERRUPT = "interrupt"
    JOB_CANCEL = "job-cancel"
    DOWNLOAD = "download"  # of a model, by the server
    UPLOAD = "upload"
    SMALL = "small"  # JSON to the gateway itself


@dataclass(frozen=True, slots=True)
class PageRoute:
    """The page itself, `/`."""


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of the site, by its path below the repository's root."""

    path: str


@dataclass(frozen=True, slots=True)
class BuildFile:
    """`/b/{key}/{path}`, a file of one build of the page, which never changes."""

    key: str
    path: str


@dataclass(frozen=True, slots=True)
class AppArchive:
    """`/app.zip`, the Python packages of the page."""


@dataclass(frozen=True, slots=True)
class SnapshotFile:
    """`/snapshots/{key}`, the memory that the page's Python may start from; with `.raw` it is not packed."""

    key: str
    is_plain: bool


@dataclass(frozen=True, slots=True)
class HomeScreen:
    """`/worker.js` and `/manifest.webmanifest`: what makes the page an app on a home screen."""

    path: str


@dataclass(frozen=True, slots=True)
class ShareTarget:
    """`/share`, to which a browser sends shared files. The page's service worker takes them; the gateway never does."""


@dataclass(frozen=True, slots=True)
class FleetStateRoute:
    """`GET /fleet`."""


@dataclass(frozen=True, slots=True)
class FleetSocket:
    """`/fleet/ws`, which pushes the fleet's state."""


@dataclass(frozen=True, slots=True)
class FleetLoads:
    """`GET /fleet/loads`."""


@dataclass(frozen=True, slots=True)
class FleetServerStats:
    """`GET /fleet/stats`: every server's devices and its last hour."""


@dataclass(frozen=True, slots=True)
class FleetCatalogue:
    """`GET /fleet/catalogue/{id}`: that server's catalogue, read now, as hashes."""

    server_id: str


@dataclass(frozen=True, slots=True)
class CatalogueContent:
    """`GET /catalogues/{hash}`: the content itself."""

    hash: str


@dataclass(frozen=True, slots=True)
class Workflows:
    """`GET /workflows`, the list of published workflows."""


@dataclass(frozen=True, slots=True)
class WorkflowFile:
    """One published workflow, by its path in the list."""

    path: str


@dataclass(frozen=True, slots=True)
class DemoBreak:
    """`POST /demo/break`, which injects a fault into a demo server, if that is allowed."""


@dataclass(frozen=True, slots=True)
class LogIn:
    """`/login`: the login page, and the target of its form."""


@dataclass(frozen=True, slots=True)
class LogOut:
    """`POST /logout`."""


@dataclass(frozen=True, slots=True)
class HealthRoute:
    """`/healthz`: this gateway answers. `/readyz`: it also has a healthy server."""

    asks_ready: bool


@dataclass(frozen=True, slots=True)
class MetricsRoute:
    """`/metrics`, for Prometheus."""


@dataclass(frozen=True, slots=True)
class FleetAction:
    """`/fleet/servers/{id}/{action}`: administrators only. drain | free | cancel | queue | rename | remove."""

    server_id: str
    action: str


@dataclass(frozen=True, slots=True)
class FleetChange:
    """`POST /fleet/check` and `/fleet/servers`: administrators only. check an address, or add its server."""

    action: str


@dataclass(frozen=True, slots=True)
class ServerCall:
    """A request to a server: which server, which path on it, and the body that each method may have."""

    server_id: str
    path: str  # on the server, canonical, without its prefix
    bodies: Mapping[str, RequiredBody]  # by method
    tag: str = ""  # of the address that the page means; empty: the present address

    @property
    def is_download(self) -> bool:
        """Whether it starts a download of a model by the server, or is about one."""
        return self.path == DOWNLOAD or self.path.startswith(f"{TASKS}/")

    @property
    def is_view(self) -> bool:
        """Whether the answer is a file that was made or uploaded."""
        return self.path == "/view"

    @property
    def is_model_preview(self) -> bool:
        """Whether the answer is the picture beside a model."""
        return self.path.startswith(f"{PREVIEWS}/")

    @property
    def is_model_metadata(self) -> bool:
        return self.path.startswith(f"{METADATA}/")

    @property
    def is_model_extra(self) -> bool:
        """Whether the answer is something that a model may lack: its picture or its metadata."""
        return self.is_model_preview or self.is_model_metadata


@dataclass(frozen=True, slots=True)
class ServerSocket:
    """A WebSocket to a server; `tag` as in `ServerCall`."""

    server_id: str
    tag: str = ""


FleetRoute = (
    FleetStateRoute
    | FleetSocket
    | FleetLoads
    | FleetServerStats
    | FleetCatalogue
    | CatalogueContent
    | FleetAction
    | FleetChange
)
SiteRoute = PageRoute | Asset | BuildFile | AppArchive | SnapshotFile | HomeScreen
OwnRoute = LogIn | LogOut | HealthRoute | MetricsRoute | ShareTarget
Route = SiteRoute | FleetRoute | OwnRoute | Workflows | WorkflowFile | DemoBreak | ServerCall | ServerSocket

_GET = {"GET": RequiredBody.NONE}

# The doubled /api/x routes and /free, /settings and /extensions are missing: the page does not need them. So is
# /upload/mask, for which a server decodes two pictures while all its users wait. Of /internal
# there is only the list that a node of ComfyUI itself names as its choices. The jobs API and downloads exist only below
# /api. Of /userdata the saved workflows can be read. /experiment/models itself shows where the folders are.
ENDPOINTS: tuple[tuple[str, Mapping[str, RequiredBody]], ...] = (
    ("/prompt", {**_GET, "POST": RequiredBody.PROMPT}),
    ("/queue", {**_GET, "POST": RequiredBody.QUEUE_DELETE}),
    ("/history", {**_GET, "POST": RequiredBody.HISTORY_DELETE}),
    ("/history/{}", _GET),
    ("/system_stats", _GET),
    ("/features", _GET),
    ("/object_info", _GET),
    ("/object_info/{}", _GET),
    ("/embeddings", _GET),
    ("/models", _GET),
    ("/models/{folder}", _GET),
    (f"{METADATA}/{{folder}}", _GET),
    (f"{LISTS}/{{folder}}", _GET),
    (f"{PREVIEWS}/{{folder}}/{{index}}/{{model}}", _GET),
    ("/view", {**_GET, "HEAD": RequiredBody.NONE}),
    ("/node_replacements", _GET),
    ("/internal/files/output", _GET),
    ("/interrupt", {"POST": RequiredBody.INTERRUPT}),
    ("/userdata", _GET),
    ("/userdata/{workflow}", _GET),
    ("/upload/image", {"POST": RequiredBody.UPLOAD}),
    ("/api/jobs", _GET),
    ("/api/jobs/{}", _GET),
    ("/api/jobs/{}/cancel", {"POST": RequiredBody.JOB_CANCEL}),
    (DOWNLOAD, {"POST": RequiredBody.DOWNLOAD}),
    (f"{TASKS}/{{}}", {**_GET, "DELETE": RequiredBody.NONE}),
)
_Shape = tuple[tuple[str, ...], Mapping[str, RequiredBody]]


def _by_beginning() -> Mapping[tuple[str, int], tuple[_Shape, ...]]:
    """Group the shapes by first segment, which is never a `{…}`, and by length, so that few are compared."""
    found: dict[tuple[str, int], tuple[_Shape, ...]] = {}
    for shape, bodies in ENDPOINTS:
        segments = tuple(shape.split("/")[1:])
        key = (segments[0], len(segments))
        found[key] = (*found.get(key, ()), (segments, bodies))
    return MappingProxyType(found)


_BY_BEGINNING = _by_beginning()

_FIXED: Mapping[str, Route] = MappingProxyType(
    {
        "/": PageRoute(),
        "/index.html": PageRoute(),
        "/pyscript.toml": Asset("pyscript.toml"),
        "/app/main.py": Asset("app/main.py"),
        "/app.zip": AppArchive(),
        "/worker.js": HomeScreen("worker.js"),
        "/manifest.webmanifest": HomeScreen("manifest.webmanifest"),
        "/share": ShareTarget(),
        "/fleet": FleetStateRoute(),
        "/fleet/ws": FleetSocket(),
        "/fleet/loads": FleetLoads(),
        "/fleet/stats": FleetServerStats(),
        "/fleet/check": FleetChange("check"),
        "/fleet/servers": FleetChange("add"),
        "/workflows": Workflows(),
        "/demo/break": DemoBreak(),
        "/login": LogIn(),
        "/logout": LogOut(),
        "/healthz": HealthRoute(asks_ready=False),
        "/readyz": HealthRoute(asks_ready=True),
        "/metrics": MetricsRoute(),
    }
)


def split_target(target: str) -> tuple[str, str] | None:
    """Return the path and the raw query of a request target in origin form; None for any other form."""
    if not _TARGET.fullmatch(target) or "#" in target:
        return None
    path, _, query = target.partition("?")
    return path, query


def find_route(path: str) -> Route | None:
    """Return the listed route of this raw path, or None."""
    if path in _FIXED:
        return _FIXED[path]
    if (server := _SERVER.fullmatch(path)) is not None:
        server_id, tag, rest = server[1], server[2] or "", server[3]
        return ServerSocket(server_id, tag) if rest == "/ws" else _find_call(server_id, tag, rest)
    if _ASSET.fullmatch(path[1:]):
        return Asset(path[1:])
    if found := _BUILT.fullmatch(path):
        return BuildFile(found[1], found[2][1:])
    if path.startswith(_PUBLISHED):
        return _find_workflow(path.removeprefix(_PUBLISHED))
    if found := _SNAPSHOT.fullmatch(path):
        return SnapshotFile(found[1], is_plain=found[2] is not None)
    if found := _CATALOGUE.fullmatch(path):
        return CatalogueContent(found[1])
    if found := _FLEET_ACTION.fullmatch(path):
        return FleetAction(found[1], found[2])
    found = _FLEET_CATALOGUE.fullmatch(path)
    return FleetCatalogue(found[1]) if found else None


def _find_workflow(rest: str) -> WorkflowFile | None:
    parts = [_decode_segment(part) for part in rest.split("/")]
    return WorkflowFile("/".join(part for part in parts if part)) if None not in parts else None


def _find_call(server_id: str, tag: str, rest: str) -> ServerCall | None:
    segments = rest.split("/")[1:]
    for shape, bodies in _BY_BEGINNING.get((segments[0], len(segments)), ()):
        written = [_match_segment(want, got) for want, got in zip(shape, segments, strict=True)]
        if None not in written:
            return ServerCall(server_id, "/" + "/".join(part for part in written if part), bodies, tag)
    return None


def _match_segment(want: str, got: str) -> str | None:
    match want:
        case "{}":
            return _rewrite_segment(got)
        case "{folder}":
            return None if unquote(got).lower() in NO_MODELS else _rewrite_segment(got)
        case "{workflow}":
            return _rewrite_workflow(got)
        case "{index}":
            return got if _INDEX.fullmatch(got) else None
        case "{model}":
            return _rewrite_model(got)
        case _:
            return got if got == want else None


def _rewrite_workflow(raw: str) -> str | None:
    """Rewrite a segment that ComfyUI reads as a path in its folder of workflows: `workflows%2Fportraits%2Fa.json`."""
    parts = [_rewrite_segment(part) for part in re.split("%2F", raw, flags=re.IGNORECASE)]
    is_workflow = len(parts) > 1 and None not in parts and parts[0] == "workflows" and raw.lower().endswith(".json")
    return "%2F".join(part for part in parts if part) if is_workflow else None


def _rewrite_model(raw: str) -> str | None:
    """Rewrite a segment that ComfyUI reads as a path in a folder of models: `xl%2Fa.safetensors`."""
    text = _unquote_segment(raw)
    return quote(text, safe="") if text is not None and is_plain_path(text) else None


def _rewrite_segment(raw: str) -> str | None:
    """Rewrite a `{…}` segment, decoded once; return None if another decoder could read it as a path."""
    text = _decode_segment(raw)
    return None if text is None else quote(text, safe="")


def _decode_segment(raw: str) -> str | None:
    text = _unquote_segment(raw)
    if text is None or len(text) > _LONGEST_SEGMENT or text in {".", ".."} or not text.isprintable():
        return None
    return None if any(character in text for character in "/\\%;?#") else text


def _unquote_segment(raw: str) -> str | None:
    if len(raw) > _LONGEST_RAW_SEGMENT or not _SEGMENT.fullmatch(raw):
        return None
    try:
        return unquote_to_bytes(raw).decode("utf-8")
    except UnicodeDecodeError:
        return None
