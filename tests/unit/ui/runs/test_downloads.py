"""Models that servers lack: how they are shown, and their downloads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from app.core.errors import ConnectError, GatewayRefused, HttpStatusError, MooringError
from app.core.model import Fleet, ServerId
from app.core.workflow import parse_workflow
from app.ui.form.open_workflow import OpenWorkflow, open_workflow
from app.ui.form.state import FormState
from app.ui.kit.account import Account
from app.ui.kit.state import UiState
from app.ui.runs.downloads import (
    STORE_KEY,
    Download,
    DownloadActions,
    DownloadDialog,
    DownloadsState,
    dump_downloads,
    read_downloads,
)
from app.workflows.forms.arrangement import Layout
from app.workflows.model_sources import ModelSource
from app.workflows.needs import Lacks, MissingValue, Runnability, ValueKind
from app.workflows.published import Published
from tests.kit.page import views
from tests.kit.page.elements import element, elements
from tests.kit.page.rig import Rig
from tests.kit.page.stills import (
    ENGLISH,
    MemoryScreen,
    StillPictures,
    StillSession,
    server,
    translator,
    window,
)
from tests.kit.page.views import Seen, project
from wire.downloads import DownloadStatus, DownloadTask

A, B = ServerId("gpu-1"), ServerId("gpu-2")
NAME, FOLDER = "sd15.safetensors", "checkpoints"
SOURCE = "https://huggingface.co/org/sd15/resolve/main/sd15.safetensors"
MODEL = ModelSource(NAME, SOURCE, FOLDER, size=4_000_000_000)
HOSTS = ("huggingface.co",)
RUNNING, DONE, FAILED = DownloadStatus.RUNNING, DownloadStatus.COMPLETED, DownloadStatus.FAILED


def lacking(node_id: str = "1", value: str = NAME, folder: str = "") -> MissingValue:
    return MissingValue(node_id, "Load", "Load", "ckpt_name", value, ValueKind.MODEL, folder)


def opened(*models: ModelSource) -> OpenWorkflow:
    workflow = parse_workflow({"1": {"class_type": "Load", "inputs": {"ckpt_name": NAME}}})
    return open_workflow(Published("own", "Own", "", False, workflow, Layout(), models=models))


def view(
    *values: MissingValue,
    models: tuple[ModelSource, ...] = (MODEL,),
    able: tuple[ServerId, ...] = (A, B),
    runs_fleet: bool = True,
    hosts: tuple[str, ...] = HOSTS,
    downloads: tuple[Download, ...] = (),
) -> Seen:
    """Return the page of a workflow whose models both servers lack."""
    servers = tuple(server(name, can_download=name in able) for name in (A, B))
    lacks = Lacks((), values or (lacking(),))
    form = FormState(workflow_id="own")
    known = replace(form.known, standings={"own": Runnability((), {A: lacks, B: lacks}, ())})
    ui = UiState().with_slices(
        replace(form, known=known),
        Account(runs_fleet=runs_fleet),
        DownloadsState({item.key: item for item in downloads}),
    )
    session = StillSession(fleet=Fleet(servers, "file", model_hosts=hosts), window=window())
    return project(session, ui, workflows=(opened(*models),), pictures=StillPictures(), language="en")


def markup(page: Seen, language: str = "en") -> str:
    return views.markup(page, "standing", ENGLISH if language == "en" else translator(language))


def download(server_id: ServerId = A, **more: object) -> Download:
    facts: dict[str, object] = {"server_id": server_id, "folder": FOLDER, "name": NAME}
    return Download(**{**facts, "task_id": "t1", "status": RUNNING, **more})  # type: ignore[arg-type]


def buttons(page: Seen, testid: str) -> list[dict[str, str | None]]:
    return [item.attributes for item in elements(markup(page), data_testid=testid)]


# What is shown


def test_missing_model_has_name_folder_size_and_source() -> None:
    shown = markup(view())
    assert "The model “sd15.safetensors” is not in its folder “checkpoints”." in shown
    assert f'href="{SOURCE}" target="_blank" rel="noopener noreferrer"' in shown
    assert f">{SOURCE}</a>" in shown
    assert ENGLISH.formats.size(4_000_000_000) in shown
    assert 'data-copy="source-gpu-1-0"' in shown


def test_each_able_server_offers_the_download() -> None:
    found = buttons(view(able=(B,)), "ask-download")
    assert [item["data-server"] for item in found] == ["gpu-2"]
    known = {"name": NAME, "folder": FOLDER, "source": SOURCE, "size": "4000000000"}
    assert {name: found[0][f"data-{name}"] for name in known} == known
    assert "Put “sd15.safetensors” into “models/checkpoints” on gpu-1." in markup(view(able=(B,)))
    assert "by-hand" not in markup(view())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"runs_fleet": False}, ""),
        ({"able": ()}, ""),
        ({"hosts": ()}, "“model_hosts” in the fleet file does not list huggingface.co"),
        ({"hosts": ("civitai.com",)}, "does not list huggingface.co"),
        ({"models": (replace(MODEL, url="https://[x/sd15.safetensors"),)}, "does not list [x."),
        (
            {"models": (replace(MODEL, url="https://a\N{ACCOUNT OF}b/sd15.safetensors"),)},
            "does not list a\N{ACCOUNT OF}b.",
        ),
        ({"models": (replace(MODEL, url=f"{SOURCE}?token=1"),)}, "does not end in “.safetensors”"),
        ({"models": (replace(MODEL, url="http://huggingface.co/sd15.safetensors"),)}, "does not begin with “https”"),
        (
            {"models": (replace(MODEL, url="https://huggingface.co/../sd15.safetensors"),)},
            "a login, a port or unusual characters",
        ),
        ({"models": (replace(MODEL, url="https://huggingface.co/v1.safetensors"),)}, "has another name"),
        ({"models": (replace(MODEL, folder="a/b"),)}, ""),
        ({"models": (replace(MODEL, url=""),)}, ""),
        ({"models": ()}, ""),
    ],
)
def test_no_download_is_offered_where_it_would_be_refused(changes: dict[str, object], words: str) -> None:
    page = view(**changes)  # type: ignore[arg-type]
    assert buttons(page, "ask-download") == []
    shown = markup(page)
    assert "Put “sd15.safetensors”" in shown
    assert words in shown
    assert ("cannot be downloaded from here" in shown) is bool(words)


def test_folder_comes_from_the_workflow_else_from_the_class() -> None:
    assert "“models/checkpoints”" in markup(view(lacking(folder="vae"), able=()))
    assert "“models/vae”" in markup(view(lacking(folder="vae"), able=(), models=()))
    assert "on gpu-1 and gpu-2, into the folder in “models”" in markup(view(able=(), models=()))


def test_model_of_two_nodes_is_offered_once() -> None:
    assert len(buttons(view(lacking("1"), lacking("2")), "ask-download")) == 2, "one for each server"


def test_download_is_shown_in_place_of_its_button() -> None:
    page = view(downloads=(download(done=30, total=120),))
    assert [item["data-server"] for item in buttons(page, "ask-download")] == ["gpu-2"]
    assert element(markup(page), "progress")["value"] == "0.250"
    assert "30 B of 120 B on gpu-1" in markup(page).replace("\N{NO-BREAK SPACE}", " ")
    assert len(buttons(page, "cancel-download")) == 1
    assert "value" not in element(markup(view(downloads=(download(),))), "progress")


@pytest.mark.parametrize(
    ("known", "words", "is_offered"),
    [
        (download(status=FAILED, message="disk full"), ("gpu-1 could not download it.", "disk full"), True),
        (download(status=DONE), ("gpu-1 has downloaded it.",), True),
        (download(is_silent=True), ("gpu-1 does not answer at the moment",), False),
        (download(error=HttpStatusError(A, 404)), ("no longer knows this download",), True),
        (download(error=HttpStatusError(A, 404), task_id=""), ("gpu-1 cannot download models.", "on gpu-1."), False),
        (download(error=HttpStatusError(A, 405), task_id=""), ("gpu-1 cannot download models.", "on gpu-1."), False),
        (download(error=GatewayRefused(A, "model-source", "Not this host."), task_id=""), ("Not this host.",), True),
        (download(error=ConnectError(A, "down"), task_id=""), ("gpu-1 cannot be reached.",), True),
    ],
)
def test_outcome_is_described(known: Download, words: tuple[str, ...], is_offered: bool) -> None:
    page = view(downloads=(known,))
    assert all(word in markup(page) for word in words)
    assert ("gpu-1" in {item["data-server"] for item in buttons(page, "ask-download")}) is is_offered


def test_outcome_is_described_in_chinese() -> None:
    known = (download(status=FAILED, message="disk full"), download(B, done=1, total=2))
    assert "下载" in markup(view(downloads=known), "zh-CN")


# What the user does


class Machine:
    """A server's downloads: `answers` to polls, in order; each call is recorded."""

    def __init__(self, *answers: DownloadTask | MooringError, first: DownloadTask | MooringError | None = None) -> None:
        self.first = first or DownloadTask("t1", DownloadStatus.CREATED)
        self.answers = list(answers)
        self.calls: list[tuple[str, ...]] = []

    async def start(self, server_id: ServerId, source: str, folder: str) -> DownloadTask:
        self.calls.append(("start", server_id, source, folder))
        return _answer(self.first)

    async def poll(self, server_id: ServerId, task_id: str) -> DownloadTask:
        self.calls.append(("poll", server_id, task_id))
        return _answer(self.answers.pop(0))

    async def cancel(self, server_id: ServerId, task_id: str) -> None:
        self.calls.append(("cancel", server_id, task_id))

    async def refresh(self, server_id: ServerId) -> None:
        self.calls.append(("refresh", server_id))


