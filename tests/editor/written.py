"""The editor's file with values written in, the plain way: written, converted again, and what was chosen put in too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.core.workflow import ApiWorkflow
from app.workflows.editor.conversion import Conversion, Converter, Key
from app.workflows.editor.graph import copied
from app.workflows.editor.texts import Choose, Moment, choose_first, escaped
from app.workflows.editor.write_back import Writer, rewritten


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a run sends, and the file with the same values."""

    workflow: ApiWorkflow
    graph: dict[str, Any]


def prepare(
    converter: Converter,
    source: Mapping[str, Any] | Conversion,
    values: Mapping[Key, object],
    *,
    now: Moment | None = None,
    choose: Choose = choose_first,
) -> Prepared:
    """What one run sends; where a prompt left something to choose, the file has what was chosen."""
    conversion = converter.convert(write_back(converter, source, values), now=now, choose=choose)
    graph = copied(conversion.source)
    Writer(conversion, graph).write({key: escaped(text) for key, text in conversion.chosen.items()}, {})
    return Prepared(conversion.workflow, graph)


def write_back(
    converter: Converter,
    source: Mapping[str, Any] | Conversion,
    values: Mapping[Key, object],
    controls: Mapping[Key, str] | None = None,
) -> dict[str, Any]:
    """The file with these values."""
    conversion = source if isinstance(source, Conversion) else converter.convert(source)
    return copied(rewritten(converter, conversion, values, controls).source)
