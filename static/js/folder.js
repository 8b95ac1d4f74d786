// A folder of the user's own, where each result is saved as a file. The browser gives a handle on it, which is kept in a
// database of its own: the store's records are text and bytes, and belong to Python.

import { owned } from "./owned.js";

const NAME = owned("mooring-folder");

const request = (asked) => new Promise((resolve, reject) => {
  asked.onsuccess = () => resolve(asked.result);
  asked.onerror = () => reject(asked.error);
});

/** Do something with the one row of handles, in a transaction of its own. */
async function withHandles(mode, act) {
  const opening = indexedDB.open(NAME, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore("handles");
  const database = await request(opening);
  try {
    return await request(act(database.transaction("handles", mode).objectStore("handles")));
  } finally {
    database.close();
  }
}

const isPossible = () => typeof globalThis.showDirectoryPicker === "function";
const known = () => withHandles("readonly", (handles) => handles.get("folder"));

async function stateOf(handle) {
  if (!isPossible()) return { state: "absent", name: "" };
  if (!handle) return { state: "none", name: "" };
  const permission = await handle.queryPermission({ mode: "readwrite" });
  return { state: permission === "granted" ? "ready" : "asking", name: handle.name };
}

/** How it stands, as JSON: `{state: absent | none | asking | ready, name}`. */
export const lookFolder = async () => JSON.stringify(await stateOf(isPossible() ? await known() : undefined));

/** Have the user choose one; only within a click. Without a choice, it stays as it was. */
export async function chooseFolder() {
  try {
    const handle = await globalThis.showDirectoryPicker({ id: "mooring", mode: "readwrite", startIn: "pictures" });
    await withHandles("readwrite", (handles) => handles.put(handle, "folder"));
  } catch (error) {
    if (error.name !== "AbortError") throw error;
  }
  return lookFolder();
}

/** Renew the browser's permission, as after each load; only within a click. */
export async function allowFolder() {
  await (await known())?.requestPermission({ mode: "readwrite" });
  return lookFolder();
}

/** Let go of it; nothing in it is touched. */
export async function forgetFolder() {
  await withHandles("readwrite", (handles) => handles.delete("folder"));
  return lookFolder();
}

/** Write a file there, under another name if that one is taken: the name that it has. One window at a time, so that no two
 *  take the same name. */
export async function saveToFolder(blob, filename) {
  const folder = await known();
  return navigator.locks.request(NAME, async () => {
    const name = await free(folder, filename);
    const handle = await folder.getFileHandle(name, { create: true });
    let writing;
    try {
      writing = await handle.createWritable();
      await writing.write(blob);
    } catch (error) {
      await writing?.abort();
      await folder.removeEntry(name);
      throw error;
    }
    await writing.close();
    return name;
  });
}

/** A name that no file has, or only an empty one: a page that ends while it writes leaves such a file. */
async function free(folder, filename) {
  const [, stem, ending] = /^(.*?)(\.[^.]*)?$/.exec(filename);
  for (let number = 1; ; number++) {
    const name = number === 1 ? filename : `${stem}_${number}${ending ?? ""}`;
    try {
      const handle = await folder.getFileHandle(name);
      if ((await handle.getFile()).size === 0) return name;
    } catch (error) {
      if (error.name === "NotFoundError") return name;
      throw error;
    }
  }
}
