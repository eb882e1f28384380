// How much a counter has grown in a second, between two looks at it.

export class Rates {
  #seen = new Map();

  // Gives null at the first look, and after a counter has begun anew.
  of(key, count, now) {
    const before = this.#seen.get(key);
    this.#seen.set(key, { count, now });
    if (!before || count < before.count || now <= before.now) return null;
    return (1000 * (count - before.count)) / (now - before.now);
  }
}
