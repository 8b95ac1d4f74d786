"""Fields with the same label, told apart: by their nodes, by where their values lead, or by numbers.

    distinguished(items, form)      # two fields "Image": one about "Load Image", the other about "Style reference"

`Field.about` is what the page shows beside the label. A label that only one of the fields has stays alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from app.workflows.forms.fields import Field, Text, Upload
from app.workflows.forms.form import Form
from app.workflows.forms.kinds import label_of
from app.workflows.forms.search import plain
from app.workflows.graph import Key, open_graph

Ways = tuple[str, ...]  # of one field, the best first: what it could be told apart by


def distinguished(items: Iterable[Field], form: Form) -> tuple[Field, ...]:
    """The fields, each with an `about` if another one has its label."""
    fields = tuple(items)
    groups: dict[str, list[Field]] = {}
    for item in fields:
        groups.setdefault(plain(item.label), []).append(item)
    alike = [group for group in groups.values() if len(group) > 1]
    if not alike:
        return fields
    leads, titles = _leads(form), {section.node_id: section.title for section in form.sections}
    about: dict[Key, str] = {}
    for group in alike:
        ways = [tuple(_ways(item, form, leads, titles)) for item in group]
        chosen = next((column for column in zip(*ways, strict=True) if _tells_apart(column, group)), None)
        texts = chosen or tuple(f"{titles.get(item.node_id, '')} #{item.node_id}".strip() for item in group)
        about |= {item.key: text for item, text in zip(group, texts, strict=True)}
    return tuple(replace(item, about=about[item.key]) if item.key in about else item for item in fields)


def _ways(item: Field, form: Form, leads: Mapping[str, str], titles: Mapping[str, str]) -> Iterator[str]:
    title = form.hints.titles.get(item.key) or titles.get(item.node_id, "")
    lead = form.hints.leads.get(item.node_id) or leads.get(item.node_id, "") if _is_passed_on(item) else ""
    yield title
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


def _leads(form: Form) -> dict[str, str]:
    """For each node, the name of the first input that it leads to."""
    leads: dict[str, str] = {}
    for node in open_graph(form.workflow).values():
        for name, link in node.links.items():
            leads.setdefault(link.node_id, label_of(name))
    return leads
