"""The steps of each recording: requests, sockets and their order.

The recordings themselves have the requests, so that a renewed one differs only in the answers. `renewed` chooses the
steps for each; a recording that needs more than a server (a browser, other flags) is in `KEPT`.
"""

from __future__ import annotations

import asyncio
import time
from ast import literal_eval
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from tests.recordings.asking import Recorded, Server, new_id, until

FLAGS = {"supports_preview_metadata": True}
COLOUR = 3368652
RED = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc0000003010100c9fe92ef"
    "0000000049454e44ae426082"
)
"""A PNG of one pixel."""

KEPT = {
    "08_browser_cors": "a browser with host names of its own asked it",
    "12_models": "it needs a server with LoRAs of a demo's names and metadata (`demo_comfyui/models.py`)",
    "13_frontend_calls": "ComfyUI's frontend in a browser asked it",
    "20_assets_enabled": "it needs a server with --enable-assets",
}

ORIGINS: dict[str, dict[str, str]] = {
    "no origin": {"Host": "127.0.0.1:8188"},
    "same origin": {"Host": "127.0.0.1:8188", "Origin": "http://127.0.0.1:8188"},
    "other port": {"Host": "127.0.0.1:8188", "Origin": "http://127.0.0.1:9000"},
    "localhost same port": {"Host": "127.0.0.1:8188", "Origin": "http://localhost:8188"},
    "remote https": {"Host": "127.0.0.1:8188", "Origin": "https://studio.example"},
    "null": {"Host": "127.0.0.1:8188", "Origin": "null"},
    "evil to LAN host": {"Host": "192.168.1.5:8188", "Origin": "https://studio.example"},
    "evil to host w/o port": {"Host": "localhost", "Origin": "https://studio.example"},
    "localhost origin w/o port": {"Host": "localhost:8188", "Origin": "http://localhost"},
    "x-forwarded": {"Host": "127.0.0.1:8188", "X-Forwarded-Host": "studio.example"},
    "sec-fetch cross-site": {"Host": "127.0.0.1:8188", "Sec-Fetch-Site": "cross-site"},
}
"""The headers behind the names of 07_origin's rows."""


def nonce() -> int:
    """Return a number that no earlier run used, so that nothing comes from the cache."""
    return time.time_ns() // 1_000_000


def quick(prefix: str = "cap", *, colour: int | None = None) -> Recorded:
    """Return a prompt that ends at once."""
    return {
        "1": {"class_type": "EmptyImage", "inputs": _image(nonce() % 2**24 if colour is None else colour)},
        "3": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": prefix}},
    }


def slow(steps: int, *, seconds: float = 0.15) -> Recorded:
    """Return a prompt that takes this many steps."""
    inputs = {"image": ["1", 0], "steps": steps, "seconds_per_step": seconds, "nonce": nonce()}
    shown = {"preview": True, "preview_format": "JPEG", "preview_max_size": 256}
    return {
        "1": {"class_type": "EmptyImage", "inputs": _image(COLOUR)},
        "2": {"class_type": "SlowSteps", "inputs": inputs | shown},
        "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "cap"}},
    }


def _image(colour: int) -> Recorded:
    return {"width": 320, "height": 200, "batch_size": 1, "color": colour}


async def renewed(name: str, recorded: Any, server: Server, other: Server | None, output: Path | None) -> Any:
    """Return the recording with this server's answers; None if the recording is kept."""
    if name in KEPT:
        return None
    own = OWN.get(name) if isinstance(recorded, dict) else None
    if own is not None:
        return await own(recorded, server)
    match recorded:
        case {"cached_file_deleted": _}:
            return await _robust(recorded, server, other, output)
        case {"ws_client": _, "prompt": _}:
            return await _run(name, recorded, server)
        case {"ws1": _}:
            return await _broadcast(recorded, server)
        case [{"text": _}, *_]:
            return await _late(server)
        case list():
            return [await _asked(each, server) for each in recorded]
        case dict():
            return {key: await _asked(each, server) for key, each in recorded.items()}
        case _:
            return None


async def _asked(row: Recorded, server: Server) -> Recorded:
    """Repeat the request of one row; the row or its address has everything to send."""
    match row:
        case {"request": str(sent), "response": {"method": method, "url": url}}:
            said = literal_eval(sent)
            answer = await server.ask(method, url, data=said["data"], headers=said.get("headers"))
            return {"request": sent, "response": answer}
        case {"request": sent, "response": {"method": method, "url": url}}:
            return {"request": sent, "response": await server.ask(method, url, json_body=sent)}
        case {"method": method, "url": url, "request": {"file": str(name), "form": Mapping() as form}}:
            answer = await server.upload(name, RED, **form)
            return answer | {"method": method, "url": url, "request": row["request"]}
        case {"method": method, "url": url}:
            sent = row.get("request", {})
            answer = await server.ask(method, url, json_body=sent.get("json"), data=sent.get("data"))
            renewed_row = answer | ({"request": sent} if sent else {})
            if "history" in row and answer["status"] == 200:
                renewed_row["history"] = await server.entry(answer["body"]["prompt_id"])
            return renewed_row
        case _:
            return row


