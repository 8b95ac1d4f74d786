"""Contact sheets on the page: which picture stands where, and why there is none."""

from __future__ import annotations

from app.core.model import BatchId, Cell, Delivery, Part, PromptId, Task, TaskState
from app.core.waiting_runs import Batch, Entry, WaitingRuns
from app.ui.kit.state import UiState
from app.ui.results.sheets import CellKind, SheetDialog, SheetView
from app.ui.results.state import PictureDialog
from tests.unit.ui.page.test_actions import Rig
from tests.unit.ui.page_kit import ME, StillLine, StillPictures, StillSession, ended, output, task, window
from tests.unit.ui.trouble import markup, page

BATCH = BatchId("grid-1")


def part(index: int) -> Part:
    """Of a grid of two columns."""
    row, column = divmod(index, 2)
    cell = Cell(column=column, row=row, column_label=f"Steps {column}", row_label=f"<b>row {row}</b>")
    return Part(batch_id=BATCH, index=index, label=f"Steps {column} · row {row}", cell=cell)


def waiting(*indices: int) -> WaitingRuns:
    batch = Batch(batch_id=BATCH, workflow="{}", title="Dunes")
    entries = [Entry(prompt_id=PromptId(f"p-{index}"), owner=ME, part=part(index)) for index in indices]
    return WaitingRuns(window_id=ME).join(batch, entries, "line-1")


def sheet(*tasks: Task, line: WaitingRuns | None = None, pictures: StillPictures | None = None) -> SheetView:
    session = StillSession(window=window(*tasks), line=StillLine(line=line))
    shown = page(session, UiState(dialog=SheetDialog(BATCH)), pictures).dialog.dialog
    assert isinstance(shown, SheetView)
    return shown


def kinds(view: SheetView) -> list[list[CellKind]]:
    return [[cell.kind for cell in row.cells] for row in view.rows]


def test_a_growing_sheet_says_why_a_picture_is_missing() -> None:
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


def test_what_was_taken_back_is_told() -> None:
    view = sheet(task("a", part=part(0)), task("d", part=part(3)), ended("b", part=part(1), state=TaskState.CANCELLED))
    assert kinds(view) == [[CellKind.RUNNING, CellKind.CANCELLED], [CellKind.REMOVED, CellKind.RUNNING]]


def test_a_repeated_run_shows_what_became_of_the_repetition() -> None:
    failed = ended("a", part=part(0), state=TaskState.FAILED)
    again = task("b", again_of=failed.prompt_id, created_at=2000.0)
    assert kinds(sheet(failed, again)) == [[CellKind.RUNNING]]
    waits = sheet(ended("c", part=part(0), state=TaskState.FAILED), line=waiting(0))
    assert kinds(waits) == [[CellKind.WAITING]], "it was not sent, and waits again"


def test_the_list_has_each_grid_once_and_the_newest_first() -> None:
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
    assert "&lt;b&gt;row 0" in text and "<b>row" not in text
    assert "disabled" in text.partition("data-save-sheet")[2].partition(">")[0], "nothing to save yet"


def test_a_sheet_that_is_gone_is_no_dialog() -> None:
    assert markup(page(StillSession(), UiState(dialog=SheetDialog(BATCH))), "dialogs") == ""


def test_a_card_tells_which_run_it_is() -> None:
    session = StillSession(window=window(task("a", part=part(1)), ended("b", part=part(0))))
    assert "Steps 1 · row 0" in markup(page(session), "now")
    assert "Steps 0 · row 0" in markup(page(session), "results")


async def test_a_picture_opened_out_of_a_sheet_goes_back_to_it() -> None:
    rig = Rig()
    await rig.act("open-sheet", batchId=BATCH)
    assert rig.context.ui.dialog == SheetDialog(BATCH)
    await rig.act("open-picture", promptId="p", index="0", sheet=BATCH)
    assert rig.context.ui.dialog == PictureDialog(PromptId("p"), 0, BATCH)
    await rig.act("close-dialog")
    assert rig.context.ui.dialog == SheetDialog(BATCH)
    await rig.act("close-dialog")
    assert rig.context.ui.dialog is None
