"""Fields with the same label, told apart: by their nodes, by where their values lead, or by numbers.

    distinguished(items, form)      # two fields "Image": one about "Load Image", the other about "Style reference"

`Field.about` is what the page shows beside the label. A label that only one of the fields has stays alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property

from app.workflows.forms.fields import Field
from app.workflows.forms.form import Form
from app.workflows.forms.kinds import Text, Upload
from app.workflows.forms.labels import label_of
from app.workflows.forms.search import plain
from app.workflows.graph import Key, open_graph


def distinguished(items: Iterable[Field], form: Form) -> tuple[Field, ...]:
    """The fields, each with an `about` if another one has its label."""
    fields = tuple(items)
    groups: dict[str, list[Field]] = {}
    for item in fields:
        groups.setdefault(plain(item.label), []).append(item)
    alike = [group for group in groups.values() if len(group) > 1]
    if not alike:
        return fields
    titles = {section.node_id: section.title for section in form.sections}
    leads = _Leads(form)
    about: dict[Key, str] = {}
    for group in alike:
        ways = [_ways(item, form, leads, titles) for item in group]  # a column is made if no earlier one is enough
        chosen = next((column for column in zip(*ways, strict=True) if _tells_apart(column, group)), None)
        texts = chosen or tuple(f"{titles.get(item.node_id, '')} #{item.node_id}".strip() for item in group)
        about |= {item.key: text for item, text in zip(group, texts, strict=True)}
    return tuple(replace(item, about=about[item.key]) if item.key in about else item for item in fields)


def _ways(item: Field, form: Form, leads: _Leads, titles: Mapping[str, str]) -> Iterator[str]:
    """What could distinguish a field, the best first."""
    inside = titles.get(item.node_id, "")
    title = form.hints.titles.get(item.key) or inside
    yield title
    yield inside
    yield f"{title} · {inside}" if inside != title else ""
    lead = leads.of(item.node_id) if _is_passed_on(item) else ""
    yield lead
    yield f"{title} · {lead}" if lead else ""
    name = label_of(item.input_name)
    yield name
    yield f"{title} · {name}" if name != item.label else ""


def _is_passed_on(item: Field) -> bool:
    """Whether a node passes on this very value: a file, a prompt, or the value of a primitive."""
    return isinstance(item.kind, Upload | Text) or item.input_name == "value"


def _tells_apart(texts: tuple[str, ...], group: list[Field]) -> bool:
    """Whether these differ from each other, and say more than the labels."""
    plains = [plain(text) for text in texts]
    return all(plains) and len(set(plains)) == len(plains) and plain(group[0].label) not in plains


class _Leads:
    """For each node, the author's word for the input that it leads to, or that input's name; read when needed."""

    def __init__(self, form: Form) -> None:
        self._form = form

    def of(self, node_id: str) -> str:
        return self._form.hints.leads.get(node_id) or self._names.get(node_id, "")

    @cached_property
    def _names(self) -> dict[str, str]:
        names: dict[str, str] = {}
        for node in open_graph(self._form.workflow).values():
            for name, link in node.links.items():
                names.setdefault(link.node_id, label_of(name))
        return names
