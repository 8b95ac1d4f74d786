// Node catalogues by their content's hash, as the gateway hands them out: one line per class, `"KSampler":{…}`. The text of
// five megabytes stays here; Python gets the classes that it names. Lines are taken apart as they arrive, so the page never stands still.

const SECONDS = 30; // for one catalogue
const MOST = 16; // catalogues kept at a time
const kept = new Map(); // hash -> promise of Map(name -> line)
const learned = new Map(); // address of a server that this page asks itself -> Map(hash -> Map(name -> line))
const UPLOADS = ["image_upload", "video_upload", "audio_upload", "file_upload", "animated_image_upload"];
const NUMBER = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g; // or a text, which is left alone
const MARKED = /"\\u0000([\d.eE+-]+)"/g; // a number that JavaScript would write otherwise

async function load(hash) {
  for (const contents of learned.values()) if (contents.has(hash)) return contents.get(hash);
  const answer = await fetch(`/catalogues/${hash}`, { signal: AbortSignal.timeout(SECONDS * 1000) });
  if (!answer.ok) throw new Error(`${answer.status}`);
  const lines = new Map();
  let rest = "";
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const pieces = (rest + part.value).split("\n");
    rest = pieces.pop();
    for (const line of pieces) lines.set(nameOf(line), line);
  }
  if (rest) throw new Error("cut off");
  return lines;
}

/** The name at the head of a line: a JSON string, in which a quote is escaped. */
function nameOf(line) {
  const [quoted] = /^"(?:[^"\\]|\\.)*"/.exec(line) ?? ['""'];
  return JSON.parse(quoted);
}

function get(hash) {
  const known = kept.get(hash) ?? load(hash);
  kept.delete(hash);
  kept.set(hash, known); // the last to go
  if (kept.size > MOST) kept.delete(kept.keys().next().value);
  known.catch(() => { if (kept.get(hash) === known) kept.delete(hash); }); // the next call retries
  return known;
}

/** The classes with these names (a JSON list), as one JSON object; those that are not there are left out. */
export async function classes(hash, names) {
  const wanted = JSON.parse(names);
  const first = firstClasses()[hash];
  const lines = first && wanted.every((name) => first[name] !== undefined) ? new Map(Object.entries(first)) : await get(hash);
  const found = wanted.map((name) => lines.get(name)).filter(Boolean);
  return `{${found.join(",")}}`;
}

/** The classes that the first screen was drawn from: by hash and name, and empty if the catalogue does not have it. */
const firstClasses = () => JSON.parse(document.getElementById("first-classes")?.textContent ?? "{}");

/** The names of all classes, as a JSON list. */
export async function names(hash) {
  return JSON.stringify([...(await get(hash)).keys()]);
}

/**
 * Read the catalogue of a server that this page asks itself, as a gateway would: its nodes without their lists of uploaded
 * files, and those lists. `keep` takes the names of both, which are hashes of what is given here.
 */
export async function learn(address, milliseconds) {
  const options = { cache: "no-store", redirect: "error", signal: AbortSignal.timeout(milliseconds) };
  const answer = await fetch(`${address}/object_info`, options);
  if (!answer.ok) throw new Error(`${answer.status}`);
  const found = JSON.parse((await answer.text()).replace(NUMBER, (text) => (isSafe(text) ? text : `"\\u0000${text}"`)));
  if (found === null || typeof found !== "object" || Array.isArray(found)) throw new Error("not ComfyUI's");
  const nodes = new Map();
  const files = new Map();
  for (const name of Object.keys(found).sort()) {
    const lists = {};
    nodes.set(name, lineOf(name, withoutFiles(found[name], lists)));
    if (Object.keys(lists).length) files.set(name, lineOf(name, lists));
  }
  const bytes = (lines) => new TextEncoder().encode([...lines.values()].join("\n"));
  const keep = (nodesHash, filesHash) => learned.set(address, new Map([[nodesHash, nodes], [filesHash, files]]));
  return { nodes: bytes(nodes), files: bytes(files), keep };
}

/** A seed may go up to 18446744073709551615, and 1.0 is not 1: such numbers pass through here as they are written. */
const isSafe = (text) => text.startsWith('"') || String(Number(text)) === text;

const lineOf = (name, value) => `${JSON.stringify(name)}:${JSON.stringify(value).replace(MARKED, "$1")}`;

/** The node with its lists of uploaded files emptied, which are put into `lists` (`gateway/fleet/catalogues.py` does the same). */
function withoutFiles(node, lists) {
  for (const inputs of Object.values(node?.input ?? {})) {
    if (inputs === null || typeof inputs !== "object" || Array.isArray(inputs)) continue;
    for (const [name, spec] of Object.entries(inputs)) {
      const options = Array.isArray(spec) ? spec[1] : null;
      if (!options || !UPLOADS.some((key) => options[key])) continue;
      if (Array.isArray(spec[0])) [lists[name], spec[0]] = [spec[0], []];
      else if (Array.isArray(options.options)) [lists[name], options.options] = [options.options, []];
    }
  }
  return node;
}
