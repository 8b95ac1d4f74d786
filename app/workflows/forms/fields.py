"""One input of a workflow as a field: of which kind it is, what it shows, and how what a person types becomes a value.

field.text                      # "20": what it shows before anything is typed
field.parse("25")               # 25, exact; BadInput says what is wrong with a text
field.parse(field.text)         # the workflow's own value, whatever it is: nothing untouched is ever changed

A text is all that a form holds of a value, for every kind, so that what cannot be sent yet is not lost either.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from enum import Enum

from app.core.errors import BadInput
from app.workflows.graph import Key

MAX_SEED = 2**64 - 1
# The ComfyUI editor holds numbers as JavaScript does: a seed that we draw comes back from there as it was.
MAX_DRAWN = 2**53 - 1
SHOWN_DIGITS = 15  # of a decimal; the 16th and 17th only show its binary form: 1.0000000000000002
MOST_ROUNDED = 1e15  # larger numbers have no digits to spare
TRUE, FALSE = "true", "false"


class SeedMode(Enum):
    """What happens to a seed with each run: nothing, another by chance before it, or one more (less) after it.

    The values are the editor's words for it, in its `control_after_generate`.
    """

    FIXED = "fixed"
    RANDOM = "randomize"
    UP = "increment"
    DOWN = "decrement"


class Media(Enum):
    """What an upload is; a mask is a picture of which one channel is taken."""

    PICTURE = "picture"
    MASK = "mask"
    VIDEO = "video"
    AUDIO = "audio"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number of up to 64 bits; the limits are inclusive and exact, the step is for the control only."""

    minimum: int | None = None
    maximum: int | None = None
    step: int = 1
    is_slider: bool = False


@dataclass(frozen=True, slots=True)
class Decimal:
    """A number; without a step any is as good as another."""

    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    is_slider: bool = False


@dataclass(frozen=True, slots=True)
class Seed:
    """A whole number that may change with each run, as `mode` says unless the person says otherwise."""

    minimum: int = 0
    maximum: int = MAX_SEED
    mode: SeedMode = SeedMode.FIXED

    @property
    def highest_drawn(self) -> int:
        """The greatest to draw by chance."""
        return min(self.maximum, MAX_DRAWN)

    def following(self, number: int, mode: SeedMode) -> int:
        """The seed after a run with `number`; past an end it goes on at the other one."""
        step = {SeedMode.UP: 1, SeedMode.DOWN: -1}.get(mode, 0)
        return self.minimum + (number + step - self.minimum) % (self.maximum - self.minimum + 1)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of many. `options` are the server's own, shared by all fields of that input and never copied.

    `labels` names each option, or is empty. With a `remote_route` the options are listed there, and any text is taken
    until they are known. `is_shaping` says that other fields depend on it: the form is rebuilt when it changes.
    `number_input` is the node's input for the index of the choice, from 0, if it has one.
    """

    options: tuple[object, ...] = ()
    labels: tuple[str, ...] = ()
    remote_route: str = ""
    is_shaping: bool = False
    number_input: str = ""


@dataclass(frozen=True, slots=True)
class Switch:
    """On or off, with the node's own words for it if it has some; its texts are `true` and `false`."""

    label_on: str = ""
    label_off: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """A text; with `has_dynamic_prompts` the editor takes one part of each `{a|b}` by chance."""

    is_multiline: bool = False
    placeholder: str = ""
    has_dynamic_prompts: bool = False


@dataclass(frozen=True, slots=True)
class Upload:
    """A file to be uploaded, or one of `options`, which are on the server; its text is a name there.

    `is_mask_used` says that the workflow uses the picture's transparency as a mask: painting one makes sense.
    """

    media: Media = Media.PICTURE
    folder: str = "input"
    options: tuple[object, ...] = ()
    is_mask_used: bool = False
    remote_route: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """What no control is known for: shown as JSON, not changed, sent as it is."""


