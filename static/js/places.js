// A place for a transfer: whichever of a few Web Locks is free first, so that all windows of a browser count together.

/** Wait until one of `names` is held. `signal` gives it back, or ends the wait: the promise then never ends. */
export function holdPlace(names, signal) {
  return new Promise((resolve, reject) => {
    const given = new AbortController(); // ends the waits for the others
    const waits = AbortSignal.any([signal, given.signal]);
    for (const name of names) {
      const held = navigator.locks.request(name, { signal: waits }, () => {
        if (waits.aborted) return undefined; // granted at the same moment as another
        given.abort();
        resolve();
        return new Promise((release) => signal.addEventListener("abort", release));
      });
      held.catch((error) => {
        if (!waits.aborted) reject(error);
      });
    }
  });
}