async def _run(name: str, recorded: Recorded, server: Server) -> Recorded:
    """Record a run, with its own socket and another client's; one named *cached* is run twice."""
    prompt, client_id = _with_nonce(recorded["prompt"]), new_id().replace("-", "")
    if "cached" in name:
        await _warm(recorded, prompt, server)
    extra = recorded.get("extra_data_sent")
    async with server.socket("other-" + client_id) as other, server.socket(client_id, recorded["flags_sent"]) as own:
        post = await server.post(prompt, client_id=client_id, **({"extra_data": extra} if extra else {}))
        prompt_id = post["body"]["prompt_id"]
        meanwhile = await _meanwhile(recorded, server, prompt_id)
        await own.until_ended(prompt_id)
        await other.until_idle()
        found = {
            "prompt": prompt,
            "client_id": client_id,
            "flags_sent": recorded["flags_sent"],
            **({"extra_data_sent": extra} if "extra_data_sent" in recorded else {}),
            "post": post,
            **meanwhile,
            "ws_client": list(own.received),
            "ws_other_client": list(other.received),
            "history": await server.entry(prompt_id),
        }
    if "job" in recorded:
        found["job"] = await server.ask("GET", f"/api/jobs/{prompt_id}")
    return found


async def _warm(recorded: Recorded, prompt: Recorded, server: Server) -> None:
    """Run first the nodes that came from the cache in the recording."""
    texts = [item["text"] for item in recorded["ws_client"] if "text" in item]
    cached = next(text["data"]["nodes"] for text in texts if text["type"] == "execution_cached")
    part = {node_id: prompt[node_id] for node_id in sorted(cached)}
    if not any(node["class_type"] == "SaveImage" for node in part.values()):
        part["99"] = {"class_type": "PreviewImage", "inputs": {"images": [max(part), 0]}}
    await server.entry(await server.submit(part))


async def _meanwhile(recorded: Recorded, server: Server, prompt_id: str) -> Recorded:
    """Record the requests made during the run, with the ids of this run."""
    if "meanwhile" not in recorded:
        return {}
    await server.until_running(prompt_id)
    before = recorded["post"]["body"]["prompt_id"]
    rows = []
    for row in recorded["meanwhile"]:
        sent = row.get("request", {})
        body = sent.get("json")
        if isinstance(body, dict):
            body = {key: prompt_id if value == before else value for key, value in body.items()}
        answer = await server.ask(row["method"], row["url"].replace(before, prompt_id), json_body=body)
        rows.append(answer | ({"request": {"json": body}} if sent else {}))
    return {"meanwhile": rows}


def _with_nonce(prompt: Recorded) -> Recorded:
    fresh = nonce()
    return {
        node_id: {**node, "inputs": node["inputs"] | ({"nonce": fresh} if "nonce" in node["inputs"] else {})}
        for node_id, node in prompt.items()
    }


async def _broadcast(recorded: Recorded, server: Server) -> Recorded:
    """Record a run without a client id, and all sockets that receive its events."""
    kinds: dict[str, tuple[str | None, Any]] = {
        "ws1": (new_id(), None),
        "ws2_flags": (new_id(), FLAGS),
        "ws3_no_clientId_query": (None, None),
    }
    (entry,) = recorded["history"].values()
    async with AsyncExitStack() as stack:
        sockets = {key: await stack.enter_async_context(server.socket(*kinds[key])) for key in kinds if key in recorded}
        post = await server.post(_with_nonce(entry["prompt"][2]))
        history = await server.entry(post["body"]["prompt_id"])
        for socket in sockets.values():
            await socket.until_idle()
        heard = {key: list(socket.received) for key, socket in sockets.items()}
    return {"post": post, **heard, "history": history}


async def _late(server: Server) -> list[Recorded]:
    """Record a socket that is opened after its client's run has ended."""
    client_id = new_id()
    await server.entry(await server.submit(quick(), client_id=client_id))
    async with server.socket(client_id) as socket:
        await asyncio.sleep(1.0)  # no more messages may arrive, and there is no event for that
        return list(socket.received)


