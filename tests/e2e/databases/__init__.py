"""Databases of browsers that earlier builds have filled, as `NAME.json`, and how they are recorded and restored.

    python -m tests.e2e.databases REVISION     # see `__main__.py`; needs that revision in this repository

Each holds what IndexedDB held, the page's session storage, and the address of the gateway. Left out are journals, which
are large and which no page reads of another build's windows.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

from playwright.async_api import Page

from tests.kit.services import ROOT

FOLDER = Path(__file__).parent
REVISIONS = {"0.1.0": "f8fe9fd8", "before-0154": "8f741e97"}  # that recorded the dumps, by their names
LEFT_OUT = ("journals",)
DATABASE = "mooring"
UNREADABLE = "suspended"  # a state that no build knows

# Read the database as it is, without our code. A Blob becomes base64.
READ = """async ([name, leftOut]) => {
  const wait = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  const base64 = async (blob) => {
    const bytes = new Uint8Array(await blob.arrayBuffer());
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  };
  const plain = async (value) => {
    if (value instanceof Blob) return { $blob: await base64(value), type: value.type };
    if (Array.isArray(value)) return Promise.all(value.map(plain));
    if (value === null || typeof value !== "object") return value;
    const items = Object.entries(value).map(async ([key, item]) => [key, await plain(item)]);
    return Object.fromEntries(await Promise.all(items));
  };
  const database = await wait(indexedDB.open(name));
  const names = [...database.objectStoreNames];
  const transaction = database.transaction(names);
  const read = names.map(async (name) => {
    const store = transaction.objectStore(name), { keyPath, autoIncrement } = store;
    const indexes = [...store.indexNames].map((name) => {
      const { keyPath, unique, multiEntry } = store.index(name);
      return { name, keyPath, unique, multiEntry };
    });
    const [keys, values] = leftOut.includes(name) ? [[], []]
      : await Promise.all([wait(store.getAllKeys()), wait(store.getAll())]);
    return { name, keyPath, autoIncrement, indexes, rows: values.map((value, place) => [value, keys[place]]) };
  });
  const stores = await Promise.all(read);
  database.close();
  for (const store of stores) {
    store.rows = await Promise.all(store.rows.map(async ([value, key]) =>
      store.keyPath === null ? [await plain(value), key] : [await plain(value)]));
  }
  return { name, version: database.version, stores };
}"""

# Make the database as it was, and the tab's storage, before any script of the page runs.
FILL = """async ({ name, version, stores, session }) => {
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const revive = (_key, value) => (value?.$blob ? new Blob([bytes(value.$blob)], { type: value.type }) : value);
  await new Promise((resolve, reject) => {
    const open = indexedDB.open(name, version);
    open.onupgradeneeded = () => {
      for (const { name, keyPath, autoIncrement, indexes, rows } of stores) {
        const store = open.result.createObjectStore(name, { keyPath, autoIncrement });
        for (const { name, keyPath, ...options } of indexes) store.createIndex(name, keyPath, options);
        for (const [value, key] of rows) store.put(JSON.parse(JSON.stringify(value), revive), key);
      }
    };
    open.onsuccess = () => { open.result.close(); resolve(); };
    open.onerror = () => reject(open.error);
  });
  for (const [key, value] of Object.entries(session)) sessionStorage.setItem(key, value);
}"""

# Write a task's record again under another id, in a state that no build knows.
DAMAGE = """([id, other, state]) => new Promise((resolve, reject) => {
  const open = indexedDB.open("mooring");
  open.onerror = () => reject(open.error);
  open.onsuccess = () => {
    const transaction = open.result.transaction("tasks", "readwrite"), tasks = transaction.objectStore("tasks");
    const read = tasks.get(id);
    read.onsuccess = () => tasks.put({ ...read.result, prompt_id: other, state });
    transaction.onabort = () => reject(transaction.error);
    transaction.oncomplete = () => { open.result.close(); resolve(); };
  };
})"""


class Dump:
    """A recorded database."""

    def __init__(self, content: dict[str, Any]) -> None:
        self.content = content

    @classmethod
    def read(cls, name: str, gateway_port: int) -> Dump:
        """Return a dump with the addresses of a gateway on this port, whose demo servers follow on the next ports.

        To the page they are the same servers, restarted.
        """
        text = (FOLDER / f"{name}.json").read_text(encoding="utf-8")
        port = json.loads(text)["port"]
        address = re.compile(rf"(?<=http://127.0.0.1:)({'|'.join(str(port + number) for number in range(4))})")
        return cls(json.loads(address.sub(lambda found: str(int(found[0]) - port + gateway_port), text)))

    def rows(self, name: str) -> list[dict[str, Any]]:
        """Return the values of an object store."""
        [store] = [store for store in self.content["stores"] if store["name"] == name]
        return [row[0] for row in store["rows"]]

    @property
    def window_id(self) -> str:
        """The id of the recorded tab's window."""
        return str(self.content["session"]["mooring.window"])

    async def fill(self, page: Page) -> None:
        """Restore the database and the tab's storage, in a document without our code."""
        await page.evaluate(FILL, self.content)


async def read_database(page: Page) -> dict[str, Any]:
    """Return the content of the browser's database."""
    return dict(await page.evaluate(READ, [DATABASE, LEFT_OUT]))


def has_revision(revision: str) -> bool:
    """Return whether this repository has a revision: an unpacked archive has none, and a shallow clone few."""
    if shutil.which("git") is None:
        return False
    command = ["git", "cat-file", "-e", f"{revision}^{{commit}}"]
    return subprocess.run(command, cwd=ROOT, stderr=subprocess.DEVNULL, check=False).returncode == 0


def check_out(revision: str, folder: Path) -> None:
    """Write the files of a revision into a folder."""
    packed = subprocess.run(["git", "archive", "--format=tar", revision], cwd=ROOT, capture_output=True, check=True)
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as files:
        files.extractall(folder, filter="data")


def share_set_up(folder: Path) -> None:
    """Give a revision with the same dependencies the installed files of this one."""
    shutil.copytree(ROOT / "static" / "vendor", folder / "static" / "vendor")
