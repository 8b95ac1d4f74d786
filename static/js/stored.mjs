// The memory snapshot as the gateway has it unpacked (`data-plain` of <link id="snapshot">): once a window is up it is fetched
// into the browser's cache, and the starts after that take it from there without unpacking anything. The cache has no
// records: the browser bounds and empties it by itself, so it takes no space from records, even on a full disk.

const HINT = "mooring.snapshot"; // in localStorage: the address of what is in the cache; browsers complain of a look in vain
const REFUSED = "mooring.snapshot.refused"; // in localStorage: the address of what the cache did not take
const HEADERS = 300; // bytes at most that a file out of the cache counts as transferred, in engines that count its headers
const QUICK = 4e6; // bytes a second: a slower line has better things to bring than four times as many bytes
let isBad = false; // what the cache has of it

/** Whether it should be in the cache, by its address. */
export function isStored(plain) {
  return Boolean(plain) && read(HINT) === plain;
}

/** Its bytes, as a stream out of the cache. An error if it is not there after all. */
export async function readStored(plain) {
  const answer = await fetch(plain, { cache: "only-if-cached", mode: "same-origin" }).catch(() => undefined);
  if (answer?.status !== 200) throw new Error("the browser has let go of it");
  return answer.body;
}

/** Have it in the cache, if the line brought the packed one (`packed`, an address) quickly. An error that says why not. */
export async function store(plain, packed) {
  if (isStored(plain)) return; // by another window
  if (read(REFUSED) === plain) throw new Error("the browser's cache did not take it");
  if (navigator.connection?.saveData || speedOf(packed) < QUICK) throw new Error("the line is slow");
  await pass(plain, isBad ? "reload" : "default");
  const isTaken = (await pass(plain, "force-cache")) <= HEADERS; // private windows have a small cache, and disks may be full
  localStorage.setItem(isTaken ? HINT : REFUSED, plain);
  if (!isTaken) throw new Error("the browser's cache did not take it");
}

/** Look for it no more: it is not there, or not as it should be. */
export function forget() {
  isBad = true;
  localStorage.removeItem(HINT);
}

/** Fetch a file for the cache alone. Resolves to how many bytes came over the line. */
async function pass(address, cache) {
  let observer;
  const size = new Promise((resolve) => {
    observer = new PerformanceObserver((list) => {
      const [entry] = list.getEntriesByName(address);
      if (entry) resolve(entry.transferSize);
    });
    observer.observe({ type: "resource" });
  });
  try {
    const answer = await fetch(address, { priority: "low", cache });
    if (answer.status !== 200) throw new Error(`its server does not have it (${answer.status})`);
    await answer.body.pipeTo(new WritableStream());
    return await size;
  } finally {
    observer.disconnect();
  }
}

/** Bytes per second with which a file arrived; Infinity if unknown. */
function speedOf(address) {
  const entry = performance.getEntriesByName(address).findLast(({ encodedBodySize }) => encodedBodySize > 0);
  return entry ? (1000 * entry.encodedBodySize) / (entry.responseEnd - entry.responseStart) : Infinity;
}

function read(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // storage is blocked
  }
}
