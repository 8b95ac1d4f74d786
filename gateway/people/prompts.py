"""What a user may submit: the body of a `POST /prompt`, checked and rewritten. Pure.

No text anywhere may lead into another user's folder. An input that becomes a path is judged by what the server does
with it (`wire/paths.py`): it reads a file of the user's own or a shared one, and writes where it overwrites nothing of
others. A node of a pack that makes paths of other texts is not covered: that is what `deny_nodes` is for.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.fleet.classes import Classes
from gateway.fleet.rules import Rules
from gateway.http.json_reader import build
from gateway.http.refusal import Refusal, RefusedRequest
from gateway.people.evidence import all_texts
from gateway.people.user import FOLDER, MARK, User
from wire.file_inputs import MADE_ENDINGS, is_playlist
from wire.own_cache import keep_apart
from wire.paths import NO_FILE, Use, has_controls, is_numbered, is_relative
from wire.refusals import Cause
from wire.turns import ALL_NOW, OWNER

LARGEST_EXTRA = 2_097_152  # bytes of `extra_data`: the editor's graph of a thousand nodes takes half of that
_KNOWN = ("prompt", "prompt_id", "client_id", "extra_data", "partial_execution_targets")
_HURRY = ("number", "front")  # its place in the queue
_ANNOTATIONS = ("input", "output", "temp")
_LONGEST_ANNOTATION = len("[output]")
_VIEW = frozenset({"camera_info", "model_3d_info"})  # the parts of a 3D scene that are no files
_SEPARATORS = frozenset("/\\:\0")
_UNEXAMINED = (
    "{node} is newer than this Mooring, which does not know the files that it reads or writes. The operator can allow"
    " it with allow_nodes in the fleet file."
)


@dataclass(frozen=True, slots=True)
class Made:
    """A file made by a server that a prompt wants to read: it has to be proven the user's own."""

    folder: str  # output | temp
    subfolder: str
    name: str


def write_prompt(
    body: Mapping[str, Any], user: User, server_id: str, rules: Rules, classes: Classes
) -> tuple[dict[str, Any], frozenset[Made]]:
    """Return the body for the server, and the made files that it reads; `Refused` with a message for the user."""
    prompt, extra = body["prompt"], body.get("extra_data", {})
    if not isinstance(extra, dict):
        raise RefusedRequest(Refusal(Cause.REFUSED_BODY, "extra_data must be an object."))
    made = frozenset(_judge(prompt, user, server_id, rules, classes))
    passed = {key: body[key] for key in (*_KNOWN, *(_HURRY if user.runs_fleet else ())) if key in body}
    written = {
        **passed,
        "prompt": keep_apart(prompt, classes.is_output, user.cache_mark),
        "client_id": user.client_id(body["client_id"]),
        "extra_data": {**extra, MARK: user.mark(server_id, body["prompt_id"])},
    }
    return written, made


@dataclass(frozen=True, slots=True)
class SentPrompt:
    """A prompt as it is sent to the server."""

    prompt_id: str
    text: bytes
    made: frozenset[Made]
    is_unbounded: bool = False  # its user chose to send it however many are ahead


def write_prompt_text(raw: bytes, user: User, server_id: str, rules: Rules, classes: Classes) -> SentPrompt:
    """Run `write_prompt` from text to text, with the limit on `extra_data`."""
    body = build(raw, is_strict=True)
    extra = len(json.dumps(body.get("extra_data")))
    if extra > LARGEST_EXTRA:
        message = f"extra_data, such as the editor's graph, has {extra:,} bytes; {LARGEST_EXTRA:,} may pass."
        raise RefusedRequest(Refusal(Cause.TOO_LARGE, message))
    written, made = write_prompt(body, user, server_id, rules, classes)
    asked = body["extra_data"].get(OWNER) if isinstance(body.get("extra_data"), dict) else None
    is_unbounded = isinstance(asked, dict) and asked.get(ALL_NOW) is True
    return SentPrompt(body["prompt_id"], json.dumps(written).encode(), made, is_unbounded)


def _judge(prompt: Mapping[str, Any], user: User, server_id: str, rules: Rules, classes: Classes) -> Iterator[Made]:
    for node_id, node in prompt.items():
        class_type = node.get("class_type") if isinstance(node, dict) else None
        if not isinstance(class_type, str):
            continue  # ComfyUI reports what is wrong with it
        _judge_class(class_type, f"{class_type} (node {node_id})", server_id, rules, classes)
        if classes.is_unexamined(class_type) and not user.runs_fleet and not rules.allows(class_type):
            raise RefusedRequest(Refusal(Cause.DENIED_NODE, _UNEXAMINED.format(node=f"{class_type} (node {node_id})")))
        inputs = node.get("inputs")
        for name, value in inputs.items() if isinstance(inputs, dict) else ():
            for text in all_texts(value):
                _judge_text(text, user, f"{class_type}.{name}")
                if (found := _made(text, f"{class_type}.{name}")) is not None:
                    yield found
            use = classes.use_of(class_type, name)
            if use is not None and not (isinstance(value, str) and value in NO_FILE.get((class_type, name), ())):
                _judge_path(use, value, user, f"{class_type}.{name}")


