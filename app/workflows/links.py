"""Links into the page, in the part of its address after `#`: a workflow, published or whole, or a result.

    read_link("workflow=portraits/studio&Prompt=a%20boat&3.steps=20")
    read_link("open=Blue%20hour&deflate=eJyr…")          # a whole workflow, as ComfyUI's editor saves it
    read_link("result=gpu-1/5a0c…/0")                   # the server, the run, and the number of the output
    write_link(WorkflowLink("portraits/studio", (("Prompt", "a boat"),)))

The sender of a link is not to be trusted: it is bounded, and its parts are compared with what the page has. A link to a
published workflow only fills in a form (`filled`): it names no file and changes no node that costs credits. A whole
workflow is read like any opened file. Nothing is run.
`docs/links.md` is the format.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import quote, unquote_to_bytes

from app.core.errors import BadInput, SourceFault
from app.core.model import PromptId, ServerId
from app.workflows.carriers.carrier import inflate
from app.workflows.forms.distinct_labels import distinguished
from app.workflows.forms.fields import Field
from app.workflows.forms.form import Form
from app.workflows.forms.kinds import Decimal, Seed, SeedMode, Text, Unknown, Upload, Whole
from app.workflows.forms.presets import mode_of
from app.workflows.forms.search import plain
from app.workflows.graph import Key

WORKFLOW, RESULT, OPEN = "workflow", "result", "open"
LONGEST_LINK = 16_000  # characters
LONGEST_OPEN = 200_000  # characters of a link with a whole workflow
LONGEST_OPENED = 4_000_000  # bytes of that workflow; the editor's files of thousands of nodes have two million
LONGEST_NAME = 300
LONGEST_VALUE = 4_000
LONGEST_NUMBER = 40  # characters of a value that is no text
MOST_VALUES = 100
SHOWN = 40  # characters of a name that is quoted
SAFE_LENGTH = 2_000  # characters that every chat and wiki passes on whole
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff\ud800-\udfff]")
_RESULT = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]{0,99})/([0-9A-Fa-f-]{1,64})/([0-9]{1,4})", re.ASCII)
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,5}$")


@dataclass(frozen=True, slots=True)
class WorkflowLink:
    """A link to a workflow: its name, and values by the name of their field, in order.

    `refused` are names whose values cannot be read.
    """

    name: str
    values: tuple[tuple[str, str], ...] = ()
    refused: tuple[RefusedValue, ...] = ()


@dataclass(frozen=True, slots=True)
class ResultLink:
    """A link to one output of a run."""

    server_id: ServerId
    prompt_id: PromptId
    index: int


@dataclass(frozen=True, slots=True)
class OpenLink:
    """A link with a whole workflow: its title, and its text as in a file."""

    title: str
    text: str


Link = WorkflowLink | ResultLink | OpenLink


class LeftOutReason(Enum):
    """Why a value of a link is not in the form."""

    UNREADABLE = "unreadable"
    TOO_LONG = "too-long"
    TOO_MANY = "too-many"
    TWICE = "twice"
    UNKNOWN = "unknown"  # no field has this name
    SEVERAL = "several"  # more than one has it
    FILE = "file"
    CREDITS = "credits"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class RefusedValue:
    """A value that a link has for a field of this name, and why it is not in the form."""

    name: str
    reason: LeftOutReason
    fault: BadInput | None = None


def read_link(text: str) -> Link:
    """Parse what follows the `#`; BadInput if it is no link, or too long."""
    if text.startswith(f"{OPEN}="):
        return _read_open(text)
    if len(text) > LONGEST_LINK:
        raise BadInput("link-too-long", "", str(len(text)))
    first, *rest = text.split("&")
    kind, _, target = first.partition("=")
    name = _decoded(target) or ""
    if kind == RESULT and (found := _RESULT.fullmatch(name)) and not rest:
        return ResultLink(ServerId(found[1]), PromptId(found[2]), int(found[3]))
    if kind != WORKFLOW or not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise BadInput("bad-link", shown_name(name))
    values: dict[str, str] = {}
    refused: list[RefusedValue] = []
    for number, part in enumerate(filter(None, rest)):
        own, _, value = part.partition("=")
        field_name, text_value = _decoded(own), _decoded(value)
        if number >= MOST_VALUES:
            refused.append(RefusedValue("", LeftOutReason.TOO_MANY))
            break
        if not field_name or len(field_name) > LONGEST_NAME or not field_name.isprintable() or text_value is None:
            refused.append(RefusedValue(shown_name(field_name or own), LeftOutReason.UNREADABLE))
        elif len(text_value) > LONGEST_VALUE:
            refused.append(RefusedValue(shown_name(field_name), LeftOutReason.TOO_LONG))
        elif field_name in values:
            refused.append(RefusedValue(shown_name(field_name), LeftOutReason.TWICE))
        else:
            values[field_name] = text_value
    return WorkflowLink(name, tuple(values.items()), tuple(refused))


def _read_open(text: str) -> OpenLink:
    """Parse a link with a whole workflow, within its bounds: those of the link first, then while it is unpacked."""
    if len(text) > LONGEST_OPEN:
        raise BadInput("link-too-large", "", f"{len(text)} characters of at most {LONGEST_OPEN}")
    first, _, rest = text.partition("&")
    title = _decoded(first.partition("=")[2])
    form, _, data = rest.partition("=")
    if title is None or len(title) > LONGEST_NAME or not title.isprintable() or form not in _UNPACK:
        raise BadInput("bad-link", shown_name(title or ""))
    try:
        packed = base64.b64decode(data + "=" * (-len(data) % 4), altchars=b"-_", validate=True)
        return OpenLink(title, _UNPACK[form](packed).decode("utf-8"))
    except BadInput as error:
        is_bomb = error.cause == SourceFault.TOO_LARGE.value
        raise BadInput("link-too-large" if is_bomb else "bad-link", shown_name(title), error.detail) from error
    except ValueError as error:
        raise BadInput("bad-link", shown_name(title), str(error)) from error


_UNPACK: Mapping[str, Callable[[bytes], bytes]] = {
    "deflate": lambda packed: inflate(packed, LONGEST_OPENED),  # as browsers' CompressionStream names zlib's format
    "json": lambda packed: packed,
}


def write_link(link: WorkflowLink | ResultLink) -> str:
    """Write a link as it follows the `#`."""
    if isinstance(link, ResultLink):
        return f"{RESULT}={quote(link.server_id, safe='')}/{link.prompt_id}/{link.index}"
    pairs = (f"&{_encoded(name)}={_encoded(value)}" for name, value in link.values)
    return f"{WORKFLOW}={_encoded(link.name)}{''.join(pairs)}"


def can_link(server_id: ServerId, prompt_id: PromptId, index: int) -> bool:
    """Whether a link to that output can be read."""
    return _RESULT.fullmatch(f"{server_id}/{prompt_id}/{index}") is not None


def link_name(path: str, paths: Iterable[str]) -> str:
    """The name of a published file in links: without its ending, unless another file has the same name."""
    known = tuple(paths)
    return _bare(path) if path_of(_bare(path), known) == path else path


def path_of(name: str, paths: Iterable[str]) -> str | None:
    """The published file that a link names, with or without its ending; a JSON file before all others."""
    known = tuple(paths)
    if name in known:
        return name
    found = [path for path in known if _bare(path) == name]
    return next((path for path in found if path.endswith(".json")), found[0] if found else None)


@dataclass(frozen=True, slots=True)
class Filled:
    """What a link changes in a form, and what it does not."""

    values: Mapping[Key, str] = field(default_factory=dict)
    modes: Mapping[Key, SeedMode] = field(default_factory=dict)
    refused: tuple[RefusedValue, ...] = ()


def filled(
    form: Form, values: Iterable[tuple[str, str]], credit_classes: Collection[str], word: Callable[[str], str]
) -> Filled:
    """The values of a link that this form accepts.

    A name is `node.input`, or the field's label, as its author wrote it or as `word` shows it.
    """
    names = _Names(form, word)
    texts: dict[Key, str] = {}
    refused: list[RefusedValue] = []
    for name, text in values:
        found = names.find(name)
        reason = _unfit(found, credit_classes)
        item = found[0] if found else None
        if item is None or reason is not None:
            refused.append(RefusedValue(shown_name(name), reason or LeftOutReason.UNKNOWN))
        elif item.key in texts:
            refused.append(RefusedValue(shown_name(name), LeftOutReason.TWICE))
        elif (fault := _fault(item, text)) is not None:
            refused.append(fault)
        else:
            texts[item.key] = text
    seeds = (key for key in texts if isinstance(form.by_key[key].kind, Seed))
    return Filled(texts, dict.fromkeys(seeds, SeedMode.FIXED), tuple(refused))


def _unfit(found: tuple[Field, ...], credit_classes: Collection[str]) -> LeftOutReason | None:
    if len(found) != 1:
        return LeftOutReason.SEVERAL if found else LeftOutReason.UNKNOWN
    (item,) = found
    if isinstance(item.kind, Upload):
        return LeftOutReason.FILE
    if isinstance(item.kind, Unknown):
        return LeftOutReason.UNKNOWN
    return LeftOutReason.CREDITS if item.class_type in credit_classes else None


def _fault(item: Field, text: str) -> RefusedValue | None:
    name = item.label
    is_line = not (isinstance(item.kind, Text) and item.kind.is_multiline)
    if is_line and "\n" in text:
        return RefusedValue(name, LeftOutReason.UNREADABLE)
    if not isinstance(item.kind, Text) and len(text) > (LONGEST_NUMBER if _is_number(item) else LONGEST_NAME):
        return RefusedValue(name, LeftOutReason.TOO_LONG)
    fault = item.fault(text)
    return None if fault is None else RefusedValue(name, LeftOutReason.INVALID, fault)


def _is_number(item: Field) -> bool:
    return isinstance(item.kind, Seed | Whole | Decimal)


class _Names:
    """The fields of a form by the names that a link may use."""

    def __init__(self, form: Form, word: Callable[[str], str]) -> None:
        self._by_id = {f"{node_id}.{name}": item for (node_id, name), item in form.by_key.items()}
        self._by_label: dict[str, dict[Key, Field]] = {}
        self._first = frozenset(form.first)
        for item in distinguished(form.by_key.values(), form):
            for label in _labels(item, word):
                self._by_label.setdefault(plain(label), {})[item.key] = form.by_key[item.key]

    def find(self, name: str) -> tuple[Field, ...]:
        """The fields of that name; of several with one label, the one on top of the form."""
        if (known := self._by_id.get(name)) is not None:
            return (known,)
        found = self.labelled(name)
        top = tuple(item for item in found if item.key in self._first)
        return top if len(top) == 1 else found

    def labelled(self, label: str) -> tuple[Field, ...]:
        """The fields with that label."""
        return tuple(self._by_label.get(plain(label), {}).values())


def _labels(item: Field, word: Callable[[str], str]) -> Iterator[str]:
    for label, about in ((item.label, item.about), (word(item.label), word(item.about) if item.about else "")):
        yield label
        if about:
            yield f"{label} {about}"


@dataclass(frozen=True, slots=True)
class FilledLink:
    """A link with values of a form, and how many values it leaves out."""

    link: WorkflowLink
    left_out: int = 0


def with_values(
    name: str,
    form: Form,
    texts: Mapping[Key, str],
    modes: Mapping[Key, SeedMode],
    credit_classes: Collection[str],
) -> FilledLink:
    """A link to a workflow with the values that differ from its own, without files and seeds that change."""
    names = _Names(form, lambda label: label)
    pairs: list[tuple[str, str]] = []
    left_out = 0
    for key, item in form.by_key.items():
        text = item.text_in(texts)
        if key not in texts or text == item.text or _changes(item, modes):
            continue
        own = item.label if names.labelled(item.label) == names.find(item.label) == (item,) else ".".join(key)
        longer = WorkflowLink(name, (*pairs, (own, text)))
        is_possible = _unfit(names.find(own), credit_classes) is None and _fault(item, text) is None
        if is_possible and _can_be_read(longer):
            pairs.append((own, text))
        else:
            left_out += 1
    return FilledLink(WorkflowLink(name, tuple(pairs)), left_out)


def _can_be_read(link: WorkflowLink) -> bool:
    text = write_link(link)
    return len(text) <= LONGEST_LINK and read_link(text) == link


def _changes(item: Field, modes: Mapping[Key, SeedMode]) -> bool:
    return isinstance(item.kind, Seed) and mode_of(item, modes) is not SeedMode.FIXED


def shown_name(name: str) -> str:
    """A name of a link, short and printable."""
    plain_name = "".join(letter if letter.isprintable() else "\ufffd" for letter in name[: SHOWN + 1])
    return plain_name if len(plain_name) <= SHOWN else f"{plain_name[:SHOWN]}…"


def _bare(path: str) -> str:
    return _ENDING.sub("", path)


def _decoded(text: str) -> str | None:
    """A percent-encoded text; None if it is not UTF-8, or has control characters."""
    try:
        found = unquote_to_bytes(text).decode("utf-8").replace("\r\n", "\n")
    except (UnicodeDecodeError, UnicodeEncodeError):
        return None
    return None if _CONTROL.search(found) else found


def _encoded(text: str) -> str:
    """Percent-encode a text, and its last character too, which could be taken for punctuation after the link."""
    found = quote(text, safe="/:,")
    return found if not found or found[-1].isalnum() else f"{found[:-1]}%{ord(found[-1]):02X}"
