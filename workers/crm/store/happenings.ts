import type { Stage } from "../stages.ts";

/** A place in the history of stages: the last row and the newest time that were looked at. */
export interface StagePlace {
  seq: number;
  at: string;
}

/** A deal that changed its stage. */
export interface StageChange {
  seq: number;
  dealId: string;
  deal: string;
  companyId: string;
  company: string;
  contact: string | null;
  owner: string | null;
  fromStage: Stage | null;
  toStage: Stage;
  amountCents: number;
  changedAt: string;
  changedBy: string;
}

/** A task that became overdue. */
export interface OverdueTask {
  seq: number;
  id: string;
  title: string;
  dueOn: string;
  owner: string | null;
  companyId: string | null;
  company: string | null;
  dealId: string | null;
}

/** A place among tasks by their day: the last one that was looked at. */
export interface DuePlace {
  dueOn: string;
  seq: number;
}

/** Rows, and the place after everything that was looked at. */
export interface Happenings<Row, Place> {
  rows: Row[];
  place: Place;
}

// SQLite gives the numbers of deleted last rows again, and then a row with a small number is a new one: it is known
// by its time.
const REUSED_ROWS = 200;

const NEWEST = `
  SELECT ifnull(max(seq), 0) AS seq, ifnull(max(changed_at), '') AS at FROM deal_stage_history
   WHERE seq > (SELECT ifnull(max(seq), 0) FROM deal_stage_history) - ${REUSED_ROWS}`;

const STAGES_AFTER = `
  SELECT h.seq, h.deal_id AS dealId, d.name AS deal, d.company_id AS companyId, c.name AS company,
         p.first_name || ' ' || p.last_name AS contact, o.name AS owner, h.from_stage AS fromStage,
         h.to_stage AS toStage, d.amount_cents AS amountCents, h.changed_at AS changedAt,
         h.changed_by_name AS changedBy
    FROM deal_stage_history h JOIN deals d ON d.id = h.deal_id JOIN companies c ON c.id = d.company_id
         LEFT JOIN contacts p ON p.id = d.contact_id LEFT JOIN owners o ON o.id = d.owner_id
   WHERE h.seq > min(?1, (SELECT ifnull(max(seq), 0) FROM deal_stage_history)) - ${REUSED_ROWS}
     AND (h.seq > ?1 OR h.changed_at > ?2)
     AND (?3 IS NULL OR h.to_stage = ?3) AND (?4 IS NULL OR o.email = ?4)
   ORDER BY h.seq LIMIT ?5`;

const OVERDUE = `
  SELECT t.seq, t.id, t.title, t.due_on AS dueOn, o.name AS owner, t.company_id AS companyId, c.name AS company,
         t.deal_id AS dealId
    FROM tasks t LEFT JOIN owners o ON o.id = t.owner_id LEFT JOIN companies c ON c.id = t.company_id
   WHERE t.done_at IS NULL AND (t.due_on, t.seq) > (?1, ?2) AND t.due_on < ?3
     AND (?4 IS NULL OR o.email = ?4)
   ORDER BY t.due_on, t.seq LIMIT ?5`;

/** What subscribers are told of: reads the history that the CRM keeps anyway. */
export class HappeningStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** The place of now in the history of stages. */
  async newestStage(): Promise<StagePlace> {
    return (await this.#db.prepare(NEWEST).first<StagePlace>()) ?? { seq: 0, at: "" };
  }

  /**
   * Changes of stages after a place, oldest first.
   *
   * @param filter - the new stage, and the e-mail address of the owner; `null` for all
   */
  async stageChanges(
    after: StagePlace,
    filter: { stage: Stage | null; owner: string | null },
    limit: number,
  ): Promise<Happenings<StageChange, StagePlace>> {
    // One transaction: the newest place is not ahead of the rows.
    const [newest, found] = await this.#db.batch([
      this.#db.prepare(NEWEST),
      this.#db.prepare(STAGES_AFTER).bind(after.seq, after.at, filter.stage, filter.owner, limit),
    ]);
    const rows = (found?.results ?? []) as unknown as StageChange[];
    const [top] = (newest?.results ?? []) as unknown as StagePlace[];
    const last = rows.length === limit ? rows.at(-1) : undefined;
    if (last === undefined) return { rows, place: top ?? after };
    return {
      rows,
      place: { seq: last.seq, at: rows.reduce((at, row) => later(at, row.changedAt), after.at) },
    };
  }

  /** Tasks that became overdue after a place, until a day. */
  async overdueTasks(
    after: DuePlace,
    filter: { before: string; owner: string | null },
    limit: number,
  ): Promise<OverdueTask[]> {
    const { results } = await this.#db
      .prepare(OVERDUE)
      .bind(after.dueOn, after.seq, filter.before, filter.owner, limit)
      .all<OverdueTask>();
    return results;
  }
}

function later(one: string, other: string): string {
  return other > one ? other : one;
}
