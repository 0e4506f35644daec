import { type PolicyReference, READ_REFERENCE, toReference } from "../../../shared/policy/reference.ts";

/** Milliseconds after which what is known is not used any more. */
const MAX_AGE_MS = 30_000;

/** Milliseconds after which it is read again in the background, so that a busy person's calls wait for nothing. */
const REFRESH_AGE_MS = 15_000;

/** Milliseconds for which others wait for a reading that is under way, before they begin one of their own. */
const READ_TIMEOUT_MS = 5_000;

/** What the platform database says before a call. */
export interface PersonFacts {
  /** `null` for somebody who is disabled or gone. */
  role: string | null;
  /** The policy in force. */
  policy: PolicyReference;
}

/** Reads what the database says of a person now. */
export type ReadFacts = (userId: string) => Promise<PersonFacts>;

/**
 * What a person's object knows, as it was at most 30 seconds ago, and never before it was last told to forget: a reading counts as of its start, and one that took
 * longer than that is not used but done again.
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

  /** Rejects when the database is needed and does not answer. */
  async facts(userId: string): Promise<PersonFacts> {
    for (;;) {
      const known = this.#known;
      const age = known ? this.#clock() - known.asOf : Number.POSITIVE_INFINITY;
      // A negative age means that the clock jumped back: what was read is then of unknown age.
      if (known && age >= 0 && age < MAX_AGE_MS) {
        if (age >= REFRESH_AGE_MS) void this.#refresh(userId).catch(() => {});
        return known.facts;
      }
      await this.#refresh(userId);
    }
  }

  /** A publication of the policy is known to be in force: what was read before it is not used any more. */
  expect(publication: number): void {
    if (this.#known && this.#known.facts.policy.publication < publication) this.forget();
  }

  /** Nothing that was read, or that is being read now, is used any more. */
  forget(): void {
    this.#known = undefined;
    this.#reading = undefined;
  }

  /** One reading at a time, unless it hangs. */
  #refresh(userId: string): Promise<void> {
    const now = this.#clock();
    const waited = this.#reading ? now - this.#reading.since : -1;
    if (this.#reading && waited >= 0 && waited < READ_TIMEOUT_MS) return this.#reading.done;
    const done = this.#read(userId)
      .then((facts) => {
        // A reading that hung and was overtaken must not bring older facts back.
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

/** Reads a person's role and the policy in force from the platform database: one trip, two rows. */
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
