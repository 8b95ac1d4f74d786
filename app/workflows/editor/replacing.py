"""Nodes of classes that the server replaces: a file with the new ones, as if they were replaced in the editor.

with_replacements(source, catalogue)     # a new file; None if there is nothing to replace

Links and values move as the server's rules say (`workflows/replacements.py`). The editor drops inputs that belong to
a dynamic one (`images.image0`), and its user has to connect them; here they move too, as on the server.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.workflows.catalogue import Catalogue
from app.workflows.editor.graph import class_names, copied, levels_of
from app.workflows.editor.layout import EditorLayout, Layouts
from app.workflows.editor.nodes import saved_values
from app.workflows.editor.values import MISSING, as_id, as_slot
from app.workflows.replacements import FixedInput, MovedInput, Replacement

_MOST_NESTED = 20  # dynamic inputs in each other
_SEARCH_NAME = "Node name for S&R"
# The keys of a link's id and ends: of a list in older files, of an object in newer ones.
_AS_LIST = (0, 1, 2, 3, 4)
_AS_OBJECT = ("id", "origin_id", "origin_slot", "target_id", "target_slot")


def with_replacements(source: Mapping[str, Any], catalogue: Catalogue) -> dict[str, Any] | None:
    """Return the file with its nodes of old classes replaced; None if it has none of them."""
    if not catalogue.replacements:
        return None
    layouts = catalogue.derived(Layouts)
    rules = {
        name: rule
        for name in class_names(source)
        if (rule := catalogue.replacement(name)) is not None and catalogue.get(rule.new_class) is not None
    }
    if not rules:
        return None
    renewed = copied(source)
    for level in levels_of(renewed):
        for raw in _items(level["nodes"]):
            if isinstance(kind := raw.get("type"), str) and kind in rules:
                _replace(raw, level, rules[kind], layouts)
    return renewed


def _replace(raw: dict[str, Any], level: dict[str, Any], rule: Replacement, layouts: Layouts) -> None:
    links, values, layout = _moved(raw, rule, layouts)
    names = layouts.output_names(rule.new_class)
    outputs = _renamed_outputs(raw, names) if rule.is_renaming else rule.outputs
    raw["type"], raw["widgets_values"] = rule.new_class, values
    raw.pop("widgets_values_named", None)
    if isinstance(properties := raw.get("properties"), dict) and _SEARCH_NAME in properties:
        properties[_SEARCH_NAME] = rule.new_class
    raw["inputs"] = [
        {"name": name, "type": kind, "link": links.get(name)} | ({} if widget is None else {"widget": {"name": widget}})
        for name, kind, widget in zip(layout.input_names, layout.input_types, layout.input_widgets, strict=True)
    ]
    slots = {link_id: layout.slots[name] for name, link_id in links.items() if name in layout.slots}
    leaving = _relink(level, as_id(raw.get("id")), slots, outputs)
    raw["outputs"] = [
        {"name": name, "type": kind, "links": leaving.get(slot, [])}
        for slot, (name, kind) in enumerate(zip(names, layout.output_types, strict=True))
    ]


def _moved(
    raw: dict[str, Any], rule: Replacement, layouts: Layouts
) -> tuple[dict[str, object], Sequence[object], EditorLayout]:
    """The links by the new class's names, the values as they are saved for it, and its layout."""
    saved = saved_values(raw)
    linked = {item["name"]: item["link"] for item in _items(raw.get("inputs")) if _is_linked(item)}
    if rule.is_renaming:
        return linked, saved, _layout(rule, layouts, saved, linked)
    old = dict(zip(rule.old_widgets, saved, strict=False))
    links: dict[str, object] = {}
    values: dict[str, object] = {}
    for name, source in rule.inputs.items():
        match source:
            case FixedInput(value):
                values[name] = value
            case MovedInput(old_name):
                links |= {name: linked[old_name]} if old_name in linked else {}
                values |= {name: old[old_name]} if old_name in old else {}
    made: list[object] = []
    for _ in range(_MOST_NESTED):  # a choice brings other widgets
        before, layout = made, _layout(rule, layouts, made, links)
        widgets = [layout.widgets[index] for index in layout.saved]
        given = [values.get(widget.name, widget.default) for widget in widgets]
        made = [None if value is MISSING else value for value in given]
        if made == before:
            break
    return links, made, layout


def _layout(
    rule: Replacement, layouts: Layouts, values: Sequence[object], linked: Mapping[str, object]
) -> EditorLayout:
    layout = layouts.of(rule.new_class, values, [*linked])
    assert layout is not None  # checked before
    return layout


def _renamed_outputs(raw: Mapping[str, Any], names: Sequence[str]) -> dict[int, int]:
    old = [item.get("name") for item in _items(raw.get("outputs"))]
    return {slot: names.index(name) for slot, name in enumerate(old) if name in names}


def _relink(
    level: dict[str, Any], node_id: str, slots: Mapping[object, int], outputs: Mapping[int, int]
) -> dict[int, list[object]]:
    """Move a node's links to its new sockets, and drop those without one; return those that leave it, by output."""
    links = level.get("links")
    items = list(links.values()) if isinstance(links, dict) else links if isinstance(links, list) else []
    leaving: dict[int, list[object]] = {}
    kept: list[Any] = []
    for link in items:
        is_list, is_object = isinstance(link, list) and len(link) >= len(_AS_LIST), isinstance(link, dict)
        if not is_list and not (is_object and link.keys() >= {*_AS_OBJECT}):
            continue  # null where an old editor had removed a link
        link_id, origin, origin_slot, target, target_slot = _AS_LIST if is_list else _AS_OBJECT
        if as_id(link[origin]) == node_id:
            slot = as_slot(link[origin_slot])
            link[origin_slot] = outputs.get(slot, slot)
            leaving.setdefault(link[origin_slot], []).append(link[link_id])
        if as_id(link[target]) == node_id:
            if not _is_link_id(link[link_id]) or link[link_id] not in slots:
                continue
            link[target_slot] = slots[link[link_id]]
        kept.append(link)
    level["links"] = kept
    return leaving


def _is_linked(item: Mapping[str, Any]) -> bool:
    return isinstance(item.get("name"), str) and _is_link_id(item.get("link"))


def _is_link_id(given: object) -> bool:
    return isinstance(given, int | float | str)


def _items(given: object) -> Iterator[dict[str, Any]]:
    return (item for item in given if isinstance(item, dict)) if isinstance(given, list) else iter(())
