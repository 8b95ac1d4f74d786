"""Which prompts of a form are drawn, and what is recorded of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.core.errors import BadInput
from app.core.model import NodeId, Template
from app.core.workflow import parse_workflow
from app.workflows.catalogue import Catalogue
from app.workflows.forms.building import build_form
from app.workflows.forms.fields import Field
from app.workflows.forms.form import Form, Look
from app.workflows.forms.kinds import Text, Whole
from app.workflows.forms.prompts import (
    draw_prompts,
    expands_itself,
    is_prompt,
    prompt_fault,
    prompts_of,
    takes_loras,
    wildcards_in,
)
from app.workflows.wildcards import WildcardNames, Wildcards
from tests.editor.classes import CLASSES

WILDCARDS = Wildcards(WildcardNames(["cats"]), {"cats": ["tabby"]})


def text_field(class_type: str = "CLIPTextEncode", name: str = "text", **more: Any) -> Field:
    kind = more.pop("kind", Text(is_multiline=True, has_dynamic_prompts=True))
    return Field(node_id="1", input_name=name, kind=kind, label="Prompt", class_type=class_type, **more)


def form_of(text: str, plain: str = "{a|b}") -> Form:
    workflow = parse_workflow(json.dumps({"1": {"class_type": "CaseText", "inputs": {"text": text, "plain": plain}}}))
    return build_form(workflow, Catalogue.parse(CLASSES))


def last(count: int) -> int:
    return count - 1


@pytest.mark.parametrize(
    ("item", "is_drawn"),
    [
        (text_field(), True),
        (text_field(kind=Text(is_multiline=True)), False),
        (text_field(kind=Whole()), False),
        (text_field("ImpactWildcardProcessor", "wildcard_text"), False),
        (text_field("FaceDetailer", "wildcard"), False),
        (text_field("easy wildcards"), False),
    ],
)
def test_author_of_the_node_decides_what_is_drawn(item: Field, is_drawn: bool) -> None:
    assert is_prompt(item) is is_drawn
    assert expands_itself(item) is ("wildcard" in f"{item.class_type}{item.input_name}".lower())


def test_loras_are_offered_where_a_node_reads_them() -> None:
    assert takes_loras(text_field("Power Prompt (rgthree)", "prompt"))
    assert takes_loras(text_field(hint="May contain <lora:name:1>."))
    assert not takes_loras(text_field())
    assert not takes_loras(text_field("Power Prompt (rgthree)", "opt_width", kind=Whole()))


def test_only_prompts_are_drawn_and_recorded() -> None:
    form = form_of("a __cats__ {x|y}")
    drawn = draw_prompts(form, prompts_of(form.by_key.values()), {}, last, WILDCARDS)
    assert drawn.texts == {("1", "text"): "a tabby y"}
    assert drawn.templates == (Template(NodeId("1"), "text", "a __cats__ {x|y}"),)


def test_values_of_the_run_are_drawn_instead_of_the_workflows() -> None:
    form = form_of("{x|y}")
    prompts = prompts_of(form.by_key.values())
    assert draw_prompts(form, prompts, {("1", "text"): "{u|v}"}, last).texts == {("1", "text"): "v"}
    assert draw_prompts(form, prompts, {("1", "text"): "plain // text"}, last).texts == {}
    assert draw_prompts(form, prompts, {("1", "text"): r"\{v\}"}, last).texts == {("1", "text"): "{v}"}


def test_error_names_the_input() -> None:
    form = form_of("a __moon__")
    with pytest.raises(BadInput) as raised:
        draw_prompts(form, prompts_of(form.by_key.values()), {}, last, WILDCARDS)
    assert (raised.value.cause, raised.value.name, raised.value.detail) == ("no-wildcard", "Text", "moon")


def test_unknown_wildcard_is_a_fault_of_a_prompt_alone() -> None:
    names = WildcardNames(["cats"])
    fault = prompt_fault(text_field(), "a __moon__", names)
    assert fault is not None and (fault.cause, fault.detail) == ("no-wildcard", "moon")
    assert prompt_fault(text_field(), "a __moon__", names) is fault
    assert prompt_fault(text_field(), "a __cats__", names) is None
    assert prompt_fault(text_field("easy wildcards"), "a __moon__", names) is None


def test_wildcards_of_several_texts_are_found_once() -> None:
    assert wildcards_in(["__a__ __b__", 3, "__a__"]) == ("a", "b")


def test_published_form_keeps_what_the_node_draws() -> None:
    shown = Look(kind=Text(is_multiline=True)).on(text_field())
    assert is_prompt(shown)
    assert not is_prompt(Look(kind=Text()).on(text_field(kind=Text())))
