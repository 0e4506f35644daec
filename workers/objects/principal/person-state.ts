import { log } from "../../../shared/observe/log.ts";
import { isHeld } from "../../../shared/people/teams.ts";
import { type PolicyReference, READ_REFERENCE, toReference } from "../../../shared/policy/reference.ts";
import type { FactsMemory } from "./facts-memory.ts";

/** Milliseconds after which facts are not used without asking the database. */
const MAX_AGE_MS = 30_000;

/**
 * Milliseconds after which facts are read again in the background, so that an active user's calls do not
 * wait.
 */
const REFRESH_AGE_MS = 15_000;

/** Milliseconds that others wait for a running read before they start their own. */
const READ_TIMEOUT_MS = 5_000;

/** Milliseconds after their read for which facts are used that the database cannot renew. */
const KEPT_MS = 15 * 60_000;

/** Milliseconds that a call with such facts waits for the database. */
const PATIENCE_MS = 1_000;

/** Milliseconds after a late or failed read in which calls do not wait at all. */
const PAUSE_MS = 5_000;

/** Facts that the platform database holds for a call. */
export interface PersonFacts {
  /** `null` for a disabled or missing user. */
  role: string | null;
  /** The policy in force. */
  policy: PolicyReference;
}

/** Facts, and when their read started, in milliseconds since the epoch. */
export interface DatedFacts {
  facts: PersonFacts;
  asOf: number;
}

/** Reads the current facts about a user. */
export type ReadFacts = (userId: string) => Promise<PersonFacts>;

/** The clock and timer of a {@link PersonState}. */
export interface Timing {
  clock(): number;
  /** Resolves after `ms`; rejects when the signal aborts. */
  wait(ms: number, signal: AbortSignal): Promise<unknown>;
}

const REAL_TIME: Timing = {
  clock: () => Date.now(),
  wait: (ms, signal) => scheduler.wait(ms, { signal }),
};

/**
 * Role and policy of one user: at most 30 s old (measured from the start of the read) and never older than the
 * last {@link forget}. A read that took longer is repeated.
 *
 * While the database does not answer, facts of the last 15 minutes stay in use, also those of an evicted
 * object: a change of a person is pushed by {@link forget}, and the database that holds the change is the one
 * that is away. After {@link forget} nothing is kept, and calls are refused until the database answers.
 */
export class PersonState {
  readonly #read: ReadFacts;
  readonly #memory: FactsMemory;
  readonly #time: Timing;
  #known: DatedFacts | undefined;
  #reading: { done: Promise<void>; since: number } | undefined;
  #missedAt: number | undefined;

  constructor(read: ReadFacts, memory: FactsMemory, time: Timing = REAL_TIME) {
    this.#read = read;
    this.#memory = memory;
    this.#time = time;
  }

  /** Rejects if the database is needed and unavailable. */
  async facts(userId: string): Promise<PersonFacts> {
    for (;;) {
      const known = this.#known;
      const age = this.#ageOf(known);
      if (known && age < MAX_AGE_MS) {
        if (age >= REFRESH_AGE_MS) void this.#refresh(userId).catch(() => {});
        return known.facts;
      }
      const kept = known ?? this.#memory.read();
      if (kept === undefined || this.#ageOf(kept) >= KEPT_MS) {
        await this.#refresh(userId);
      } else if (!(await this.#refreshInTime(userId)) && (this.#known ?? this.#memory.read()) !== undefined) {
        return kept.facts;
      }
    }
  }

  /** A publication is known to be in force: facts with an earlier one are discarded. */
  expect(publication: number): void {
    const known = this.#known ?? this.#memory.read();
    if (known && known.facts.policy.publication < publication) this.forget();
  }

  /** Discards the facts, the kept ones too, and the result of a running read. */
  forget(): void {
    this.#known = undefined;
    this.#reading = undefined;
    this.#missedAt = undefined;
    this.#memory.clear();
  }

  /** Infinite for none, and when the clock jumped back: the real age is unknown. */
  #ageOf(known: DatedFacts | undefined): number {
    const age = known ? this.#time.clock() - known.asOf : Number.POSITIVE_INFINITY;
    return age >= 0 ? age : Number.POSITIVE_INFINITY;
  }

  /** Whether the database has answered within the patience of a call that can do without. */
  async #refreshInTime(userId: string): Promise<boolean> {
    const now = this.#time.clock();
    const since = this.#missedAt === undefined ? -1 : now - this.#missedAt;
    if (since >= 0 && since < PAUSE_MS) return false;
    const over = new AbortController();
    let cause = "late";
    const answered = await Promise.race([
      this.#refresh(userId).then(
        () => true,
        (failure: unknown) => {
          cause = String(failure);
          return false;
        },
      ),
      this.#time.wait(PATIENCE_MS, over.signal).then(
        () => false,
        () => false,
      ),
    ]);
    over.abort();
    if (!answered) log("warn", "person_facts_kept", { cause });
    this.#missedAt = answered ? undefined : now;
    return answered;
  }

  /** One read at a time, unless it hangs. */
  #refresh(userId: string): Promise<void> {
    const now = this.#time.clock();
    const waited = this.#reading ? now - this.#reading.since : -1;
    if (this.#reading && waited >= 0 && waited < READ_TIMEOUT_MS) return this.#reading.done;
    const done = this.#read(userId)
      .then((facts) => {
        // A read that hung and was overtaken must not restore older facts.
        if (this.#reading !== reading) return;
        this.#known = { facts, asOf: now };
        this.#memory.keep(this.#known);
      })
      .finally(() => {
        if (this.#reading === reading) this.#reading = undefined;
      });
    const reading = { done, since: now };
    this.#reading = reading;
    return done;
  }
}

/**
 * No role for an account that changes hands: whose it was may still have open what the job is about to end, also when the
 * request that changed it was killed before the job.
 */
const READ_ROLE = `
  SELECT "role" FROM "user" WHERE "id" = ?1 AND "disabled" = 0 AND ${isHeld("?1")} AND NOT EXISTS (
    SELECT 1 FROM admin_request WHERE user_id = ?1 AND done_at IS NULL
       AND kind = 'person_change' AND detail ->> 'change' = 'identity_removed')`;

/** Reads a user's role and the policy in force from the platform database: one trip, two rows. */
export function readFactsFrom(database: D1Database): ReadFacts {
  return async (userId) => {
    const [people, policies] = await database.batch<unknown>([
      database.prepare(READ_ROLE).bind(userId),
      database.prepare(READ_REFERENCE),
    ]);
    const [person] = (people?.results ?? []) as { role: string }[];
    const [reference] = (policies?.results ?? []) as PolicyReference[];
    return { role: person?.role ?? null, policy: toReference(reference) };
  };
}
