"""The kinds of fields: how each shows a value as text and reads what the user types, and which input gets which.

kind = kind_of(spec)            # of a server's description of the input
kind.text_of(20.0)              # "20": a value as its field shows it
kind.typed("25", "Steps")       # 25, exact; BadInput, which names the label, says what is wrong with a text

A text is all that a form keeps of a value, for every kind, so that invalid input is not lost either.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

from app.core.errors import BadInput
from app.core.spelling import respelled
from app.workflows.catalogue_inputs import COMBO, DYNAMIC_COMBO, DynamicCombo, InputSpec

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


class Kind:
    """What a field takes. This one's value is sent unchanged if it was not touched, and any text is valid."""

    __slots__ = ()

    is_taken_unchanged: ClassVar[bool] = True  # 8 stays 8, and so does a choice that only another server has
    has_recent: ClassVar[bool] = True  # values that were used lately are worth offering

    def text_of(self, value: object) -> str:
        """A workflow's own value as its field shows it, as the server would parse it: 20.0 is 20 for an integer."""
        if value is None:
            return ""
        if isinstance(value, str):
            return value
        return repr(value) if _is_number(value) else json.dumps(value, ensure_ascii=False)

    def shown_text(self, value: object) -> str:
        """The same before the user changes it, without digits that only show its binary representation."""
        return self.text_of(value)

    def spelled(self, text: str) -> str:
        """The text as the options spell it."""
        return text

    def typed(self, text: str, _label: str, /) -> object:
        """The value for what the user typed; BadInput names the label."""
        return text

    def is_plainly_valid(self, _value: object, /) -> bool:
        """Whether a workflow's own value is valid at first sight."""
        return True


class _Number(Kind):
    __slots__ = ()

    is_taken_unchanged = False

    def text_of(self, value: object) -> str:
        return str(int(value)) if isinstance(value, bool) else super().text_of(value)


class _Integer(_Number):
    __slots__ = ()

    minimum: int | None
    maximum: int | None

    def text_of(self, value: object) -> str:
        is_whole = isinstance(value, float) and value.is_integer()
        return str(int(value)) if is_whole else super().text_of(value)  # type: ignore[call-overload]

    def typed(self, text: str, label: str, /) -> object:
        try:
            number = int(_plain(text))
        except ValueError as error:
            raise BadInput("not-a-number", label, text) from error
        return _in_range(number, self.minimum, self.maximum, label)

    def is_plainly_valid(self, value: object, /) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and _fits(value, self.minimum, self.maximum)


@dataclass(frozen=True, slots=True)
class Whole(_Integer):
    """An integer of up to 64 bits; the limits are inclusive and exact, the step is for the control only."""

    minimum: int | None = None
    maximum: int | None = None
    step: int = 1
    is_slider: bool = False


@dataclass(frozen=True, slots=True)
class Seed(_Integer):
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
class Decimal(_Number):
    """A number; without a step, any value is as good as another."""

    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    is_slider: bool = False

    def shown_text(self, value: object) -> str:
        if isinstance(value, float) and abs(value) < MOST_ROUNDED:
            return self.text_of(float(f"{value:.{SHOWN_DIGITS}g}"))
        return self.text_of(value)

    def typed(self, text: str, label: str, /) -> object:
        try:
            number = float(_plain(text))
        except ValueError as error:
            raise BadInput("not-a-number", label, text) from error
        if not math.isfinite(number):
            raise BadInput("not-a-number", label, text)
        return _in_range(number, self.minimum, self.maximum, label)

    def is_plainly_valid(self, value: object, /) -> bool:
        return isinstance(value, float) and math.isfinite(value) and _fits(value, self.minimum, self.maximum)


@dataclass(frozen=True, slots=True)
class Choice(Kind):
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

    def text_of(self, value: object) -> str:
        return "" if value is None else text_of_option(value)

    def spelled(self, text: str) -> str:
        return respelled(text, self.options)

    def typed(self, text: str, label: str, /) -> object:
        if text in self.options:  # most are texts, and searching thousands of them in a tuple is fast
            return text
        others = (item for item in self.options if not isinstance(item, str) and text_of_option(item) == text)
        found = next(others, text if self.remote_route else None)
        if found is None:
            raise BadInput("not-an-option", label, text)
        return found


