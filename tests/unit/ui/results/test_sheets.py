"""Contact sheets on the page: which cell has which picture, or why it has none."""

from __future__ import annotations

from app.core.model import BatchId, Cell, Delivery, Part, PromptId, Task, TaskState
from app.core.waiting_runs import Batch, WaitingRun, WaitingRuns
from app.ui.kit.state import UiState
from app.ui.results.sheets import CellKind, SheetDialog, SheetView
from app.ui.results.state import PictureDialog
from tests.kit.page.elements import element, elements
from tests.kit.page.rig import PageRig
from tests.kit.page.stills import ME, StillLine, StillPictures, StillSession, ended, output, task, window
from tests.kit.page.trouble import page
from tests.kit.page.views import markup

BATCH = BatchId("grid-1")


def part(index: int) -> Part:
    """A cell of a grid of two columns."""
    row, column = divmod(index, 2)
    cell = Cell(column=column, row=row, column_label=f"Steps {column}", row_label=f"<b>row {row}</b>")
    return Part(batch_id=BATCH, index=index, label=f"Steps {column} · row {row}", cell=cell)


def waiting(*indices: int) -> WaitingRuns:
    batch = Batch(batch_id=BATCH, workflow="{}", title="Dunes")
    entries = [WaitingRun(prompt_id=PromptId(f"p-{index}"), owner=ME, part=part(index)) for index in indices]
    return WaitingRuns(window_id=ME).join(batch, entries, "line-1")


def sheet(*tasks: Task, line: WaitingRuns | None = None, pictures: StillPictures | None = None) -> SheetView:
    session = StillSession(window=window(*tasks), line=StillLine(line=line))
    shown = page(session, UiState(dialog=SheetDialog(BATCH)), pictures).dialog
    assert isinstance(shown, SheetView)
    return shown


def kinds(view: SheetView) -> list[list[CellKind]]:
    return [[cell.kind for cell in row.cells] for row in view.rows]


def test_growing_sheet_says_why_a_picture_is_missing() -> None:
    kept = output(delivery=Delivery.KEPT, size=9, media_type="image/png")
    done = ended("a", kept, part=part(0))
    view = sheet(
        done,
        task("b", part=part(1)),
        ended("c", part=part(2), state=TaskState.FAILED),
        line=waiting(3),
        pictures=StillPictures(small={(done.prompt_id, 0): "blob:s"}),
    )
    assert kinds(view) == [[CellKind.PICTURE, CellKind.RUNNING], [CellKind.FAILED, CellKind.WAITING]]
    assert view.columns == ("Steps 0", "Steps 1") and (view.done, view.total) == (2, 4)
    assert view.rows[0].cells[0].small == "blob:s"


def test_cancelled_and_withdrawn_runs_are_shown() -> None:
    view = sheet(task("a", part=part(0)), task("d", part=part(3)), ended("b", part=part(1), state=TaskState.CANCELLED))
    assert kinds(view) == [[CellKind.RUNNING, CellKind.CANCELLED], [CellKind.REMOVED, CellKind.RUNNING]]


def test_repeated_run_shows_its_repetition() -> None:
    failed = ended("a", part=part(0), state=TaskState.FAILED)
    repetition = task("b", again_of=failed.prompt_id, created_at=2000.0)
    assert kinds(sheet(failed, repetition)) == [[CellKind.RUNNING]]
    waits = sheet(ended("c", part=part(0), state=TaskState.FAILED), line=waiting(0))
    assert kinds(waits) == [[CellKind.WAITING]], "it was not sent, and waits"


def test_each_grid_is_listed_once_newest_first() -> None:
    other = Part(batch_id=BatchId("grid-2"), index=0, label="x", cell=Cell(column=0, row=0))
    session = StillSession(
        window=window(task("a", part=part(0)), task("b", part=other, created_at=3000.0, title="Lakes"), task("c"))
    )
    assert [item.batch_id for item in page(session).sheets] == ["grid-2", "grid-1"]
    text = markup(page(session), "sheets")
    assert "Lakes" in text and "0 of 1 done" in text
    assert markup(page(StillSession(window=window(task("c")))), "sheets") == ""


def test_labels_are_never_markup() -> None:
    session = StillSession(window=window(task("a", part=part(0))))
    text = markup(page(session, UiState(dialog=SheetDialog(BATCH))), "dialogs")
    assert elements(text, "b") == []
    assert "disabled" in element(text, data_testid="save-sheet"), "there is no picture to save"


def test_missing_sheet_opens_no_dialog() -> None:
    assert markup(page(StillSession(), UiState(dialog=SheetDialog(BATCH))), "dialogs") == ""


def test_card_names_its_run() -> None:
    session = StillSession(window=window(task("a", part=part(1)), ended("b", part=part(0))))
    assert "Steps 1 · row 0" in markup(page(session), "now")
    assert "Steps 0 · row 0" in markup(page(session), "results")


async def test_picture_opened_from_a_sheet_returns_to_it() -> None:
    rig = PageRig()
    await rig.act("open-sheet", batchId=BATCH)
    assert rig.ui.dialog == SheetDialog(BATCH)
    await rig.act("open-picture", promptId="p", index="0", sheet=BATCH)
    assert rig.ui.dialog == PictureDialog(PromptId("p"), 0, BATCH)
    await rig.act("close-dialog")
    assert rig.ui.dialog == SheetDialog(BATCH)
    await rig.act("close-dialog")
    assert rig.ui.dialog is None
