"""What the runs of one file of the editor send: the workflow in API format, and the file to send along.

sender = Sender(converter, conversion)                                # kept for as long as the file is open
sending = sender.prepare(values, now=…, choose=…)                     # values as the editor shows them
await session.run(sending.workflow, editor=sending.editor)

runs, editor = sender.plan(values, planned, now=…, choose=…)          # many runs of it
await session.line.add(sending.workflow, runs, editor=editor)

Converting a file takes long, so it is done once for all runs that differ only in slots of the file's copy
(`copy.py`): seeds, texts, pictures, numbers. Prompts with `{a|b}` are chosen for each run, `%date%` is filled.
A value that the editor would change is sent as the user wants it, and then the copy has the cause why there is none.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from app.core.errors import BadInput
from app.core.workflow import ApiWorkflow
from app.workflows.catalogue_inputs import COMBO, DYNAMIC_COMBO
from app.workflows.editor.conversion import Conversion, Converter
from app.workflows.editor.copy import Slot, SlotKind, no_copy, write_copy
from app.workflows.editor.graph import copied
from app.workflows.editor.nodes import Place, converted
from app.workflows.editor.opening import control_of, innermost, widget_of
from app.workflows.editor.primitives import fed
from app.workflows.editor.problems import CannotConvert, CannotWrite, WriteFault
from app.workflows.editor.texts import Choose, Moment, fill_patterns, has_choices, resolve_prompt
from app.workflows.editor.values import MISSING, as_text
from app.workflows.editor.widgets import Style
from app.workflows.editor.write_back import Writer, is_same, rewritten, write_fault
from app.workflows.graph import CUSTOM_COMBO, Key
from app.workflows.plans.runs import PlannedRun

MOST_BASES = 4
_FRESH = (SlotKind.PROMPT, SlotKind.FILE_NAME)  # filled in for each run
_TRIES = 3  # rewriting a stored value changes what is sent only for classes that save "no value" before others

Values = Mapping[Key, object]
Owner = tuple[str, str, int]  # level, node and number of the place where a value is stored


@dataclass(frozen=True, slots=True)
class Sending:
    """The content of one run: the workflow, and the copy of the editor's file."""

    workflow: ApiWorkflow
    editor: str


class EditorSender:
    """Prepares the runs of one open file."""

    def __init__(self, converter: Converter, conversion: Conversion) -> None:
        self._converter = converter
        self._conversion = conversion
        self._bases: dict[str, _Base] = {}

    def prepare(
        self,
        values: Values,
        *,
        now: Moment | None,
        choose: Choose,
        controls: Mapping[Key, str] | None = None,
        drawn: Collection[Key] = (),
    ) -> Sending:
        """The content of one run. `controls` are the modes that change values after each run: they go into the file.

        The prompts in `drawn` have been drawn already, and are sent as they are.
        """
        base = self._base(values, controls or {})
        sent = base.sent(values, now, choose, always=drawn, drawn=drawn)
        fault = base.fault_of(values)
        return Sending(base.with_values(sent), base.copy if fault is None else no_copy(fault))

    def plan(
        self,
        values: Values,
        runs: Iterable[PlannedRun],
        *,
        now: Moment | None,
        choose: Choose,
        controls: Mapping[Key, str] | None = None,
    ) -> tuple[list[PlannedRun], str]:
        """The runs of a plan with all values that differ from `prepare(values)`, and one copy for all of them.

        A changed value is changed in all inputs that share its place in the file. Prompts with a template have been
        drawn already.
        """
        base, planned = self._base(values, controls or {}), list(runs)
        fault, shared = base.fault_of(values), base.keys_by_place()
        for number, run in enumerate(planned):
            own = {key: run.values[known] for known in run.values for key in shared.get(known, ())} | dict(run.values)
            fault = fault or base.fault_of(own)
            named = {(item.node_id, item.input_name) for item in run.templates}
            drawn = {key for known in named for key in (known, *shared.get(known, ()))}
            sent = base.sent({**values, **own}, now, choose, always=own, drawn=drawn)
            fresh = {key: value for key, value in sent.items() if key in own or base.is_fresh(key, values)}
            planned[number] = replace(run, values=fresh)
        return planned, base.copy if fault is None else no_copy(fault)

    def _base(self, values: Values, controls: Mapping[Key, str]) -> _Base:
        """The file with those values that have no slot in its copy."""
        base = self._kept("", lambda: self._opened(self._conversion))
        shaping = {key: value for key, value in values.items() if base.is_shaping(key, value)}
        modes = {key: mode for key, mode in controls.items() if _is_other_mode(self._conversion, key, mode)}
        if not shaping and not modes:
            return base
        name = json.dumps([sorted((*key, repr(value)) for key, value in shaping.items()), sorted(modes.items())])
        try:
            return self._kept(name, lambda: self._shaped(shaping, modes))
        except (CannotWrite, CannotConvert):
            return base  # which has no slots for them: they are sent all the same, and the copy has the fault

    def _kept(self, name: str, make: Callable[[], _Base]) -> _Base:
        found = self._bases.pop(name, None) or make()
        self._bases[name] = found  # the latest is last
        others = [known for known in self._bases if known]
        for known in others[: max(0, len(others) - MOST_BASES)]:
            del self._bases[known]
        return found

    def _shaped(self, values: Values, modes: Mapping[Key, str]) -> _Base:
        """Choices bring inputs, some of which are choices: apply one after the other."""
        conversion, left = self._conversion, dict(values)
        while ready := {key: left.pop(key) for key in list(left) if key in conversion.places} or modes:
            chosen = {} if ready is modes else ready
            conversion, modes = rewritten(self._converter, conversion, chosen, modes), {}
        return self._opened(conversion)

    def _opened(self, conversion: Conversion) -> _Base:
        """A conversion with the copy of its file, with all possible slots."""
        lying = _lying(conversion)
        for _ in range(_TRIES):
            graph, holes = _with_slots(conversion, lying)
            if graph == conversion.source:
                break
            output = self._converter.convert(graph).output
            changed = {node_id for node_id, node in conversion.output.items() if output.get(node_id) != node}
            if not changed:
                break
            lying = {key: lies for key, lies in lying.items() if key[0] not in changed}
        else:
            graph, holes = copied(conversion.source), {}
        made = tuple((hole.key, hole.lies) for hole in holes.values() if hole.lies in _FRESH)
        return _Base(conversion, holes, write_copy(graph, holes.values(), conversion.output), made)


