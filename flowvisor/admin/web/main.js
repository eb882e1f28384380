// The page: who looks, what is asked again and again, and which view of it is shown.

import { get, listen, token, Unauthorised } from "./api.js";
import { h } from "./dom.js";
import { Rates } from "./rates.js";
import { happened, hrefOf, physical, slice } from "./views.js";

const LOOK_MILLISECONDS = 2000;
const PORTS_EVERY = 5; // looks; ports change rarely
const MAX_DATAPATHS_WITH_PORTS = 100; // beyond that the picture has none
const MAX_EVENTS = 200;

const on = (id) => document.getElementById(id);
const counters = new Rates();
let whoami = null;
let told = null;
let looks = 0;
let rates = { messages: new Map() };
let events = [];
let listening = null;

function view() {
  const found = /^#\/slice\/(.+)$/.exec(location.hash);
  if (found) return { slice: decodeURIComponent(found[1]) };
  if (location.hash === "#/events") return { events: true };
  return whoami?.role === "tenant" ? { slice: whoami.slice } : {};
}

async function look() {
  const { slice: chosen } = view();
  const isAdmin = whoami.role === "admin";
  const of = (path) => get(path);
  const [slices, switches, controllers, linksOf, admin] = await Promise.all([
    of("/slices"), of("/switches"), of("/controllers"),
    chosen ? of(`/slices/${encodeURIComponent(chosen)}/links`).catch(() => ({ links: [] })) : { links: [] },
    isAdmin ? Promise.all([of("/status"), of("/datapaths"), of("/links")]) : null,
  ]);
  const next = { ...slices, ...switches, ...controllers, linksOf: linksOf.links, ports: told?.ports ?? new Map() };
  if (admin) {
    const [status, datapaths, links] = admin;
    Object.assign(next, { status }, datapaths, links);
    if (looks % PORTS_EVERY === 0 && next.datapaths.length <= MAX_DATAPATHS_WITH_PORTS) {
      next.ports = new Map(await Promise.all(next.datapaths.map(async (one) =>
        [one.dpid, (await of(`/datapaths/${one.dpid}/ports`)).ports])));
    }
  }
  looks += 1;
  told = next;
  measure();
}

function measure() {
  const now = performance.now();
  const messages = new Map();
  for (const one of told.datapaths ?? []) {
    messages.set(one.dpid, counters.of(one.dpid, one.messages.up + one.messages.down, now));
  }
  for (const one of told.slices) {
    const all = one.messages;
    messages.set(`slice ${one.name}`, counters.of(`slice ${one.name}`, all.up + all.down + all.answered, now));
  }
  rates = { messages };
}

function show() {
  if (!told) return;
  const chosen = view();
  const shown = chosen.events ? happened(events)
    : chosen.slice ? slice(chosen.slice, told, rates) : physical(told, rates);
  const active = focused();
  on("main").replaceChildren(...shown.flat().filter(Boolean));
  active?.();
  on("views").replaceChildren(...links(chosen));
  const { status } = told;
  const isGood = !status || status.status === "ok";
  on("health").className = `pill ${isGood ? "good" : "bad"}`;
  on("health").textContent = status ? (isGood ? "✓ ok" : `✗ ${status.reasons.join("; ") || "degraded"}`) : "";
  on("health").hidden = !status;
}

// A look replaces what is shown; whoever was on a link or a table stays there.
function focused() {
  const all = () => [...on("main").querySelectorAll("a, [tabindex]")];
  const index = all().indexOf(document.activeElement);
  return index < 0 ? null : () => all()[index]?.focus({ preventScroll: true });
}

function links(chosen) {
  const link = (href, text, more, isHere) =>
    h("li", {}, h("a", { href, "aria-current": isHere ? "page" : null }, h("span", {}, text), h("span", { class: "faint" }, more)));
  return [
    whoami.role === "admin" ? link("#/", "Network", told.datapaths.length, !chosen.slice && !chosen.events) : null,
    ...told.slices.map((one) => link(hrefOf(one.name), one.name, one.channels ? "" : "no channel", chosen.slice === one.name)),
    link("#/events", "Events", events.length || "", Boolean(chosen.events)),
  ].filter(Boolean);
}

function heard(event) {
  events = [event, ...events].slice(0, MAX_EVENTS);
  if (view().events) show();
}

async function goOn() {
  const mine = listening;
  while (mine === listening && !mine.signal.aborted) {
    try {
      await look();
      if (mine.signal.aborted) return;
      on("age").textContent = "";
      show();
    } catch (error) {
      if (error instanceof Unauthorised) return leave(error.message);
      on("age").textContent = `No answer since ${new Date().toLocaleTimeString()}: ${error.message}`;
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MILLISECONDS));
  }
}

async function enter() {
  try {
    whoami = await get("/whoami");
  } catch (error) {
    return leave(token.get() ? error.message : "");
  }
  on("enter").hidden = true;
  on("content").hidden = false;
  on("leave").hidden = false;
  on("who").textContent = whoami.role === "admin" ? `${whoami.token}, admin` : `${whoami.token}, tenant of ${whoami.slice}`;
  listening = new AbortController();
  listen(heard, listening.signal);
  goOn();
}

function leave(reason) {
  listening?.abort();
  listening = null;
  token.forget();
  [whoami, told, events, looks] = [null, null, [], 0];
  for (const id of ["who", "age", "health"]) on(id).textContent = "";
  on("content").hidden = true;
  on("leave").hidden = true;
  on("enter").hidden = false;
  on("refused").textContent = reason;
  on("main").replaceChildren();
  on("token").focus();
}

on("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  token.set(on("token").value.trim());
  on("token").value = "";
  enter();
});
on("leave").addEventListener("click", () => leave(""));
addEventListener("hashchange", async () => {
  if (!whoami) return;
  show();
  on("main").focus({ preventScroll: true });
  await look().then(show, () => {});
});
enter();
