"""What a click on Run sends: one file of the editor goes to every node that uses it."""

from __future__ import annotations

import json

import pytest

from app.session import Picked
from app.ui.form.open_workflow import GivenWorkflow, OpenWorkflow, open_given
from app.ui.form.state import Draft, Picture
from app.ui.runs.orders import PromptDraw, files_of, order_of, plan_of, wildcards_of
from app.workflows.catalogue import Catalogue
from app.workflows.editor.copy import filled
from app.workflows.editor.texts import resolve_prompt
from app.workflows.plans.runs import PlannedRun
from app.workflows.wildcards import WildcardNames, Wildcards
from tests.editor.classes import CLASSES
from tests.editor.drawing import Drawing, key
from tests.kit.page.stills import Bytes


def test_file_in_a_repeated_subgraph_is_sent_to_each_node() -> None:
    inner = Drawing(key(1), "Inside", first_link=100)
    inner.node(10, "LoadImage", ["one.png", "image"], outputs=2)
    inner.leave("IMAGE", "IMAGE", 10, 0)
    draw = Drawing()
    for host in (2, 3):
        draw.node(host, key(1), outputs=1)
        draw.node(host + 2, "SaveImage", ["x"], outputs=0, images=(host, 0))
    chosen = open_given(
        GivenWorkflow("w", "Twice", graph=json.dumps(draw.hold(inner).file())), Catalogue.parse(CLASSES)
    )
    assert chosen is not None and len(chosen.uploads) == 1
    picked = Picked(Bytes(b"picture", "image/png"), "mine.png")
    draft = Draft().with_picture(chosen.uploads[0].key, Picture(picked, "blob:1", 4, 4))
    assert files_of(chosen, draft) == {("2:10", "image"): picked, ("3:10", "image"): picked}
    order = order_of(chosen, draft, now=(2026, 1, 2, 3, 4, 5), draw=PromptDraw(lambda _: 0))
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
    chosen = open_given(GivenWorkflow("w", "Saves", api=saving(name)), None)
    assert chosen is not None
    order = order_of(chosen, Draft(), now=(2026, 1, 2, 3, 4, 5), draw=PromptDraw(lambda _: 0))
    assert order.workflow.value("2", "filename_prefix") == sent


def test_each_planned_run_has_its_own_values_in_its_file_name() -> None:
    chosen = open_given(GivenWorkflow("w", "Saves", api=saving("%EmptyImage.width%")), None)
    assert chosen is not None
    runs = [PlannedRun(index, {("1", "width"): width}, "") for index, width in enumerate((8, 16))]
    plan = plan_of(chosen, Draft(), runs, now=(2026, 1, 2, 3, 4, 5), draw=PromptDraw(lambda _: 0))
    sent = [plan.workflow.with_values(run.values).value("2", "filename_prefix") for run in plan.runs]
    assert sent == ["8", "16"]


WILDCARDS = Wildcards(WildcardNames(["cats"]), {"cats": ["tabby"]})
LAST = PromptDraw(lambda count: count - 1, WILDCARDS)
NOW = (2026, 1, 2, 3, 4, 5)
TEXT = ("1", "text")


def prompt_of(text: str, *, is_graph: bool) -> OpenWorkflow:
    """An open workflow with this prompt, as sent or as the editor's file."""
    if is_graph:
        draw = Drawing()
        draw.node(1, "CaseText", [text, "{a|b}"], outputs=1)
        draw.node(2, "CaseShow", [], outputs=0, source=(1, 0))
        given = GivenWorkflow("w", "Text", graph=json.dumps(draw.file()))
    else:
        nodes = {"1": {"class_type": "CaseText", "inputs": {"text": text, "plain": "{a|b}"}}}
        given = GivenWorkflow("w", "Text", api=json.dumps(nodes))
    chosen = open_given(given, Catalogue.parse(CLASSES))
    assert chosen is not None
    return chosen


@pytest.mark.parametrize("is_graph", [True, False])
def test_prompt_is_drawn_for_a_run_and_its_template_kept(is_graph: bool) -> None:
    chosen = prompt_of("a __cats__ {x|y}", is_graph=is_graph)
    order = order_of(chosen, Draft(), now=NOW, draw=LAST)
    assert order.workflow.value(*TEXT) == "a tabby y"
    assert order.workflow.value("1", "plain") == "{a|b}"
    assert [item.text for item in order.templates] == ["a __cats__ {x|y}"]
    if is_graph:
        assert filled(order.editor, order.workflow)["nodes"][0]["widgets_values"] == ["a tabby y", "{a|b}"]
    typed = Draft().with_value(TEXT, "plain")
    assert order_of(chosen, typed, now=NOW, draw=LAST).templates == ()


@pytest.mark.parametrize("is_graph", [True, False])
def test_drawn_text_is_not_drawn_again(is_graph: bool) -> None:
    wildcards = Wildcards(WildcardNames(["cats"]), {"cats": [r"\{p|q\} // sea"]})
    chosen = prompt_of("__cats__", is_graph=is_graph)
    order = order_of(chosen, Draft(), now=NOW, draw=PromptDraw(lambda count: count - 1, wildcards))
    assert order.workflow.value(*TEXT) == "{p|q} // sea"
    if is_graph:
        stored = filled(order.editor, order.workflow)["nodes"][0]["widgets_values"][0]
        assert resolve_prompt(stored, lambda count: count - 1) == "{p|q} // sea"


@pytest.mark.parametrize("is_graph", [True, False])
def test_each_planned_run_draws_its_own_prompt(is_graph: bool) -> None:
    chosen = prompt_of("{x|y} __cats__", is_graph=is_graph)
    runs = [PlannedRun(0, {}, ""), PlannedRun(1, {TEXT: "a lake"}, ""), PlannedRun(2, {TEXT: "{u|v}"}, "")]
    plan = plan_of(chosen, Draft(), runs, now=NOW, draw=LAST)
    sent = [plan.workflow.with_values(run.values).value(*TEXT) for run in plan.runs]
    assert sent == ["y tabby", "a lake", "v"]
    assert [[item.text for item in run.templates] for run in plan.runs] == [["{x|y} __cats__"], [], ["{u|v}"]]


def test_prompt_that_a_subgraph_shows_is_drawn() -> None:
    inner = Drawing(key(1), "Inside", first_link=100)
    inner.node(10, "CaseText", ["inner", "p"], outputs=1)
    inner.leave("STRING", "STRING", 10, 0)
    draw = Drawing()
    draw.node(2, key(1), outputs=1)
    draw.node(3, "CaseShow", [], outputs=0, source=(2, 0))
    chosen = open_given(GivenWorkflow("w", "Text", graph=json.dumps(draw.hold(inner).file())), Catalogue.parse(CLASSES))
    assert chosen is not None
    draft = Draft().with_value(("2:10", "text"), "{x|y}")
    assert order_of(chosen, draft, now=NOW, draw=LAST).workflow.value("2:10", "text") == "y"


def test_wildcards_of_the_form_and_of_planned_runs_are_named() -> None:
    chosen = prompt_of("__a__", is_graph=False)
    runs = [PlannedRun(0, {TEXT: "__b__", ("1", "plain"): "__c__"}, "")]
    assert wildcards_of(chosen, Draft(), runs) == ("a", "b")
    assert wildcards_of(chosen, Draft().with_value(TEXT, "plain")) == ()
