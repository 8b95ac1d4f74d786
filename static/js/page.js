// What Python imports as `page` (pyscript.toml). The gateway joins it with what it imports, but for what `start.js` and
// `by_name.js` have.

import "./ahead.js";

export { load } from "./by_name.js";
export * as notify from "./notify.js";
export * as patch from "./patch.js";
export { shell } from "./start.js";
