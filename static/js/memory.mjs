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

/** A snapshot that has come. */
export class Snapshot {
  #bytes; #runs; #begin;

  constructor(bytes) {
    this.#bytes = bytes;
    const [headSize, memorySize, runs] = this.#words(0, WORDS);
    this.#runs = this.#words(WORDS * WORD, runs * 2);
    this.#begin = (WORDS + runs * 2) * WORD + headSize;
    this.head = bytes.slice(this.#begin - headSize, this.#begin);
    this.memorySize = memorySize;
  }

  /** Put the head there, saying that no memory follows in that array. */
  putHead(array) {
    if (this.head.length > array.length) throw new Error("its head is too long");
    array.set(this.head);
    new Uint32Array(array.buffer)[1] = array.length;
  }

  /** Put the pages into a memory that is large enough, and as it was when it was instantiated. */
  putPages(memory) {
    let at = this.#begin;
    for (let run = 0; run < this.#runs.length; run += 2) {
      const [start, length] = this.#runs.subarray(run, run + 2);
      memory.set(this.#bytes.subarray(at, at + length), start);
      at += length;
    }
  }

  /** Hold the bytes no longer. */
  letGo() {
    this.#bytes = undefined;
  }

  #words(at, count) {
    return new Uint32Array(this.#bytes.slice(at, at + count * WORD).buffer);
  }
}
