// What the REST API answers. The token is kept in this tab only.

const KEY = "flowvisor-token";

export class Unauthorised extends Error {}

export const token = {
  get: () => sessionStorage.getItem(KEY),
  set: (value) => sessionStorage.setItem(KEY, value),
  forget: () => sessionStorage.removeItem(KEY),
};

async function ask(path, more = {}) {
  const headers = { ...(more.headers ?? {}) };
  if (token.get()) headers.Authorization = `Bearer ${token.get()}`;
  const answer = await fetch(path, { ...more, headers, cache: "no-store" });
  if (answer.status === 401 || answer.status === 403) {
    throw new Unauthorised((await problem(answer)) ?? "not let in");
  }
  return answer;
}

async function problem(answer) {
  try {
    return (await answer.json()).detail;
  } catch {
    return null;
  }
}

export async function get(path) {
  const answer = await ask(path);
  if (!answer.ok) throw new Error((await problem(answer)) ?? `${path}: ${answer.status}`);
  return answer.json();
}

// Server-sent events, read by hand because EventSource sends no token. Comes back by itself, from where it was.
export async function listen(heard, signal) {
  let last = null;
  while (!signal.aborted) {
    try {
      const answer = await ask("/events", { signal, headers: last ? { "Last-Event-ID": last } : {} });
      if (answer.ok) for await (const event of events(answer.body)) {
        if (event.id) last = event.id;
        if (event.data) heard(JSON.parse(event.data));
      }
    } catch (error) {
      if (error instanceof Unauthorised || signal.aborted) return;
    }
    await new Promise((resolve) => setTimeout(resolve, 2000));
  }
}

async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    rest += value;
    const blocks = rest.split(/\r?\n\r?\n/);
    rest = blocks.pop();
    for (const block of blocks) {
      const event = {};
      for (const line of block.split(/\r?\n/)) {
        const [, name, text] = /^([^:]*):? ?(.*)$/.exec(line);
        if (name) event[name] = name in event ? `${event[name]}\n${text}` : text;
      }
      yield event;
    }
  }
}
