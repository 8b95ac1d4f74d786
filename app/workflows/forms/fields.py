"""One input of a workflow as a field: its kind, its text, and how what the user types becomes a value.

field.text                      # "20": its text before the user types
field.parse("25")               # 25, exact; BadInput says what is wrong with a text
field.parse(field.text)         # the workflow's own value, whatever it is: an untouched value never changes
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.core.errors import BadInput
from app.workflows.forms.kinds import Kind, Unknown
from app.workflows.graph import Key


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
        return self.spelled(self.kind.shown_text(self.value))

    def text_in(self, texts: Mapping[Key, str]) -> str:
        """Its text among those of a form, which has the texts that the user changed."""
        return self.spelled(texts[self.key]) if self.key in texts else self.text

    def spelled(self, text: str) -> str:
        """The text with a model in a folder as the options spell it."""
        return self.kind.spelled(text)

    def parse(self, text: str) -> object:
        """The value to send for what the user typed; BadInput says what is invalid.

        An unchanged text is the workflow's own value: 8 stays 8 where 8.0 would be possible, and a choice that only
        another server has stays too. Numbers are checked all the same.
        """
        text = self.spelled(text)
        is_untouched = text == self.text and self.value is not None
        if isinstance(self.kind, Unknown) or (is_untouched and self.kind.is_taken_unchanged):
            return self.value
        value = self.kind.typed(text, self.label)
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
        is_valid = self.value is not None and self.kind.is_plainly_valid(self.value)
        return None if is_valid else self.fault(self.text)

    def is_left_out(self, text: str) -> bool:
        """Whether nothing is sent for it: the workflow lacks it, and it is optional or its text is empty."""
        return self.is_absent and not text and (self.is_optional or self.value is None)
