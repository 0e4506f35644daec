/** Most items, and most UTF-16 units of JSON, that are read of all lists of a server. */
const MOST = { items: 5_000, units: 8_000_000 } as const;

/** Bounds what a server lists, over all of its lists and pages: its data wait in memory together. */
export class ListBudget {
  #items: number = MOST.items;
  #units: number = MOST.units;

  /** Whether no more pages are to be asked for. */
  get isSpent(): boolean {
    return this.#items <= 0 || this.#units <= 0;
  }

  /** The first ones of these items that still have a place. */
  take(items: readonly unknown[]): unknown[] {
    const kept: unknown[] = [];
    for (const item of items) {
      if (this.isSpent) break;
      this.#units -= (JSON.stringify(item) ?? "").length;
      if (this.#units < 0) break;
      this.#items -= 1;
      kept.push(item);
    }
    return kept;
  }
}
