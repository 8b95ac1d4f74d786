"""What a click on Run sends: one file of the editor goes to every node that uses it."""

from __future__ import annotations

import json

import pytest

from app.session import Picked
from app.ui.form.open_workflow import Given, open_given
from app.ui.form.state import Draft, Picture
from app.ui.runs.orders import files_of, order_of, plan_of
from app.workflows.catalogue import Catalogue
from app.workflows.editor.copy import filled
from app.workflows.plans.runs import PlannedRun
from tests.editor.classes import CLASSES
from tests.editor.drawing import Drawing, key
from tests.unit.ui.page_kit import Bytes


def test_file_in_a_repeated_subgraph_is_sent_to_each_node() -> None:
    inner = Drawing(key(1), "Inside", first_link=100)
    inner.node(10, "LoadImage", ["one.png", "image"], outputs=2)
    inner.leave("IMAGE", "IMAGE", 10, 0)
    draw = Drawing()
    for host in (2, 3):
        draw.node(host, key(1), outputs=1)
        draw.node(host + 2, "SaveImage", ["x"], outputs=0, images=(host, 0))
    chosen = open_given(Given("w", "Twice", graph=json.dumps(draw.hold(inner).file())), Catalogue.parse(CLASSES))
    assert chosen is not None and len(chosen.uploads) == 1
    picked = Picked(Bytes(b"picture", "image/png"), "mine.png")
    draft = Draft().with_picture(chosen.uploads[0].key, Picture(picked, "blob:1", 4, 4))
    assert files_of(chosen, draft) == {("2:10", "image"): picked, ("3:10", "image"): picked}
    order = order_of(chosen, draft, now=(2026, 1, 2, 3, 4, 5), choose=lambda _: 0)
    sent = order.workflow.with_values(dict.fromkeys(files_of(chosen, draft), "mooring/ab.png"))
    graph = filled(order.editor, sent)
    assert graph["definitions"]["subgraphs"][0]["nodes"][0]["widgets_values"] == ["mooring/ab.png", "image"]


def saving(name: str) -> str:
    """A workflow in API format that saves under this name."""
    size = {"class_type": "EmptyImage", "inputs": {"width": 64}, "_meta": {"title": "Her size"}}
    return json.dumps(
        {"1": size, "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": name}}}
    )


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("%date:yyyy-MM-dd%/boat", "2026-01-02/boat"),
        ("%EmptyImage.width%_%Her size.width%", "64_64"),
        (
            "%SaveImage.filename_prefix%%odd%%Nothing.at_all%100%",
            "%SaveImage.filename_prefix%%odd%%Nothing.at_all%100%",
        ),
        ("plain", "plain"),
    ],
)
def test_patterns_of_file_names_are_filled_in_api_files(name: str, sent: str) -> None:
    chosen = open_given(Given("w", "Saves", api=saving(name)), None)
    assert chosen is not None
    order = order_of(chosen, Draft(), now=(2026, 1, 2, 3, 4, 5), choose=lambda _: 0)
    assert order.workflow.value("2", "filename_prefix") == sent


def test_each_planned_run_has_its_own_values_in_its_file_name() -> None:
    chosen = open_given(Given("w", "Saves", api=saving("%EmptyImage.width%")), None)
    assert chosen is not None
    runs = [PlannedRun(index, {("1", "width"): width}, "") for index, width in enumerate((8, 16))]
    plan = plan_of(chosen, Draft(), runs, now=(2026, 1, 2, 3, 4, 5), choose=lambda _: 0)
    sent = [plan.workflow.with_values(run.values).value("2", "filename_prefix") for run in plan.runs]
    assert sent == ["8", "16"]