@dataclass(frozen=True, slots=True)
class Switch(Kind):
    """On or off, with the node's own labels if it has any; its texts are `true` and `false`."""

    label_on: str = ""
    label_off: str = ""

    has_recent: ClassVar[bool] = False

    def text_of(self, value: object) -> str:
        return "" if value is None else TRUE if value else FALSE

    def typed(self, text: str, label: str, /) -> object:
        if text not in {TRUE, FALSE}:
            raise BadInput("not-an-option", label, text)
        return text == TRUE


@dataclass(frozen=True, slots=True)
class Text(Kind):
    """A text; with `has_dynamic_prompts` one part of each `{a|b}` is drawn for each run (`prompts.py`)."""

    is_multiline: bool = False
    placeholder: str = ""
    has_dynamic_prompts: bool = False


@dataclass(frozen=True, slots=True)
class Upload(Kind):
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

    has_recent: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class Unknown(Kind):
    """An input without a known control: shown as JSON, not changed, sent unchanged."""

    has_recent: ClassVar[bool] = False

    def text_of(self, value: object) -> str:
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


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _fits(number: float, low: float | None, high: float | None) -> bool:
    return (low is None or low <= number) and (high is None or number <= high)


def _in_range(number: float, low: float | None, high: float | None, label: str) -> float:
    if not _fits(number, low, high):
        raise BadInput("out-of-range", label, range_of(low, high))
    return number


# Which input gets which

MEDIA = {"image": Media.PICTURE, "video": Media.VIDEO, "audio": Media.AUDIO}  # by InputSpec.upload; else FILE
# Widgets whose value is a file that the page uploads: of a camera, a recorder, or a view of a scene.
CAPTURES = {"WEBCAM": Media.PICTURE, "AUDIO_RECORD": Media.AUDIO, "LOAD_3D": Media.PICTURE}
PAINTER = "PAINTER"  # a text that names a picture with strokes; empty for none


def default_of(spec: InputSpec, kind: Kind) -> object:
    """The editor's default; but no file that happens to be on the server."""
    match kind:
        case Upload():
            return ""
        case Choice(options) if spec.default is None and options:
            return options[0]
    return spec.default


def kind_of(spec: InputSpec) -> Kind:
    """The kind of the field for an input."""
    if spec.is_capture:
        return Upload(CAPTURES[spec.type])
    if spec.widget_type == PAINTER:
        return Upload(Media.PICTURE, is_optional=True)
    make = _KINDS.get(spec.type)
    return make(spec) if make is not None else Unknown()


def _whole(spec: InputSpec) -> Kind:
    low, high = _to_whole(spec.minimum), _to_whole(spec.maximum)
    if spec.control_after_generate:
        return Seed(0 if low is None else low, MAX_SEED if high is None else high)
    return Whole(low, high, max(1, _to_whole(spec.step) or 1), "slider" in spec.display)


def _decimal(spec: InputSpec) -> Kind:
    step = spec.step if spec.step and spec.step > 0 else None
    return Decimal(spec.minimum, spec.maximum, step, "slider" in spec.display)


def _choice(spec: InputSpec) -> Kind:
    options = spec.options or ()
    if spec.upload:
        media = MEDIA.get(spec.upload, Media.FILE)
        return Upload(media, spec.upload_folder, options, remote_route=spec.remote_route)
    if spec.is_multi_select:
        return Unknown()
    return Choice(options, remote_route=spec.remote_route)


def _shaping(spec: InputSpec) -> Kind:
    held = spec.dynamic
    return Choice(tuple(held.choices), is_shaping=True) if isinstance(held, DynamicCombo) else Unknown()


def _text(spec: InputSpec) -> Kind:
    is_long = spec.is_multiline or spec.type in ("MARKDOWN", "TEXTAREA")
    return Text(is_long, spec.placeholder, spec.has_dynamic_prompts)


def _to_whole(number: float | None) -> int | None:
    return int(number) if number is not None and math.isfinite(number) else None


_KINDS: Mapping[str, Callable[[InputSpec], Kind]] = {
    "INT": _whole,
    "FLOAT": _decimal,
    "BOOLEAN": lambda spec: Switch(spec.label_on, spec.label_off),
    "STRING": _text,
    "TEXTAREA": _text,
    "MARKDOWN": _text,
    "COLOR": _text,
    COMBO: _choice,
    DYNAMIC_COMBO: _shaping,
}