def _with_slots(conversion: Conversion, lying: Mapping[Key, SlotKind]) -> tuple[dict[str, Any], dict[Key, Slot]]:
    """The file with the values that were rewritten, and their slots."""
    graph, holes = copied(conversion.source), dict[Key, Slot]()
    writer = Writer(conversion, graph)
    for key, lies in lying.items():
        try:
            writer.write({key: _value(conversion.places[key])}, {})
        except CannotWrite:
            continue
        holes[key] = Slot(key, writer.paths[key], lies)
    return graph, holes


@dataclass(frozen=True, slots=True)
class _Base:
    """A converted file, for all runs that differ from it only in slots."""

    conversion: Conversion
    holes: Mapping[Key, Slot]
    copy: str
    made: tuple[tuple[Key, SlotKind], ...]  # of texts and file names in the file

    def is_shaping(self, key: Key, value: object) -> bool:
        """Whether the file has to be converted with that value."""
        place = self.conversion.places.get(key)
        if place is None:
            return True  # another choice may bring it
        if self._has(place, value):
            return False
        hole = self.holes.get(key)
        if hole is None:
            return _needs_converter(place)
        return hole.lies is SlotKind.FILE_NAME and ("%" in str(value) or "%" in str(_value(place)))

    def fault_of(self, values: Values) -> CannotWrite | None:
        """Why the file cannot have these values, or None."""
        for key, value in values.items():
            place = self.conversion.places.get(key)
            if place is None:
                return write_fault(key, WriteFault.NO_SUCH_INPUT)
            if not self._has(place, value) and (key not in self.holes or not is_same(_taken(place, value), value)):
                return write_fault(key, WriteFault.NOT_KEPT)
        return None

    def keys_by_place(self) -> dict[Key, list[Key]]:
        """For each value, the keys of all values that share its place, itself included."""
        owned: dict[Owner, list[Key]] = {}
        for key, place in self.conversion.places.items():
            owned.setdefault(_owner(place), []).append(key)
        return {key: keys for keys in owned.values() for key in keys}

    def is_fresh(self, key: Key, values: Values) -> bool:
        """Whether each run may send another value, although the form has the same."""
        hole, place = self.holes.get(key), self.conversion.places.get(key)
        text = str(values.get(key, _value(place) if place is not None else ""))
        if hole is None or hole.lies not in _FRESH:
            return False
        return has_choices(text) if hole.lies is SlotKind.PROMPT else "%" in text

    def sent(
        self,
        values: Values,
        now: Moment | None,
        choose: Choose,
        *,
        always: Collection[Key] = frozenset(),
        drawn: Collection[Key] = frozenset(),
    ) -> dict[Key, object]:
        """The values that differ from the base's own conversion, and those that are requested in any case."""
        places = self.conversion.places
        found = {
            key: {"__value__": value} if isinstance(value, list) else value
            for key, value in values.items()
            if key in always or key not in places or not self._has(places[key], value)
        }
        look_up = _LookUp(self.conversion, values)
        for key, lies in self.made:
            value = values.get(key, _value(places[key]))
            if not isinstance(value, str) or key in drawn:
                continue
            if lies is SlotKind.PROMPT and (key in found or has_choices(value) or key in self.conversion.chosen):
                found[key] = resolve_prompt(value, choose)
            elif lies is SlotKind.FILE_NAME:
                found[key] = fill_patterns(value, now, look_up)
        return found

    def with_values(self, values: Values) -> ApiWorkflow:
        """The base's workflow with these values."""
        output = dict(self.conversion.output)
        for (node_id, name), value in values.items():
            if node_id not in output:
                raise BadInput("bad-workflow", name=node_id, detail="no such node")
            node = output[node_id]
            output[node_id] = {**node, "inputs": {**node["inputs"], name: value}}
        return ApiWorkflow(json.dumps(output, ensure_ascii=False), self.conversion.workflow.nodes)

    @staticmethod
    def _has(place: Place, value: object) -> bool:
        return is_same(_value(place), value)


