// A network as a picture: switches as boxes with their ports, links between them, controllers beside them.

import { svg } from "./dom.js";
import { layout } from "./layout.js";

const WIDTH = 900, HEIGHT = 420, EDGE = 80, BOX = { width: 116, height: 44 };
const PORTS_SHOWN = 12;

// switches: {id, label, note, isAway, isDim, isBusy, href, ports: [{label, isUp, isDim}]}
// links: {near, far, label, isDim}; controllers: {label, isAway, switches: [id]}
export function network(title, { switches, links, controllers = [] }) {
  const places = layout(
    [...switches.map((one) => one.id), ...controllers.map((one) => one.label)],
    [
      ...links.map((link) => [link.near, link.far]),
      ...controllers.flatMap((one) => one.switches.map((id) => [one.label, id])),
    ],
  );
  const at = (name) => {
    const { x, y } = places.get(name);
    return { x: EDGE + x * (WIDTH - 2 * EDGE), y: EDGE / 2 + 10 + y * (HEIGHT - EDGE - 20) };
  };
  return svg("svg", { class: "network", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "group", "aria-label": title },
    links.filter((link) => places.has(link.near) && places.has(link.far)).map((link) => line(link, at)),
    controllers.flatMap((one) => one.switches.map((id) => channel(one, at(one.label), at(id)))),
    controllers.map((one) => controller(one, at(one.label))),
    switches.map((one) => box(one, at(one.id))));
}

function line(link, at) {
  const a = at(link.near), b = at(link.far);
  return svg("g", { class: link.isDim ? "dim" : null },
    svg("title", {}, link.label),
    svg("line", { class: "link", x1: a.x, y1: a.y, x2: b.x, y2: b.y }));
}

function channel(one, a, b) {
  return svg("line", { class: "channel", x1: a.x, y1: a.y, x2: b.x, y2: b.y });
}

function controller(one, { x, y }) {
  return svg("g", { class: `controller${one.isAway ? " away" : ""}` },
    svg("title", {}, `controller ${one.label}${one.isAway ? ", away" : ""}`),
    svg("rect", { class: "box", x: x - 70, y: y - 13, width: 140, height: 26, rx: 13 }),
    svg("text", { x, y: y + 4, "text-anchor": "middle" }, shortened(one.label, 20)));
}

function box(one, { x, y }) {
  const ports = one.ports.slice(0, PORTS_SHOWN);
  const gap = BOX.width / (ports.length + 1);
  const classes = [one.isAway && "away", one.isDim && "dim"].filter(Boolean).join(" ");
  return svg("a", { href: one.href, class: classes || null, "aria-label": `${one.label}, ${one.note}` },
    svg("title", {}, `${one.label}: ${one.note}`),
    svg("rect", { class: `box${one.isBusy ? " busy" : ""}`, x: x - BOX.width / 2, y: y - BOX.height / 2, ...BOX, rx: 5 }),
    svg("text", { x, y: y - 3, "text-anchor": "middle" }, shortened(one.label, 16)),
    svg("text", { class: "sub", x, y: y + 11, "text-anchor": "middle" }, shortened(one.note, 24)),
    ports.map((port, index) => svg("circle", {
      class: ["port", !port.isUp && "down", port.isDim && "dim"].filter(Boolean).join(" "),
      cx: x - BOX.width / 2 + gap * (index + 1), cy: y + BOX.height / 2, r: 4,
    }, svg("title", {}, port.label))));
}

function shortened(text, most) {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
