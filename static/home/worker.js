// Mooring's service worker. `HOME`, the address of the files of one build, is written before this text when it is served.
//
// It does two things. When the network has no answer to a navigation, it answers with the page `away.html` of its build,
// which says so and tries again. And it takes files that another app shares with Mooring, for the user to take or discard.
// Everything else goes to the network as if it were not there: it stores that one page, and never one that the network gave.

const NAMES = `mooring ${registration.scope} `; // of its caches: the build's address follows
const CACHE = NAMES + HOME;
const AWAY = new URL(`${HOME}static/home/away.html`, location).href;
const SHARE = new URL("./share", registration.scope).pathname;
// Of files that wait to be taken: the same limits as of the tray (`app/core/ports/tray.py`), which they do not fill.
const MOST_FILES = 100;
const MOST_BYTES = 256 * 1024 * 1024;
const TRAY = "mooring.tray"; // the database, and the channel on which changes are reported (`app/browser/tray.py`)

const HAS_ROUTES = "addRoutes" in (globalThis.InstallEvent?.prototype ?? {});

addEventListener("install", (event) => {
  skipWaiting(); // it has nothing that an open window depends on
  event.waitUntil(caches.open(CACHE).then((cache) => cache.add(AWAY)));
  if (!HAS_ROUTES) return;
  const others = ["cors", "no-cors", "same-origin"].map((requestMode) => ({ requestMode }));
  // The browser does not ask the worker about files of the page, except the scripts of the page's own workers.
  event.waitUntil(event.addRoutes([{ condition: { or: others }, source: "network" }]).catch(() => {}));
});

addEventListener("activate", (event) => event.waitUntil(tidy()));

async function tidy() {
  // With preload the request does not wait until the worker runs. But if it fails, Firefox shows its own error, whatever
  // the worker answers (GoogleChrome/workbox#3134). No browser that has routes is known to do that.
  await (HAS_ROUTES ? registration.navigationPreload?.enable() : registration.navigationPreload?.disable());
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith(NAMES) && name !== CACHE).map((name) => caches.delete(name)));
}

addEventListener("fetch", (event) => {
  const { mode, method, url } = event.request;
  if (mode !== "navigate") return;
  if (method === "GET") event.respondWith(navigate(event));
  else if (method === "POST" && new URL(url).pathname === SHARE) event.respondWith(takeShared(event.request));
});

async function navigate(event) {
  try {
    return (await event.preloadResponse) ?? (await fetch(event.request));
  } catch {
    return (await away()) ?? Response.error();
  }
}

async function away() {
  const kept = await caches.match(AWAY, { cacheName: CACHE });
  const headers = { "Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store", "Content-Security-Policy": "frame-ancestors 'none'" };
  // As text, since WebKit drops a blob that it is still sending: a window then shows an error (`WebKitBlobResource`).
  return kept && new Response(await kept.text(), { status: 503, headers });
}

// The tray

/** Keep the files until the user takes or discards them, and open the page, which says what was left out. */
async function takeShared(request) {
  let became = "failed";
  try {
    if (isForeign(request)) throw new Error("another site's page sent this");
    const files = (await request.formData()).getAll("files").filter((file) => file instanceof File && file.size);
    became = await keep(files);
  } catch (error) {
    console.warn(`Shared files were not taken: ${error?.message ?? error}`);
  }
  return Response.redirect(new URL(`./#shared=${became}`, registration.scope), 303);
}

/**
 * A page of another site may send a form here. Apps that share have no address, but a page can hide its own: no files are
 * known to come from an app, so none is in the tray before the user takes it.
 */
function isForeign({ referrer }) {
  return Boolean(referrer) && !referrer.startsWith("about:") && new URL(referrer).origin !== location.origin;
}

/** All or none of them: the user knows what was shared, and would have to search for what is missing. */
async function keep(files) {
  const database = await open();
  try {
    const transaction = database.transaction("files", "readwrite", { durability: "strict" });
    const done = new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(transaction.error);
    });
    const store = transaction.objectStore("files");
    const counted = new Promise((resolve) => {
      let [count, bytes] = [files.length, files.reduce((sum, file) => sum + file.size, 0)];
      store.openCursor().onsuccess = ({ target: { result: cursor } }) => {
        if (!cursor) return resolve(count > MOST_FILES || bytes > MOST_BYTES);
        if (cursor.value.waits) [count, bytes] = [count + 1, bytes + cursor.value.size];
        cursor.continue();
      };
    });
    const isFull = await Promise.race([counted, done]); // a failed read aborts the transaction
    for (const file of isFull ? [] : files) {
      store.add({ name: file.name, type: file.type, size: file.size, at: Date.now() / 1000, blob: file, store: null, waits: true });
    }
    await done;
    new BroadcastChannel(TRAY).postMessage(""); // to open windows
    return isFull ? "full" : files.length;
  } finally {
    database.close();
  }
}

function open() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(TRAY, 1);
    request.onupgradeneeded = () => request.result.createObjectStore("files", { keyPath: "id", autoIncrement: true });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
