"""Actions: what the user can do, each declared once, beside the method that does it.

    class CardActions:
        @action("cancel")                                     # data-action="cancel" data-prompt-id="…"
        async def cancel(self, prompt_id: PromptId) -> None: ...

    ActionTable(context, CardActions()).act("cancel", {"promptId": "…"})

A method that has to wait is a coroutine: it runs in the background, and an error that it raises is shown on the page.

The markup names an action in `data-action` (a click), `data-change` (a choice), `data-input` (typing) or `data-enter`
(the Enter key); commands and the page's JavaScript use the same names. The method's parameters are the facts that it
reads from the event, with their types: `prompt_id` is the fact `promptId`, which is `data-prompt-id` in the markup;
`value` and `checked` are the field's own. A parameter with a default may be missing, other facts are ignored.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import partial
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

from app.ui.kit.context import PageContext, show_refusal
from app.ui.kit.screen import Facts
from app.ui.kit.state import Dialog

log = logging.getLogger("mooring.ui")

Handler = Callable[..., Coroutine[Any, Any, None] | None]
Method = TypeVar("Method", bound=Handler)


class ActionError(Exception):
    """A fault of the page's own code: the markup and the actions do not fit together. Logged, never shown."""


@dataclass(eq=False)
class UnknownAction(ActionError):
    """No feature has an action of this name."""

    name: str


@dataclass(eq=False)
class DuplicateAction(ActionError):
    """Two features have an action of this name."""

    name: str
    owners: tuple[str, str]


@dataclass(eq=False)
class InvalidFacts(ActionError):
    """An event lacks a fact that its action reads, or the fact has another type; `value` is None if it is missing."""

    name: str
    fact: str
    value: object
    expected: str


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a handler: the fact that it is read from, and its type."""

    name: str
    fact: str
    kind: type
    is_required: bool

    def read(self, action: str, value: str | bool) -> object:
        """Return the fact as the handler takes it; InvalidFacts if it has another type."""
        if self.kind is bool:
            found = {True: True, False: False, "true": True, "false": False}.get(value)
            if found is None:
                raise InvalidFacts(action, self.fact, value, "bool")
            return found
        try:
            return self.kind(value if isinstance(value, str) else str(value))
        except ValueError as error:
            raise InvalidFacts(action, self.fact, value, self.kind.__name__) from error


@dataclass(frozen=True, slots=True)
class Action:
    """An action as its method declares it."""

    name: str
    parameters: tuple[Parameter, ...]

    def read(self, facts: Facts) -> dict[str, object]:
        """Return the handler's arguments; InvalidFacts if a fact is missing or has another type."""
        found = dict[str, object]()
        for item in self.parameters:
            if item.fact in facts:
                found[item.name] = item.read(self.name, facts[item.fact])
            elif item.is_required:
                raise InvalidFacts(self.name, item.fact, None, item.kind.__name__)
        return found


def action(name: str) -> Callable[[Method], Method]:
    """Declare the method as the handler of this action."""

    def declare(method: Method) -> Method:
        parameters = tuple(inspect.signature(method, eval_str=True).parameters.values())[1:]
        method.__dict__["action"] = Action(name, tuple(_parameter(name, item) for item in parameters))
        owner, _, attribute = method.__qualname__.rpartition(".")
        _attributes.setdefault((method.__module__, owner), {})[attribute] = None
        return method

    return declare


def _parameter(action_name: str, item: inspect.Parameter) -> Parameter:
    first, *others = item.name.split("_")
    is_union = get_origin(item.annotation) in (Union, UnionType)
    kind, *_none = get_args(item.annotation) if is_union else (item.annotation,)  # the first of `… | None`
    kind = getattr(kind, "__supertype__", kind)  # a NewType is what it is made of
    if kind not in (str, int, float, bool) and not (isinstance(kind, type) and issubclass(kind, Enum)):
        raise TypeError(f"{action_name}: no fact can be read as {item}")
    return Parameter(item.name, first + "".join(map(str.title, others)), kind, item.default is item.empty)


def opening(name: str, dialog: type[Dialog]) -> Action:
    """Return the action that opens a dialog; its fields without a default are the facts."""
    fields = inspect.signature(dialog, eval_str=True).parameters.values()
    return Action(name, tuple(_parameter(name, item) for item in fields if item.default is item.empty))


class ActionTable:
    """Every action of its owners by name, with its one handler; DuplicateAction if a name has two."""

    def __init__(self, context: PageContext, *owners: object) -> None:
        self._context = context
        self._handlers: dict[str, tuple[Action, Handler]] = {}
        self.add(*owners)

    def add(self, *owners: object) -> None:
        """Add the actions that these owners declare."""
        for owner in owners:
            for found, handler in _declared(owner):
                self._add(found, handler)

    def add_opening(self, name: str, dialog: type[Dialog]) -> None:
        """Add the action that opens a dialog: fresh, or as it was left with unsaved text."""

        def show(**fields: object) -> None:
            self._context.set_ui(self._context.ui.with_dialog(dialog(**fields)))

        show.__qualname__ = dialog.__qualname__
        self._add(opening(name, dialog), show)

    def _add(self, found: Action, handler: Handler) -> None:
        if found.name in self._handlers:
            other = self._handlers[found.name][1]
            raise DuplicateAction(found.name, (other.__qualname__, handler.__qualname__))
        self._handlers[found.name] = found, handler

    @property
    def actions(self) -> Mapping[str, Action]:
        """The actions by name."""
        return {name: found for name, (found, _handler) in self._handlers.items()}

    def bind(self, name: str, facts: Facts) -> Handler:
        """Return the handler of an action with its arguments; UnknownAction or InvalidFacts if that cannot be."""
        if name not in self._handlers:
            raise UnknownAction(name)
        found, handler = self._handlers[name]
        return partial(handler, **found.read(facts))

    def act(self, name: str, facts: Facts) -> None:
        """Do what a click, a choice or typing stands for; an error is shown, a fault of the page's own code logged."""
        try:
            work = self.bind(name, facts)()
        except ActionError as error:
            log.error("no such action: %r", error)
            return
        if work is not None:
            self._context.begin(show_refusal(self._context, work))


# The names of methods that are actions, by their class's module and name: a page has hundreds of other methods, and
# looking at each would delay its start.
_attributes: dict[tuple[str, str], dict[str, None]] = {}


def _declared(owner: object) -> Iterator[tuple[Action, Handler]]:
    kinds = reversed(type(owner).__mro__)
    names = dict.fromkeys(name for kind in kinds for name in _attributes.get((kind.__module__, kind.__qualname__), ()))
    for attribute in names:
        found = getattr(getattr(type(owner), attribute, None), "action", None)
        if isinstance(found, Action):
            yield found, getattr(owner, attribute)
