"""Every region of the page in a state that shows nearly everything."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from app.core.errors import BadInput, ConfigError, ConnectError, PromptRejected, ServerLockedError, StorageError
from app.core.model import (
    Contact,
    Delivery,
    Failure,
    NodeError,
    PromptId,
    ServerChoice,
    ServerId,
    Task,
    TaskState,
    Unreadable,
)
from app.core.ports.blobs import Keep, KeepSettings, Usage
from app.core.ports.windows import Identity
from app.core.progress import Progress
from app.session import Picked, Run, RunStage
from app.ui.commands.palette import PaletteDialog, PaletteView, ShortcutsDialog, ShortcutsView
from app.ui.form.form_html import form
from app.ui.form.picker import LibraryEntries, LibrarySection, WorkflowEntry
from app.ui.form.projection import form_view
from app.ui.form.state import Draft, FormState, LinkReport, Picture
from app.ui.kit.i18n import Translator
from app.ui.kit.image_addresses import Original
from app.ui.kit.state import UiState
from app.ui.library.state import LibraryDialog, LibraryView, VersionView
from app.ui.links.sharing import ShareDialog, share_view
from app.ui.page.projection import commands
from app.ui.results.state import PictureDialog
from app.ui.results.storage import KeepingDialog, KeepingView
from app.ui.runs.questions import Question
from app.ui.runs.state import GiveUpDialog, RunView
from app.ui.runs.waiting import WaitingView
from app.ui.settings.settings import Permission, Settings, SettingsDialog, SettingsView
from app.workflows.library import Item, Version
from app.workflows.links import LeftOutReason, RefusedValue
from tests.kit.page.anything import anything, searched, unfolded
from tests.kit.page.stills import (
    ME,
    Bytes,
    StillPictures,
    StillSession,
    ended,
    fleet,
    output,
    server,
    task,
    translator,
    window,
    workflows,
)
from tests.kit.page.trouble import around_trouble
from tests.kit.page.views import Seen, changed_regions, dialog_markup, project
from wire.health import Health

GPU_1 = ServerId("gpu-1")
EVIL = "<img src=x onerror=alert(1)> & \"'"
FAULT = NodeError(node_id="2", class_type=EVIL, type="value_not_in_list", message=EVIL, details=EVIL, input_name=EVIL)
FAILURE = Failure(
    kind="execution",
    message=EVIL,
    node_id="2",
    node_type=EVIL,
    exception_type=EVIL,
    traceback=EVIL,
    node_errors=(FAULT,),
)


def unreadable(text: str) -> tuple[Unreadable, ...]:
    """Records that cannot be read, of each kind; `text` is their content."""
    damaged = Unreadable(prompt_id=PromptId(text), owner=ME, server_id=ServerId(text), title=text, detail=text)
    return (
        damaged,
        replace(damaged, prompt_id=PromptId("u2"), owner=None, server_id=None, title=""),
        replace(damaged, prompt_id=PromptId("u3"), is_newer=True),
    )


def crowded_tasks(text: str) -> list[Task]:
    """A task in each state, contact and delivery."""
    return [
        task("a", title=text),
        task("b", state=TaskState.QUEUED, place=3),
        task("c", state=TaskState.UNCLEAR, contact=Contact.UNREACHABLE, contact_detail="timeout"),
        task("d", contact=Contact.MOVED, contact_detail=text),
        task("e", is_ward=True, title=""),
        ended("f", output(delivery=Delivery.KEPT, size=1000), output("b.png", delivery=Delivery.GONE)),
        ended("g", output(delivery=Delivery.OVERWRITTEN), title=text, missing=("9",)),
        ended(
            "h", state=TaskState.FAILED, failure=FAILURE if text == EVIL else Failure(kind="rejected", node_errors=())
        ),
        ended("i", state=TaskState.LOST),
        ended(
            "j",
            output("v.mp4", delivery=Delivery.KEPT, media_type="video/mp4"),
            warnings=(FAULT,) if text == EVIL else (),
        ),
        ended(
            "k",
            state=TaskState.CANCELLED,
            choice=ServerChoice(server_id=GPU_1, reason="tie", refused={"gpu-2": "timeout"}),
        ),
        ended("l", state=TaskState.GIVEN_UP),
        ended(
            "m",
            output("m1.png", delivery=Delivery.DROPPED, size=1000),
            output("m2.mp4", delivery=Delivery.THUMBNAIL, size=1000, media_type="video/mp4"),
            output("m3.png", delivery=Delivery.GONE, size=1000),
        ),
    ]


def crowded_runs(text: str) -> tuple[Run, ...]:
    """A run on its way, and one that has failed."""
    return (
        Run(
            prompt_id=PromptId("r1"),
            title=text,
            started_at=1.0,
            stage=RunStage.UPLOADING,
            server_id=GPU_1,
            fraction=0.5,
        ),
        Run(
            prompt_id=PromptId("r2"),
            title="",
            started_at=1.0,
            stage=RunStage.FAILED,
            error=PromptRejected(GPU_1, text, text),
        ),
    )


@cache
def crowded(language: str = "en", text: str = "gpu") -> dict[str, str]:
    """Every region in a state that shows nearly everything; `text` is the name that servers and users gave."""
    tasks = crowded_tasks(text)
    session = StillSession(
        window=window(*tasks, quarantined=(task("q", "gpu-9", title=text),), unreadable=unreadable(text)),
        identity=Identity(ME, is_new=True, is_duplicate=True),
        fleet=fleet(
            server("gpu-1", name=text, running=1, pending=2),
            server("gpu-2", health=Health.DOWN, detail=text, version=text, is_demo=True),
            server("gpu-3", health=Health.NOT_COMFYUI, version=""),
        ),
        fleet_error=ConfigError(text),
        store_error=StorageError("write", "quota", text),
        runs=crowded_runs(text),
        progress={tasks[0].prompt_id: Progress(tasks[0].prompt_id, 4, node="2", value=2, maximum=9, fraction=0.25)},
    )
    originals = {(tasks[5].prompt_id, 0): Original("blob:5"), (tasks[9].prompt_id, 0): Original("blob:9")}
    small = {(tasks[12].prompt_id, index): f"blob:s{index}" for index in (0, 2)}
    pictures = StillPictures(previews={tasks[0].prompt_id: "blob:p"}, originals=originals, small=small)
    photo = Picture(Picked(Bytes(), text), "blob:1", 640, 480)
    draft = Draft(
        values={("2", "width"): text},
        pictures={("1", "image"): photo},
        faults={("1", "image"): BadInput("empty", text)},
    )
    ui = UiState(dialog=PictureDialog(tasks[5].prompt_id, 0)).with_slices(
        FormState(workflow_id="enlarge", drafts={"enlarge": draft})
    )
    ui = ui.with_error(ServerLockedError("submit", ServerId("gpu-2"), GPU_1, 1))
    view = project(session, ui, workflows=workflows(), pictures=pictures, language=language)
    asking = UiState(dialog=GiveUpDialog(tasks[0].prompt_id)).with_slices(FormState(workflow_id="text"))
    asked = project(session, asking, workflows=workflows(), pictures=pictures, language=language)
    words = translator(language)
    found = changed_regions(None, view, words)
    other = changed_regions(None, asked, words)
    found |= {"form 2": other["form"], "dialogs 2": other["dialogs"]}
    found |= around_any_workflow(session, words, text)
    for number, record in enumerate(unreadable(text), 3):
        asked_about = GiveUpDialog(record.prompt_id)
        found[f"dialogs {number}"] = dialog_markup(GiveUpDialog, Question(asked_about, record=record), words)
    found |= around_help(view, words, text)
    found |= around_links(words, text)
    return found | around_what_is_kept(words, text) | around_trouble(words, text)


def around_help(view: Seen, words: Translator, text: str) -> dict[str, str]:
    """The settings for each permission of a browser, the palette with all commands, the list of shortcuts."""
    stock = LibraryEntries((WorkflowEntry("text", "Text to picture"), WorkflowEntry("own", text)))
    page, ui = view.view.with_parts(stock), UiState().with_slices(FormState(workflow_id="enlarge"))
    busy = page.with_parts(WaitingView(count=3), RunView(blocker=None))
    shown = {
        **{
            f"settings {item.value}": SettingsView(SettingsDialog(item), Settings(has_notices=True, has_sound=True))
            for item in Permission
        },
        "palette": PaletteView(PaletteDialog(recent=("library",)), commands(busy, ui, words)),
        "palette 2": PaletteView(PaletteDialog(text), commands(page, ui, words)),
        "palette 3": PaletteView(PaletteDialog("?!"), commands(page, ui, words)),
        "shortcuts": ShortcutsView(has_keys=False),
    }
    return {
        name: dialog_markup(type(item.dialog) if not isinstance(item, ShortcutsView) else ShortcutsDialog, item, words)
        for name, item in shown.items()
    }


def around_links(words: Translator, text: str) -> dict[str, str]:
    """A form that a link has filled in, a link to share, and the versions of a workflow in the library."""
    key = ("2", "width")
    refused = tuple(RefusedValue(text, reason) for reason in LeftOutReason)
    before = (RefusedValue(text, LeftOutReason.INVALID, BadInput("not-a-number", text, text)),)
    report = LinkReport("enlarge", {}, (key,), (*before, *refused))
    found = {}
    for number, link in enumerate((report, replace(report, refused=before), replace(report, is_waiting=True)), 6):
        draft = Draft(values={key: "8"}, linked={key: "8"})
        state = FormState(workflow_id="enlarge", drafts={"enlarge": draft}, link=link)
        entry = WorkflowEntry("enlarge", text, shelf=LibrarySection.PUBLISHED, changed_since=1.0)
        view = form_view(LibraryEntries((entry,)), workflows()[0], state, None)
        found[f"form {number}"] = str(form(view, words))
    opened = workflows()[0]
    shared = share_view(ShareDialog(f"https://{text}/", has_values=True), opened, Draft(values={key: "8"}), ())
    own = replace(shared, link="")
    long = replace(shared, link=f"https://x/#{text}" + "x" * 3_000, left_out=2)
    item = Item(
        "a" * 32, text, place=text, added_at=1.0, versions=(Version("b" * 32, 1.0, 9), Version("c" * 32, 2.0, 9))
    )
    rows = (VersionView(item.versions[0], "blob:v"), VersionView(item.versions[1]))
    listed = (WorkflowEntry(item.item_id, text, shelf=LibrarySection.OWN, item=item), entry)
    library = LibraryView(LibraryDialog(versions=item.item_id), listed, 2, versions=rows)
    for number, view_of_link in enumerate((shared, own, long)):
        found[f"share {number}"] = dialog_markup(ShareDialog, view_of_link, words)
    found["share 3"] = dialog_markup(LibraryDialog, library, words)
    return found


def around_any_workflow(session: StillSession, words: Translator, text: str) -> dict[str, str]:
    """A form with an input of every kind, its nodes open, and a search in it."""
    opened = anything(text, first=("prompt", "film", "sound", "on", "lora"), nodes=2)
    found = {}
    for number, ui in enumerate((unfolded(text), searched(unfolded(text), "a"), searched(unfolded(), "?!")), 3):
        view = project(session, ui, workflows=(opened,), pictures=StillPictures(), language=words.language)
        drawn = changed_regions(None, view, words)
        found |= {f"{region} {number}": drawn[region] for region in ("form", "nodes", "lists")}
    return found


def around_what_is_kept(words: Translator, text: str) -> dict[str, str]:
    """The dialog of storage, and large pictures without their originals, in every state."""
    usage = Usage(
        settings=KeepSettings(1_000_000), count=3, size=900_000, thumbnails=9, thumbnails_size=50, used=1, quota=2
    )
    dialogs_of_it = [
        (KeepingDialog(), None),
        (KeepingDialog(cap="0.0"), replace(usage, is_persistent=True)),
        (KeepingDialog(cap="0.0005", keep=Keep.THUMBNAILS), replace(usage, is_persistent=False)),
        (KeepingDialog(is_deleting=True), usage),
        (KeepingDialog(cap="0.05"), replace(usage, size=90_000_000)),
    ]
    found = {
        f"keeping {number}": dialog_markup(KeepingDialog, KeepingView(*item), words)
        for number, item in enumerate(dialogs_of_it)
    }
    name = ServerId("gpu-1")
    lacking = (
        (Original(is_coming=True), Delivery.DROPPED),
        (Original(error=ConnectError(name, "timeout")), Delivery.DROPPED),
        (Original(), Delivery.GONE),
        (Original(), Delivery.OVERWRITTEN),
    )
    for number, (original, delivery) in enumerate(lacking):
        done = ended("z", output(delivery=delivery, size=9))
        view = project(
            StillSession(window=window(done), fleet=fleet(server("gpu-1", name=text))),
            UiState(dialog=PictureDialog(done.prompt_id, 0)),
            workflows=workflows(),
            pictures=StillPictures(
                originals={(done.prompt_id, 0): original}, small={(done.prompt_id, 0): "blob:s"} if number else {}
            ),
            language=words.language,
        )
        found[f"large {number}"] = changed_regions(None, view, words)["dialogs"]
    return found
