// Small helpers for the page's elements.
export const $ = (id) => document.getElementById(id);

export function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

// Text whose lines may break after the punctuation of paths and names, so that no word breaks inside.
export function breakable(tag, text, className) {
  const made = element(tag, undefined, className);
  const parts = text.split(/(?<=[/._:;,=|&?-])/);
  made.append(...parts.flatMap((part, i) => (i === 0 ? [part] : [document.createElement("wbr"), part])));
  return made;
}

const addresses = new Map(); // object URLs by the element that shows them

// Shows a Blob in an image, or offers it behind a link.
export function show(target, blob) {
  drop(target);
  addresses.set(target, URL.createObjectURL(blob));
  target[target instanceof HTMLAnchorElement ? "href" : "src"] = addresses.get(target);
}

export function drop(target) {
  if (!addresses.has(target)) return;
  URL.revokeObjectURL(addresses.get(target));
  addresses.delete(target);
  target.removeAttribute(target instanceof HTMLAnchorElement ? "href" : "src");
}

// Scrolls only if a part of the element is outside of the window.
export function reveal(target, block) {
  const { top, bottom } = target.getBoundingClientRect();
  if (top >= 0 && bottom <= innerHeight) return;
  target.scrollIntoView({ block, behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
}
