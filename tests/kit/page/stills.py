"""Small real stand-ins for the page's surroundings: a screen in memory, a session that records calls, plain formats."""

from __future__ import annotations

import asyncio
import gettext
import hashlib
import json
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from app.core.balancer import ANY, Leaning, Wish
from app.core.errors import MooringError, NotYourTurn, ServerMoved, StorageError, TaskNotFound
from app.core.eta import Outlook
from app.core.file_runs import FilePlan, FileRuns
from app.core.model import (
    BatchId,
    ClientId,
    Fleet,
    NodeId,
    Output,
    PromptId,
    Server,
    ServerChoice,
    ServerId,
    Task,
    TaskState,
    Template,
    WindowId,
)
from app.core.model_facts import ModelFacts
from app.core.past import PastTask, ended_at, past_of
from app.core.ports.blobs import Blob, KeepSettings, Usage
from app.core.ports.files import FileSet
from app.core.ports.windows import Identity
from app.core.previews import Previews
from app.core.progress import Progress
from app.core.saved import PublishedFile
from app.core.waiting_runs import Batch, Values, WaitingRuns
from app.core.window import Restoring, Window
from app.core.workflow import ApiWorkflow
from app.session import Fresh, ModelFile, Noticed, Orphan, OrphanLine, OrphanRecord, Picked, Preview, Run
from app.ui.form.context import OpenWorkflows
from app.ui.form.open_workflow import OpenWorkflow, open_shipped, open_workflow
from app.ui.form.state import FormState
from app.ui.kit.context import PageContext
from app.ui.kit.deletion_actions import Deletions
from app.ui.kit.i18n import PSEUDO, WHOLE, Translator, make_translator, read_languages
from app.ui.kit.image_addresses import Original, ShownPreview
from app.ui.kit.state import UiState
from app.ui.settings.notifications import Notification
from app.workflows.catalogue import Catalogue
from app.workflows.graph import Key
from app.workflows.needs import Runnability, standing
from app.workflows.plans.runs import PlannedRun
from app.workflows.published import parse_published
from gateway.page.languages import INDEX, locale_files
from gateway.page.languages import read_languages as compile_languages
from tests import recordings
from tests.ports.tasks import new_task
from wire.health import Health

ROOT = Path(__file__).resolve().parents[3]
COMPILED = compile_languages(ROOT)
LANGUAGES = read_languages(locale_files(COMPILED, ())[INDEX].decode())
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
    """Return the translator of a language, with plain formats."""
    code = WHOLE if language == PSEUDO else language
    catalogue = next((item.catalogue for item in COMPILED if item.code == code), b"")
    return make_translator(language, catalogue, PlainFormats(), LANGUAGES)


ENGLISH = Translator("en", gettext.NullTranslations(), PlainFormats())


@cache
def workflows() -> tuple[OpenWorkflow, ...]:
    """Return the four shipped workflows; the same objects each time, as on a page."""
    return tuple(
        open_shipped(item, (ROOT / f"static/workflows/{item}.json").read_text(encoding="utf-8"))
        for item in ("enlarge", "blend", "text", "slow")
    )


def checkpoint_sample(*names: str) -> OpenWorkflow:
    """Open the sample on a plain ComfyUI that lists these checkpoints."""
    text = (ROOT / "static/workflows/checkpoint.json").read_text(encoding="utf-8")
    nodes = json.loads(recordings.catalogue_text())
    nodes["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"][0] = list(names)
    return open_workflow(parse_published("checkpoint", text), Catalogue.parse(nodes))


@dataclass
class Bytes:
    """A Blob in memory."""

    data: bytes = b"picture"
    media_type: str = "image/png"

    @property
    def size(self) -> int:
        return len(self.data)

    async def read(self, most: int | None = None) -> bytes:
        return self.data[:most]


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
    """Return a running task, changed by `more`."""
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
        "choice": ServerChoice(
            server_id=ServerId(server_name), reason="least_loaded", loads={server_name: 0, "gpu-9": 2}
        ),
        "state": TaskState.RUNNING,
        "answered_at": 1001.0,
    }
    return new_task(**{**facts, **more})


