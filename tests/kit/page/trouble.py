"""The page after nearly everything has failed: unclear work, notices, orphans, and the questions about them."""

from __future__ import annotations

from app.core.model import Contact, Failure, NodeError, Note, PromptId, ServerId, TaskState, Unreadable, WindowId
from app.core.server_fingerprint import RestartSign
from app.session import Noticed, Orphan, OrphanRecord
from app.ui.kit.i18n import Translator
from app.ui.kit.state import Dialog, UiState
from app.ui.runs.note_words import NOTES
from app.ui.runs.state import GiveUpDialog, RunAgainDialog, SameServerDialog
from app.ui.windows.orphans import WindowsState
from tests.kit.page.stills import StillPictures, StillSession, ended, fleet, server, task, window, workflows
from tests.kit.page.views import Seen, changed_regions, project

OTHER = WindowId("33333333-3333-4333-8333-333333333333")


def a_session(text: str) -> StillSession:
    """Return a session with every kind of trouble; `text` is the name that servers and users gave."""
    fault = NodeError(
        node_id="2", class_type=text, type="value_not_in_list", message=text, details=text, input_name=text
    )
    cause = "timeout" if text == "gpu" else text  # a known cause has a text, any other is shown as it is
    notes = tuple(Note(50000.0 + place, kind, cause) for place, kind in enumerate((*NOTES, text)))
    memory = Failure(kind="execution", message=f"{text} out of memory", node_type=text, traceback=text)
    tasks = (
        task("a", notes=notes, warnings=(fault,)),
        task("b", state=TaskState.UNCLEAR, notes=notes),
        task("c", contact=Contact.UNREACHABLE, contact_detail=cause),
        task("d", contact=Contact.MOVED, contact_detail=text),
        task("e", contact=Contact.MOVED, is_ward=True, epoch=2, again_of=PromptId("gone")),
        ended("f", state=TaskState.LOST, notes=notes),
        ended("g", state=TaskState.FAILED, failure=memory, again_of=task("f").prompt_id),
        ended("h", state=TaskState.FAILED, failure=Failure(kind="execution", message="CUDA out of memory")),
        ended("i", state=TaskState.GIVEN_UP, is_ward=True, epoch=3),
    )
    record = Unreadable(prompt_id=PromptId("u1"), owner=OTHER, server_id=ServerId(text), title=text, detail=text)
    newer = Unreadable(prompt_id=PromptId("u2"), owner=OTHER, is_newer=True)
    left = (task("o", owner=OTHER, title=text), task("p", owner=OTHER, title="", state=TaskState.UNCLEAR))
    return StillSession(
        window=window(*tasks, quarantined=(task("q", "gpu-9", title=text),)),
        fleet=fleet(server("gpu-1", name=text, address="http://elsewhere:1"), server("gpu-2")),
        stalled=frozenset({tasks[0].prompt_id}),
        still={tasks[0].prompt_id: 700.0},
        noticed={ServerId(f"gpu-{place}"): Noticed(sign, 5.0) for place, sign in enumerate(RestartSign, 2)},
        orphans=tuple(Orphan(task=item, is_owner_gone=item is left[0]) for item in left),
        orphan_records=tuple(
            OrphanRecord(record=item, is_owner_gone=item is newer) for item in (record, newer)
        ),
    )  # fmt: skip


def around_trouble(words: Translator, text: str) -> dict[str, str]:
    """Return the regions and the questions, by names that no region has."""
    session = a_session(text)
    pictures = StillPictures(glimpses={item.task.prompt_id: "blob:g" for item in session.orphans[:1]})

    def drawn(dialog: Dialog | None = None) -> dict[str, str]:
        ui = UiState(dialog=dialog).with_slices(WindowsState(is_searching=dialog is None, is_open=True))
        view = project(session, ui, workflows=workflows(), pictures=pictures, language=words.language)
        return changed_regions(None, view, words)

    found = {f"trouble {name}": markup for name, markup in drawn().items()}
    asked = (
        RunAgainDialog(task("b").prompt_id),
        RunAgainDialog(task("c").prompt_id, is_elsewhere=True),
        RunAgainDialog(task("i").prompt_id),
        SameServerDialog(task("d").prompt_id),
        GiveUpDialog(task("q").prompt_id),
        GiveUpDialog(PromptId("u1")),
    )
    return found | {f"question {number}": drawn(dialog)["dialogs"] for number, dialog in enumerate(asked)}


def page(session: StillSession, ui: UiState | None = None, pictures: StillPictures | None = None) -> Seen:
    return project(session, ui or UiState(), workflows=workflows(), pictures=pictures or StillPictures(), language="en")
