import { ToolError } from "../../../shared/call/tool-error.ts";
import { foldPending, hasUnfolded } from "../search/fold-pending.ts";
import {
  FOLDED_WITH_A_SEARCH,
  type SearchPage,
  type SearchRequest,
  type SearchTable,
  searchPage,
} from "../search/search.ts";
import { isClosed, type Stage } from "../stages.ts";
import {
  DEAL_COLUMNS,
  type DealFilter,
  type DealPosition,
  type DealSort,
  dealColumns,
  matchDeals,
  SORTS,
} from "./deal-filter.ts";
import type { IdempotentWrite } from "./idempotency.ts";
import type { Stamp } from "./stamp.ts";
import { createRecord, updateRecord } from "./versioned.ts";

/** A stored deal, with the names of its company, contact and owner. */
export interface DealRow {
  seq: number;
  id: string;
  name: string;
  company_id: string;
  company_name: string;
  contact_id: string | null;
  owner_id: string | null;
  owner_name: string | null;
  stage: Stage;
  amount_cents: number;
  expected_close_on: string;
  /** The day it closed, or is expected to close while it is open. */
  closing_on: string;
  stage_since: string;
  closed_at: string | null;
  close_reason: string | null;
  last_activity_at: string;
  updated_by_name: string;
  version: number;
}

/** The editable columns. The stage is not among them: `move` changes it. */
export const DEAL_FIELDS = [
  "name",
  "company_id",
  "contact_id",
  "owner_id",
  "amount_cents",
  "expected_close_on",
] as const satisfies readonly (keyof DealRow)[];

/** The editable fields. */
export type DealFields = Pick<DealRow, (typeof DEAL_FIELDS)[number]>;

/** Number and total of matching deals. `complete` is false when only the first 10,000 were added up. */
export interface DealTotals {
  deals: number;
  amount_cents: number;
  complete: boolean;
}

/** One page of deals, and the start of the next one; `undefined` on the last. */
export interface DealPage {
  rows: DealRow[];
  next: DealPosition | undefined;
}

/** One step in a deal's history. */
export interface StageChangeRow {
  from_stage: Stage | null;
  to_stage: Stage;
  reason: string | null;
  changed_at: string;
  changed_by_name: string;
}

/** Result of a move. */
export type DealMove =
  | { outcome: "moved"; deal: DealRow }
  | { outcome: "stale"; deal: DealRow }
  | { outcome: "missing" };

const MAX_COUNTED = 10_000;
const MAX_SEQ = Number.MAX_SAFE_INTEGER;

const JOINS = "JOIN companies c ON c.id = d.company_id LEFT JOIN owners o ON o.id = d.owner_id";

const SEARCH: SearchTable = {
  table: "deals",
  columns: DEAL_COLUMNS,
  select: `SELECT ${dealColumns} FROM hit JOIN deals d ON d.seq = hit.seq ${JOINS}`,
};

