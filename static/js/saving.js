// Results as files: one as it is, several in one archive. The bytes are read from the store here and never reach Python.

import { bare } from "./bare.js";
import { getKept, openKept } from "./kept.js";

/** Save these, `[[name in the store, file name], …]`, with `isBare` without what is written in them (`bare.js`): as JSON, the
 *  names of those whose bytes are `missing` here, and of those that are `dressed`: nothing could be taken out of them. */
export async function saveResults(text, archive, isBare) {
  const found = [];
  const missing = [];
  const dressed = [];
  const database = await openKept();
  try {
    for (const [name, filename] of JSON.parse(text)) {
      const row = await getKept(database, "results", name);
      const blob = row && (isBare ? await bare(row.blob) : row.blob);
      if (blob) found.push({ name: unique(filename, found), input: blob, lastModified: new Date(row.at * 1000) });
      else (row ? dressed : missing).push(name);
    }
  } finally {
    database.close();
  }
  if (found.length === 1) give(found[0].input, found[0].name);
  else if (found.length) {
    const { downloadZip } = await import("../vendor/client-zip/index.js");
    give(await downloadZip(found).blob(), archive);
  }
  return JSON.stringify({ missing, dressed });
}

/** Offer bytes as a file to save. */
export function give(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

function unique(filename, found) {
  const taken = new Set(found.map(({ name }) => name));
  const [, stem, ending] = /^(.*?)(\.[^.]*)?$/.exec(filename);
  let name = filename;
  for (let number = 2; taken.has(name); number++) name = `${stem}_${number}${ending ?? ""}`;
  return name;
}
