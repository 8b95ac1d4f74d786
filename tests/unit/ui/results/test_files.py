"""Results that are no pictures: as cards, large, and in contact sheets."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.core.model import TEXT, Delivery, FileFact, InputFile, NodeId, Output, ServerId
from app.ui.kit.colours import ServerTag
from app.ui.results.album import NO_STRIP
from app.ui.results.cards_html import result
from app.ui.results.large_html import large
from app.ui.results.sheets import CellKind
from app.ui.runs.state import CardView, ResultView
from tests.kit.page.elements import element, elements
from tests.kit.page.stills import ENGLISH, ended, output
from tests.ports.tasks import changed
from tests.unit.ui.results.test_sheets import kinds, part, sheet
from wire.media import OPAQUE


def file(name: str, *facts: FileFact, text: str = "", delivery: Delivery = Delivery.KEPT) -> Output:
    return output(name, delivery=delivery, size=2_000, media_type=OPAQUE, facts=facts, text=text)


def card(made: Output, url: str = "blob:x") -> tuple[CardView, ResultView]:
    item = ResultView(0, made, url)
    return CardView(task=ended("a", made), tag=ServerTag(ServerId("gpu-1"), "gpu-1", 1), results=(item,)), item


def small(made: Output, url: str = "blob:x") -> str:
    return str(result(*card(made, url), ENGLISH))


def whole(made: Output, url: str = "blob:x") -> str:
    return str(large(card(made, url)[0], 0, NO_STRIP, ENGLISH))


GLB = file("box_00001_.glb", FileFact("vertices", "1200"), FileFact("triangles", "2400"))


def test_large_view_names_the_files_that_it_was_made_from() -> None:
    used = [
        InputFile(node_id=NodeId(str(at)), input_name="image", name=f"{at}.png", original_name=name)
        for at, name in enumerate(("boat.png", "hull <1>.png", "boat.png", ""))
    ]
    view = card(output("out.png", delivery=Delivery.KEPT))[0]
    made = replace(view, task=changed(view.task, inputs=tuple(used)))
    facts = elements(str(large(made, 0, NO_STRIP, ENGLISH)), "dd")
    assert next(iter(elements(str(large(made, 0, NO_STRIP, ENGLISH)), "dt"))).text == "Made from"
    assert facts[0].text == "boat.png, hull <1>.png"
    assert "Made from" not in str(large(view, 0, NO_STRIP, ENGLISH))


def test_card_names_file_with_kind_size_and_facts() -> None:
    assert element(small(GLB), "span", class_="file-name").text == "box_00001_.glb"
    assert element(small(GLB), "span", class_="file-kind numeric").text == "3D model · GLB · 2000 B"
    assert element(small(GLB), "span", class_="file-facts numeric").text == "Vertices 1200 · Triangles 2400"
    assert element(small(GLB), "button", class_="result-open")["aria-label"] == "Open box_00001_.glb"
    assert str(element(small(GLB), "a", data_testid="download")["download"]).endswith("_gpu-1_00001.glb")


@pytest.mark.parametrize("name", ["a.exr", "a.latent", "a.safetensors", "a.obj", "a.tiff", "a.bin"])
def test_file_without_viewer_is_shown_by_name(name: str) -> None:
    for shown in (small(file(name)), whole(file(name))):
        assert element(shown, "span", class_="file-name").text == name
        assert not elements(shown, "img")


def test_metadata_of_a_file_is_never_markup() -> None:
    shown = whole(file("a.safetensors", FileFact("meta.<i>", "<b>"), FileFact("tensors", "12")))
    assert "<i>" not in shown and "<b>" not in shown
    assert [item.text for item in elements(shown, "dt")][-2:] == ["<i>", "Tensors"]


def test_text_file_shows_its_beginning_and_is_read_whole_when_large() -> None:
    note = file("a.md", text="# <b>Title</b>")
    assert element(small(note), "pre").text == "# <b>Title</b>"
    shown = element(whole(note), "pre")
    assert (shown["data-kept"], shown.text) == ("blob:x", "# <b>Title</b>")
    assert element(whole(note), "button", data_copy="large-text")


def test_model_gets_its_viewer_only_when_large_and_here() -> None:
    assert not elements(small(GLB), "div", class_="large-model")
    assert element(whole(GLB), "div", class_="large-model")["data-kept"] == "blob:x"
    assert not elements(whole(GLB, url=""), "div", class_="large-model")


def test_svg_is_an_image_but_no_input() -> None:
    drawing = file("a.svg")
    assert element(whole(drawing), "img")["src"] == "blob:x"
    assert not elements(whole(drawing), "button", data_action="use-as-input")
    assert element(whole(output(media_type="image/png")), "button", data_action="use-as-input")


def test_lost_file_keeps_its_name_and_opens_nothing() -> None:
    shown = small(file("a.glb", delivery=Delivery.GONE), url="")
    assert element(shown, "p", class_="tile-trouble").text
    assert not elements(small(file("a.glb")), "p", class_="tile-trouble")
    assert element(shown, "span", class_="file-name").text == "a.glb"
    assert not elements(shown, "button", class_="result-open")


def test_sheet_names_files_and_texts() -> None:
    note = Output(node_id=GLB.node_id, kind="text", filename="text_00001_.txt", folder=TEXT, delivery=Delivery.KEPT)
    view = sheet(ended("a", GLB, part=part(0)), ended("b", note, part=part(1)))
    assert kinds(view) == [[CellKind.FILE, CellKind.FILE]]
    assert [cell.name for cell in view.rows[0].cells] == ["box_00001_.glb", "text_00001_.txt"]
