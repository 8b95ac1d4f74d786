// Where a character of a text field is on the screen: browsers say it for the page's own text, but not for that of fields.

const COPIED = [
  "direction", "fontFamily", "fontFeatureSettings", "fontKerning", "fontSize", "fontStretch", "fontStyle", "fontVariant",
  "fontWeight", "letterSpacing", "lineHeight", "paddingBottom", "paddingLeft", "paddingRight", "paddingTop", "tabSize",
  "textAlign", "textIndent", "textTransform", "wordBreak", "wordSpacing",
];
const LONGEST = 20_000; // characters before the place; what is further up has been scrolled away

/** `{left, top, bottom}` of the place before the character number `at`, in pixels of the window. */
export function caretBox(field, at) {
  const style = getComputedStyle(field);
  const mirror = document.createElement("div");
  for (const name of COPIED) mirror.style[name] = style[name];
  const isLong = field instanceof HTMLTextAreaElement;
  Object.assign(mirror.style, {
    position: "absolute", left: "-9999px", top: "0", visibility: "hidden", overflow: "hidden", boxSizing: "border-box",
    whiteSpace: isLong ? "pre-wrap" : "pre", overflowWrap: "break-word", width: isLong ? `${field.clientWidth}px` : "auto",
  });
  const begin = Math.max(0, at - LONGEST);
  mirror.textContent = field.value.slice(field.value.lastIndexOf("\n", begin) + 1, at);
  const marker = document.createElement("span");
  marker.textContent = "\u200b";
  mirror.append(marker);
  document.body.append(mirror);
  const { offsetLeft, offsetTop, offsetHeight } = marker;
  mirror.remove();
  const box = field.getBoundingClientRect();
  const isCut = begin > 0; // its place is then not known, but its line is the last that is seen
  const left = box.left + field.clientLeft + offsetLeft - field.scrollLeft;
  const top = isCut ? box.bottom - offsetHeight : box.top + field.clientTop + offsetTop - field.scrollTop;
  return { left, top: Math.max(box.top, Math.min(top, box.bottom)), bottom: Math.min(top + offsetHeight, box.bottom) };
}
