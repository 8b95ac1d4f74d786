// What is kept of results, read where it lies: in the store, where Python is the only one that writes, or in this page's
// memory, if its window is private.

import { owned } from "./owned.js";

const held = new Map(); // rows by kind and name

/** Hold bytes in this page's memory, as a row of the store would. */
export function hold(kind, name, blob, at) {
  held.set(`${kind} ${name}`, { name, blob, at });
}

/** Let go of bytes that are held, if they are. */
export function letGo(kind, name) {
  held.delete(`${kind} ${name}`);
}

/** A row that this page holds in its memory. */
export const getHeld = (kind, name) => held.get(`${kind} ${name}`);

/** The store's name, which workers cannot know. */
export const storeName = () => owned("mooring");

/** A connection, which gives way to a newer page that wants the store: `onClosed()` then. */
export const openKept = (onClosed = () => {}, store = storeName()) => new Promise((resolve, reject) => {
  const request = indexedDB.open(store);
  request.onerror = () => reject(request.error);
  request.onupgradeneeded = () => request.transaction.abort(); // there is none yet, and it is not for this to make one
  request.onsuccess = () => {
    request.result.onversionchange = () => {
      request.result.close();
      onClosed();
    };
    resolve(request.result);
  };
});

/** A row of `results` or `thumbnails`: its `blob` and when it was kept (`at`, seconds since the epoch); undefined if it is not there. */
export const getKept = (database, kind, name) => new Promise((resolve, reject) => {
  const row = getHeld(kind, name);
  if (row) return resolve(row);
  const request = database.transaction(kind).objectStore(kind).get(name);
  request.onsuccess = () => resolve(withBlob(request.result));
  request.onerror = () => reject(request.error);
});

/** Where the browser stores no Blobs, a row has their bytes (`app/browser/ledger.py`). */
function withBlob(row) {
  if (row?.bytes) row.blob = new Blob([row.bytes], { type: row.type });
  return row;
}
