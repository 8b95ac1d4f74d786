"""Small real stand-ins for what is around the page: a screen in memory, a session that only notes, plain formats."""

from __future__ import annotations

import gettext
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from app.core.balancer import ANY, Wish
from app.core.errors import MooringError, ServerMoved, StorageError
from app.core.line import Line
from app.core.model import (
    BatchId,
    Choice,
    ClientId,
    Fleet,
    Health,
    NodeId,
    Output,
    PromptId,
    Server,
    ServerId,
    Task,
    TaskState,
    WindowId,
)
from app.core.ports import Blob, Identity, KeepSettings, Usage
from app.core.progress import Progress
from app.core.window import Restoring, Window
from app.core.workflow import ApiWorkflow
from app.session import Noticed, Orphan, OrphanLine, OrphanRecord, Picked, Preview, Run
from app.ui.gallery import Original
from app.ui.i18n import Translator, make_translator
from app.ui.workflows import SHIPPED_IDS, OpenWorkflow, open_workflow
from app.workflows.catalogue import Catalogue
from app.workflows.published import parse_published
from app.workflows.runs import PlannedRun

ROOT = Path(__file__).resolve().parents[3]
CATALOGUE = (ROOT / "static/locales/zh_CN.po").read_text(encoding="utf-8")
ME = WindowId("11111111-1111-4111-8111-111111111111")
CLIENT = ClientId("22222222-2222-4222-8222-222222222222")


class PlainFormats:
    """Numbers and times as C would write them."""

    def number(self, value: float, digits: int = 0) -> str:
        return f"{value:.{digits}f}".rstrip("0").rstrip(".") if digits else f"{value:.0f}"

    def percent(self, fraction: float) -> str:
        return f"{fraction * 100:.0f} %"

    def clock(self, at: float) -> str:
        return f"{int(at) // 3600 % 24:02}:{int(at) // 60 % 60:02}"

    def moment(self, at: float) -> str:
        return f"{self.clock(at)}:{int(at) % 60:02}"

    def size(self, count: int) -> str:
        return f"{count} B"


def translator(language: str = "en") -> Translator:
    """The words of a language, with plain formats."""
    return make_translator(language, CATALOGUE, PlainFormats())


ENGLISH = Translator("en", gettext.NullTranslations(), PlainFormats())


@cache
def workflows() -> tuple[OpenWorkflow, ...]:
    """The four workflows that are shipped; the same objects each time, as on a page."""
    return tuple(
        open_workflow(parse_published(item, (ROOT / f"static/workflows/{item}.json").read_text(encoding="utf-8")))
        for item in SHIPPED_IDS
    )


@dataclass
class Bytes:
    """A Blob in memory."""

    data: bytes = b"picture"
    media_type: str = "image/png"

    @property
    def size(self) -> int:
        return len(self.data)

    async def read(self) -> bytes:
        return self.data


def server(server_id: str, **more: Any) -> Server:
    facts: dict[str, Any] = {
        "name": server_id,
        "address": f"http://{server_id}:8188",
        "base": f"/servers/{server_id}",
        "health": Health.WELL,
        "version": "0.3.64",
    }
    return Server(server_id=ServerId(server_id), **{**facts, **more})


def fleet(*servers: Server, source: str = "file") -> Fleet:
    return Fleet(servers or (server("gpu-1"), server("gpu-2")), source, "fleet.toml")


def task(name: str = "a", server_name: str = "gpu-1", **more: Any) -> Task:
    """A running task, or as `more` says."""
    facts: dict[str, Any] = {
        "prompt_id": PromptId(f"{name:0<8}-0000-4000-8000-000000000000"),
        "server_id": ServerId(server_name),
        "address": f"http://{server_name}:8188",
        "client_id": CLIENT,
        "owner": ME,
        "epoch": 1,
        "created_at": 1000.0,
        "title": "Enlarge and sharpen",
        "workflow": workflows()[0].workflow.text,
        "choice": Choice(server_id=ServerId(server_name), reason="least_loaded", loads={server_name: 0, "gpu-9": 2}),
        "state": TaskState.RUNNING,
        "answered_at": 1001.0,
    }
    return Task(**{**facts, **more})


def ended(name: str = "a", *outputs: Output, **more: Any) -> Task:
    facts = {"state": TaskState.SUCCEEDED, "ended_at": 2000.0, "outputs": outputs, "is_proven": True}
    return task(name, **{**facts, **more})


def output(filename: str = "out_00001_.png", **more: Any) -> Output:
    return Output(node_id=NodeId("4"), kind="images", filename=filename, **more)


def window(*tasks: Task, **more: Any) -> Window:
    return Window(ME, CLIENT, tasks={item.prompt_id: item for item in tasks}, **more)


