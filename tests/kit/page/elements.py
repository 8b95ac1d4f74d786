"""Elements of markup by tag and attributes, for assertions that do not depend on how the markup is written.

element(markup, "button", data_action="run")["disabled"]     # the only such element, and an attribute of it
elements(markup, data_testid="plan")                         # all such elements, in order
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"br", "hr", "img", "input", "use"}


@dataclass
class Element:
    """One element; `text` is all text in it, with single spaces."""

    tag: str
    attributes: dict[str, str | None]
    parts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.parts).split())

    def __getitem__(self, name: str) -> str | None:
        return self.attributes[name]

    def __contains__(self, name: str) -> bool:
        return name in self.attributes


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Element] = []
        self._open: list[Element] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(Element(tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(self.found[-1])

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self._open.pop().tag == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        for item in self._open:
            item.parts.append(data)


def elements(markup: str, tag: str = "", **attributes: str) -> list[Element]:
    """Return the elements with this tag and these attributes; `data_action` is data-action, `for_` is for."""
    parser = _Parser()
    parser.feed(markup)
    parser.close()
    wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
    return [
        item for item in parser.found if tag in {"", item.tag} and wanted.items() <= item.attributes.items()
    ]  # fmt: skip


def element(markup: str, tag: str = "", **attributes: str) -> Element:
    """Return the only such element."""
    (found,) = elements(markup, tag, **attributes)
    return found
