"""Where a workflow can run and what the other servers lack, in plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.ui.kit.colours import ServerTag
from app.ui.kit.i18n import Translator
from app.ui.kit.words import NAMED, word_list
from app.ui.runs.run_bar_words import word_silent
from app.ui.runs.state import RunnabilityView
from app.workflows.forms.labels import label_of
from app.workflows.graph import Key
from app.workflows.needs import Lacks, MissingValue, ValueKind


def word_standing(view: RunnabilityView, _: Translator) -> str:
    """Return the short line: where it runs, and what the others lack."""
    first = _runs(view, _)
    return _("{first}; {rest}", first=first, rest=rest) if (rest := _lacking(view, _)) else first


def _runs(view: RunnabilityView, _: Translator) -> str:
    if view.silent is not None:
        return word_silent(view.silent.name, _)
    if not view.runs_on:
        return _("Not known to run anywhere") if view.unknown else _("No server can run this")
    others = [tag for tag in view.runs_on if tag not in view.held]
    held = _servers(view.held, _)
    if view.held and others:
        return _("This window is on {server}; {others} can run it too", server=held, others=_servers(others, _))
    if len(view.held) > 1:
        return _("This window is on {servers}", servers=held)
    if not view.groups and not view.unknown and len(view.runs_on) > NAMED:
        return _("Runs on all {count} servers", count=len(view.runs_on))
    return _("Runs on {servers}", servers=_servers(view.runs_on, _))


def _lacking(view: RunnabilityView, _: Translator) -> str:
    if view.unable is not None:
        lacks = next(group.lacks for group in view.groups if view.unable in group.tags)
        things = _things(lacks, _)
        return _("{server}, which this window uses, lacks {things}", server=view.unable.name, things=things)
    tags = [tag for group in view.groups for tag in group.tags]
    lacking = {_things(group.lacks, _) for group in view.groups}
    if len(lacking) != 1:
        return _("{count} servers lack something", count=len(tags)) if tags else ""
    if len(tags) == 1:
        return _("{server} lacks {things}", server=tags[0].name, things=lacking.pop())
    return _("{servers} lack {things}", servers=_servers(tags, _), things=lacking.pop())


def _servers(tags: Sequence[ServerTag], _: Translator) -> str:
    return word_list([tag.name for tag in tags], _)


def _things(lacks: Lacks, _: Translator) -> str:
    things = [_("the node {name}", name=item.class_type) for item in lacks.classes]
    things += [_("a key for {name}", name=item.class_type) for item in lacks.without_key]
    models = [item for item in lacks.values if item.kind is ValueKind.MODEL]
    others = [item for item in lacks.values if item.kind is not ValueKind.MODEL]
    things += [_("the model {name}", name=name) for name in dict.fromkeys(item.value for item in models)]
    things += [f"“{name}”" for name in dict.fromkeys(item.value for item in others)]
    return word_list(things, _)


def word_lack(item: MissingValue, labels: Mapping[Key, str], _: Translator) -> str:
    """Name one value that a server does not have."""
    match item.kind:
        case ValueKind.MODEL if item.folder:
            return _("The model “{name}” is not in its folder “{folder}”.", name=item.value, folder=item.folder)
        case ValueKind.MODEL:
            return _("The model “{name}” is not there.", name=item.value)
        case ValueKind.FILE:
            return _("The file “{name}” is not there: put it into the form.", name=item.value)
        case ValueKind.LINK:
            return _("Nothing is connected to the input “{name}”.", name=_.known(label_of(item.input_name)))
        case ValueKind.OUTPUT:
            return _(
                "The node “{name}” gives less there than the workflow uses: another version of it is installed.",
                name=_.known(item.value),
            )
    label = labels.get((item.node_id, item.input_name)) or label_of(item.input_name)
    return _("“{value}” is none of its choices for “{name}”.", value=item.value, name=_.known(label))


def word_place(item: MissingValue, labels: Mapping[Key, str], _: Translator) -> str:
    """Say where the workflow has that value."""
    label = labels.get((item.node_id, item.input_name)) or label_of(item.input_name)
    return f"{_.known(item.title) or item.class_type} · {_.known(label)}"


def word_nodes(nodes: Sequence[tuple[str, str]], _: Translator) -> str:
    """Name the nodes of a missing class."""
    return word_list([f"{_.known(title)} ({node_id})" if title else node_id for node_id, title in nodes], _)
