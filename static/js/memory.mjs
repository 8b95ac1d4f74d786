// A memory snapshot as it is sent and kept: the memory of a Python that has imported all of Mooring, without the pages
// that are empty there and in a Python that has only been instantiated. Sizes are in bytes, all numbers 32-bit words:
//
//   how long the head is, how large the memory, how many runs of pages there are
//   where each run begins in the memory, and how long it is
//   the head: what Pyodide says of the memory, in its own format
//   the bytes of the runs, one after the other
//
// gateway/install/snapshot.mjs writes it, boot.mjs reads it.

const PAGE = 4096;
const WORD = 4;
const WORDS = 3; // before the runs

/** What Pyodide calls a snapshot, in our format. `fresh` is the memory of a Python that has only been instantiated. */
export function pack(snapshot, fresh) {
  const [, headSize] = new Uint32Array(snapshot.buffer, snapshot.byteOffset, 2);
  const [head, memory] = [snapshot.subarray(0, headSize), snapshot.subarray(headSize)];
  const runs = runsOf(memory, fresh);
  const words = Uint32Array.of(headSize, memory.length, runs.length, ...runs.flat());
  const parts = [new Uint8Array(words.buffer), head, ...runs.map(([start, size]) => memory.subarray(start, start + size))];
  const packed = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  parts.reduce((at, part) => (packed.set(part, at), at + part.length), 0);
  return packed;
}

function runsOf(memory, fresh) {
  const runs = [];
  for (let at = 0; at < memory.length; at += PAGE) {
    if ([memory, fresh].every((bytes) => bytes.subarray(at, at + PAGE).every((byte) => byte === 0))) continue;
    const last = runs.at(-1);
    if (last && last[0] + last[1] === at) last[1] += PAGE;
    else runs.push([at, PAGE]);
  }
  return runs;
}

/** The sum of 32-bit words: as FNV-1a, by words. `before` is the sum of those before them. */
export function addUp(words, before = 0) {
  let sum = before;
  for (let at = 0; at < words.length; at += 1) sum = Math.imul(sum ^ words[at], 16777619);
  return sum >>> 0;
}

/** A snapshot that is arriving, of known size and hash. It is not one array, because copying all of it takes time. */
export class Arrival {
  constructor(size, sum) {
    this.parts = [];
    this.size = size;
    this.sum = sum;
  }

  /** Take all of a stream. An error if that is anything else. */
  async take(stream) {
    const reader = stream.getReader();
    let [size, sum, rest] = [0, 0, new Uint8Array()];
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      this.parts.push(part.value);
      size += part.value.length;
      if (size > this.size) throw new Error("it is damaged");
      const bytes = rest.length || part.value.byteOffset % WORD ? joined(rest, part.value) : part.value;
      const whole = bytes.length - (bytes.length % WORD);
      sum = addUp(new Uint32Array(bytes.buffer, bytes.byteOffset, whole / WORD), sum);
      rest = bytes.subarray(whole);
    }
    if (size < this.size || rest.length || sum !== this.sum) throw new Error("it is damaged");
  }

  /** How large the memory is. */
  get memorySize() {
    return this.#words(0, WORDS)[1];
  }

  /** Put the head there, saying that no memory follows in that array. */
  putHead(array) {
    const [size, , runs] = this.#words(0, WORDS);
    if (size > array.length) throw new Error("its head is too long");
    this.#copy(this.#headAt(runs), array.subarray(0, size));
    new Uint32Array(array.buffer)[1] = array.length;
  }

  /** Put the pages into a memory that is large enough, and as it was when it was instantiated. */
  putPages(memory) {
    const [size, , runs] = this.#words(0, WORDS);
    const places = this.#words(WORDS * WORD, runs * 2);
    let at = this.#headAt(runs) + size;
    for (let run = 0; run < places.length; run += 2) {
      const [start, length] = places.subarray(run, run + 2);
      this.#copy(at, memory.subarray(start, start + length));
      at += length;
    }
  }

  /** Hold the bytes no longer. */
  letGo() {
    this.parts = [];
  }

  #headAt(runs) {
    return (WORDS + runs * 2) * WORD;
  }

  #words(at, count) {
    const bytes = new Uint8Array(count * WORD);
    this.#copy(at, bytes);
    return new Uint32Array(bytes.buffer);
  }

  #copy(from, into) {
    let [at, done] = [0, 0];
    for (const part of this.parts) {
      if (done === into.length) return;
      const begin = from + done - at;
      if (begin < part.length) {
        const piece = part.subarray(begin, begin + into.length - done);
        into.set(piece, done);
        done += piece.length;
      }
      at += part.length;
    }
    if (done < into.length) throw new Error("it is damaged");
  }
}

function joined(one, other) {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}
