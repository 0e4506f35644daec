import type { SearchColumns } from "../search/query.ts";
import type { Stage } from "../stages.ts";

/** Filter for deals. Every part narrows; money in cents, `*On` as days, `untouchedSince` as an ISO time. */
export interface DealFilter {
  openOnly: boolean;
  minCents?: number | undefined;
  maxCents?: number | undefined;
  stages?: readonly Stage[] | undefined;
  ownerId?: string | undefined;
  companyId?: string | undefined;
  region?: string | undefined;
  /** No activity on the deal at or after this time. */
  untouchedSince?: string | undefined;
  /** The first and the last day on which a deal closed, or is expected to while it is open. Both count. */
  closingFrom?: string | undefined;
  closingTo?: string | undefined;
  /** The first and the last day on which a deal was created. Both count. */
  createdFrom?: string | undefined;
  createdTo?: string | undefined;
  /** An expression for the full-text index of deals. */
  match?: string | undefined;
}

/** What deals are found by. */
export const DEAL_COLUMNS: SearchColumns = { name: "name", rest: ["company"] };

/** The orders in which deals can be listed: largest, soonest to close, or longest untouched first. */
export type DealSort = "amount" | "closing" | "untouched";

/** The position of a deal in a sort order: its sort key and, among equals, its `seq`. */
export interface DealPosition {
  key: string | number;
  seq: number;
}

/** For each sort order, its column, its direction, and a key before every row. */
export const SORTS = {
  amount: { column: "amount_cents", direction: "DESC", start: Number.MAX_SAFE_INTEGER },
  closing: { column: "closing_on", direction: "ASC", start: "" },
  untouched: { column: "last_activity_at", direction: "ASC", start: "" },
} as const satisfies Record<DealSort, object>;

/** Columns of a deal `d` with its company `c` and owner `o`. */
export const dealColumns = `d.seq, d.id, d.name, d.company_id, c.name AS company_name, d.contact_id, d.owner_id,
  o.name AS owner_name, d.stage, d.amount_cents, d.expected_close_on, d.closing_on, d.stage_since, d.closed_at, d.close_reason,
  d.last_activity_at, d.updated_by_name, d.version`;

/** A condition with its bound values. */
export interface DealCondition {
  sql: string;
  values: (string | number)[];
}

/** Translates a filter into SQL over `deals`. */
export function matchDeals(filter: DealFilter): DealCondition {
  const parts: string[] = [];
  const values: (string | number)[] = [];
  const add = (sql: string, ...bound: (string | number)[]) => {
    parts.push(sql);
    values.push(...bound);
  };
  // Explicit, so that the partial indexes over open deals apply.
  if (filter.openOnly) add("closed_at IS NULL");
  // Always present: it is true for every deal, and gives the counting query an index range.
  add("amount_cents >= ?", filter.minCents ?? 0);
  if (filter.maxCents !== undefined) add("amount_cents <= ?", filter.maxCents);
  if (filter.stages) add(`stage IN (${filter.stages.map(() => "?").join(", ")})`, ...filter.stages);
  if (filter.ownerId !== undefined) add("owner_id = ?", filter.ownerId);
  if (filter.companyId !== undefined) add("company_id = ?", filter.companyId);
  if (filter.untouchedSince !== undefined) add("last_activity_at <= ?", filter.untouchedSince);
  if (filter.closingTo !== undefined) add("closing_on <= ?", filter.closingTo);
  if (filter.closingFrom !== undefined) add("closing_on >= ?", filter.closingFrom);
  // Every time of a day, as YYYY-MM-DDT…, sorts before YYYY-MM-DDU.
  if (filter.createdTo !== undefined) add("created_at <= ?", `${filter.createdTo}U`);
  if (filter.createdFrom !== undefined) add("created_at >= ?", filter.createdFrom);
  if (filter.match !== undefined) {
    add("seq IN (SELECT rowid FROM deals_fts WHERE deals_fts MATCH ?)", filter.match);
  }
  if (filter.region !== undefined) add("region = ? COLLATE NOCASE", filter.region);
  return { sql: parts.join(" AND "), values };
}
