// Elements from values. Text goes in as text, never as markup: names and events are other people's.

const SVG = "http://www.w3.org/2000/svg";

function make(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined).map((child) =>
    child instanceof Node ? child : String(child)));
  return element;
}

export function h(tag, attributes = {}, ...children) {
  return make(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return make(document.createElementNS(SVG, tag), attributes, children);
}

// Columns are {title, of, number?, wide?}; `of` gives a cell's content of a row.
export function table(caption, columns, rows, nothing) {
  if (!rows.length) return h("section", {}, h("h2", {}, caption), h("p", { class: "faint" }, nothing));
  const kind = (column) => [column.number && "number", column.wide && "wide"].filter(Boolean).join(" ") || null;
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    h("table", {},
      h("caption", {}, caption),
      h("thead", {}, h("tr", {}, columns.map((column) =>
        h("th", { scope: "col", class: kind(column) }, column.title)))),
      h("tbody", {}, rows.map((row) => h("tr", {}, columns.map((column) =>
        h("td", { class: kind(column) }, column.of(row))))))));
}

// A word that is good or bad, told by a sign as well as by its colour.
export function state(isGood, good, bad) {
  return h("span", { class: isGood ? "good" : "bad" }, isGood ? `✓ ${good}` : `✗ ${bad}`);
}

const NUMBERS = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const SHORT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

export const number = (value) => (value === null || value === undefined ? "–" : NUMBERS.format(value));
export const short = (value) => (value === null || value === undefined ? "–" : SHORT.format(value));
