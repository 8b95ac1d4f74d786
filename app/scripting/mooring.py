"""`mooring`, the module that a script imports: the calls of the page's own console, as awaitables.

    import mooring

    prompt_id = await mooring.submit_workflow(workflow, title="Dunes")
    task = await mooring.wait_for(prompt_id)

Values are plain data under the names that the page's console uses: `task["promptId"]`. Files are passed as bytes.
Refusals are raised: `mooring.ServerLockedError` has `.asked` and `.locked`; all such errors are `mooring.MooringError`.
Each call can also be written as in JavaScript: `mooring.submitWorkflow(workflow, {"title": "Dunes"})`. `mooring.origin`
is the address of this page; `requests` and `urllib` reach that address and no other.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import ModuleType
from typing import Any

from app.scripting.wire import ERRORS, camel, pack, unpack

Send = Callable[[str, str, list[bytes]], Awaitable[str]]  # method, arguments as text, the bytes among them
Data = bytes | bytearray | memoryview

# The calls, by their names here. The page's console lacks `save`.
CALLS = (
    "fleet",
    "get_api_base_url",
    "upload_image",
    "release_uploads",
    "submit_workflow",
    "wait_for",
    "get_task_history",
    "get_task_bound_image_url",
    "cancel",
    "give_up",
    "look_again",
    "run_again",
    "orphans",
    "adopt",
    "tasks",
    "verify",
    "debug_bundle",
    "save",
)


class Mooring(ModuleType):
    """The module. `send` sends to the page, `origin` is its address: "http://studio.lan"."""

    def __init__(self, send: Send, *, origin: str, version: str) -> None:
        super().__init__("mooring", __doc__)
        self.origin, self.version = origin, version
        self._send = send
        for name in CALLS:
            setattr(self, camel(name), getattr(self, name))
        for name, error in ERRORS.items():
            setattr(self, name, error)

    async def _ask(self, method: str, *arguments: Any) -> Any:
        while arguments and arguments[-1] is None:
            arguments = arguments[:-1]  # an option that is None counts as missing
        text, blobs = pack(arguments)
        return unpack(await self._send(method, text, blobs))

    async def fleet(self) -> dict[str, Any]:
        """The servers as last reported: `["servers"]` have id, name, health, running, pending, base, …"""
        return dict(await self._ask("fleet"))

    async def get_api_base_url(self) -> str | None:
        """The path, below `origin`, of the server that holds this window; None if none does."""
        found: str | None = await self._ask("getApiBaseUrl")
        return found

    async def upload_image(self, data: Data, filename: str) -> dict[str, Any]:
        """Upload a file; return its name, subfolder, type and server. It holds that server until a submit uses it."""
        return dict(await self._ask("uploadImage", data, filename))

    async def release_uploads(self) -> None:
        """Release the server that uploads hold."""
        await self._ask("releaseUploads")

    async def submit_workflow(
        self, workflow: Mapping[str, Any] | str, options: Mapping[str, Any] | None = None, /, **named: Any
    ) -> str:
        """Submit a workflow in API format, as a dict or as JSON text; return its prompt_id.

        Options: `title`; `inputs`, which is `{node_id: {input_name: bytes}}`; `workflow`, as the editor saves it.
        """
        return str(await self._ask("submitWorkflow", workflow, _options(options, named)))

    async def wait_for(self, prompt_id: str) -> dict[str, Any]:
        """Wait until the task has ended and its results are delivered, and return it."""
        return dict(await self._ask("waitFor", prompt_id))

    async def get_task_history(self, prompt_id: str) -> dict[str, Any]:
        """The history entry of the task on its own server: `{}` if there is none."""
        return dict(await self._ask("getTaskHistory", prompt_id))

    async def get_task_bound_image_url(self, prompt_id: str, index: int = 0) -> str:
        """The path, below `origin`, of one result on the server that made it."""
        return str(await self._ask("getTaskBoundImageUrl", prompt_id, index))

    async def cancel(self, prompt_id: str) -> dict[str, Any] | None:
        """Stop that task and no other; return it as it is then."""
        task: dict[str, Any] | None = await self._ask("cancel", prompt_id)
        return task

    async def give_up(self, prompt_id: str) -> dict[str, Any] | None:
        """Stop tracking the task; return it as it is then."""
        task: dict[str, Any] | None = await self._ask("giveUp", prompt_id)
        return task

    async def look_again(self, prompt_id: str) -> dict[str, Any] | None:
        """Poll the task's own server now; return the task as it is then."""
        task: dict[str, Any] | None = await self._ask("lookAgain", prompt_id)
        return task

    async def run_again(self, prompt_id: str, options: Mapping[str, Any] | None = None, /, **named: Any) -> str:
        """Run a task a second time, here or with `elsewhere=True` on any other server; return its id. Both may run."""
        return str(await self._ask("runAgain", prompt_id, _options(options, named)))

    async def orphans(self) -> list[dict[str, Any]]:
        """Search for work of closed windows now, and return it."""
        return list(await self._ask("orphans"))

    async def adopt(self, prompt_id: str) -> dict[str, Any]:
        """Adopt one of the `orphans`."""
        return dict(await self._ask("adopt", prompt_id))

    async def tasks(self) -> list[dict[str, Any]]:
        """This window's tasks, oldest first."""
        return list(await self._ask("tasks"))

    async def verify(self) -> dict[str, Any]:
        """Reread the store and compare: `ok`, and the `violations` if there are any."""
        return dict(await self._ask("verify"))

    async def debug_bundle(self, options: Mapping[str, Any] | None = None, /, **named: Any) -> dict[str, Any]:
        """The report of this window; with `prompts=True` it contains the prompts."""
        return dict(await self._ask("debugBundle", _options(options, named)))

    async def save(self, filename: str, data: Data | str) -> None:
        """Save a file for the user: the browser stores it, or asks where."""
        await self._ask("save", filename, data.encode() if isinstance(data, str) else data)


def _options(given: Mapping[str, Any] | None, named: Mapping[str, Any]) -> dict[str, Any] | None:
    options = {camel(name): value for name, value in {**(given or {}), **named}.items() if value is not None}
    return options or None
