import { type PolicyReference, READ_REFERENCE, toReference } from "../../../shared/policy/reference.ts";

/** Milliseconds after which cached facts are not used. */
const MAX_AGE_MS = 30_000;

/**
 * Milliseconds after which facts are read again in the background, so that an active user's calls do not
 * wait.
 */
const REFRESH_AGE_MS = 15_000;

/** Milliseconds that others wait for a running read before they start their own. */
const READ_TIMEOUT_MS = 5_000;

/** Facts that the platform database holds for a call. */
export interface PersonFacts {
  /** `null` for a disabled or missing user. */
  role: string | null;
  /** The policy in force. */
  policy: PolicyReference;
}

/** Reads the current facts about a user. */
export type ReadFacts = (userId: string) => Promise<PersonFacts>;

/**
 * Cached role and policy of one user: at most 30 s old (measured from the start of the read) and never older
 * than the last {@link forget}. A read that took longer is repeated.
 */
export class PersonState {
  readonly #read: ReadFacts;
  readonly #clock: () => number;
  #known: { facts: PersonFacts; asOf: number } | undefined;
  #reading: { done: Promise<void>; since: number } | undefined;

  constructor(read: ReadFacts, clock: () => number = () => Date.now()) {
    this.#read = read;
    this.#clock = clock;
  }

  /** Rejects if the database is needed and unavailable. */
  async facts(userId: string): Promise<PersonFacts> {
    for (;;) {
      const known = this.#known;
      const age = known ? this.#clock() - known.asOf : Number.POSITIVE_INFINITY;
      // A negative age means that the clock jumped back: the real age is unknown.
      if (known && age >= 0 && age < MAX_AGE_MS) {
        if (age >= REFRESH_AGE_MS) void this.#refresh(userId).catch(() => {});
        return known.facts;
      }
      await this.#refresh(userId);
    }
  }

  /** A publication is known to be in force: facts with an earlier one are discarded. */
  expect(publication: number): void {
    if (this.#known && this.#known.facts.policy.publication < publication) this.forget();
  }

  /** Discards the cached facts and the result of a running read. */
  forget(): void {
    this.#known = undefined;
    this.#reading = undefined;
  }

  /** One read at a time, unless it hangs. */
  #refresh(userId: string): Promise<void> {
    const now = this.#clock();
    const waited = this.#reading ? now - this.#reading.since : -1;
    if (this.#reading && waited >= 0 && waited < READ_TIMEOUT_MS) return this.#reading.done;
    const done = this.#read(userId)
      .then((facts) => {
        // A read that hung and was overtaken must not restore older facts.
        if (this.#reading === reading) this.#known = { facts, asOf: now };
      })
      .finally(() => {
        if (this.#reading === reading) this.#reading = undefined;
      });
    const reading = { done, since: now };
    this.#reading = reading;
    return done;
  }
}

/** Reads a user's role and the policy in force from the platform database: one trip, two rows. */
export function readFactsFrom(database: D1Database): ReadFacts {
  return async (userId) => {
    const [people, policies] = await database.batch<unknown>([
      database.prepare(`SELECT "role" FROM "user" WHERE "id" = ? AND "disabled" = 0`).bind(userId),
      database.prepare(READ_REFERENCE),
    ]);
    const [person] = (people?.results ?? []) as { role: string }[];
    const [reference] = (policies?.results ?? []) as PolicyReference[];
    return { role: person?.role ?? null, policy: toReference(reference) };
  };
}
