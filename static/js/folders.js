// Folders that are dropped on the page: their files with their paths, without reading any of them.

export const MOST_FILES = 10_000;
const DEEPEST = 32; // folders within each other

/** The dropped files and folders if there is a folder among them, or null. To be called within the event: afterwards the
 *  browser has forgotten them. */
export function entriesOf(transfer) {
  const items = [...(transfer?.items ?? [])].filter((item) => item.kind === "file");
  const entries = items.map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  return entries.some((entry) => entry.isDirectory) ? entries : null;
}

/** `{found: [{file, path}], isCut}`; `isCut` if there are more than the page takes. What cannot be read is left out. */
export async function readEntries(entries) {
  const found = [];
  const waiting = entries.map((entry) => ({ entry, depth: 0 }));
  while (waiting.length && found.length <= MOST_FILES) {
    const { entry, depth } = waiting.shift();
    if (entry.isDirectory) {
      if (depth < DEEPEST) waiting.push(...(await childrenOf(entry)).map((child) => ({ entry: child, depth: depth + 1 })));
    } else {
      const file = await new Promise((tell) => { entry.file(tell, () => tell(null)); });
      if (file) found.push({ file, path: entry.fullPath.replace(/^\/+/, "") });
    }
  }
  return { found, isCut: waiting.length > 0 };
}

/** A browser gives the content of a folder in parts. */
async function childrenOf(folder) {
  const reader = folder.createReader();
  const children = [];
  for (;;) {
    const part = await new Promise((tell) => { reader.readEntries(tell, () => tell([])); });
    if (!part.length || children.length > MOST_FILES) return children;
    children.push(...part);
  }
}
