"""The text of a TOML file beside its values, so that a mistake in a value is reported with its line.

    text = TomlText.read(Path("fleet.toml"))
    raise text.error("it is missing", text.find("server", index=2), "url")

Lines are found by their form, for files as people write them: one table header or one key a line. For another form of
file the line may be that of the table, or None, but never one that is not in the file.
"""

from __future__ import annotations

import difflib
import hashlib
import re
import tomllib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.errors import ConfigError

LARGEST = 1_000_000  # bytes; a fleet of a thousand servers has 200,000


@dataclass(frozen=True, slots=True)
class TomlText:
    """One file's text; `path` is for the errors."""

    path: Path
    text: str
    digest: str = ""  # of the bytes

    @classmethod
    def read(cls, path: Path) -> TomlText:
        """Read a file, or raise a `ConfigError`."""
        try:
            with path.open("rb") as file:
                data = file.read(LARGEST + 1)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ConfigError(f"it cannot be read ({reason})", file=path) from error
        return cls.of(path, data)

    @classmethod
    def of(cls, path: Path, data: bytes) -> TomlText:
        """Return the text of content that was read already."""
        if len(data) > LARGEST:
            raise ConfigError(f"it has more than {LARGEST} bytes", file=path)
        try:
            return cls(path, data.decode("utf-8-sig"), hashlib.sha256(data).hexdigest())
        except UnicodeDecodeError as error:
            raise ConfigError("it is not text in UTF-8", file=path) from error

    def parse(self) -> dict[str, Any]:
        """Return the values; a `ConfigError` has the line."""
        try:
            return tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as error:
            raise self._syntax_error(str(error)) from error
        except (ValueError, RecursionError, OverflowError) as error:  # a number of 5000 digits, a thousand brackets
            raise ConfigError("it has a value that is too long or too deep", file=self.path) from error

    def find(self, table: str, *, index: int = 0, key: str | None = None) -> int | None:
        """Return the line (from 1) of the `index`th `[table]` or `[[table]]`, or of a key in it; None if not found."""
        header = re.compile(rf"\s*\[\[?\s*[\"']?{re.escape(table)}[\"']?\s*\]\]?")
        wanted = None if key is None else re.compile(rf"\s*[\"']?{re.escape(key)}[\"']?\s*[=.]")
        seen, start = -1, None
        for number, line in enumerate(self.lines(), 1):
            if header.match(line):
                seen += 1
                start = number if seen == index else start
            elif seen == index and wanted is not None and wanted.match(line):
                return number
            elif re.match(r"\s*\[", line) and seen == index:
                break
        return start

    def top(self, key: str) -> int | None:
        """Return the line of a key or a table at the top level."""
        pattern = re.compile(rf"\s*\[*\s*[\"']?{re.escape(key)}(?![A-Za-z0-9_-])")
        return next((number for number, line in enumerate(self.lines(), 1) if pattern.match(line)), None)

    def lines(self) -> list[str]:
        """Return the lines as TOML counts them: other line separators than its own are text."""
        return self.text.split("\n")

    def error(self, reason: str, line: int | None = None, key: str | None = None) -> ConfigError:
        """Return the error for a mistake at a line."""
        shown = key if key is None or key.isprintable() else repr(key)
        return ConfigError(reason, file=self.path, line=line, key=shown)

    def _syntax_error(self, message: str) -> ConfigError:
        found = re.search(r" \(at line (\d+), column (\d+)\)$", message)
        if found is not None:
            return self.error(f"{message[: found.start()]} (column {found[2]})", int(found[1]))
        if message.endswith(" (at end of document)"):
            return self.error(message, len(self.lines()))
        return self.error(message)


def nearest(key: str, known: Collection[str]) -> str:
    """Return a suggestion of a similar key, as the end of a sentence."""
    near = difflib.get_close_matches(key, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; known here: {', '.join(known)}"


@dataclass(frozen=True, slots=True)
class TomlTable:
    """One table of a file, with its place, so that each mistake in it is reported with its line and key."""

    text: TomlText
    values: dict[str, Any]
    name: str
    index: int = 0

    def check_keys(self, known: Collection[str]) -> None:
        """Raise an error for any other key than these."""
        for key in self.values:
            if key not in known:
                raise self.fault(f"there is no such setting{nearest(key, known)}", key)

    def fault(self, reason: str, key: str) -> ConfigError:
        """Return the error for a mistake at a key."""
        return self.text.error(reason, self.line(key), key)

    def line(self, key: str) -> int | None:
        """Return the line of a key; None if it cannot be found."""
        return self.text.find(self.name, index=self.index, key=key)

    def needed_text(self, key: str) -> str:
        """Return the text under a required key."""
        if key not in self.values:
            raise self.text.error("it is missing", self.text.find(self.name, index=self.index), key)
        return self.get_text(key)

    def get_text(self, key: str, default: str = "") -> str:
        """Return the text under a key."""
        value = self.values.get(key, default)
        if not isinstance(value, str):
            raise self.fault("it must be text in quotes", key)
        return value

    def flag(self, key: str, *, default: bool = False) -> bool:
        """Return a boolean."""
        value = self.values.get(key, default)
        if not isinstance(value, bool):
            raise self.fault("it must be true or false", key)
        return value

    def whole(self, key: str, least: int, most: int) -> int | None:
        """Return a whole number; None if the key is missing."""
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise self.fault(f"it must be a whole number from {least} to {most}", key)
        return value

    def texts(self, key: str, what: str) -> tuple[str, ...]:
        """Return a list of texts; the error names `what` they are."""
        value = self.values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.fault(f"it must be a list of {what} in quotes", key)
        return tuple(value)
