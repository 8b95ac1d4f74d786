// Packs files as brotli, each beside itself, for the gateway to serve.
//
//   node gateway/install/pack.mjs FILE…      FILE-br for each

import { readFile, rename, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { brotliCompress, constants } from "node:zlib";

const pack = promisify(brotliCompress); // on several threads
const params = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };

await Promise.all(process.argv.slice(2).map(async (file) => {
  const fresh = `${file}-br.${process.pid}.new`; // replaced in one step, and not shared with another process
  await writeFile(fresh, await pack(await readFile(file), { params }));
  await rename(fresh, `${file}-br`);
}));
