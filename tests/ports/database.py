"""The empty database that the checks of the port suite use, and records to write into it."""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Mapping
from typing import Protocol

from app.core.balancer import Claims
from app.core.errors import InvalidTransition, MooringError
from app.core.model import ClientId, Note, PromptId, Reservation, ServerChoice, ServerId, Task, TaskState, WindowId
from app.core.ports.blobs import Blob
from app.core.ports.documents import DocumentStore
from app.core.ports.store import PastStore, TaskStore, WindowRecord
from tests.ports.tasks import changed, new_task

BOUND = 1_000_000  # bytes of kept results in the stores of an EmptyDatabase
QUOTA = 2_000_000  # bytes of everything, in tests of a full disk
ADDRESS = "http://10.0.0.1:8188"


class EmptyDatabase(Protocol):
    """An empty database, which any number of windows open."""

    def store(self) -> TaskStore:
        """Open another window's store."""

    def past(self) -> PastStore:
        """Open another window's store of past tasks."""

    def documents(self) -> DocumentStore:
        """Open another window's store of documents."""

    def blob(self, data: bytes, media_type: str = "") -> Blob:
        """Return a Blob of this platform."""

    async def picture(self, width: int, height: int) -> Blob:
        """Return a PNG of this size, noisy so that it is large."""

    async def damage(self, prompt_id: str, changes: Mapping[str, object], without: Collection[str] = ()) -> None:
        """Change a stored task's record directly, as another version or a fault does."""


async def raises(kind: type[MooringError], awaitable: Awaitable[object]) -> MooringError:
    """Return the error if it is exactly of this kind; any other outcome fails."""
    try:
        outcome = await awaitable
    except MooringError as error:
        assert type(error) is kind, f"{error!r} is no {kind.__name__}"
        return error
    raise AssertionError(f"{kind.__name__} expected, got {outcome!r}")


def window(name: str) -> WindowRecord:
    return WindowRecord(window_id=WindowId(name), client_id=ClientId(f"client of {name}"), created_at=1.0, seen_at=1.0)


def reservation(prompt_id: str, owner: str = "w-1", server_id: str = "gpu-1") -> Reservation:
    return Reservation(
        prompt_id=PromptId(prompt_id),
        window_id=WindowId(owner),
        server_id=ServerId(server_id),
        address=ADDRESS,
        at=10.0,
        choice=ServerChoice(server_id=ServerId(server_id), reason="tie", loads={"gpu-1": 0, "gpu-2": 0}),
    )


def task(prompt_id: str, owner: str = "w-1", server_id: str = "gpu-1", created_at: float = 20.0) -> Task:
    return new_task(
        prompt_id=PromptId(prompt_id),
        server_id=ServerId(server_id),
        address=ADDRESS,
        client_id=ClientId("c-1"),
        owner=WindowId(owner),
        epoch=1,
        created_at=created_at,
        title="沙丘 \ud83c",  # half of a surrogate pair, which servers and users send
        workflow='{"1": {"class_type": "LoadImage", "inputs": {}}}',
        notes=(Note(20.0, "registered"),),
    )


async def registered(store: TaskStore, prompt_id: str, owner: str = "w-1", created_at: float = 20.0) -> Task:
    """Register a task as a run does."""
    await store.reserve(lambda _claims: reservation(prompt_id, owner))
    fresh = task(prompt_id, owner, created_at=created_at)
    await store.register(fresh)
    return fresh


async def kept_of(store: TaskStore) -> frozenset[tuple[PromptId, int]]:
    """Return which outputs of the tasks p-0 to p-10 are kept, up to the hundredth of each."""
    return await store.read_kept([(PromptId(f"p-{number}"), index) for number in range(11) for index in range(100)])


async def seen_claims(store: TaskStore) -> Claims:
    """Return what the next window to choose would see, without leaving a reservation."""
    seen: list[Claims] = []

    def record(claims: Claims) -> Reservation:
        seen.append(claims)
        raise InvalidTransition("look")

    await raises(InvalidTransition, store.reserve(record))
    return seen[0]


async def ended(store: TaskStore, prompt_id: str) -> Task:
    known = await registered(store, prompt_id)
    done = changed(known, state=TaskState.SUCCEEDED, ended_at=30.0)
    await store.update(done)
    return done