@dataclass
class StillResults:
    """What is kept, as plain values; what is asked for is noted in `calls`."""

    kept: dict[tuple[PromptId, int], Blob] = field(default_factory=dict)
    small: dict[tuple[PromptId, int], Blob] = field(default_factory=dict)
    served: dict[tuple[PromptId, int], Blob | MooringError] = field(default_factory=dict)  # by the servers
    usage: Usage | None = None
    deletions: int = 0
    calls: list[tuple[Any, ...]] = field(default_factory=list)

    async def read(self, prompt_id: PromptId, index: int = 0) -> Blob | None:
        return self.kept.get((prompt_id, index))

    async def read_thumbnail(self, prompt_id: PromptId, index: int = 0) -> Blob | None:
        return self.small.get((prompt_id, index))

    async def fetch(self, prompt_id: PromptId, index: int = 0) -> Blob | None:
        self.calls.append(("fetch", prompt_id, index))
        found = self.served.get((prompt_id, index))
        if isinstance(found, MooringError):
            raise found
        return found

    def refresh_soon(self) -> None:
        self.calls.append(("refresh_soon",))

    async def configure(self, settings: KeepSettings) -> None:
        self.calls.append(("configure", settings))

    async def delete_all(self) -> None:
        self.calls.append(("delete_all",))

    async def ask_promise(self) -> None:
        self.calls.append(("ask_promise",))


@dataclass
class StillLine:
    """What the page reads of a waiting line, as plain values; what it asks for is noted in `calls`."""

    line: Line | None = None
    error: StorageError | None = None
    sending: frozenset[PromptId] = frozenset()
    refusal: MooringError | None = None
    stalled_by: MooringError | None = None
    orphans: tuple[OrphanLine, ...] = ()
    calls: list[tuple[Any, ...]] = field(default_factory=list)

    async def add(
        self,
        workflow: ApiWorkflow,
        runs: Iterable[PlannedRun],
        *,
        title: str = "",
        inputs: Mapping[tuple[str, str], Picked] | None = None,
        wish: Wish = ANY,
    ) -> BatchId:
        self.calls.append(("add", workflow, list(runs), title, dict(inputs or {}), wish))
        return BatchId("batch")

    async def pause(self) -> None:
        self.calls.append(("pause",))

    async def resume(self) -> None:
        self.calls.append(("resume",))

    async def send_all(self, is_wanted: bool = True) -> None:
        self.calls.append(("send_all", is_wanted))

    async def step(self, prompt_id: PromptId, by: int) -> None:
        self.calls.append(("step", prompt_id, by))

    async def remove(self, prompt_id: PromptId) -> None:
        self.calls.append(("remove", prompt_id))

    async def clear(self) -> None:
        self.calls.append(("clear",))

    async def adopt(self, owner: WindowId) -> None:
        self.calls.append(("adopt", owner))


