"""Who may use partner nodes, which cost credits, and with which key: the `[partner]` table of the fleet file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from gateway.http.secret import Secret

EVERYONE = "*"


@dataclass(frozen=True, slots=True)
class PartnerRules:
    """The keys and their users. `people` may use the common key, and each of `own` the key under their name.

    Keys are not compared: the fleet compares the files that they were read from.
    """

    people: tuple[str, ...] = ()  # names of users, or `EVERYONE`
    key: Secret | None = field(default=None, compare=False)
    own: Mapping[str, Secret] = field(default_factory=dict, compare=False)

    @property
    def keys(self) -> Iterator[Secret]:
        """All keys."""
        yield from self.own.values()
        if self.key is not None:
            yield self.key

    def key_of(self, name: str) -> Secret | None:
        """Return the key for a user; None if they may not use partner nodes."""
        return self.own.get(name) or (self.key if {name, EVERYONE} & set(self.people) else None)

    def common_key(self, *, is_private: bool) -> Secret | None:
        """Return the key for a gateway without users; `is_private` if only its own machine can reach it."""
        return self.key if EVERYONE in self.people or (is_private and not self.people) else None