def ended(name: str = "a", *outputs: Output, **more: Any) -> Task:
    facts = {"state": TaskState.SUCCEEDED, "ended_at": 2000.0, "outputs": outputs, "is_proven": True}
    return task(name, **{**facts, **more})


def output(filename: str = "out_00001_.png", **more: Any) -> Output:
    return Output(node_id=NodeId("4"), kind="images", filename=filename, **more)


def window(*tasks: Task, **more: Any) -> Window:
    return Window(ME, CLIENT, tasks={item.prompt_id: item for item in tasks}, **more)


@dataclass
class Seconds:
    """A clock that advances only in `sleep`; after `go`, every sleep ends immediately."""

    at: float = 0.0
    go: asyncio.Event = field(default_factory=asyncio.Event)

    def now(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        await self.go.wait()
        await asyncio.sleep(0)
        self.at += seconds


def deletions(context: PageContext, seconds: Seconds | None = None) -> Deletions:
    """Return deletions that are performed immediately, or when `seconds` go."""
    if seconds is None:
        seconds = Seconds()
        seconds.go.set()
    return Deletions(context, seconds.now, seconds.sleep)


@dataclass
class StillResults:
    """The kept results as plain values; calls are recorded in `calls`."""

    kept: dict[tuple[PromptId, int], Blob] = field(default_factory=dict)
    small: dict[tuple[PromptId, int], Blob] = field(default_factory=dict)
    fresh: dict[tuple[PromptId, int], Fresh] = field(default_factory=dict)
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

    async def keep_drawing(self, prompt_id: PromptId, index: int, drawing: Blob) -> None:
        self.small[prompt_id, index] = drawing

    def take_fresh(self) -> dict[tuple[PromptId, int], Fresh]:
        fresh, self.fresh = self.fresh, {}
        return fresh

    def refresh_soon(self) -> None:
        self.calls.append(("refresh_soon",))

    async def configure(self, settings: KeepSettings) -> None:
        self.calls.append(("configure", settings))

    async def delete_all(self) -> None:
        self.calls.append(("delete_all",))

    async def ask_promise(self) -> None:
        self.calls.append(("ask_promise",))


@dataclass
class StillFiles:
    """Files that wait for their turn, as plain values; calls are recorded."""

    works: tuple[FileRuns, ...] = ()
    error: MooringError | None = None
    at_hand: dict[BatchId, dict[int, Callable[[], Blob]]] = field(default_factory=dict)
    forgotten: frozenset[BatchId] = frozenset()  # plans that are not remembered over a reload
    calls: list[tuple[Any, ...]] = field(default_factory=list)

    def held(self, batch_id: BatchId) -> Mapping[int, Callable[[], Blob]]:
        return self.at_hand.get(batch_id, {})

    def is_remembered(self, batch_id: BatchId) -> bool:
        return batch_id not in self.forgotten

    def use(self, memory: object, check: Callable[[Blob, str, str], Any]) -> None:
        self.check = check

    def start(self, plan: FilePlan, files: FileSet) -> None:
        self.calls.append(("start", plan, files))

    def supply(self, batch_id: BatchId, files: FileSet) -> int:
        self.calls.append(("supply", batch_id, files))
        return len(files.files)

    async def retry(self, batch_id: BatchId) -> None:
        self.calls.append(("retry", batch_id))

    def drop_failures(self, batch_id: BatchId) -> Callable[[], None]:
        self.calls.append(("drop_failures", batch_id))
        return lambda: self.calls.append(("undo", batch_id))

    def drop_rest(self, batch_id: BatchId) -> Callable[[], None]:
        self.calls.append(("drop_rest", batch_id))
        return lambda: self.calls.append(("undo", batch_id))


@dataclass
class StillLine:
    """A waiting line as plain values; calls are recorded in `calls`."""

    line: WaitingRuns | None = None
    error: StorageError | None = None
    sending: frozenset[PromptId] = frozenset()
    refusal: MooringError | None = None
    stalled_by: MooringError | None = None
    turn: NotYourTurn | None = None
    orphans: tuple[OrphanLine, ...] = ()
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    editors: list[str] = field(default_factory=list)
    presses: list[PromptId] = field(default_factory=list)
    files: StillFiles = field(default_factory=StillFiles)

    async def new_batch(
        self, workflow: ApiWorkflow, *, title: str, inputs: Mapping[Key, Picked], wish: Wish, editor: str
    ) -> Batch:
        self.calls.append(("new_batch", workflow, title, dict(inputs), wish))
        self.editors.append(editor)
        return Batch(batch_id=BatchId("batch"), workflow=workflow.text, title=title)

    @property
    def shown_sending(self) -> frozenset[PromptId]:
        return self.sending

    async def add(
        self,
        workflow: ApiWorkflow,
        runs: Iterable[PlannedRun],
        *,
        title: str = "",
        inputs: Mapping[tuple[str, str], Picked] | None = None,
        senders: int | None = None,
        wish: Wish = ANY,
        editor: str = "",
        press: PromptId | None = None,
    ) -> BatchId:
        if press is not None:
            self.presses.append(press)
        call = ("add", workflow, list(runs), title, dict(inputs or {}), wish)
        self.calls.append(call if senders is None else (*call, senders))
        self.editors.append(editor)
        return BatchId("batch")

    async def pause(self) -> None:
        self.calls.append(("pause",))

    async def resume(self) -> None:
        self.calls.append(("resume",))

    async def send_all(self, is_wanted: bool = True) -> None:
        self.calls.append(("send_all", is_wanted))

    async def step(self, prompt_id: PromptId, by: int) -> None:
        self.calls.append(("step", prompt_id, by))

    async def move(self, prompt_id: PromptId, before: PromptId | None = None) -> None:
        self.calls.append(("move", prompt_id, before))

    async def edit(self, prompt_id: PromptId, values: Values, label: str) -> None:
        self.calls.append(("edit", prompt_id, dict(values), label))

    async def spread(self, senders: int) -> None:
        self.calls.append(("spread", senders))

    async def cancel_mine(self, batch_id: BatchId | None = None) -> None:
        self.calls.append(("cancel_mine", batch_id))

    async def remove(self, *prompt_ids: PromptId) -> None:
        self.calls.append(("remove", *prompt_ids))

    def set_aside(self, *prompt_ids: PromptId) -> None:
        self.calls.append(("set_aside", *prompt_ids))

    def put_back(self, *prompt_ids: PromptId) -> None:
        self.calls.append(("put_back", *prompt_ids))

    async def adopt(self, owner: WindowId) -> None:
        self.calls.append(("adopt", owner))


@dataclass
class MemoryFiles:
    """Published workflows and those on servers, in memory; `refusal` is raised instead."""

    published_files: dict[str, tuple[PublishedFile, bytes]] = field(default_factory=dict)
    saved_files: dict[tuple[str, str], bytes] = field(default_factory=dict)
    refusal: MooringError | None = None

    async def published(self) -> tuple[PublishedFile, ...]:
        self._refuse()
        return tuple(file for file, _ in self.published_files.values())

    async def read_published(self, path: str) -> Blob:
        self._refuse()
        return Bytes(self.published_files[path][1])

    async def saved(self, server_id: ServerId) -> tuple[str, ...]:
        self._refuse()
        return tuple(name for its_server, name in self.saved_files if its_server == server_id)

    async def read_saved(self, server_id: ServerId, name: str) -> Blob:
        self._refuse()
        return Bytes(self.saved_files[server_id, name])

    def _refuse(self) -> None:
        if self.refusal is not None:
            raise self.refusal


@dataclass
class StillPast:
    """The past as plain values."""

    tasks: dict[PromptId, Task] = field(default_factory=dict)
    others: tuple[Task, ...] = ()
    changes: int = 0
    refusal: MooringError | None = None

    async def read_ids(self) -> list[PromptId]:
        if self.refusal is not None:
            raise self.refusal
        return sorted(self.tasks, key=lambda item: ended_at(self.tasks[item]), reverse=True)

    async def read_rows(self, prompt_ids: Iterable[PromptId]) -> list[PastTask]:
        return [past_of(self.tasks[item]) for item in prompt_ids if item in self.tasks]

    async def read_others(self) -> list[PastTask]:
        return [past_of(item) for item in self.others]

    async def read_task(self, prompt_id: PromptId) -> Task:
        known = {item.prompt_id: item for item in self.others} | self.tasks
        if prompt_id not in known:
            raise TaskNotFound("read", prompt_id)
        return known[prompt_id]

    async def delete(self, prompt_ids: Iterable[PromptId]) -> None:
        for prompt_id in prompt_ids:
            self.tasks.pop(prompt_id, None)
        self.changes += 1


@dataclass
class StillModels:
    """Models of servers as plain values; calls are recorded in `asked`."""

    files: Mapping[str, ModelFile] = field(default_factory=dict)
    known: Mapping[str, ModelFacts] = field(default_factory=dict)  # by name
    refusal: MooringError | None = None
    asked: list[tuple[Any, ...]] = field(default_factory=list)
    folders: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # names by folder

    async def listed(self, folder: str) -> tuple[str, ...]:
        self.asked.append((folder,))
        return self.folders.get(folder, ())

    async def find(self, class_type: str, input_name: str, choices: Collection[str]) -> Mapping[str, ModelFile]:
        self.asked.append((class_type, input_name, len(choices)))
        if self.refusal is not None:
            raise self.refusal
        return self.files

    async def facts(self, file: ModelFile) -> ModelFacts:
        self.asked.append((file.name,))
        if self.refusal is not None:
            raise self.refusal
        return self.known.get(file.name, ModelFacts())


@dataclass
class StillSession:
    """A session as plain values; calls are recorded in `calls`."""

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
    editors: list[str] = field(default_factory=list)
    apart: list[bool] = field(default_factory=list)  # whether another session of the tab may send each run
    run_ids: list[PromptId | None] = field(default_factory=list)  # the prompt_ids that runs were given
    recorded: set[PromptId] = field(default_factory=set)
    refusal: MooringError | None = None
    catalogues: Mapping[ServerId, Catalogue] = field(default_factory=dict)
    listeners: list[Callable[[], None]] = field(default_factory=list)
    movers: list[Callable[[], None]] = field(default_factory=list)
    keeps: dict[str, Blob] | None = None  # files of forms, by hash; None if none are kept
    has_loose_ends: bool = False
    stalled: frozenset[PromptId] = frozenset()
    still: Mapping[PromptId, float] = field(default_factory=dict)
    noticed: Mapping[ServerId, Noticed] = field(default_factory=dict)
    orphans: tuple[Orphan, ...] = ()
    orphan_records: tuple[OrphanRecord, ...] = ()
    line: StillLine = field(default_factory=StillLine)
    files: MemoryFiles = field(default_factory=MemoryFiles)
    others: tuple[Window, ...] = ()
    past: StillPast = field(default_factory=StillPast)
    outlooks: Mapping[PromptId, Outlook] = field(default_factory=dict)
    model_downloads: Any = None
    costly: frozenset[PromptId] = frozenset()  # tasks that cost credits
    templates: tuple[Template, ...] = ()  # of the latest run
    models: StillModels = field(default_factory=StillModels)
    visits: Mapping[tuple[str, str], Task] = field(default_factory=dict)  # runs that only their servers know

    async def visit(self, server_id: ServerId, prompt_id: PromptId) -> Task | None:
        self._note("visit", server_id, prompt_id)
        return self.visits.get((server_id, prompt_id))

    def outlook(self, task: Task) -> Outlook:
        return self.outlooks.get(task.prompt_id, Outlook())

    @property
    def windows(self) -> tuple[Window, ...]:
        return (self.window, *self.others) if isinstance(self.window, Window) else ()

    def name_project(self, name: str) -> None:
        self.calls.append(("name_project", name))

    def choose_previews(self, previews: Previews) -> None:
        self.calls.append(("choose_previews", previews))

    def still_for(self, prompt_id: PromptId) -> float:
        return self.still.get(prompt_id, 0.0)

    def subscribe(self, listener: Callable[[], None], on_move: Callable[[], None] | None = None) -> Callable[[], None]:
        self.listeners.append(listener)
        self.movers += [on_move] if on_move is not None else []
        return lambda: self.listeners.remove(listener)

    def get_task_bound_image_url(self, prompt_id: PromptId, index: int = 0) -> str:
        assert isinstance(self.window, Window)
        found = self.window.tasks[prompt_id]
        known = self.fleet.get(found.server_id)
        if known is None or known.address != found.address:
            raise ServerMoved("view", found.server_id, found.address)
        return f"{known.base}/view?filename={found.delivery.outputs[index].filename}"

    async def run(
        self,
        workflow: ApiWorkflow,
        *,
        title: str = "",
        inputs: Mapping[tuple[str, str], Picked] | None = None,
        server_id: ServerId | None = None,
        editor: str = "",
        templates: tuple[Template, ...] = (),
        prompt_id: PromptId | None = None,
        is_apart: bool = False,
    ) -> PromptId:
        self.apart.append(is_apart)
        self.editors.append(editor)
        self.templates = templates
        self._note("run", workflow, title, dict(inputs or {}), server_id)
        self.run_ids.append(prompt_id)
        return PromptId("new")

    async def knows(self, prompt_id: PromptId) -> bool:
        return prompt_id in self.recorded

    def lean(self, leanings: Mapping[ServerId, Leaning]) -> None:
        self.calls.append(("lean", dict(leanings)))

    async def keep_input(self, blob: Blob) -> str:
        if self.keeps is None:
            raise StorageError("keep_input", "quota")
        sha256 = hashlib.sha256(await blob.read()).hexdigest()
        self.keeps[sha256] = blob
        return sha256

    async def retry_run(self, prompt_id: PromptId) -> None:
        self._note("retry_run", prompt_id)

    async def dismiss_run(self, prompt_id: PromptId) -> None:
        self._note("dismiss_run", prompt_id)

    async def run_again(
        self,
        prompt_id: PromptId,
        *,
        elsewhere: bool = False,
        server_id: ServerId | None = None,
        values: Mapping[tuple[str, str], object] | None = None,
    ) -> PromptId:
        self._note(
            "run_again", prompt_id, elsewhere, *([values] if values else []), *([server_id] if server_id else [])
        )
        return PromptId("again")

    async def uses_credits(self, prompt_id: PromptId) -> bool:
        return prompt_id in self.costly

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

    async def catalogue(self, server_id: ServerId, names: frozenset[str]) -> Catalogue | None:
        self.calls.append(("catalogue", server_id))
        return self.catalogues.get(server_id)

    async def until_fleet(self) -> None:
        """Return immediately: this session knows its fleet."""

    async def standing(self, workflow: ApiWorkflow, supplied: Collection[Key] = ()) -> Runnability:
        self.calls.append(("standing", workflow, frozenset(supplied)))
        known = {item.server_id: self.catalogues.get(item.server_id) for item in self.fleet.servers}
        return standing(workflow, known, supplied)

    async def choices(self, server_id: ServerId, route: str) -> tuple[str, ...]:
        self._note("choices", server_id, route)
        return ("new.png", "old.png")

    async def refresh_catalogues(self) -> None:
        self._note("refresh_catalogues")

    async def break_server(self, server_id: ServerId, fault: str) -> None:
        self._note("break_server", server_id, fault)

    def _note(self, *call: Any) -> None:
        self.calls.append(call)
        if self.refusal is not None:
            raise self.refusal


@dataclass
class MemoryScreen:
    """A screen in memory: addresses are counted, `draw` draws frames. Bytes that begin with "picture" are a picture,
    and one that ends with "mask" is transparent somewhere."""

    changes: list[Mapping[str, object]] = field(default_factory=list)
    due: list[Callable[[], None]] = field(default_factory=list)
    calm: list[bool] = field(default_factory=list)  # of each request to draw: whether it may wait a few frames
    urls: dict[str, Blob] = field(default_factory=dict)
    made: int = 0
    memory: dict[str, str] = field(default_factory=dict)
    shared: dict[str, str] = field(default_factory=dict)
    opened: list[str] = field(default_factory=list)  # what was opened or saved beside the page
    hidden: bool = False
    online: bool = True
    guards: list[bool] = field(default_factory=list)
    saved: dict[str, str] = field(default_factory=dict)  # files for the user
    archives: list[tuple[str, dict[str, str]]] = field(default_factory=list)  # results for the user
    unkept: frozenset[str] = frozenset()  # results whose bytes are not here
    early: dict[str, str] = field(default_factory=dict)  # thumbnails that were shown before
    drawn_regions: dict[str, str] = field(default_factory=dict)  # digests of what was drawn before
    chosen: str = ""  # a workflow, before Python had started
    presses: list[tuple[str, str]] = field(default_factory=list)  # what became of early presses of Run
    lacks: list[bool] = field(default_factory=list)  # by update: whether a card is missing on the page
    tags: dict[str, str] = field(default_factory=dict)  # lists to offer while the user types
    previews: dict[str, list[Blob]] = field(default_factory=dict)  # that were to be drawn

    def update(self, change: Mapping[str, object]) -> bool:
        self.changes.append(change)
        return not self.lacks.pop() if self.lacks else True

    def schedule(self, callback: Callable[[], object], *, is_calm: bool = False) -> None:
        self.calm.append(is_calm)
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

    def show_preview(self, prompt_id: str, blob: Blob) -> bool:
        self.previews = {**self.previews, prompt_id: [*self.previews.get(prompt_id, ()), blob]}
        return True

    def forget_preview(self, prompt_id: str) -> None:
        del self.previews[prompt_id]

    async def measure(self, blob: Blob) -> tuple[int, int]:
        return (640, 480) if (await blob.read()).startswith(b"picture") else (0, 0)

    async def masked_look(self, blob: Blob) -> Blob | None:
        return Bytes(b"look") if (await blob.read()).endswith(b"mask") else None

    def page_address(self) -> str:
        return "https://studio.example/"

    def give_tags(self, list_id: str, text: str) -> None:
        self.tags = {**self.tags, list_id: text} if text else {k: v for k, v in self.tags.items() if k != list_id}

    def recall(self, key: str) -> str:
        return self.memory.get(key, "")

    def remember(self, key: str, value: str) -> None:
        self.memory[key] = value

    def kept(self, key: str) -> str:
        return self.shared.get(key, "")

    def keep(self, key: str, value: str) -> None:
        self.shared[key] = value

    def local_time(self) -> tuple[int, int, int, int, int, int]:
        return 2026, 11, 25, 20, 30, 5

    def kept_all(self, prefix: str) -> Mapping[str, str]:
        return {key: text for key, text in self.shared.items() if key.startswith(prefix)}

    async def save_results(
        self, files: Mapping[str, str], archive: str, *, is_bare: bool = False
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        self.archives.append((f"bare {archive}" if is_bare else archive, dict(files)))
        missing = tuple(name for name in files if name in self.unkept)
        return missing, tuple(name for name in files if is_bare and files[name].endswith(".webm"))

    def save(self, name: str, text: str) -> None:
        self.saved[name] = text

    def save_report(self) -> None:
        self.opened.append("report")

    def open_window(self) -> None:
        self.opened.append("window")

    def language_wishes(self) -> list[str]:
        return ["", "zh-TW", "en"]

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

    def drawn(self) -> Mapping[str, str]:
        return self.drawn_regions

    def chosen_workflow(self) -> str:
        return self.chosen

    def take_press(self, press: str) -> None:
        self.presses.append(("taken", press))

    def end_press(self, press: str) -> None:
        self.presses.append(("ended", press))

    def early_pictures(self) -> Mapping[str, str]:
        return self.early


class MemoryContext:
    """The page's context, with background work that a test can wait for."""

    def __init__(self, workflow_id: str = "", offered: tuple[OpenWorkflow, ...] = ()) -> None:
        self._workflows = OpenWorkflows(offered or workflows())
        self.ui = UiState().with_slices(FormState(workflow_id=workflow_id))
        self.language = ""
        self.work: list[asyncio.Task[None]] = []
        self.is_due = False  # whether a frame was requested

    @property
    def ui(self) -> UiState:
        return self._ui

    @ui.setter
    def ui(self, ui: UiState) -> None:
        """Set the state; a state without open workflows has those of before."""
        self._ui = ui if OpenWorkflows in ui.slices else ui.with_slices(self._workflows)
        self._workflows = self._ui.of(OpenWorkflows)

    @property
    def workflows(self) -> tuple[OpenWorkflow, ...]:
        return self._workflows.workflows

    @workflows.setter
    def workflows(self, offered: tuple[OpenWorkflow, ...]) -> None:
        self.ui = self.ui.with_slices(OpenWorkflows(offered))

    def set_ui(self, ui: UiState) -> None:
        self.ui, self.is_due = ui, True

    def set_quietly(self, ui: UiState) -> None:
        self.ui = ui

    def redraw(self) -> None:
        self.is_due = True

    async def speak(self, language: str) -> None:
        self.language = language

    def word(self, text: str) -> str:
        return translator(self.language).known(text) if self.language else text

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self.work.append(asyncio.get_running_loop().create_task(work))

    begin = spawn

    def hold_drawing(self) -> None:
        """Nothing is drawn here."""

    async def done(self) -> None:
        while self.work:
            await self.work.pop(0)


@dataclass
class MemoryNotifier:
    """A notifier in memory, with the sent notifications."""

    permitted: str = "default"
    answer: str = "granted"  # the user's, when asked
    sent: list[Notification] = field(default_factory=list)
    badges: list[int] = field(default_factory=list)
    focused: bool = True

    def permission(self) -> str:
        return self.permitted

    async def ask(self) -> str:
        self.permitted = self.answer
        return self.permitted

    def notify(self, notification: Notification) -> None:
        self.sent.append(notification)

    def set_badge(self, count: int) -> None:
        self.badges.append(count)

    def has_focus(self) -> bool:
        return self.focused


@dataclass
class StillPictures:
    """Addresses of pictures, as a test gives them."""

    previews: Mapping[PromptId, str] = field(default_factory=dict)
    originals: Mapping[tuple[PromptId, int], Original] = field(default_factory=dict)
    small: Mapping[tuple[PromptId, int], str] = field(default_factory=dict)
    glimpses: Mapping[PromptId, str] = field(default_factory=dict)

    def glimpse_url(self, prompt_id: PromptId) -> str:
        return self.glimpses.get(prompt_id, "")

    def preview(self, prompt_id: PromptId) -> ShownPreview:
        return ShownPreview(prompt_id in self.previews)

    def small_url(self, prompt_id: PromptId, index: int) -> str:
        return self.small.get((prompt_id, index), "")

    def original(self, prompt_id: PromptId, index: int) -> Original:
        return self.originals.get((prompt_id, index), Original())
