// Draws pickled views in a Pyodide of Node, and prints what each took as JSON. `benchmarks/rendering.py` calls it:
//
//   node benchmarks/kit/rendering.mjs APP.zip VIEWS.pickle SCRIPT.py

import { readFileSync } from "node:fs";

import { mount } from "../../static/js/boot.mjs";
import { loadPyodide } from "../../static/vendor/pyodide/pyodide.mjs";

const [app, views, script] = process.argv.slice(2).map((file) => readFileSync(file));
const site = readFileSync(new URL("../../static/vendor/python/site.zip", import.meta.url));
const python = await loadPyodide();
mount(python, site, app);
python.FS.writeFile("/views.pickle", views);
python.runPython(script.toString());
process.exit(0); // Pyodide keeps Node alive
