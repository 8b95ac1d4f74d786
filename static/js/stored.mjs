// The memory snapshot on this device, unpacked, so that the browser need not unpack it at each start: a Blob in a database
// of its own, which a page on plain http has too. One is kept, that of the latest start. It is program, nothing of a person,
// and gives way where there is no room for a person's records. Whatever is wrong with it, the window fetches its snapshot
// as if there were none.

const [DATABASE, STORE] = ["mooring-snapshot", "snapshots"];
const HINT = "mooring.snapshot"; // in localStorage: the name of what is kept, so that nobody waits for a database in vain
const NO_ROOM = "mooring.snapshot.full"; // in localStorage: the name of what there is no room for on this device
const LONGEST = 3000; // milliseconds that a browser may take to find it
const LINGERING = 15_000; // milliseconds after which a browser has freed the room of what did not fit
let writing; // the transaction that is writing it
let endedAt = -Infinity; // when one was given up, by performance.now()

/** Whether it should be there, by its name. */
export function isStored(name) {
  try {
    return localStorage.getItem(HINT) === name;
  } catch {
    return false; // storage is blocked
  }
}

/** Its bytes, as a Blob. An error if it is not there after all. */
export async function readStored(name) {
  const late = new Promise((_, reject) => { setTimeout(reject, LONGEST, new Error("the store is too slow")); });
  const blob = await Promise.race([within("readonly", (store) => store.get(name)), late]);
  if (!(blob instanceof Blob)) throw new Error("the store has lost it");
  return blob;
}

/** Keep it in place of any other. An error if it did not fit, now or before. */
export async function store(name, blob) {
  if (localStorage.getItem(NO_ROOM) === name) throw new Error("there was no room");
  try {
    await within("readwrite", (kept) => {
      writing = kept.transaction;
      kept.clear();
      return kept.put(blob, name);
    });
  } catch (error) {
    endedAt = performance.now();
    localStorage.setItem(NO_ROOM, name); // writing it all only to fail would take the room of others for a while
    throw error;
  } finally {
    writing = undefined;
  }
  localStorage.setItem(HINT, name);
}

/** There is no room for what matters more: keep none of this build. Whether that makes any room, now or in a moment. */
export function giveWay() {
  const name = localStorage.getItem(HINT);
  if (!name && !writing) return performance.now() - endedAt < LINGERING;
  endedAt = performance.now();
  if (name) localStorage.setItem(NO_ROOM, name);
  writing?.abort();
  forget().catch(() => {}); // whoever needs the room tries again
  return true;
}

/** Keep none. */
export async function forget() {
  localStorage.removeItem(HINT);
  await within("readwrite", (kept) => kept.clear());
}

async function within(mode, work) {
  const database = await opened();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(STORE, mode);
      const request = work(transaction.objectStore(STORE));
      if (mode === "readonly") request.onsuccess = () => resolve(request.result);
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error ?? new Error("the store was closed"));
    });
  } finally {
    database.close();
  }
}

const opened = () => new Promise((resolve, reject) => {
  const request = indexedDB.open(DATABASE);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE);
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});
