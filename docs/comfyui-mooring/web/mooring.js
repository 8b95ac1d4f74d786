// A link in the sidebar of ComfyUI's editor: it opens the workflow that is open here, with its values, in Mooring. The workflow
// is in the part of the address after `#`, which browsers send to no server. Mooring fills in its form, and runs nothing.
import { app } from "../../scripts/app.js";

const LONGEST = 200_000; // characters after the `#`: Mooring refuses longer ones
const LONGEST_TITLE = 100; // characters
const PIECE = 8192; // bytes: a call has a limited number of arguments
const SETTING = "Mooring.Address";
const ADDRESS = "http://127.0.0.1:8200";

const ENGLISH = {
  open: "Open in Mooring",
  about: "Opens this workflow with its values in Mooring, at {address}. Nothing is run.",
  long: "This workflow is too large for a link ({size} kB of at most {most} kB). Save it as a file, and drop that into Mooring.",
  save: "Save the workflow as a file",
  address: "“{address}” is no address of Mooring. Change it in the settings, under Mooring.",
  failed: "The link could not be made: {error}",
};
const CHINESE = {
  open: "在 Mooring 中打开",
  about: "在 Mooring（{address}）中打开这个工作流及其中的值。不会运行任何内容。",
  long: "这个工作流太大，不能放进链接（{size} kB，最多 {most} kB）。请把它保存为文件，再拖到 Mooring 中。",
  save: "把工作流保存为文件",
  address: "“{address}”不是 Mooring 的地址。请在设置的 Mooring 一栏中更改。",
  failed: "无法生成链接：{error}",
};

const setting = (id) => app.extensionManager.setting.get(id);

function message(name, facts = {}) {
  const texts = String(setting("Comfy.Locale") ?? "").startsWith("zh") ? CHINESE : ENGLISH;
  return texts[name].replace(/\{(\w+)\}/g, (_, key) => String(facts[key]));
}

function base64url(bytes) {
  const pieces = [];
  for (let at = 0; at < bytes.length; at += PIECE) pieces.push(String.fromCharCode(...bytes.subarray(at, at + PIECE)));
  return btoa(pieces.join("")).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

async function deflated(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** A workflow as it follows the `#`, compressed if the browser can do that. */
async function linkOf(title, text) {
  const bytes = new TextEncoder().encode(text);
  const whole = new TextDecoder().decode(new TextEncoder().encode(title.slice(0, LONGEST_TITLE))); // no half characters
  const packed = globalThis.CompressionStream
    ? `deflate=${base64url(await deflated(bytes))}`
    : `json=${base64url(bytes)}`;
  return `open=${encodeURIComponent(whole)}&${packed}`;
}

/** The open workflow, as the editor would save it. */
function openWorkflow() {
  const title = app.extensionManager.workflow?.activeWorkflow?.filename ?? "ComfyUI";
  return { title, text: JSON.stringify((app.rootGraph ?? app.graph).serialize()) };
}

/** Mooring's address as the user has set it; null if it is none. */
function mooringAddress() {
  try {
    const address = new URL(String(setting(SETTING) || ADDRESS).trim());
    return ["http:", "https:"].includes(address.protocol) ? address : null;
  } catch {
    return null;
  }
}

function save({ title, text }) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = `${title}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Fill in the tab of the sidebar. */
function render(panel) {
  const about = document.createElement("p");
  const open = document.createElement("button");
  const trouble = document.createElement("p");
  const keep = document.createElement("button");
  for (const button of [open, keep]) {
    button.type = "button";
    button.style.cssText =
      "padding: 8px 14px; border: 1px solid var(--border-color); border-radius: 8px; cursor: pointer;" +
      "background: var(--comfy-input-bg); color: var(--input-text);";
  }
  trouble.setAttribute("role", "status");
  panel.style.cssText = "display: flex; flex-direction: column; align-items: flex-start; gap: 12px; padding: 16px;";
  panel.replaceChildren(open, about, trouble, keep);

  const tell = (text, kept = null) => {
    trouble.textContent = text;
    keep.hidden = kept === null;
    keep.onclick = () => save(kept);
  };
  const show = () => {
    open.textContent = message("open");
    keep.textContent = message("save");
    about.textContent = message("about", { address: mooringAddress()?.origin ?? ADDRESS });
    tell("");
  };
  open.onclick = async () => {
    show();
    const address = mooringAddress();
    if (address === null) return void tell(message("address", { address: setting(SETTING) }));
    try {
      const workflow = openWorkflow();
      address.hash = await linkOf(workflow.title, workflow.text);
      const size = address.hash.length - 1;
      if (size <= LONGEST) window.open(address.href, "_blank", "noopener,noreferrer");
      else tell(message("long", { size: Math.ceil(size / 1000), most: LONGEST / 1000 }), workflow);
    } catch (error) {
      tell(message("failed", { error }));
    }
  };
  show();
}

app.registerExtension({
  name: "Mooring.Link",
  settings: [
    {
      id: SETTING,
      name: "Address of Mooring",
      category: ["Mooring", "Link", "Address"],
      type: "text",
      defaultValue: ADDRESS,
    },
  ],
  setup() {
    app.extensionManager.registerSidebarTab({
      id: "mooring",
      icon: "pi pi-external-link",
      title: "Mooring",
      tooltip: "Mooring",
      type: "custom",
      render,
    });
  },
});