def _answer(answer: DownloadTask | MooringError) -> DownloadTask:
    if isinstance(answer, MooringError):
        raise answer
    return answer


class DownloadsRig(Rig):
    """The downloads of one window, from this machine."""

    def __init__(self, machine: Machine, screen: MemoryScreen | None = None) -> None:
        super().__init__("", screen=screen)
        self.machine = machine
        self.slept = 0
        self.between: Callable[[], None] = lambda: None
        self.actions = DownloadActions(machine, lambda: Fleet((server(A),)), self.context, self.screen, self.sleep)
        self.table.add(self.actions)

    async def sleep(self, _seconds: float) -> None:
        self.slept += 1
        self.between()
        await asyncio.sleep(0)

    async def ask_and_confirm(self) -> None:
        await self.act("ask-download", server=A, name=NAME, folder=FOLDER, source=SOURCE, size="99")
        assert self.ui.dialog == DownloadDialog(A, "gpu-1", NAME, FOLDER, SOURCE, 99), (
            "the workflow's size counts until the server names its own"
        )
        await self.act("download-model")

    @property
    def only(self) -> Download | None:
        return next(iter(self.ui.of(DownloadsState).downloads.values()), None)


def task(status: DownloadStatus = RUNNING, done: int = 0, message: str = "") -> DownloadTask:
    return DownloadTask("t1", status, done, 10, message)


