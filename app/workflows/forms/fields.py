"""One input of a workflow as a field: its kind, its text, and how what the user types becomes a value.

field.text                      # "20": its text before the user types
field.parse("25")               # 25, exact; BadInput says what is wrong with a text
field.parse(field.text)         # the workflow's own value, whatever it is: an untouched value never changes

A text is all that a form keeps of a value, for every kind, so that invalid input is not lost either.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from app.core.errors import BadInput
from app.core.spelling import respelled
from app.workflows.graph import Key

MAX_SEED = 2**64 - 1
# The ComfyUI editor has JavaScript's numbers: a seed that we draw must survive them unchanged.
MAX_DRAWN = 2**53 - 1
SHOWN_DIGITS = 15  # of a decimal; the 16th and 17th only show its binary representation: 1.0000000000000002
MOST_ROUNDED = 1e15  # larger numbers have no digits to spare
TRUE, FALSE = "true", "false"


class SeedMode(Enum):
    """How a seed changes with each run: not at all, drawn by chance before it, or incremented (decremented) after it.

    The values are the editor's, in its `control_after_generate`.
    """

    FIXED = "fixed"
    RANDOM = "randomize"
    UP = "increment"
    DOWN = "decrement"


class Media(Enum):
    """The kind of an upload; a mask is one channel of a picture."""

    PICTURE = "picture"
    MASK = "mask"
    VIDEO = "video"
    AUDIO = "audio"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Whole:
    """An integer of up to 64 bits; the limits are inclusive and exact, the step is for the control only."""

    minimum: int | None = None
    maximum: int | None = None
    step: int = 1
    is_slider: bool = False


@dataclass(frozen=True, slots=True)
class Decimal:
    """A number; without a step, any value is as good as another."""

    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    is_slider: bool = False


@dataclass(frozen=True, slots=True)
class Seed:
    """An integer that may change with each run, by `mode` unless the user chooses another."""

    minimum: int = 0
    maximum: int = MAX_SEED
    mode: SeedMode = SeedMode.FIXED

    @property
    def highest_drawn(self) -> int:
        """The highest number to draw by chance."""
        return min(self.maximum, MAX_DRAWN)

    def following(self, number: int, mode: SeedMode) -> int:
        """The seed after a run with `number`; it wraps around at the limits."""
        step = {SeedMode.UP: 1, SeedMode.DOWN: -1}.get(mode, 0)
        return self.minimum + (number + step - self.minimum) % (self.maximum - self.minimum + 1)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several options. `options` are the server's own, shared by all fields of that input and never copied.

    `labels` has a label for each option, or is empty. With a `remote_route` the options are listed there, and any text
    is accepted until they are known. `is_shaping`: other fields depend on it, so the form is rebuilt when it changes.
    `number_input` is the node's input for the index of the choice, from 0, if it has one.
    """

    options: tuple[object, ...] = ()
    labels: tuple[str, ...] = ()
    remote_route: str = ""
    is_shaping: bool = False
    number_input: str = ""


@dataclass(frozen=True, slots=True)
class Switch:
    """On or off, with the node's own labels if it has any; its texts are `true` and `false`."""

    label_on: str = ""
    label_off: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """A text; with `has_dynamic_prompts` one part of each `{a|b}` is drawn for each run (`prompts.py`)."""

    is_multiline: bool = False
    placeholder: str = ""
    has_dynamic_prompts: bool = False


@dataclass(frozen=True, slots=True)
class Upload:
    """A file to be uploaded, or one of `options`, which are on the server; its text is a name there.

    `is_mask_used`: the workflow uses the picture's transparency as a mask, so painting one makes sense.
    `is_optional`: the node accepts an empty text.
    """

    media: Media = Media.PICTURE
    folder: str = "input"
    options: tuple[object, ...] = ()
    is_mask_used: bool = False
    remote_route: str = ""
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class Unknown:
    """An input without a known control: shown as JSON, not changed, sent unchanged."""


Kind = Whole | Decimal | Seed | Choice | Switch | Text | Upload | Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One input that is not linked.

    `about` tells it apart from another field of its label (`distinct_labels.py`).
    `value` is the workflow's own; if it `is_absent` there, `value` is the editor's default. A required one
    is then sent like any other, an optional one only once the user types something.
    """

    node_id: str
    input_name: str
    kind: Kind = field(hash=False)  # hashing thousands of choices would be slow, and lists have no hash
    label: str
    about: str = ""
    hint: str = ""
    value: object = field(default=None, hash=False)
    is_absent: bool = False
    is_optional: bool = False
    is_advanced: bool = False
    is_half: bool = False
    class_type: str = field(default="", compare=False)

    @property
    def key(self) -> Key:
        """The input that it is for."""
        return self.node_id, self.input_name

    @property
    def text(self) -> str:
        """Its text before the user changes it."""
        if self.is_absent and self.is_optional:
            return ""
        if isinstance(self.kind, Decimal) and isinstance(self.value, float) and abs(self.value) < MOST_ROUNDED:
            return text_of(self.kind, float(f"{self.value:.{SHOWN_DIGITS}g}"))
        return self.spelled(text_of(self.kind, self.value))

    def text_in(self, texts: Mapping[Key, str]) -> str:
        """Its text among those of a form, which has the texts that the user changed."""
        return self.spelled(texts[self.key]) if self.key in texts else self.text

    def spelled(self, text: str) -> str:
        """The text with a model in a folder as the options spell it."""
        return respelled(text, self.kind.options) if isinstance(self.kind, Choice) else text

    def parse(self, text: str) -> object:
        """The value to send for what the user typed; BadInput says what is invalid.

        An unchanged text is the workflow's own value: 8 stays 8 where 8.0 would be possible, and a choice that only
        another server has stays too. Numbers are checked all the same.
        """
        text = self.spelled(text)
        is_untouched = text == self.text and self.value is not None
        if isinstance(self.kind, Unknown) or (is_untouched and isinstance(self.kind, Choice | Switch | Text | Upload)):
            return self.value
        value = self._typed(text)
        return self.value if is_untouched else value

    def fault(self, text: str) -> BadInput | None:
        """The error of a text, or None."""
        try:
            if not self.is_left_out(text):
                self.parse(text)
        except BadInput as error:
            return error
        return None

    def own_fault(self) -> BadInput | None:
        """The error of the workflow's own value, or None. Most values are valid at first sight."""
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
                return None  # accepted unchanged
        return self.fault(self.text)

    def is_left_out(self, text: str) -> bool:
        """Whether nothing is sent for it: the workflow lacks it, and it is optional or its text is empty."""
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
        if text in options:  # most are texts, and searching thousands of them in a tuple is fast
            return text
        found = next((item for item in options if not isinstance(item, str) and text_of_option(item) == text), None)
        if found is not None:
            return found
        if isinstance(self.kind, Choice) and self.kind.remote_route:
            return text
        raise BadInput("not-an-option", self.label, text)


def text_of(kind: Kind, value: object) -> str:
    """A workflow's own value as its field shows it, as the server would parse it: 20.0 is 20 for an integer."""
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
    """A choice as text; other values than texts as JSON."""
    return option if isinstance(option, str) else json.dumps(option, ensure_ascii=False)


def range_of(low: float | None, high: float | None) -> str:
    """Both limits for display; an open end stays empty."""
    limits = ("" if limit is None else str(limit) for limit in (low, high))
    return " – ".join(limits).strip()


def _plain(text: str) -> str:
    """A number without spaces around it. Python would also accept 1_000, which no user means."""
    return text.strip().replace("_", "?")
