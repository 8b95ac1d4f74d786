// Node catalogues by their content's hash, as the gateway hands them out: one line per class, `"KSampler":{…}`. The text of
// five megabytes stays here; Python gets the classes that it names. Lines are taken apart as they arrive, so the page never stands still.

const SECONDS = 30; // for one catalogue
const MOST = 16; // catalogues kept at a time
const kept = new Map(); // hash -> promise of Map(name -> line)

async function load(hash) {
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
  known.catch(() => { if (kept.get(hash) === known) kept.delete(hash); }); // the next one tries again
  return known;
}

/** The classes with these names (a JSON list), as one JSON object; those that are not there are left out. */
export async function classes(hash, names) {
  const lines = await get(hash);
  const found = JSON.parse(names).map((name) => lines.get(name)).filter((line) => line !== undefined);
  return `{${found.join(",")}}`;
}

/** The names of all classes, as a JSON list. */
export async function names(hash) {
  return JSON.stringify([...(await get(hash)).keys()]);
}
