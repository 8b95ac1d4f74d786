// Brings the memory snapshot that a page names: <link id="snapshot" href data-size data-sum data-coding data-plain>. A worker
// fetches and checks it (`snapshot_worker.mjs`).
//
// Once a window is up, it has the browser fetch it unpacked (`data-plain`) into its cache, and the starts after that take it
// from there. The cache has no records: the browser bounds and empties it by itself, so it takes no space from records, even on
// a full disk.

import { Snapshot } from "./memory.mjs";

const WORKER = new URL("./snapshot_worker.mjs", import.meta.url); // a file of its own, which no other has joined
const HINT = "mooring.snapshot"; // in localStorage: the address of what is in the cache; browsers complain of a look in vain
const REFUSED = "mooring.snapshot.refused"; // in localStorage: the address of what was tried in vain
// Tests and measurements may set both, as `mooringQuick` and `mooringKeepAfter`.
const QUICK = 4e6; // bytes a second: a slower line has better things to bring than four times as many bytes
const KEEP_AFTER = 5000; // milliseconds until the user has begun to work

/** The snapshot, if it is what the page says; an error that says why not. */
export async function bring({ href, dataset }) {
  const { coding } = dataset;
  const [size, sum] = [dataset.size, dataset.sum].map(Number);
  const plain = dataset.plain && new URL(dataset.plain, document.baseURI).href;
  let isBad = false; // what the cache has
  if (isStored(plain)) {
    try {
      return arrived(await fetchApart({ address: plain, cache: "only-if-cached", size, sum }));
    } catch (error) {
      console.warn(`Mooring refetches its memory snapshot: ${error.message}`);
      localStorage.removeItem(HINT);
      isBad = true;
    }
  }
  const packed = await fetchApart({ address: href, size, sum, coding });
  if (plain && !document.documentElement.dataset.private) storeLater(plain, isBad ? "reload" : "default");
  return arrived(packed);
}

function arrived({ bytes, transferred }) {
  performance.mark("mooring-arrived", { detail: { transferred } });
  return new Snapshot(bytes);
}

/** Have the browser keep it once the window is up and has nothing else to do; a private window leaves nothing behind. */
function storeLater(...named) {
  const keep = () => store(...named).catch((error) => {
    console.info(`Mooring's memory snapshot is not kept unpacked: ${error.message}`);
  });
  const later = () => setTimeout(() => (globalThis.requestIdleCallback ?? setTimeout)(keep), globalThis.mooringKeepAfter ?? KEEP_AFTER);
  addEventListener("mooring-ready", later, { once: true });
}

/** Have it in the cache, if the line is quick. An error that says why not. */
async function store(plain, cache) {
  if (isStored(plain)) return; // by another window
  if (read(REFUSED) === plain) throw new Error("it was tried in vain");
  if (navigator.connection?.saveData) throw new Error("the user saves data");
  const found = await fetchApart({ address: plain, cache, least: globalThis.mooringQuick ?? QUICK });
  localStorage.setItem(found.isCached ? HINT : REFUSED, plain);
  if (found.isSlow) throw new Error("the line is slow");
  // Private windows have a small cache, and disks may be full.
  if (!found.isCached) throw new Error("the browser's cache did not take it");
}

/** What the worker answers for one file. A page that is loaded ahead has no workers until it is opened, nor a user to keep waiting. */
async function fetchApart(file) {
  if (document.prerendering) return (await import(WORKER)).take(file);
  const worker = new Worker(WORKER, { type: "module" });
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => ("error" in data ? reject(new Error(data.error)) : resolve(data));
    worker.onerror = ({ message }) => reject(new Error(message || "its worker cannot be loaded"));
    worker.postMessage(file);
  }).finally(() => worker.terminate());
}

/** Whether it should be in the cache, by its address. */
function isStored(plain) {
  return Boolean(plain) && read(HINT) === plain;
}

function read(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // storage is blocked
  }
}