/** All SQL about deals. */
export class DealStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** One page of deals by name or company. */
  async search(request: SearchRequest): Promise<SearchPage<DealRow>> {
    return await searchPage<DealRow>(this.#db, SEARCH, request);
  }

  /** One page of the deals that match a filter, and the totals over all of them. */
  async list(
    filter: DealFilter,
    sort: DealSort,
    limit: number,
    after: DealPosition | undefined,
  ): Promise<DealPage & { totals: DealTotals }> {
    await this.#requireFewFound(filter);
    const where = matchDeals(filter);
    const totals = this.#db
      .prepare(
        `SELECT count(*) AS deals, coalesce(sum(amount_cents), 0) AS amount_cents FROM (
           SELECT amount_cents FROM deals WHERE ${where.sql} LIMIT ?)`,
      )
      .bind(...where.values, MAX_COUNTED + 1);
    const [found, counted] = await this.#db.batch([this.#readPage(filter, sort, limit, after), totals]);
    const sums = counted?.results[0] as Omit<DealTotals, "complete">;
    return {
      ...cutPage((found?.results ?? []) as DealRow[], sort, limit),
      totals: { ...sums, complete: sums.deals <= MAX_COUNTED },
    };
  }

  /** One page of the deals that match a filter. */
  async listPage(
    filter: DealFilter,
    sort: DealSort,
    limit: number,
    after: DealPosition | undefined,
  ): Promise<DealPage> {
    await this.#requireFewFound(filter);
    const { results } = await this.#readPage(filter, sort, limit, after).all<DealRow>();
    return cutPage(results, sort, limit);
  }

  /**
   * What a text finds is read before it is put in order, so that a list takes no text that stands in most deals. Folds
   * what was written a moment ago. Throws `invalid_input`.
   */
  async #requireFewFound({ match }: DealFilter): Promise<void> {
    if (match === undefined) return;
    if (await hasUnfolded(this.#db, "deals")) await foldPending(this.#db, "deals", FOLDED_WITH_A_SEARCH);
    const found = await this.#db
      .prepare(`SELECT count(*) AS found FROM (SELECT rowid FROM deals_fts WHERE deals_fts MATCH ? LIMIT ?)`)
      .bind(match, MAX_COUNTED + 1)
      .first<number>("found");
    if ((found ?? 0) <= MAX_COUNTED) return;
    throw new ToolError("invalid_input", `More than ${MAX_COUNTED} deals hold the words of the query.`, {
      suggestedAction: "Add another word, or filter without query.",
    });
  }

  /** The page is cut before names are joined to it, so that a sort, where one is needed, moves keys only. */
  #readPage(
    filter: DealFilter,
    sort: DealSort,
    limit: number,
    after: DealPosition | undefined,
  ): D1PreparedStatement {
    const { column, direction, start } = SORTS[sort];
    const where = matchDeals(filter);
    return this.#db
      .prepare(
        `WITH hit AS (
           SELECT seq FROM deals WHERE ${where.sql} AND (${column}, seq) ${direction === "DESC" ? "<" : ">"} (?, ?)
           ORDER BY ${column} ${direction}, seq ${direction} LIMIT ?
         ) SELECT ${dealColumns} FROM hit JOIN deals d ON d.seq = hit.seq ${JOINS}
         ORDER BY d.${column} ${direction}, d.seq ${direction}`,
      )
      .bind(
        ...where.values,
        after?.key ?? start,
        after?.seq ?? (direction === "DESC" ? MAX_SEQ : -1),
        limit + 1,
      );
  }

  /** One deal, or `null`. */
  async get(id: string): Promise<DealRow | null> {
    return await this.#db
      .prepare(`SELECT ${dealColumns} FROM deals d ${JOINS} WHERE d.id = ?`)
      .bind(id)
      .first<DealRow>();
  }

  /** Several deals; unknown ids are omitted. */
  async getMany(ids: readonly string[]): Promise<DealRow[]> {
    const { results } = await this.#db
      .prepare(`SELECT ${dealColumns} FROM json_each(?) j CROSS JOIN deals d ON d.id = j.value ${JOINS}`)
      .bind(JSON.stringify(ids))
      .all<DealRow>();
    return results;
  }

  /**
   * Adds a deal with the first step of its history. With `write`, a repeated call returns the result of the
   * first one.
   */
  async create(
    id: string,
    fields: DealFields & { stage: Stage },
    stamp: Stamp,
    write: IdempotentWrite | undefined,
  ): Promise<{ id: string; replayed: boolean }> {
    const opened = this.#db
      .prepare(
        `INSERT INTO deal_stage_history (deal_id, from_stage, to_stage, changed_at, changed_by, changed_by_name)
         VALUES (?, NULL, ?, ?, ?, ?)`,
      )
      .bind(id, fields.stage, stamp.at, stamp.userId, stamp.name);
    const values = { ...fields, stage_since: stamp.at, last_activity_at: stamp.at };
    return await createRecord(this.#db, "deals", id, values, stamp, write, [opened]);
  }

  /** Changes fields of the version that the caller has read. Returns whether that version was current. */
  async update(id: string, version: number, changes: Partial<DealFields>, stamp: Stamp): Promise<boolean> {
    return await updateRecord(this.#db, "deals", DEAL_FIELDS, id, version, changes, stamp);
  }

  /** The last steps of a deal, newest first. */
  async listStageChanges(id: string, limit: number): Promise<StageChangeRow[]> {
    const { results } = await this.#db
      .prepare(
        `SELECT from_stage, to_stage, reason, changed_at, changed_by_name FROM deal_stage_history
         WHERE deal_id = ? ORDER BY seq DESC LIMIT ?`,
      )
      .bind(id, limit)
      .all<StageChangeRow>();
    return results;
  }

  /** The regions of deals. Jumps from one to the next in the index, whatever the number of deals. */
  async listRegions(): Promise<string[]> {
    const { results } = await this.#db
      .prepare(
        `WITH RECURSIVE found (region) AS (
           SELECT min(region COLLATE NOCASE) FROM deals
           UNION ALL
           SELECT (SELECT min(region COLLATE NOCASE) FROM deals WHERE deals.region > found.region COLLATE NOCASE)
             FROM found WHERE found.region IS NOT NULL)
         SELECT region FROM found WHERE region IS NOT NULL LIMIT 50`,
      )
      .all<{ region: string }>();
    return results.map(({ region }) => region);
  }

  /** Moves the version of a deal that the caller has read to a stage, and adds the step to its history. */
  async move(id: string, version: number, to: Stage, reason: string | null, stamp: Stamp): Promise<DealMove> {
    const closes = isClosed(to);
    const remember = this.#db
      .prepare(
        `INSERT INTO deal_stage_history (deal_id, from_stage, to_stage, reason, changed_at, changed_by, changed_by_name)
         SELECT id, stage, ?, ?, ?, ?, ? FROM deals WHERE id = ? AND version = ?`,
      )
      .bind(to, reason, stamp.at, stamp.userId, stamp.name, id, version);
    const touchCompany = this.#db
      .prepare(
        `UPDATE companies SET last_activity_at = max(coalesce(last_activity_at, ''), ?)
         WHERE id = (SELECT company_id FROM deals WHERE id = ? AND version = ?)`,
      )
      .bind(stamp.at, id, version);
    const move = this.#db
      .prepare(
        `UPDATE deals SET stage = ?1, stage_since = ?2, closed_at = ?3, close_reason = ?4,
           last_activity_at = max(last_activity_at, ?2), version = version + 1,
           updated_at = ?2, updated_by = ?5, updated_by_name = ?6
         WHERE id = ?7 AND version = ?8`,
      )
      .bind(
        to,
        stamp.at,
        closes ? stamp.at : null,
        closes ? reason : null,
        stamp.userId,
        stamp.name,
        id,
        version,
      );
    const results = await this.#db.batch([remember, touchCompany, move]);
    const deal = await this.get(id);
    if (!deal) return { outcome: "missing" };
    return { outcome: (results[2]?.meta.changes ?? 0) > 0 ? "moved" : "stale", deal };
  }
}

function cutPage(found: DealRow[], sort: DealSort, limit: number): DealPage {
  const last = found.length > limit ? found[limit - 1] : undefined;
  return { rows: found.slice(0, limit), next: last && { key: last[SORTS[sort].column], seq: last.seq } };
}
