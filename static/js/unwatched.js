// PyScript watches the whole document, and looks by XPath in all that is added for attributes that this page does not use: in
// Chromium 156 that takes two thirds as long as to make and add 5,000 elements. So the first observer of the document, which
// is PyScript's, hears nothing.

const Observer = globalThis.MutationObserver;

globalThis.MutationObserver = class extends Observer {
  observe(target, options) {
    if (target !== document) return super.observe(target, options);
    globalThis.MutationObserver = Observer;
  }
};