@dataclass
class StillSession:
    """What the page reads of a session, as plain values; what it asks for is noted in `calls`."""

    window: Restoring | Window | None = field(default_factory=window)
    identity: Identity | None = field(default_factory=lambda: Identity(ME, is_new=False))
    fleet: Fleet = field(default_factory=fleet)
    fleet_error: MooringError | None = None
    store_error: StorageError | None = None
    progress: Mapping[PromptId, Progress] = field(default_factory=dict)
    previews: Mapping[PromptId, Preview] = field(default_factory=dict)
    runs: tuple[Run, ...] = ()
    results: StillResults = field(default_factory=StillResults)
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    refusal: MooringError | None = None
    catalogues: Mapping[ServerId, Catalogue] = field(default_factory=dict)
    listeners: list[Callable[[], None]] = field(default_factory=list)
    has_loose_ends: bool = False
    stalled: frozenset[PromptId] = frozenset()
    still: Mapping[PromptId, float] = field(default_factory=dict)
    noticed: Mapping[ServerId, Noticed] = field(default_factory=dict)
    orphans: tuple[Orphan, ...] = ()
    orphan_records: tuple[OrphanRecord, ...] = ()
    line: StillLine = field(default_factory=StillLine)

    def still_for(self, prompt_id: PromptId) -> float:
        return self.still.get(prompt_id, 0.0)

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    def get_task_bound_image_url(self, prompt_id: PromptId, index: int = 0) -> str:
        assert isinstance(self.window, Window)
        found = self.window.tasks[prompt_id]
        known = self.fleet.get(found.server_id)
        if known is None or known.address != found.address:
            raise ServerMoved("view", found.server_id, found.address)
        return f"{known.base}/view?filename={found.outputs[index].filename}"

    async def run(
        self,
        workflow: ApiWorkflow,
        *,
        title: str = "",
        inputs: Mapping[tuple[str, str], Picked] | None = None,
        server_id: ServerId | None = None,
    ) -> PromptId:
        self._note("run", workflow, title, dict(inputs or {}), server_id)
        return PromptId("new")

    def dismiss_run(self, prompt_id: PromptId) -> None:
        self._note("dismiss_run", prompt_id)

    async def run_again(self, prompt_id: PromptId, *, elsewhere: bool = False) -> PromptId:
        self._note("run_again", prompt_id, elsewhere)
        return PromptId("again")

    async def confirm_move(self, prompt_id: PromptId) -> None:
        self._note("confirm_move", prompt_id)

    async def find_orphans(self) -> tuple[Orphan, ...]:
        self._note("find_orphans")
        return self.orphans

    async def adopt(self, prompt_id: PromptId) -> Task:
        self._note("adopt", prompt_id)
        return next(item.task for item in self.orphans if item.task.prompt_id == prompt_id)

    async def cancel(self, prompt_id: PromptId) -> None:
        self._note("cancel", prompt_id)

    async def give_up(self, prompt_id: PromptId) -> None:
        self._note("give_up", prompt_id)

    async def look_again(self, prompt_id: PromptId) -> None:
        self._note("look_again", prompt_id)

    async def delete_task(self, prompt_id: PromptId) -> None:
        self._note("delete_task", prompt_id)

    async def catalogue(self, server_id: ServerId, workflow: ApiWorkflow) -> Catalogue | None:
        self.calls.append(("catalogue", server_id))
        return self.catalogues.get(server_id)

    async def break_server(self, server_id: ServerId, fault: str) -> None:
        self._note("break_server", server_id, fault)

    def _note(self, *call: Any) -> None:
        self.calls.append(call)
        if self.refusal is not None:
            raise self.refusal


@dataclass
class MemoryScreen:
    """A screen in memory: addresses are counted, `draw` draws frames, a picture starts with "picture"."""

    changes: list[Mapping[str, object]] = field(default_factory=list)
    due: list[Callable[[], None]] = field(default_factory=list)
    urls: dict[str, Blob] = field(default_factory=dict)
    made: int = 0
    memory: dict[str, str] = field(default_factory=dict)
    shared: dict[str, str] = field(default_factory=dict)
    language: str = ""
    hidden: bool = False
    online: bool = True
    guards: list[bool] = field(default_factory=list)

    def update(self, change: Mapping[str, object]) -> None:
        self.changes.append(change)

    def schedule(self, callback: Callable[[], None]) -> None:
        self.due.append(callback)

    def draw(self) -> None:
        due, self.due = self.due, []
        for callback in due:
            callback()

    def object_url(self, blob: Blob, media_type: str = "") -> str:
        self.made += 1
        url = f"blob:{self.made}"
        self.urls[url] = blob
        return url

    def revoke_url(self, url: str) -> None:
        del self.urls[url]

    async def measure(self, blob: Blob) -> tuple[int, int]:
        return (640, 480) if (await blob.read()).startswith(b"picture") else (0, 0)

    def recall(self, key: str) -> str:
        return self.memory.get(key, "")

    def remember(self, key: str, value: str) -> None:
        self.memory[key] = value

    def kept(self, key: str) -> str:
        return self.shared.get(key, "")

    def keep(self, key: str, value: str) -> None:
        self.shared[key] = value

    def keep_language(self, language: str) -> None:
        self.language = language

    def formats(self, language: str) -> PlainFormats:
        return PlainFormats()

    def is_hidden(self) -> bool:
        return self.hidden

    def is_online(self) -> bool:
        return self.online

    def guard_leaving(self, is_on: bool) -> None:
        self.guards.append(is_on)

    def reload(self) -> None:
        self.changes.append({"reloaded": True})


@dataclass
class StillPictures:
    """Addresses of pictures, as given."""

    previews: Mapping[PromptId, str] = field(default_factory=dict)
    originals: Mapping[tuple[PromptId, int], Original] = field(default_factory=dict)
    small: Mapping[tuple[PromptId, int], str] = field(default_factory=dict)
    glimpses: Mapping[PromptId, str] = field(default_factory=dict)

    def glimpse_url(self, prompt_id: PromptId) -> str:
        return self.glimpses.get(prompt_id, "")

    def preview_url(self, prompt_id: PromptId) -> str:
        return self.previews.get(prompt_id, "")

    def small_url(self, prompt_id: PromptId, index: int) -> str:
        return self.small.get((prompt_id, index), "")

    def original(self, prompt_id: PromptId, index: int) -> Original:
        return self.originals.get((prompt_id, index), Original())
