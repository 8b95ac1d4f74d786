// Joins modules of the page with what they import: a page then loads a few files instead of fifty.
//
//   node gateway/install/join.mjs ROOT ENTRY…      JSON: {"files": {path: text}, "joined": [path, …]}
//
// The entries keep their names and exports. What is imported dynamically stays a file of its own, and so does what stands
// in `static/vendor/`, unless it is one of `SMALL`.

import { relative, resolve } from "node:path";

import { rollup } from "../../static/vendor/rollup/es/rollup.js";

const SMALL = ["idiomorph"];
const [root, ...entries] = process.argv.slice(2);
const nameOf = (path) => relative(root, path).replaceAll("\\", "/");
const isApart = (path) => path.includes("/vendor/") && !SMALL.some((name) => path.includes(`/vendor/${name}/`));

process.on("uncaughtException", ({ message }) => { // such as a module that cannot be parsed
  console.error(message);
  process.exit(1);
});

const bundle = await rollup({
  input: entries.map((name) => resolve(root, name)),
  external: (path, _from, isResolved) => isResolved && isApart(nameOf(path)),
  makeAbsoluteExternalsRelative: true,
  preserveEntrySignatures: "allow-extension",
});
const { output } = await bundle.generate({
  dir: resolve(root, "static/js"),
  format: "es",
  entryFileNames: ({ facadeModuleId }) => relative(resolve(root, "static/js"), facadeModuleId),
  chunkFileNames: "[name].js",
  hoistTransitiveImports: false,
});
const files = Object.fromEntries(output.map(({ fileName, code }) => [`static/js/${fileName}`, code]));
const joined = output.flatMap(({ moduleIds }) => moduleIds.map(nameOf));
process.stdout.write(JSON.stringify({ files, joined }));
