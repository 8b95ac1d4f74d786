"""Which of many files an input takes, and the runs that they make."""

from __future__ import annotations

import pytest

from app.core.ports.files import ChosenFile
from app.workflows.forms.kinds import Media
from app.workflows.plans.files import LARGEST, LeftOut, cross, folder_of, shortened, sort_files
from app.workflows.plans.runs import LABEL, PlannedRun


def file(path: str, size: int = 10, media_type: str = "", changed: int = 1) -> ChosenFile:
    return ChosenFile(path, size, changed, media_type)


def test_files_are_run_in_the_order_that_a_person_expects() -> None:
    files = [
        file(path) for path in ("h/b/1.png", "h/10.png", "h/2.png", "h/a10/1.png", "h/a9/1.png", "h/B.png", "h/a.png")
    ]
    found = sort_files(files, Media.PICTURE)
    assert [files[index].path for index in found.taken] == [
        "h/2.png", "h/10.png", "h/a.png", "h/B.png", "h/a9/1.png", "h/a10/1.png", "h/b/1.png",
    ]  # fmt: skip
    assert found.left == {}


@pytest.mark.parametrize(
    ("path", "media", "reason"),
    [
        ("a.png", Media.PICTURE, None),
        ("a.JPEG", Media.MASK, None),
        ("a.webm", Media.VIDEO, None),
        ("a.flac", Media.AUDIO, None),
        ("a.safetensors", Media.FILE, None),
        ("a.txt", Media.PICTURE, LeftOut.OTHER_KIND),
        ("a.png", Media.VIDEO, LeftOut.OTHER_KIND),
        ("a", Media.PICTURE, LeftOut.OTHER_KIND),
        ("a.svg", Media.PICTURE, LeftOut.UNREAD_KIND),
        ("a.HEIC", Media.PICTURE, LeftOut.UNREAD_KIND),
        ("a.svg", Media.FILE, None),
        (".a.png", Media.PICTURE, LeftOut.HIDDEN),
        ("h/__MACOSX/a.png", Media.PICTURE, LeftOut.HIDDEN),
        ("h/Thumbs.db", Media.FILE, LeftOut.HIDDEN),
    ],
)
def test_each_medium_takes_its_own_files(path: str, media: Media, reason: LeftOut | None) -> None:
    found = sort_files([file(path)], media)
    assert (found.taken, dict(found.left)) == (((0,), {}) if reason is None else ((), {reason: (0,)}))


def test_type_that_the_browser_reports_counts_more_than_the_ending() -> None:
    found = sort_files([file("photo", media_type="image/jpeg"), file("b.png", media_type="text/plain")], Media.PICTURE)
    assert found.taken == (0,)


def test_empty_and_too_large_files_are_left_out() -> None:
    found = sort_files([file("a.png", 0), file("b.png", LARGEST + 1), file("c.png", LARGEST)], Media.PICTURE)
    assert found.taken == (2,)
    assert dict(found.left) == {LeftOut.EMPTY: (0,), LeftOut.TOO_LARGE: (1,)}


def test_same_file_chosen_twice_counts_once() -> None:
    files = [file("h/a.png"), file("h/a.png"), file("h/b/a.png"), file("h/a.png", changed=2)]
    found = sort_files(files, Media.PICTURE)
    assert len(found.taken) == 3
    assert found.left == {LeftOut.TWICE: (1,)}


def test_folder_is_the_one_that_all_files_are_in() -> None:
    assert folder_of([file("h/a.png"), file("h/b/c.png")]) == "h"
    assert folder_of([file("h/a.png"), file("i/a.png")]) == ""
    assert folder_of([file("a.png"), file("h/a.png")]) == ""
    assert folder_of([]) == ""


def test_each_file_meets_each_variant_and_few_make_a_sheet() -> None:
    variants = [PlannedRun(0, {("1", "seed"): 7}, "seed 7"), PlannedRun(1, {("1", "seed"): 8}, "seed 8")]
    runs = list(cross(["a.png", "b/a.png"], variants))
    assert [run.index for run in runs] == [0, 1, 2, 3]
    assert [run.label for run in runs] == ["a.png · seed 7", "a.png · seed 8", "b/a.png · seed 7", "b/a.png · seed 8"]
    assert [run.values[("1", "seed")] for run in runs] == [7, 8, 7, 8]
    assert [(run.cell.row, run.cell.column, run.cell.row_label) for run in runs if run.cell] == [
        (0, 0, "a.png"), (0, 1, "a.png"), (1, 0, "b/a.png"), (1, 1, "b/a.png"),
    ]  # fmt: skip
    many = list(cross([f"{number}.png" for number in range(101)], variants))
    assert all(run.cell is None for run in many), "a window would hold their tasks whole"


def test_one_run_for_each_file_is_no_sheet() -> None:
    assert [(run.label, run.cell) for run in cross(["a.png"], [PlannedRun(0, {}, "")])] == [("a.png", None)]


def test_long_path_keeps_its_end() -> None:
    label = shortened("folder/" * 30 + "photo.png")
    assert len(label) == LABEL
    assert label.startswith("…")
    assert label.endswith("/photo.png")