class _LookUp:
    """Looks up other nodes' values for file names, with the values of a run."""

    def __init__(self, conversion: Conversion, values: Values) -> None:
        self._conversion = conversion
        self._values = values
        self._owned: dict[Owner, object] | None = None

    def __call__(self, node_name: str, widget_name: str) -> str | None:
        place = self._conversion.looked_up.get((node_name, widget_name))
        if place is None:
            return None
        if self._owned is None:
            places = self._conversion.places
            self._owned = {_owner(places[key]): value for key, value in self._values.items() if key in places}
        value = self._owned.get(_owner(place), _value(place))
        return "" if value is None or value is MISSING else as_text(value)


def _lying(conversion: Conversion) -> dict[Key, SlotKind]:
    """How each value that may get a slot is stored in the file. Those of one place all get one, or none does."""
    found: dict[Key, SlotKind] = {}
    owned: dict[Owner, object] = {}
    barred: set[Owner] = set()
    for key, place in conversion.places.items():
        owner, lies, value = _owner(place), _lies(place), _value(place)
        if lies is None or not is_same(owned.setdefault(owner, value), value):
            barred.add(owner)
        else:
            found[key] = lies
    return {key: lies for key, lies in found.items() if _owner(conversion.places[key]) not in barred}


def _lies(place: Place) -> SlotKind | None:
    node, index = place
    widget = widget_of(place)
    if widget is None or not widget.is_value or _needs_converter(place):
        return None
    if widget.spec is not None and widget.spec.type == COMBO and not widget.spec.upload:
        return SlotKind.CHOICE
    if node.graph is not None:
        return SlotKind.PLAIN  # the value of a subgraph node is sent unchanged
    if node.widgets[index].style is Style.FILE_NAME:
        return SlotKind.FILE_NAME
    return SlotKind.PROMPT if node.widgets[index].has_choices else SlotKind.PLAIN


def _needs_converter(place: Place) -> bool:
    """Whether the value affects what is sent in ways that only a conversion shows."""
    found = innermost(place)
    if found is None:
        return False
    node, widget = found[0], found[0].widgets[found[1]]
    is_choice = widget.spec is not None and widget.spec.type == DYNAMIC_COMBO
    return is_choice or node.type == CUSTOM_COMBO or widget.style not in (Style.PLAIN, Style.AREA, Style.FILE_NAME)


def _taken(place: Place, value: object) -> object:
    """The value that the editor makes of this one when it opens the file."""
    node, index = place
    if node.layout is not None and index in node.layout.converted:
        value = converted(node.widgets[index], value)
    return fed(place, value)


def _value(place: Place) -> object:
    return place[0].values[place[1]]


def _owner(place: Place) -> Owner:
    node, index = place[0].place(place[1])
    return node.level.key, node.node_id, index


def _is_other_mode(conversion: Conversion, key: Key, mode: str) -> bool:
    place, known = conversion.places.get(key), conversion.fields.get(key)
    return place is not None and known is not None and known.control != mode and control_of(place) is not None