async def test_nothing_is_requested_before_the_user_confirms() -> None:
    rig = DownloadsRig(Machine())
    rig.table.act("ask-download", {"server": A, "name": NAME, "folder": FOLDER, "source": SOURCE})
    await rig.done()
    rig.context.set_ui(replace(rig.ui, dialog=None))
    rig.table.act("download-model", {})
    await rig.done()
    assert rig.machine.calls == []


async def test_download_is_polled_to_its_end() -> None:
    rig = DownloadsRig(Machine(task(done=5), ConnectError(A, "down"), task(done=9), task(DONE, 10)))
    await rig.ask_and_confirm()
    assert rig.machine.calls == [("start", A, SOURCE, FOLDER), *[("poll", A, "t1")] * 4, ("refresh", A)]
    assert rig.only == download(status=DONE, done=10, total=10)
    assert (rig.ui.dialog, rig.screen.memory[STORE_KEY]) == (None, "")


async def test_task_is_polled_by_the_id_of_its_start() -> None:
    rig = DownloadsRig(Machine(replace(task(done=5), task_id="other"), task(DONE, 10)))
    await rig.ask_and_confirm()
    assert rig.machine.calls[1:] == [*[("poll", A, "t1")] * 2, ("refresh", A)]


async def test_failure_keeps_the_servers_message_and_rereads_nothing() -> None:
    rig = DownloadsRig(Machine(task(FAILED, 5, "404 Not Found")))
    await rig.ask_and_confirm()
    assert rig.only is not None
    assert (rig.only.status, rig.only.message) == (FAILED, "404 Not Found")
    assert ("refresh", A) not in rig.machine.calls


