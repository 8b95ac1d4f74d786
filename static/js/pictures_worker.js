// Reads the album's pictures from the store, and makes their addresses. Each address is registered with the browser's main process,
// which has the thread wait; the page's thread has keys and scrolling to handle. The addresses end with the worker.
//
// In:  {"names": of results, "store": the database} asks for their pictures' addresses, {"release": address} is no longer shown
// Out: {"name": of the result, "url": address}; empty if there is no picture, or if it cannot be read

import { getKept, openKept } from "./kept.js";

let connection = null; // the promise of one

async function read(store, name) {
  connection ??= openKept(() => { connection = null; }, store);
  const database = await connection.catch((error) => {
    connection = null; // reopened with the next picture
    throw error;
  });
  const small = await getKept(database, "thumbnails", name);
  if (small) return small.blob;
  const whole = await getKept(database, "results", name);
  return whole?.blob?.type?.startsWith("image/") ? whole.blob : null;
}

onmessage = ({ data: { names, store, release } }) => {
  if (release) URL.revokeObjectURL(release);
  else for (const name of names) answer(store, name);
};

async function answer(store, name) {
  const blob = await read(store, name).catch(() => null); // Python reports an unreadable store
  postMessage({ name, url: blob ? URL.createObjectURL(blob) : "" });
}
