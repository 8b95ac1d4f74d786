"""Models on servers: their folders, files and facts, each requested once."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, unquote

import pytest

from app.core.errors import ConnectError, HttpStatusError, ProtocolError, RequestTimeout
from app.core.model import Fleet, Server, ServerId
from app.core.model_facts import LARGEST, ModelFacts
from app.core.ports.http import Request, Response
from app.core.window import Window
from app.session.models import LARGEST_LIST, ModelFile, Models
from demo_comfyui.models import MODELS
from gateway.http.routes import ServerCall, find_route, split_target
from tests.kit.builders import CLIENT, ME, task
from tests.recordings import read
from wire.health import Health
from wire.versions import VERSIONS

LORAS = [model.name for model in MODELS["loras"]]
INK = "styles/ink-wash.safetensors"


@dataclass
class Bytes:
    """A Blob that says how large it is."""

    data: bytes
    size: int

    async def read(self, most: int | None = None) -> bytes:
        return self.data[:most]


@dataclass
class Servers:
    """An Http port whose servers have these folders, and this metadata for each model."""

    folders: dict[str, list[str]]
    metadata: str = '{"modelspec.trigger_phrase": "ink wash"}'
    absent: int = 204  # as a gateway answers, without any
    size: int = 0  # of each answer, unless it is the real one
    is_silent: frozenset[str] = frozenset()
    asked: list[str] = field(default_factory=list)

    async def fetch(self, request: Request) -> Response:
        self.asked.append(request.path)
        _, _, server, *path = unquote(request.path).split("/")
        if server in self.is_silent:
            return Response(502, {"x-mooring-gateway": "connect-failed; sent=no"}, "{}")
        match path:
            case ["models"]:
                return self._answer(list(self.folders))
            case ["models", folder] if folder in self.folders:
                return self._answer(self.folders[folder])
            case ["experiment", "models", folder] if folder in self.folders:
                listed = [name for name in self.folders[folder] if name.endswith(".safetensors")]
                return self._answer([{"name": n, "pathIndex": 1, "size": 7} for n in listed])
            case ["view_metadata", *_]:
                return self._answer(json.loads(self.metadata)) if self.metadata else Response(self.absent)
        return Response(404)

    def _answer(self, value: object) -> Response:
        text = json.dumps(value).encode()
        return Response(200, blob=Bytes(text, self.size or len(text)))  # type: ignore[arg-type]


def server(name: str, **more: Any) -> Server:
    known = {"address": f"http://{name}", "base": f"/servers/{name}", "health": Health.WELL, "catalogue": "c"}
    return Server(server_id=ServerId(name), name=name, **known | more)


def models(http: Servers, *servers: Server) -> tuple[Models, Any]:
    fleet = Fleet(servers=servers or (server("a"),))
    state = SimpleNamespace(
        servers=SimpleNamespace(fleet=fleet), records=SimpleNamespace(own=None), ports=SimpleNamespace(http=http)
    )
    return Models(state), state  # type: ignore[arg-type]


async def test_models_of_a_known_input_take_two_requests() -> None:
    http = Servers({"vae": ["v.safetensors"], "loras": LORAS})
    known, _ = models(http)
    for _ in range(2):
        found = await known.find("LoraLoader", "lora_name", LORAS)
    assert http.asked == ["/servers/a/models/loras", "/servers/a/experiment/models/loras"]
    assert found[INK] == ModelFile(
        ServerId("a"),
        "/servers/a",
        "loras",
        INK,
        7,
        "/servers/a/experiment/models/preview/loras/1/styles%2Fink-wash.safetensors",
    )


async def test_another_catalogue_is_another_list() -> None:
    http = Servers({"loras": LORAS})
    known, state = models(http)
    await known.find("LoraLoader", "lora_name", LORAS)
    state.servers.fleet = Fleet(servers=(server("a", catalogue="d"),))
    await known.find("LoraLoader", "lora_name", LORAS)
    assert len(http.asked) == 4


async def test_folder_of_a_custom_node_is_the_one_with_its_choices() -> None:
    http = Servers({"loras": ["x.safetensors"], "packs": ["a.safetensors", "deep\\b.safetensors"], "vae": []})
    found = await models(http)[0].find("PackLoader", "model", ["None", "a.safetensors", "deep\\b.safetensors"])
    assert {choice: (file.folder, file.name) for choice, file in found.items()} == {
        "a.safetensors": ("packs", "a.safetensors"),
        "deep\\b.safetensors": ("packs", "deep\\b.safetensors"),
    }
    assert found["deep\\b.safetensors"].preview.endswith("/preview/packs/1/deep%5Cb.safetensors")
    assert "/servers/a/models/vae" not in http.asked


async def test_choices_of_two_folders_are_found_in_both() -> None:
    http = Servers({"checkpoints": ["c.safetensors"], "unet_gguf": ["u.gguf"], "vae": ["c.safetensors", "v.pt"]})
    found = await models(http)[0].find("AnyLoader", "model", ["c.safetensors", "u.gguf"])
    assert {choice: file.folder for choice, file in found.items()} == {
        "c.safetensors": "checkpoints",
        "u.gguf": "unet_gguf",
    }
    assert (found["u.gguf"].size, found["u.gguf"].preview) == (0, "")


async def test_free_window_queries_other_servers_for_missing_models() -> None:
    http = Servers({"loras": LORAS}, is_silent=frozenset({"a"}))
    known, _ = models(http, server("down", health=Health.DOWN), server("a"), server("b"))
    found = await known.find("LoraLoader", "lora_name", LORAS)
    assert {file.server_id for file in found.values()} == {"b"}
    http.is_silent = frozenset({"a", "b"})
    with pytest.raises(ConnectError):
        await models(http, server("a"), server("b"))[0].find("LoraLoader", "lora_name", LORAS)


async def test_no_server_is_asked_for_what_another_has() -> None:
    http = Servers({"loras": LORAS})
    known, _ = models(http, server("a"), server("b"))
    assert len(await known.find("LoraLoader", "lora_name", LORAS)) == len(LORAS)
    assert all(path.startswith("/servers/a/") for path in http.asked)


async def test_list_that_is_too_large_is_not_read() -> None:
    http = Servers({"loras": LORAS}, size=LARGEST_LIST)
    assert await models(http)[0].find("LoraLoader", "lora_name", LORAS)
    http.size += 1
    with pytest.raises(ProtocolError):
        await models(http)[0].find("LoraLoader", "lora_name", LORAS)


async def test_names_of_all_answering_servers_are_listed_in_order() -> None:
    http = Servers({"loras": ["b.safetensors", "A.safetensors"]}, is_silent=frozenset({"a"}))
    known, _ = models(http, server("a"), server("b"), server("c"))
    assert await known.listed("loras") == ("A.safetensors", "b.safetensors")


async def test_moored_window_asks_its_own_server_alone() -> None:
    http = Servers({"loras": LORAS})
    known, state = models(http, server("a"), server("b"))
    held = task("p-1", ServerId("b"))
    state.records.own = Window(ME, CLIENT, tasks={held.prompt_id: held})
    assert {file.server_id for file in (await known.find("LoraLoader", "lora_name", LORAS)).values()} == {"b"}
    state.servers.fleet = Fleet(servers=(server("a"),))
    del http.asked[:]
    assert await known.find("LoraLoader", "lora_name", LORAS) == {}
    assert http.asked == []


async def test_error_of_a_server_is_raised() -> None:
    class Failing:
        async def fetch(self, request: Request) -> Response:
            return Response(500)

    with pytest.raises(HttpStatusError):
        await models(Failing())[0].find("LoraLoader", "lora_name", LORAS)  # type: ignore[arg-type]


async def test_folders_of_other_things_are_not_asked_for() -> None:
    http = Servers({"custom_nodes": [], "..": [], "a%b": [], "packs": ["a.safetensors"]})
    assert await models(http)[0].find("PackLoader", "model", ["a.safetensors"])
    assert [path for path in http.asked if path.startswith("/servers/a/models/")] == ["/servers/a/models/packs"]


async def test_slow_server_keeps_no_other_from_being_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.session.models.LONGEST", 0.01)
    known = Servers({"loras": LORAS})

    class Slow:
        async def fetch(self, request: Request) -> Response:
            if request.path.startswith("/servers/a/"):
                await asyncio.Event().wait()
            return await known.fetch(request)

    asked, _ = models(Slow(), server("a"), server("b"))  # type: ignore[arg-type]
    assert {file.server_id for file in (await asked.find("LoraLoader", "lora_name", LORAS)).values()} == {"b"}
    with pytest.raises(RequestTimeout):
        await models(Slow(), server("a"))[0].find("LoraLoader", "lora_name", LORAS)  # type: ignore[arg-type]


async def test_facts_are_read_once_and_bounded() -> None:
    http = Servers({"loras": LORAS})
    known, _ = models(http)
    file = (await known.find("LoraLoader", "lora_name", LORAS))[INK]
    del http.asked[:]
    assert [await known.facts(file) for _ in range(2)] == [ModelFacts(words=("ink wash",))] * 2
    assert http.asked == ["/servers/a/view_metadata/loras?filename=styles%2Fink-wash.safetensors"]
    http.size = LARGEST
    assert await known.facts(replace(file, name="large.safetensors")) == ModelFacts(words=("ink wash",))
    http.size = LARGEST + 1
    assert await known.facts(replace(file, name="other.safetensors")) == ModelFacts(is_too_large=True)
    http.metadata = ""
    assert await known.facts(replace(file, name="third.safetensors")) == ModelFacts()
    http.absent = 404
    assert await known.facts(replace(file, name="fourth.safetensors")) == ModelFacts()
    assert await known.facts(replace(file, name="old.ckpt")) == ModelFacts()
    assert len(http.asked) == 5


async def test_only_so_many_facts_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.session.models.MOST_FACTS", 2)
    http = Servers({"loras": LORAS})
    known, _ = models(http)
    file = (await known.find("LoraLoader", "lora_name", LORAS))[INK]
    one, two, three = (replace(file, name=f"{name}.safetensors") for name in ("one", "two", "three"))
    for asked in (one, two, three):
        await known.facts(asked)
    del http.asked[:]
    for asked in (two, three, one):
        await known.facts(asked)
    assert http.asked == ["/servers/a/view_metadata/loras?filename=one.safetensors"]


async def test_every_request_passes_the_gateway() -> None:
    http = Servers({"my loras": ["deep\\b c.safetensors"], "loras": LORAS})
    known, _ = models(http)
    for names in (LORAS, ["deep\\b c.safetensors"]):
        for file in (await known.find("Pack", "model", names)).values():
            await known.facts(file)
            http.asked.append(file.preview)
    for path in http.asked:
        target = split_target(path)
        assert target is not None and isinstance(find_route(target[0]), ServerCall), path
    queries = [dict(parse_qsl(path.partition("?")[2])) for path in http.asked if "view_metadata" in path]
    assert {query["filename"] for query in queries} == {*LORAS, "deep\\b c.safetensors"}


@pytest.mark.parametrize("version", VERSIONS)
async def test_answers_of_real_servers_are_read(version: str) -> None:
    rows = {row["url"]: row for row in read("12_models", version)}

    class Recorded:
        async def fetch(self, request: Request) -> Response:
            row = rows[unquote(request.path.removeprefix("/servers/a/"))]
            text = json.dumps(row["body"]).encode()
            return Response(row["status"], blob=Bytes(text, len(text)))  # type: ignore[arg-type]

    known, _ = models(Recorded())  # type: ignore[arg-type]
    found = await known.find("LoraLoader", "lora_name", LORAS)
    assert set(found) == set(LORAS) and all(file.size > 0 for file in found.values())
    assert unquote(found[INK].preview.removeprefix("/servers/a/")) in rows
