// Fetches the memory snapshot for `snapshot.mjs`, in a worker, or on a page that is loaded ahead. A message is one file to fetch:
//
//   { address, cache, size, sum, coding }   answers { bytes, transferred }: the bytes, unpacked and checked
//   { address, cache, least }               answers { isCached }: whether the browser's cache has taken it; or { isSlow },
//                                           once the line has brought fewer bytes a second than `least`
//
// or { error }. `cache` is what `fetch` takes. A plain web server hands the file out packed without saying so: `coding`.
// `transferred` is how many bytes came over the line.

const WORD = 4; // bytes
const IF_CACHED = "only-if-cached";
const SAMPLE = 1e6; // bytes after which a line is judged
const HEADERS = 300; // bytes at most that a file out of the cache counts as transferred, in engines that count its headers

if (!globalThis.document) {
  globalThis.onmessage = ({ data }) => {
    ("size" in data ? take(data) : store(data)).then(
      (answer) => postMessage(answer, answer.bytes ? [answer.bytes.buffer] : []),
      (error) => postMessage({ error: error?.message ?? String(error) }),
    );
  };
}

/** The sum of 32-bit words: as FNV-1a, by words. */
export function addUp(words) {
  let sum = 0;
  for (let at = 0; at < words.length; at += 1) sum = Math.imul(sum ^ words[at], 16777619);
  return sum >>> 0;
}

export async function take({ address, cache, size, sum, coding }) {
  const answer = await ask(address, { cache });
  const bytes = new Uint8Array(size);
  const reader = (coding ? answer.body.pipeThrough(new DecompressionStream(coding)) : answer.body).getReader();
  let at = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    if (at + part.value.length > size) throw new Error("it is damaged");
    bytes.set(part.value, at);
    at += part.value.length;
  }
  if (at < size || size % WORD || addUp(new Uint32Array(bytes.buffer)) !== sum) throw new Error("it is damaged");
  const [entry] = performance.getEntriesByName(address);
  return { bytes, transferred: cache === IF_CACHED ? 0 : (entry?.transferSize ?? 0) };
}

async function store({ address, cache, least }) {
  const slow = new Error();
  try {
    await pass(address, cache, (size, seconds) => {
      if (size / seconds < least) throw slow;
    });
  } catch (error) {
    if (error !== slow) throw error;
    return { isSlow: true };
  }
  return { isCached: (await pass(address, "force-cache")) <= HEADERS };
}

/** Fetch a file for the cache alone; `judge` may end it. Resolves to how many bytes came over the line. */
async function pass(address, cache, judge) {
  let observer;
  const transferred = new Promise((resolve) => {
    observer = new PerformanceObserver((list) => {
      const [entry] = list.getEntriesByName(address);
      if (entry) resolve(entry.transferSize);
    });
    observer.observe({ type: "resource" });
  });
  try {
    const answer = await ask(address, { cache, priority: "low" });
    await answer.body.pipeTo(sampled(judge));
    return await transferred;
  } finally {
    observer.disconnect();
  }
}

/** Takes all bytes, and calls `judge` once with how many have come first, and in how many seconds. */
function sampled(judge) {
  const begin = performance.now();
  let [size, isJudged] = [0, !judge];
  return new WritableStream({
    write({ length }) {
      size += length;
      if (isJudged || size < SAMPLE) return;
      isJudged = true;
      judge(size, (performance.now() - begin) / 1000);
    },
  });
}

async function ask(address, options) {
  const mustBeCached = options.cache === IF_CACHED;
  const answer = await fetch(address, { mode: "same-origin", ...options }).catch((error) => {
    if (!mustBeCached) throw error;
  });
  if (answer?.status === 200) return answer;
  throw new Error(mustBeCached ? "the browser has let go of it" : `its server has none (${answer.status})`);
}