def _judge_class(class_type: str, node: str, server_id: str, rules: Rules, classes: Classes) -> None:
    denied = next((name for name in sorted(classes.names_of(class_type)) if rules.denies(name)), None)
    if denied is not None:
        known = "" if denied == class_type else f", which {server_id} also knows as {denied},"
        raise RefusedRequest(Refusal(Cause.DENIED_NODE, f"{node}{known} is not allowed here."))
    if rules.judge_classes and not classes.is_known(class_type):
        message = f"{server_id} has no {node}, and only nodes that it has can be allowed. Run on a server that has it."
        raise RefusedRequest(Refusal(Cause.DENIED_NODE, message))


def plain_text(text: str) -> str:
    """Return a text for comparison with ASCII: each character that normalises to ASCII is replaced.

    Character by character: normalising a whole text takes time that grows with the square of a run of combining marks.
    """
    if text.isascii():
        return text.lower()
    plain = {code: unicodedata.normalize("NFKC", chr(code)).casefold() for code in map(ord, set(text))}
    return text.translate({code: kept for code, kept in plain.items() if kept.isascii()})


def split_annotation(text: str) -> tuple[str, str]:
    """Split a value such as `a.png [output]` into its path and folder; the folder is empty if there is none."""
    trimmed = text.rstrip()
    ending = trimmed[-_LONGEST_ANNOTATION:].lower()
    for folder in _ANNOTATIONS:
        if ending.endswith(f"[{folder}]"):
            return trimmed[: -len(folder) - 2].rstrip(), folder
    return text, ""


def _judge_text(text: str, user: User, place: str) -> None:
    plain = plain_text(text)
    if FOLDER not in plain:
        return
    bare, _ = split_annotation(text)
    if plain.count(FOLDER) > 1 or not user.may_list(bare):
        raise RefusedRequest(Refusal(Cause.NOT_YOURS, f"{place} names a file that is not yours."))


def _made(text: str, place: str) -> Made | None:
    """Return the made file that a text names. ComfyUI cuts one character before the bracket, whatever it is."""
    path, folder = split_annotation(text)
    if folder in {"", "input"}:
        return None
    if text != f"{path} [{folder}]":
        raise RefusedRequest(
            Refusal(Cause.NOT_YOURS, f'{place} names a folder otherwise than as in "name.png [output]".')
        )
    subfolder, _, name = path.rpartition("/")
    return Made(folder, subfolder, name)


def _judge_path(use: Use, value: object, user: User, place: str) -> None:
    """Refuse a value of an input that becomes a path, unless the server may do with it what it does."""
    match use:
        case Use.READS | Use.LISTS:
            _judge_read(value, user.may_list if use is Use.LISTS else user.has_upload, place)
            return
        case Use.REPEATS:
            return
        case Use.MODEL:  # found in the folders of models or not at all, so that it may be a link
            texts = tuple(all_texts(value))
        case _ if not isinstance(value, str):  # a link may give any text
            raise _unsafe(f"{place} must have its text in the node itself, without a link.")
        case _:
            texts = (value,)
    if not all(is_relative(text) and not has_controls(text) for text in texts):
        raise _unsafe(f"{place} must stay in its folder: no .., no beginning such as / or C:, and no line break.")
    match use:
        case Use.WRITES if not is_numbered(texts[0]):
            raise _unsafe(
                f"{place} must end with the first part of a name, without %batch_num%: it may overwrite files."
            )
        case Use.OVERWRITES if not f"{texts[0]}/".startswith(f"{user.folder}/"):
            raise _unsafe(f"{place} may overwrite files, so it has to begin with {user.folder}/.")
        case Use.NAME if _SEPARATORS & set(texts[0]):
            raise _unsafe(f"{place} must be a name without a folder.")


def _judge_read(value: object, is_theirs: Callable[[str], bool], place: str) -> None:
    """Refuse another user's file or folder, and a link, which may give any text; made files are proven elsewhere."""
    named: list[object] = [value]
    if isinstance(value, dict) and isinstance(files := value.get("__value__"), list):  # several files of one input
        named = files
    elif isinstance(value, dict) and "__value__" not in value:  # a 3D scene, with pictures of it
        named = [item for key, item in value.items() if key not in _VIEW and item and isinstance(item, str | list)]
    for one in named:
        if not isinstance(one, str):
            raise RefusedRequest(
                Refusal(Cause.NOT_YOURS, f"{place} names a file by a link or otherwise: choose it here.")
            )
        made = _made(one, place)
        if made is None and not is_theirs(split_annotation(one)[0]):
            raise RefusedRequest(Refusal(Cause.NOT_YOURS, f"{place} names a file that is not yours: upload it here."))
        if is_playlist(split_annotation(one)[0]) or (made is not None and not _is_media(made)):
            raise _unsafe(
                f"{place} names a text, which may name further files: choose a picture, film, sound or model."
            )


def _is_media(made: Made) -> bool:
    return made.name.lower().endswith(MADE_ENDINGS)


def _unsafe(message: str) -> RefusedRequest:
    return RefusedRequest(Refusal(Cause.UNSAFE_PATH, message))
