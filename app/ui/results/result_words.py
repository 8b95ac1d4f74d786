"""What the card of a finished task says about its results."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.past import seed_and_prompts
from app.ui.kit.i18n import Translator
from app.ui.kit.messages import word_error
from app.ui.kit.words import SEPARATOR, Tone, Words
from app.ui.results.file_words import file_facts
from app.ui.runs.state import CardView, ResultView
from app.ui.runs.task_words import word_delivery


@dataclass(frozen=True, slots=True)
class DeliveryLine:
    """What happened to the bytes of some results; `tone` is empty if all is well."""

    text: str
    advice: str
    tone: str


def delivery_lines(card: CardView, _: Translator) -> list[DeliveryLine]:
    """Describe what happened to the results' bytes, once for all with the same fate."""
    groups: dict[Words, list[ResultView]] = {}
    for item in card.results:
        groups.setdefault(word_delivery(item.output, _), []).append(item)
    return [_line(words, items, len(groups) > 1, _) for words, items in groups.items()]


def _line(words: Words, items: list[ResultView], is_counted: bool, _: Translator) -> DeliveryLine:
    size = sum(item.output.size for item in items)
    parts = [_.plural("{count} result", "{count} results", len(items))] if is_counted else []
    parts += [words.title, *([_.formats.size(size)] if size else [])]
    is_good = words.tone in {Tone.GOOD, Tone.BUSY, Tone.QUIET}
    return DeliveryLine(SEPARATOR.join(parts), words.advice, "" if is_good else words.tone.value)


def word_trouble(item: ResultView, _: Translator) -> str:
    """Say what is wrong with a result's bytes; empty if nothing is."""
    words = word_delivery(item.output, _)
    return words.title if words.tone in {Tone.WARN, Tone.BAD} else ""


def word_missing(card: CardView, item: ResultView, _: Translator) -> Words:
    """Say why the picture is not shown: it is being fetched, or what happened to it."""
    if item.is_coming:
        return Words(_("Fetching the original from {server} …", server=card.tag.name), tone=Tone.BUSY)
    return word_error(item.error, _) if item.error is not None else word_delivery(item.output, _)


@dataclass(frozen=True, slots=True)
class Fact:
    """A line about how a result was made; `is_own` marks a value that is not translated.

    The size of a picture in pixels is written there by `static/js/large.js`, which has the picture.
    """

    name: str
    value: str
    is_own: bool = False
    is_pixels: bool = False


def facts_of(card: CardView, item: ResultView, _: Translator) -> list[Fact]:
    """Return how a result was made."""
    task, seconds = card.task, card.task.end.seconds
    sources = dict.fromkeys(item.original_name for item in task.inputs if item.original_name)
    facts = [
        Fact(_("Made from"), ", ".join(sources), is_own=True),
        Fact(_("Seed"), seed_and_prompts(task.workflow)[0], is_own=True),
        Fact(_("Server"), card.tag.name, is_own=True),
        Fact(_("Finished at"), _.formats.moment(task.end.ended_at) if task.end.ended_at is not None else ""),
        Fact(_("Took"), _("{seconds} s", seconds=_.formats.number(seconds, 1)) if seconds is not None else ""),
        Fact(_("Project"), task.project, is_own=True),
        Fact(_("File"), item.output.filename, is_own=True),
        Fact(_("Size"), _.formats.size(item.output.size) if item.output.size else ""),
        *(Fact(name, value, is_own=True) for name, value in file_facts(item.output, _)),
    ]
    if item.is_picture and not any(fact.name == "pixels" for fact in item.output.facts):
        facts.insert(2, Fact(_("Size in pixels"), "", is_own=True, is_pixels=True))
    return [fact for fact in facts if fact.value or fact.is_pixels]


def prompts_of(card: CardView) -> list[str]:
    """Return the lines of the task's prompts."""
    return [line for line in seed_and_prompts(card.task.workflow)[1].split("\n") if line.strip()]
