import type { Faker } from "@faker-js/faker";

const DAY = 86_400_000;
const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";

/** Random numbers and times of a load. Seeded, so that the same day always gives the same data. */
export class Chance {
  readonly #faker: Faker;
  readonly #asOf: number;

  constructor(faker: Faker, asOf: Date) {
    this.#faker = faker;
    this.#asOf = asOf.getTime();
  }

  /** Between 0 and 1. */
  fraction(): number {
    return this.#faker.number.float();
  }

  /** Whether an event of this probability happens. */
  happens(probability: number): boolean {
    return this.fraction() < probability;
  }

  /** A whole number from `min` to `max`, both included. */
  between(min: number, max: number): number {
    return min + Math.floor(this.fraction() * (max - min + 1));
  }

  /** A random item of a list that is not empty. */
  pick<Item>(items: readonly Item[]): Item {
    const item = items[Math.floor(this.fraction() * items.length)];
    if (item === undefined) throw new RangeError("Nothing to pick from.");
    return item;
  }

  /** A random item of a list by weight. */
  pickWeighted<Item>(items: readonly (readonly [Item, number])[]): Item {
    let left = this.fraction() * items.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [item, weight] of items) {
      left -= weight;
      if (left < 0) return item;
    }
    return this.pick(items)[0];
  }

  /** A number around `median`, mostly near it and sometimes far above (log-normal with this `spread`). */
  skewed(median: number, spread: number): number {
    const normal = Math.sqrt(-2 * Math.log(1 - this.fraction())) * Math.cos(2 * Math.PI * this.fraction());
    return median * Math.exp(spread * normal);
  }

  /** A share of the rest for one of several recipients, so that all shares add up to the whole. */
  share(left: number, takers: number, minimum: number): number {
    if (takers <= 1) return left;
    const wanted = Math.round((left / takers) * 2 * this.fraction());
    return Math.max(minimum, Math.min(wanted, left - minimum * (takers - 1)));
  }

  /** An opaque id, such as `con_` and 20 characters. */
  id(prefix: string): string {
    let text = `${prefix}_`;
    for (let index = 0; index < 20; index++) text += ALPHABET[Math.floor(this.fraction() * 32)];
    return text;
  }

  /** An ISO time in the working hours of the day `days` before the load's day. */
  timeAgo(days: number): string {
    const hours = 8 + this.fraction() * 10;
    const midnight = Math.floor(this.#asOf / DAY - Math.max(1, days)) * DAY;
    return new Date(midnight + hours * 3_600_000).toISOString();
  }

  /** The day `days` after the load's (before it, if negative), `YYYY-MM-DD`. */
  dayAhead(days: number): string {
    return new Date(this.#asOf + days * DAY).toISOString().slice(0, 10);
  }

  /** A time between two ISO times. */
  timeBetween(from: string, to: string): string {
    const start = Date.parse(from);
    return new Date(start + Math.max(0, Date.parse(to) - start) * this.fraction()).toISOString();
  }
}
