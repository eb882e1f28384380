// What is shown: the physical network, one slice, and what has happened. Each makes elements of what was asked.

import { h, number, short, state, table } from "./dom.js";
import { network } from "./network.js";

export const hrefOf = (name) => `#/slice/${encodeURIComponent(name)}`;
const perSecond = (value) => (value === null ? "–" : `${number(value)}/s`);

export function physical(told, rates) {
  return [
    h("h2", {}, "Physical network"),
    picture(told, rates, null),
    datapaths(told.datapaths, rates),
    links(told.links),
    slices(told.slices, rates),
  ];
}

export function slice(name, told, rates) {
  const one = told.slices.find((each) => each.name === name);
  if (!one) return [h("h2", {}, name), h("p", {}, "There is no such slice, or it is not yours to see.")];
  const switches = told.switches.filter((each) => each.slice === name);
  const controllers = told.controllers.filter((each) => each.slice === name);
  return [
    h("h2", {}, `What the tenant of ${name} sees`),
    virtual(name, switches, controllers, told.linksOf),
    told.datapaths ? [h("h2", {}, "Where that is"), picture(told, rates, name)] : null,
    messages(one, rates),
    table("Virtual switches", [
      { title: "Switch", of: (row) => row.name },
      { title: "dpid", of: (row) => h("code", {}, row.dpid) },
      { title: "State", of: (row) => state(row.is_ready, "ready", "being set up") },
      { title: "Ports", wide: true, of: (row) => row.ports.map((port) => port.port).join(", ") || "none" },
      { title: "Tables", number: true, of: (row) => row.tables },
      { title: "Flow entries", number: true, of: entries },
      { title: "Groups", number: true, of: (row) => row.groups },
      { title: "Meters", number: true, of: (row) => row.meters },
      { title: "Waiting", number: true, of: (row) => `${short(row.waiting_bytes)}B` },
    ], switches, "None is connected."),
    controllerTable(controllers),
    table("Limits met", [
      { title: "Limit", of: (row) => row.limit },
      { title: "What was done", of: (row) => row.action },
      { title: "How often", number: true, of: (row) => number(row.count) },
    ], one.limits, "None so far."),
    table("Refused and shed", [
      { title: "Outcome", of: (row) => row.outcome },
      { title: "Reason", of: (row) => row.reason },
      { title: "How often", number: true, of: (row) => number(row.count) },
    ], one.reasons, "Nothing so far."),
  ];
}

export function happened(events) {
  return [table("Events, latest first", [
    { title: "Time", of: (row) => h("time", { datetime: row.time }, new Date(row.time).toLocaleTimeString()) },
    { title: "Event", of: (row) => row.event },
    { title: "Slice", of: (row) => row.slice ?? "" },
    { title: "Details", wide: true, of: (row) =>
      Object.entries(row.details).map(([name, value]) => `${name}: ${plain(value)}`).join(" · ") },
  ], events, "Nothing has happened since this page was opened.")];
}

const plain = (value) => (typeof value === "object" ? JSON.stringify(value) : String(value));

function entries(row) {
  const held = row.flow_entries === null ? "–" : number(row.flow_entries);
  return row.flow_entries_limit === null ? held : `${held} of ${number(row.flow_entries_limit)}`;
}

function picture(told, rates, name) {
  const isOf = (slices) => name === null || slices.includes(name);
  const dpid = new Map(told.datapaths.map((one) => [one.dpid, one]));
  return network(name === null ? "The physical network" : `The share of ${name}`, {
    switches: told.datapaths.map((one) => ({
      id: one.dpid,
      label: one.name,
      note: one.is_connected ? `OpenFlow ${one.openflow}, ${one.enforcement}` : "not connected",
      href: "#datapaths",
      isAway: !one.is_connected,
      isDim: !isOf(one.slices),
      isBusy: rates.messages.get(one.dpid) > 0,
      ports: (told.ports.get(one.dpid) ?? []).map((port) => ({
        label: `port ${port.port} ${port.name}${port.is_up ? "" : ", down"}${port.slices.length ? `: ${port.slices.join(", ")}` : ""}`,
        isUp: port.is_up,
        isDim: !isOf(port.slices),
      })),
    })),
    links: once(told.links).map((link) => ({
      near: link.near.dpid,
      far: link.far.dpid,
      label: `${link.near.switch}/${link.near.port} – ${link.far.switch}/${link.far.port}, ${link.source}`,
      isDim: name !== null && ![link.near, link.far].every((end) => isOf(dpid.get(end.dpid)?.slices ?? [])),
    })),
  });
}

