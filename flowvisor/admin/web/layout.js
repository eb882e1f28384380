// Where to draw what: the same network is drawn the same way every time, and what is linked is close together.

const STEPS = 240;

// `nodes` are names, `links` pairs of names. Gives Map(name -> {x, y}), both from 0 to 1.
export function layout(nodes, links) {
  const places = new Map(nodes.map((name, index) => {
    const angle = (2 * Math.PI * index) / nodes.length - Math.PI / 2;
    return [name, { x: Math.cos(angle), y: Math.sin(angle) }];
  }));
  if (nodes.length < 2) return new Map(nodes.map((name) => [name, { x: 0.5, y: 0.5 }]));
  const near = 2 / Math.sqrt(nodes.length);
  for (let step = 0; step < STEPS; step += 1) {
    const moves = new Map(nodes.map((name) => [name, { x: 0, y: 0 }]));
    for (const one of nodes) for (const other of nodes) {
      if (one >= other) continue;
      push(places, moves, one, other, (distance) => (near * near) / distance);
    }
    for (const [one, other] of links) push(places, moves, one, other, (distance) => -(distance * distance) / near);
    const most = 0.2 * (1 - step / STEPS);
    for (const [name, move] of moves) {
      const length = Math.hypot(move.x, move.y) || 1;
      const place = places.get(name);
      place.x += (move.x / length) * Math.min(length, most);
      place.y += (move.y / length) * Math.min(length, most);
    }
  }
  return fitted(places);
}

function push(places, moves, one, other, force) {
  const a = places.get(one), b = places.get(other);
  if (!a || !b || one === other) return;
  const x = a.x - b.x, y = a.y - b.y;
  const distance = Math.max(Math.hypot(x, y), 0.01);
  const strength = force(distance) / distance;
  moves.get(one).x += x * strength;
  moves.get(one).y += y * strength;
  moves.get(other).x -= x * strength;
  moves.get(other).y -= y * strength;
}

function fitted(places) {
  const xs = [...places.values()].map((place) => place.x), ys = [...places.values()].map((place) => place.y);
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const scaled = (value, low, high) => (high - low < 1e-6 ? 0.5 : (value - low) / (high - low));
  return new Map([...places].map(([name, place]) =>
    [name, { x: scaled(place.x, left, right), y: scaled(place.y, top, bottom) }]));
}
