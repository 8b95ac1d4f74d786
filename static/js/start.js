// What the page needs before its Python is up, in this order. The gateway joins it with what it imports
// (`gateway/install/join.mjs`).

import "./unwatched.js"; // before PyScript, whose script comes after this one
import "./early.js";
import "./menu.js";
import "./combo.js";
import "./sheet.js";

export * as shell from "./shell.js";