@pytest.mark.parametrize("error", [HttpStatusError(A, 404), GatewayRefused(A, "model-source", "no")])
async def test_refused_download_is_kept_with_its_error(error: MooringError) -> None:
    rig = DownloadsRig(Machine(first=error))
    await rig.ask_and_confirm()
    assert rig.only is not None
    assert (rig.only.error, rig.only.is_under_way) == (error, False)
    assert rig.machine.calls == [("start", A, SOURCE, FOLDER)]


async def test_file_that_the_server_has_ends_immediately() -> None:
    rig = DownloadsRig(Machine(first=DownloadTask("", DONE)))
    await rig.ask_and_confirm()
    assert rig.machine.calls == [("start", A, SOURCE, FOLDER), ("refresh", A)]


async def test_forgotten_task_is_not_polled_further() -> None:
    rig = DownloadsRig(Machine(HttpStatusError(A, 404)))
    await rig.ask_and_confirm()
    assert rig.only is not None
    assert rig.only.error is not None
    assert rig.machine.calls[-1] == ("refresh", A), "it may have ended well before the server forgot it"


async def test_cancelled_download_is_gone() -> None:
    rig = DownloadsRig(Machine(task(), task(), task()))

    def cancel() -> None:
        if rig.slept == 2:
            rig.table.act("cancel-download", {"server": A, "folder": FOLDER, "name": NAME})

    rig.between = cancel
    await rig.ask_and_confirm()
    assert ("cancel", A, "t1") in rig.machine.calls
    assert rig.only is None
    assert ("refresh", A) not in rig.machine.calls


async def test_later_download_of_the_same_model_replaces_the_earlier_one() -> None:
    rig = DownloadsRig(Machine(task()))
    later = download(task_id="t2", done=7, total=10)
    rig.between = lambda: rig.context.set_ui(rig.ui.with_slices(DownloadsState({later.key: later})))
    await rig.ask_and_confirm()
    assert rig.only == later
    assert ("poll", A, "t1") not in rig.machine.calls


async def test_second_click_starts_no_second_download() -> None:
    rig = DownloadsRig(Machine(task(DONE)))
    rig.context.set_ui(rig.ui.with_slices(DownloadsState({download().key: download()})))
    rig.context.set_ui(replace(rig.ui, dialog=DownloadDialog(A, "gpu-1", NAME, FOLDER, SOURCE)))
    rig.table.act("download-model", {})
    await rig.done()
    assert rig.machine.calls == []


async def test_downloads_under_way_are_polled_after_a_reload() -> None:
    screen = MemoryScreen(memory={STORE_KEY: dump_downloads({download().key: download(done=3, total=10)})})
    rig = DownloadsRig(Machine(task(DONE, 10)), screen)
    rig.actions.load()
    assert rig.only == download(done=3, total=10)
    await rig.done()
    assert rig.machine.calls == [("poll", A, "t1"), ("refresh", A)]


@pytest.mark.parametrize("text", ["", "{", "5", "[5]", '[{"name": "a"}]', "null"])
def test_invalid_stored_downloads_are_ignored(text: str) -> None:
    assert read_downloads(text) == ()


def test_only_downloads_under_way_are_stored() -> None:
    ended = download(B, status=DONE)
    assert dump_downloads({ended.key: ended}) == ""
    text = dump_downloads({ended.key: ended, download().key: download(done=1, total=2)})
    assert read_downloads(text) == (download(done=1, total=2),)