async def _reconnect(recorded: Recorded, server: Server) -> Recorded:
    """Record a client whose socket is closed and reopened during a run."""
    client_id = new_id()
    async with server.socket(client_id, FLAGS) as first:
        prompt_id = await server.submit(slow(12), client_id=client_id)
        await until(lambda: len(first.texts("progress")) > 2)
    async with server.socket(client_id, FLAGS) as second:
        await second.until_ended(prompt_id)
    return {"first": first.received, "second": second.received}


async def _deaf(recorded: Recorded, server: Server) -> Recorded:
    """Record a client whose older socket closes after a newer one opened: the newer one receives nothing more."""
    client_id = new_id()
    async with AsyncExitStack() as stack:
        old = await stack.enter_async_context(server.socket(client_id, FLAGS))
        prompt_id = await server.submit(slow(20), client_id=client_id)
        await until(lambda: bool(old.texts("progress")))
        new = await stack.enter_async_context(server.socket(client_id, FLAGS))
        await until(lambda: bool(new.texts("progress")))
        await old.connection.close()
        closed_at = round(time.monotonic() - new.opened_at, 3)
        other = await stack.enter_async_context(server.socket(new_id()))
        heard = len(new.received)
        entry = await server.entry(prompt_id)
        await other.until_idle()
        return {
            "old": old.received,
            "new": list(new.received),
            "old_closed_at_on_new_clock": closed_at,
            "messages_on_new_after_old_closed": len(new.received) - heard,
            "other": list(other.received),
            "history_status": entry[prompt_id]["status"],
        }


async def _two_sockets(recorded: Recorded, server: Server) -> Recorded:
    """Record two sockets with one client id: the newer one receives the run's events."""
    client_id, prompt = new_id(), slow(3)
    await server.entry(await server.submit(quick(colour=COLOUR)))
    async with server.socket(client_id) as first, server.socket(client_id) as second:
        await second.until_ended(await server.submit(prompt, client_id=client_id))
        return {"first": list(first.received), "second": list(second.received)}


async def _pending(recorded: Recorded, server: Server) -> Recorded:
    """Record a socket that is opened while its client's prompt waits behind another."""
    client_id = new_id()
    blocker = await server.submit(slow(12), client_id=new_id())
    await server.until_running(blocker)
    prompt_id = await server.submit(slow(2), client_id=client_id)
    queue, remaining = await server.ask("GET", "queue"), await server.ask("GET", "prompt")
    async with server.socket(client_id) as socket:
        await socket.until_ended(prompt_id)
        return {"queue": queue, "prompt": remaining, "ws": list(socket.received)}


async def _queue_operations(recorded: Recorded, server: Server) -> Recorded:
    """Record deletes, interrupts, and one id that is posted twice."""
    found: Recorded = {}
    client_id = new_id()
    async with server.socket(client_id) as socket:
        running = await server.submit(slow(200), client_id=client_id)
        await server.until_running(running)
        waiting = await server.submit(slow(2), client_id=client_id)
        found["queue_full_example"] = await server.get("queue")
        for key, prompt_id in (("pending", waiting), ("running", running), ("unknown", "unknown")):
            found[f"delete_{key}"] = await server.ask("POST", "queue", json_body={"delete": [prompt_id]})
        await server.ask("POST", "interrupt", json_body={"prompt_id": running})
        found["history_interrupted"] = await server.entry(running)
        found["interrupt_list"] = await server.ask("POST", "interrupt", json_body=[])
        await socket.until_idle()
        found["ws_interrupts"] = list(socket.received)
    found["dup_prompt_id"] = await _same_id_twice(server)
    found["dup_prompt_id_and_number"] = await _same_id_and_number(server)
    return {key: found[key] for key in recorded}


async def _same_id_twice(server: Server) -> Recorded:
    same = new_id()
    async with server.socket("twice") as socket:
        blocker = await server.submit(slow(8))
        await server.until_running(blocker)
        answers = [await server.post(slow(2), prompt_id=same, client_id="twice") for _ in range(2)]
        queue = await _ids(server)
        await until(lambda: socket.texts("executing").count({"node": None, "prompt_id": same}) == 2)
        heard = list(socket.received)
    history = await server.entry(same)
    return {"r1": answers[0], "r2": answers[1], "queue": queue, "ws": heard, "history": history}


async def _same_id_and_number(server: Server) -> Recorded:
    blocker = await server.submit(slow(40))
    await server.until_running(blocker)
    prompt = quick()
    answers = [await server.post(prompt, prompt_id="same", number=7) for _ in range(3)]
    queue = await _ids(server)
    await _stop(server, blocker)
    return {"r1": answers[0], "r2": answers[1], "r3": answers[2], "queue": queue}


