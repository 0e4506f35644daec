import type { Stage } from "../stages.ts";

/** Counters of one stage; money in cents. */
export interface CounterRow {
  kind: "open" | "stale" | "late" | "closed" | "left";
  stage: Stage;
  deals: number;
  cents: number;
  seconds: number;
}

/** The open deals of one owner in one stage; `owner_name` is `null` for deals without an owner. */
export interface OwnerCounterRow {
  owner_name: string | null;
  stage: Stage;
  deals: number;
  cents: number;
}

/** Deals of one month, `YYYY-MM`: open ones that are expected to close in it, and those won in it. */
export interface MonthCounterRow {
  month: string;
  stage: Stage;
  deals: number;
  cents: number;
}

/** Days, `YYYY-MM-DD`, of a summary; all inclusive except `today`. */
export interface CounterDays {
  staleTo: string;
  today: string;
  closedFrom: string;
}

const EVERYONE = "*";

/**
 * The pipeline's sums, read from counters that triggers maintain: at most one row per stage and day, whatever
 * the number of deals.
 */
export class CounterStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** Open, stale, late and closed deals, and days in stages, for one owner or for all. */
  async summarize(ownerId: string | undefined, days: CounterDays): Promise<CounterRow[]> {
    const owner = ownerId ?? EVERYONE;
    const sum = (kind: string, counted: string, range: string) =>
      `SELECT '${kind}' AS kind, stage, sum(deals) AS deals, sum(cents) AS cents, sum(seconds) AS seconds
       FROM deal_counters WHERE kind = '${counted}' AND owner_id = ?1 AND ${range} GROUP BY stage`;
    const { results } = await this.#db
      .prepare(
        [
          sum("open", "open", "day = ''"),
          sum("stale", "touched", "day <= ?2"),
          sum("late", "due", "day < ?3"),
          sum("closed", "closed", "day >= ?4"),
          sum("left", "left", "day >= ?4"),
        ].join("\nUNION ALL\n"),
      )
      .bind(owner, days.staleTo, days.today, days.closedFrom)
      .all<CounterRow>();
    return results;
  }

  /** Open deals by owner and stage; one row per stage and owner. */
  async listOwners(): Promise<OwnerCounterRow[]> {
    const { results } = await this.#db
      .prepare(
        `SELECT o.name AS owner_name, n.stage, n.deals, n.cents
         FROM deal_counters n LEFT JOIN owners o ON o.id = n.owner_id
         WHERE n.kind = 'open' AND n.owner_id <> ?`,
      )
      .bind(EVERYONE)
      .all<OwnerCounterRow>();
    return results;
  }

  /**
   * By month: all open deals by their expected close, and deals won between two days, both inclusive, by the
   * day of winning.
   */
  async listMonths(
    ownerId: string | undefined,
    won: { from: string; to: string },
  ): Promise<MonthCounterRow[]> {
    const sum = (kind: string, range: string) =>
      `SELECT substr(day, 1, 7) AS month, stage, sum(deals) AS deals, sum(cents) AS cents FROM deal_counters
       WHERE kind = '${kind}' AND owner_id = ?1 AND ${range} GROUP BY month, stage`;
    const { results } = await this.#db
      .prepare(
        `${sum("due", "day > ''")} UNION ALL ${sum("closed", "day >= ?2 AND day <= ?3 AND stage = 'won'")}`,
      )
      .bind(ownerId ?? EVERYONE, won.from, won.to)
      .all<MonthCounterRow>();
    return results;
  }
}
