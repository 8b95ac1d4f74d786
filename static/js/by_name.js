// Modules that Python loads by their name (`app/browser/files.py`), some on first use. They need nothing of the page.

import * as catalogue from "./catalogue.js";
import * as places from "./places.js";
import * as socket from "./socket.js";

const MODULES = {
  catalogue: () => catalogue,
  layout: () => import("./layout.js"),
  places: () => places,
  reach: () => import("./reach.js"),
  socket: () => socket,
};

export const load = (name) => MODULES[name]();
