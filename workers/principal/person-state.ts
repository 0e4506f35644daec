/** Milliseconds after which what is known of a person is not used any more. */
const MAX_AGE_MS = 30_000;

/** Milliseconds after which it is read again in the background, so that a busy person's calls wait for nothing. */
const REFRESH_AGE_MS = 15_000;

/** What the platform database says of a person: the role, or `null` for somebody who is disabled or gone. */
export type ReadRole = (userId: string) => Promise<string | null>;

/** A person's state as it was at most 30 seconds ago. */
export class PersonState {
  readonly #read: ReadRole;
  #known: { role: string | null; asOf: number } | undefined;
  #reading: Promise<string | null> | undefined;

  constructor(read: ReadRole) {
    this.#read = read;
  }

  /** The role, or `null` for somebody who may do nothing. Rejects when the database is needed and does not answer. */
  async role(userId: string, now: number): Promise<string | null> {
    const known = this.#known;
    const age = known ? now - known.asOf : Number.POSITIVE_INFINITY;
    // A negative age means that the clock jumped back: what was read is then of unknown age.
    if (known && age >= 0 && age < MAX_AGE_MS) {
      if (age >= REFRESH_AGE_MS) void this.#refresh(userId, now).catch(() => {});
      return known.role;
    }
    return this.#refresh(userId, now);
  }

  /** One reading at a time. It counts as of its start. */
  #refresh(userId: string, now: number): Promise<string | null> {
    this.#reading ??= this.#read(userId)
      .then((role) => {
        this.#known = { role, asOf: now };
        return role;
      })
      .finally(() => {
        this.#reading = undefined;
      });
    return this.#reading;
  }
}

/** Reads a person's role from the platform database. */
export function readRoleFrom(database: D1Database): ReadRole {
  return async (userId) => {
    const person = await database
      .prepare(`SELECT "role" FROM "user" WHERE "id" = ? AND "disabled" = 0`)
      .bind(userId)
      .first<{ role: string }>();
    return person?.role ?? null;
  };
}