Kind = Whole | Decimal | Seed | Choice | Switch | Text | Upload | Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One input that is not linked.

    `value` is the workflow's own; if it `is_absent` there, `value` is what the editor would start with. A required one
    is then sent like any other, an optional one only once something is typed.
    """

    node_id: str
    input_name: str
    kind: Kind = field(hash=False)  # a hash over thousands of choices, or over a list, helps nobody
    label: str
    hint: str = ""
    value: object = field(default=None, hash=False)
    is_absent: bool = False
    is_optional: bool = False
    is_advanced: bool = False
    is_half: bool = False
    class_type: str = field(default="", compare=False)

    @property
    def key(self) -> Key:
        """Which input it is."""
        return self.node_id, self.input_name

    @property
    def text(self) -> str:
        """What it shows before the person changes it."""
        if self.is_absent and self.is_optional:
            return ""
        if isinstance(self.kind, Decimal) and isinstance(self.value, float) and abs(self.value) < MOST_ROUNDED:
            return text_of(self.kind, float(f"{self.value:.{SHOWN_DIGITS}g}"))
        return text_of(self.kind, self.value)

    def parse(self, text: str) -> object:
        """The value to send for what the person typed; BadInput says what is wrong with it.

        What was never changed is the workflow's own value: 8 stays 8 where 8.0 could stand, and a choice that only
        another server has stays too. Numbers are judged all the same.
        """
        is_untouched = text == self.text and self.value is not None
        if isinstance(self.kind, Unknown) or (is_untouched and isinstance(self.kind, Choice | Switch | Text | Upload)):
            return self.value
        value = self._typed(text)
        return self.value if is_untouched else value

    def fault(self, text: str) -> BadInput | None:
        """What is wrong with a text, or None."""
        try:
            if not self.is_left_out(text):
                self.parse(text)
        except BadInput as error:
            return error
        return None

    def own_fault(self) -> BadInput | None:
        """What is wrong with the workflow's own value, or None. Most values are right at first sight."""
        match self.kind, self.value:
            case _, None:
                pass
            case ((Whole(low, high) | Seed(low, high)), int(value)) if not isinstance(value, bool):
                if (low is None or low <= value) and (high is None or value <= high):
                    return None
            case Decimal(low, high), float(value):
                if math.isfinite(value) and (low is None or low <= value) and (high is None or value <= high):
                    return None
            case ((Choice() | Switch() | Text() | Upload() | Unknown()), _):
                return None  # taken as it is
        return self.fault(self.text)

    def is_left_out(self, text: str) -> bool:
        """Whether nothing is sent for it: the workflow does not have it, and does not need it or has nothing for it."""
        return self.is_absent and not text and (self.is_optional or self.value is None)

    def _typed(self, text: str) -> object:
        match self.kind:
            case Whole(low, high) | Seed(low, high):
                return self._in_range(self._whole(text), low, high)
            case Decimal(low, high):
                return self._in_range(self._decimal(text), low, high)
            case Choice(options):
                return self._option(text, options)
            case Switch():
                if text not in {TRUE, FALSE}:
                    raise BadInput("not-an-option", self.label, text)
                return text == TRUE
        return text

    def _whole(self, text: str) -> int:
        try:
            return int(_plain(text))
        except ValueError as error:
            raise BadInput("not-a-number", self.label, text) from error

    def _decimal(self, text: str) -> float:
        try:
            value = float(_plain(text))
        except ValueError as error:
            raise BadInput("not-a-number", self.label, text) from error
        if not math.isfinite(value):
            raise BadInput("not-a-number", self.label, text)
        return value

    def _in_range(self, value: float, low: float | None, high: float | None) -> float:
        if (low is not None and value < low) or (high is not None and value > high):
            raise BadInput("out-of-range", self.label, range_of(low, high))
        return value

    def _option(self, text: str, options: tuple[object, ...]) -> object:
        if text in options:  # most are texts, and a tuple looks through thousands of them in no time
            return text
        found = next((item for item in options if not isinstance(item, str) and text_of_option(item) == text), None)
        if found is not None:
            return found
        if isinstance(self.kind, Choice) and self.kind.remote_route:
            return text
        raise BadInput("not-an-option", self.label, text)


def text_of(kind: Kind, value: object) -> str:
    """A workflow's own value as its field shows it, as the server would read it: 20.0 is 20 where whole numbers are."""
    match kind, value:
        case Unknown(), _:
            return json.dumps(value, ensure_ascii=False)
        case _, None:
            return ""
        case Switch(), _:
            return TRUE if value else FALSE
        case ((Whole() | Seed() | Decimal()), bool()):
            return str(int(value))
        case ((Whole() | Seed()), float()) if value.is_integer():
            return str(int(value))
        case Choice(), _:
            return text_of_option(value)
        case _, str():
            return value
        case _, int() | float() if not isinstance(value, bool):
            return repr(value)
    return json.dumps(value, ensure_ascii=False)


def text_of_option(option: object) -> str:
    """A choice as text; those that are no texts as JSON."""
    return option if isinstance(option, str) else json.dumps(option, ensure_ascii=False)


def range_of(low: float | None, high: float | None) -> str:
    """Both limits for people; an open end stays empty."""
    told = ("" if limit is None else str(limit) for limit in (low, high))
    return " – ".join(told).strip()


def _plain(text: str) -> str:
    """A number without spaces around it; Python would also read 1_000, which nobody means."""
    return text.strip().replace("_", "?")
