"""The prompts of a form whose choices and wildcards are drawn for each run.

    drawn = draw_prompts(form, values, choose, wildcards)
    drawn.texts          # what is sent, by input
    drawn.templates      # what the user wrote, for the record of the run

The node's author decides which prompts these are: ComfyUI's editor draws `{a|b}` where an input says `dynamicPrompts`,
and there Mooring draws wildcards too. A node that expands wildcards itself gets the text as it is
(docs/decisions/0122-prompts-are-drawn-by-the-page.md).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from app.core.errors import BadInput
from app.core.model import NodeId, Template
from app.workflows.editor.texts import Choose
from app.workflows.forms.fields import Field
from app.workflows.forms.form import Form
from app.workflows.forms.kinds import Text
from app.workflows.graph import Key
from app.workflows.wildcards import (
    NO_WILDCARDS,
    WildcardNames,
    Wildcards,
    expand,
    first_unknown,
    has_escapes,
    has_syntax,
    references,
)

LORA_READERS = frozenset(
    {
        "ImpactWildcardEncode",
        "Power Prompt (rgthree)",
        "SDXL Power Prompt - Positive (rgthree)",
        "easy a1111Loader",
        "easy fullLoader",
    }
)
_EXPANDS_ITSELF = re.compile("wild_?card", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Drawn:
    """The prompts of one run that differ from what the user wrote, with the templates."""

    texts: Mapping[Key, str] = field(default_factory=dict)
    templates: tuple[Template, ...] = ()


def expands_itself(item: Field) -> bool:
    """Whether the node of a text expands wildcards itself, by its class or the input's name."""
    return _EXPANDS_ITSELF.search(f"{item.class_type} {item.input_name}") is not None


def is_prompt(item: Field) -> bool:
    """Whether choices and wildcards in this input are drawn here."""
    return isinstance(item.kind, Text) and item.kind.has_dynamic_prompts and not expands_itself(item)


def takes_loras(item: Field) -> bool:
    """Whether the node reads `<lora:name:1>` in this text: a known class, or the hint of the input says so."""
    if not isinstance(item.kind, Text):
        return False
    return item.class_type in LORA_READERS or "<lora:" in f"{item.hint} {item.kind.placeholder}".lower()


def prompts_of(fields: Iterable[Field]) -> tuple[Field, ...]:
    """Return the inputs whose choices and wildcards are drawn here."""
    return tuple(item for item in fields if is_prompt(item))


def wildcards_in(texts: Iterable[object]) -> tuple[str, ...]:
    """Return the wildcards that these values refer to, each once."""
    found = (name for text in texts if isinstance(text, str) for name in references(text))
    return tuple(dict.fromkeys(found))


def prompt_fault(item: Field, text: str, names: WildcardNames) -> BadInput | None:
    """Return the error of a wildcard without a file."""
    return _no_wildcard(item.label, text, names) if is_prompt(item) and "__" in text else None


@lru_cache(maxsize=512)
def _no_wildcard(label: str, text: str, names: WildcardNames) -> BadInput | None:
    """Equal errors are the same object, so that slices are equal."""
    unknown = first_unknown(text, names)
    return BadInput("no-wildcard", label, unknown) if unknown else None


def draw_prompts(
    form: Form,
    prompts: Iterable[Field],
    values: Mapping[Key, object],
    choose: Choose,
    wildcards: Wildcards = NO_WILDCARDS,
) -> Drawn:
    """Draw these prompts of a form; `values` has the user's. BadInput names the input that cannot be drawn."""
    texts, templates = dict[Key, str](), list[Template]()
    for item in prompts:
        text = values.get(item.key, item.value)
        if not isinstance(text, str) or (item.is_absent and item.key not in values):
            continue
        if not has_syntax(text) and not has_escapes(text):
            continue
        try:
            drawn = expand(text, choose, wildcards)
        except BadInput as error:
            raise BadInput(error.cause, item.label, error.detail) from error
        if drawn != text:
            texts[item.key] = drawn
            templates.append(Template(NodeId(item.node_id), item.input_name, text))
    texts |= {key: texts[leader] for key, leader in form.hints.shared.items() if leader in texts}
    return Drawn(texts, tuple(templates))