function virtual(name, switches, controllers, links) {
  if (!switches.length) return h("p", { class: "faint" }, "Nothing, for none of its datapaths is connected.");
  const byController = new Map();
  for (const one of controllers) {
    const known = byController.get(one.controller) ?? { label: one.controller, isAway: true, switches: [] };
    known.switches.push(one.dpid);
    known.isAway &&= !one.is_connected;
    byController.set(one.controller, known);
  }
  return network(`The network that the tenant of ${name} sees`, {
    switches: switches.map((one) => ({
      id: one.dpid,
      label: one.name,
      note: `${one.ports.length} ports`,
      href: hrefOf(name),
      isAway: !one.is_ready,
      ports: one.ports.map((port) => ({
        label: `port ${port.port} ${port.name}${port.is_up ? "" : ", down"}`, isUp: port.is_up, isDim: !port.is_own,
      })),
    })),
    links: once(links).map((link) => ({
      near: link.near.dpid, far: link.far.dpid,
      label: `${link.near.switch}/${link.near.port} – ${link.far.switch}/${link.far.port}`,
    })),
    controllers: [...byController.values()].map((one) =>
      ({ ...one, switches: one.switches.filter((id) => switches.some((each) => each.dpid === id)) })),
  });
}

// A cable is two links, one for each direction; it is drawn once.
function once(links) {
  const key = (end) => `${end.dpid}/${end.port}`;
  const known = new Set(links.map((link) => `${key(link.near)} ${key(link.far)}`));
  return links.filter((link) =>
    key(link.near) < key(link.far) || !known.has(`${key(link.far)} ${key(link.near)}`));
}

function datapaths(rows, rates) {
  return h("section", { id: "datapaths" }, table("Datapaths", [
    { title: "Datapath", of: (row) => row.name },
    { title: "dpid", of: (row) => h("code", {}, row.dpid) },
    { title: "State", of: (row) => state(row.is_ready, "ready", row.is_connected ? "being set up" : "away") },
    { title: "OpenFlow", of: (row) => row.openflow ?? "–" },
    { title: "Slices kept apart by", of: (row) => row.enforcement ?? "–" },
    { title: "Ports", number: true, of: (row) => row.ports },
    { title: "Messages", number: true, of: (row) => perSecond(rates.messages.get(row.dpid) ?? null) },
    { title: "Unanswered", number: true, of: (row) => number(row.pending_transactions) },
    { title: "In flight", number: true, of: (row) => `${short(row.in_flight)} of ${short(row.window)}` },
    { title: "Nobody's packets", number: true, of: (row) => number(row.packet_ins_unowned) },
  ], rows, "None is connected or named."));
}

function links(rows) {
  return table("Links", [
    { title: "Between", of: (row) => `${row.near.switch}/${row.near.port}` },
    { title: "And", of: (row) => `${row.far.switch}/${row.far.port}` },
    { title: "Known", of: (row) => row.source },
  ], once(rows), "None is known.");
}

function slices(rows, rates) {
  return table("Slices", [
    { title: "Slice", of: (row) => h("a", { href: hrefOf(row.name) }, row.name) },
    { title: "Kind", of: (row) => row.kind },
    { title: "Channels", number: true, of: (row) => row.channels },
    { title: "Messages", number: true, of: (row) => perSecond(rates.messages.get(`slice ${row.name}`) ?? null) },
    { title: "Flow entries", number: true, of: (row) => number(row.flow_entries) },
    { title: "Refused", number: true, of: (row) => number(row.messages.refused) },
    { title: "Shed", number: true, of: (row) => number(row.messages.shed) },
  ], rows, "There are none.");
}

function messages(one, rates) {
  const all = one.messages;
  return table("Messages", [
    { title: "Now", number: true, of: () => perSecond(rates.messages.get(`slice ${one.name}`) ?? null) },
    { title: "To controllers", number: true, of: () => number(all.up) },
    { title: "To datapaths", number: true, of: () => number(all.down) },
    { title: "Answered here", number: true, of: () => number(all.answered) },
    { title: "Refused", number: true, of: () => number(all.refused) },
    { title: "Shed", number: true, of: () => number(all.shed) },
  ], [one], "");
}

function controllerTable(rows) {
  return table("Controllers", [
    { title: "Controller", of: (row) => row.controller },
    { title: "Switch", of: (row) => row.switch },
    { title: "State", of: (row) => state(row.is_connected, "connected", row.is_listening ? "may call" : "away") },
    { title: "OpenFlow", of: (row) => row.channels.map((each) => each.openflow).join(", ") },
    { title: "Role", of: (row) => row.channels.map((each) => each.role).join(", ") },
  ], rows, "There are none.");
}