async def _ids(server: Server) -> Recorded:
    queue = await server.get("queue")
    return {part: [item[:2] for item in queue[f"queue_{part}"]] for part in ("running", "pending")}


async def _stop(server: Server, running: str) -> None:
    await server.ask("POST", "queue", json_body={"clear": True})
    await server.ask("POST", "interrupt", json_body={"prompt_id": running})
    await server.entry(running)


async def _views(recorded: Recorded, server: Server) -> Recorded:
    """Record requests for present and missing files, with conditions and ranges."""
    for fields in ({"type": "input"}, {"type": "input", "subfolder": "a/b"}, {"type": "output"}):
        await server.upload("tac75f6.png", RED, overwrite="true", **fields)
    await server.upload("nac75f6.txt", b"hello world", overwrite="true")
    address = "view?filename=tac75f6.png&type=input"
    plain = await server.ask("GET", address)
    conditions = {
        "view HEAD": {},
        "view If-None-Match": {"If-None-Match": plain["headers"]["Etag"]},
        "view If-Modified-Since": {"If-Modified-Since": plain["headers"]["Last-Modified"]},
        "view Range": {"Range": "bytes=0-9"},
    }
    found = {}
    for key, row in recorded.items():
        sent = conditions.get(key)
        answer = await server.ask(row["method"], row["url"] if sent is None else address, headers=sent)
        found[key] = answer | {"url": row["url"], "body": answer["body"] or ("" if sent is None else "<0 bytes>")}
    return found


async def _origins(recorded: Recorded, server: Server) -> Recorded:
    """Record requests from other origins; the rows of a server with --enable-cors-header are kept."""
    found = dict(recorded)
    for name, headers in ORIGINS.items():
        found[f"default / {name}"] = {
            "GET": await server.ask("GET", "prompt", headers=headers),
            "POST": await server.ask("POST", "queue", json_body={"delete": []}, headers=headers),
            "OPTIONS": await server.ask("OPTIONS", "prompt", headers=headers),
            "WS": await server.handshake(headers),
        }
    return found


async def _robust(recorded: Recorded, server: Server, other: Server | None, output: Path | None) -> Recorded:
    """Record names that two servers share, and a deleted file; kept without a second server or the folder."""
    found = dict(recorded)
    if other is not None:
        prompt = quick("same")
        names = []
        for each in (server, other):
            (entry,) = (await each.entry(await each.submit(prompt))).values()
            names.append(entry["outputs"])
        found["names_on_two_servers"] = names
    if output is not None:
        prompt = quick("del")
        (entry,) = (await server.entry(await server.submit(prompt))).values()
        first = entry["outputs"]["3"]["images"][0]
        (output / first["subfolder"] / first["filename"]).unlink()
        (second,) = (await server.entry(await server.submit(prompt))).values()
        query = "&".join(f"{key}={value}" for key, value in first.items())
        found["cached_file_deleted"] = {
            "first": first,
            "second": second,
            "view": await server.ask("GET", f"view?{query}"),
        }
    blocker = await server.submit(slow(40))
    await server.until_running(blocker)
    answers = [await server.post(quick(), prompt_id="same", number=7) for _ in range(2)]
    pending = (await _ids(server))["pending"]
    await _stop(server, blocker)
    found["same_id_number_diff_prompt"] = {"a": answers[0], "b": answers[1], "pending": pending}
    return found


async def _blocked_and_userdata(recorded: Recorded, server: Server) -> Recorded:
    """Record runs that a node blocks, and users' files and settings, whose keys hold the requests."""
    found = dict(recorded)
    for key, row in recorded.items():
        if key.startswith("blocked "):
            client_id, prompt = new_id(), _with_nonce(row["prompt"])
            async with server.socket(client_id) as socket:
                prompt_id = await server.submit(prompt, client_id=client_id)
                await socket.until_ended(prompt_id)
                found[key] = {
                    "prompt": prompt,
                    "ws": list(socket.received),
                    "history": (await server.entry(prompt_id))[prompt_id],
                }
        elif "method" in row:
            address, _, sent = key.removeprefix(row["method"]).strip().partition(" ")
            said = literal_eval(sent)
            found[key] = await server.ask(row["method"], address, json_body=said.get("json"), data=said.get("data"))
            found[key]["url"] = row["url"]
    return found


OWN: dict[str, Callable[[Recorded, Server], Awaitable[Recorded]]] = {
    "03a_reconnect_after_close": _reconnect,
    "03b_old_socket_closes_after_new": _deaf,
    "03c_two_sockets_same_id": _two_sockets,
    "03f_pending_socket": _pending,
    "05_queue_ops": _queue_operations,
    "06_upload_view": _views,
    "07_origin": _origins,
    "11_more": _blocked_and_userdata,
}
