import type { JsonValue } from "../../../shared/encoding/json.ts";
import type { Change } from "../store/change.ts";
import type { Stamp } from "../store/stamp.ts";

/** A change to many rows that somebody has been shown, and how far it is. */
export interface Plan {
  id: string;
  /** Name of the tool that made it. */
  tool: string;
  /** Digest of what was asked for. */
  arguments: string;
  /** Digest of what the preview shows. */
  shown: string;
  preview: Readonly<Record<string, JsonValue>>;
  /** How many pieces there are, and how many are done: one slice of the change each. */
  parts: number;
  done: number;
  /** Rows that were written, and rows that were left as they are. */
  changed: number;
  skipped: number;
  changeId: string;
  /** Nothing more is done. */
  stopped: boolean;
}

/** What a plan begins with. */
export type NewPlan = Pick<Plan, "id" | "tool" | "arguments" | "preview" | "changeId">;

type Row = {
  id: string;
  tool: string;
  arguments: string;
  shown: string;
  preview: string;
  parts: number;
  done: number;
  changed: number;
  skipped: number;
  change_id: string;
  stopped_at: string | null;
};

/** Minutes for which a preview can be agreed to. */
const KEPT_MINUTES = 60;
/** Days for which what became of it is known: longer than an idempotency key, which may point at it. */
const KEPT_DAYS = 8;
const PURGED_AT_ONCE = 20;
const PROBLEMS_A_PART = 1_000;

/** All SQL about plans. Everything is about one person's: nobody meets another's. */
export class PlanStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** Keeps a new plan, without parts. Also forgets a few plans that are older. */
  async create(plan: NewPlan, stamp: Stamp): Promise<void> {
    await this.#db.batch(this.#create(plan, stamp));
  }

  /** Keeps a whole plan: what each slice does, and what cannot be done. */
  async createWhole(
    plan: NewPlan & { shown: string },
    parts: readonly JsonValue[],
    problems: readonly JsonValue[],
    stamp: Stamp,
  ): Promise<void> {
    const pieces = Array.from({ length: Math.ceil(problems.length / PROBLEMS_A_PART) }, (_, index) =>
      problems.slice(index * PROBLEMS_A_PART, (index + 1) * PROBLEMS_A_PART),
    );
    await this.#db.batch([
      ...this.#create(plan, stamp),
      this.#db
        .prepare("UPDATE plans SET parts = ?, shown = ? WHERE id = ?")
        .bind(parts.length, plan.shown, plan.id),
      ...parts.map((content, part) => this.#addPart(plan.id, "work", part, content)),
      ...pieces.map((content, part) => this.#addPart(plan.id, "problems", part, [...content])),
    ]);
  }

  /**
   * Adds what one slice does, if anything, and says how far choosing is. Does nothing when the plan is not any more as
   * it was read: then the same was done before.
   */
  async extend(
    plan: Plan,
    content: JsonValue[],
    next: { preview: Plan["preview"]; shown: string },
  ): Promise<void> {
    const before = [plan.id, plan.parts, JSON.stringify(plan.preview)] as const;
    const asRead = "id = ? AND parts = ? AND preview = ?";
    await this.#db.batch([
      ...(content.length === 0
        ? []
        : [
            this.#db
              .prepare(
                `INSERT INTO plan_parts (plan_id, kind, part, content)
                 SELECT id, 'work', parts, ? FROM plans WHERE ${asRead}`,
              )
              .bind(JSON.stringify(content), ...before),
          ]),
      this.#db
        .prepare(`UPDATE plans SET parts = parts + ?, preview = ?, shown = ? WHERE ${asRead}`)
        .bind(content.length === 0 ? 0 : 1, JSON.stringify(next.preview), next.shown, ...before),
    ]);
  }

  /** A plan of this person. One that was not begun within the hour is over. */
  async read(id: string, stamp: Stamp): Promise<Plan | null> {
    return toPlan(
      await this.#db
        .prepare("SELECT * FROM plans WHERE id = ? AND user_id = ? AND (done > 0 OR made_at >= ?)")
        .bind(id, stamp.userId, oldest(stamp, KEPT_MINUTES))
        .first<Row>(),
    );
  }

  /** The plan of this person that a change belongs to. */
  async findByChange(changeId: string, stamp: Stamp): Promise<Plan | null> {
    return toPlan(
      await this.#db
        .prepare("SELECT * FROM plans WHERE change_id = ? AND user_id = ?")
        .bind(changeId, stamp.userId)
        .first<Row>(),
    );
  }

  /** What one slice does. */
  async readPart<Content>(id: string, part: number): Promise<Content> {
    const text = await this.#db
      .prepare("SELECT content FROM plan_parts WHERE plan_id = ? AND kind = 'work' AND part = ?")
      .bind(id, part)
      .first<string>("content");
    if (text === null) throw new Error(`Part ${part} of a plan is missing.`);
    return JSON.parse(text) as Content;
  }

  /** What could not be done from the start. */
  async listProblems<Problem>(id: string): Promise<Problem[]> {
    return await this.#list<Problem>(
      "SELECT content AS list FROM plan_parts WHERE plan_id = ? AND kind = 'problems' ORDER BY part",
      id,
    );
  }

  /** What slices left as it is. */
  async listSkipped<Item>(id: string): Promise<Item[]> {
    return await this.#list<Item>(
      "SELECT skipped AS list FROM plan_parts WHERE plan_id = ? AND kind = 'work' AND skipped <> '[]' ORDER BY part",
      id,
    );
  }

  /** Ends a plan: a slice that is still on its way changes nothing. Gives how far it came. */
  async stop(id: string, stamp: Stamp): Promise<Plan | null> {
    await this.#db
      .prepare(
        "UPDATE plans SET stopped_at = ? WHERE id = ? AND user_id = ? AND stopped_at IS NULL AND (done < parts OR parts = 0)",
      )
      .bind(stamp.at, id, stamp.userId)
      .run();
    return await this.read(id, stamp);
  }

  /**
   * Ties a slice of a change to its plan: it is done when it is this plan's turn and never twice, and what it did is
   * counted with it. `skipped` is a JSON array, or left out to name the ids of the part that were not touched.
   */
  tie(change: Change, { id, done, changeId }: Plan, skipped?: string): Change {
    const here = [id, done] as const;
    const touched = "SELECT row_id FROM change_rows WHERE change_id = ? AND slice = ?";
    const left =
      skipped === undefined
        ? this.#db
            .prepare(
              `UPDATE plan_parts SET skipped = (SELECT json_group_array(value ->> 0) FROM json_each(content)
                 WHERE value ->> 0 NOT IN (${touched})) WHERE plan_id = ? AND kind = 'work' AND part = ?`,
            )
            .bind(changeId, done, ...here)
        : this.#db
            .prepare("UPDATE plan_parts SET skipped = ? WHERE plan_id = ? AND kind = 'work' AND part = ?")
            .bind(skipped, ...here);
    const count = this.#db
      .prepare(
        `UPDATE plans SET done = done + 1,
           changed = changed + (SELECT count(*) FROM change_rows WHERE change_id = ? AND slice = ?),
           skipped = skipped + (SELECT json_array_length(skipped) FROM plan_parts
             WHERE plan_id = plans.id AND kind = 'work' AND part = plans.done)
         WHERE id = ?`,
      )
      .bind(changeId, done, id);
    return change
      .requireRow("SELECT 1 FROM plans WHERE id = ? AND done = ? AND stopped_at IS NULL", ...here)
      .finally(left, count);
  }

  #create(plan: NewPlan, stamp: Stamp): D1PreparedStatement[] {
    const old = this.#db
      .prepare(
        `DELETE FROM plans WHERE id IN (SELECT id FROM plans WHERE made_at < ? AND (done = 0 OR made_at < ?)
           ORDER BY made_at LIMIT ${PURGED_AT_ONCE})`,
      )
      .bind(oldest(stamp, KEPT_MINUTES), oldest(stamp, KEPT_DAYS * 1_440));
    const insert = this.#db
      .prepare(
        `INSERT INTO plans (id, user_id, tool, arguments, preview, change_id, made_at)
         VALUES (?, ?, ?, ?, ?, ?, ?)`,
      )
      .bind(
        plan.id,
        stamp.userId,
        plan.tool,
        plan.arguments,
        JSON.stringify(plan.preview),
        plan.changeId,
        stamp.at,
      );
    return [old, insert];
  }

  #addPart(id: string, kind: "work" | "problems", part: number, content: JsonValue): D1PreparedStatement {
    return this.#db
      .prepare("INSERT INTO plan_parts (plan_id, kind, part, content) VALUES (?, ?, ?, ?)")
      .bind(id, kind, part, JSON.stringify(content));
  }

  async #list<Item>(sql: string, id: string): Promise<Item[]> {
    const { results } = await this.#db.prepare(sql).bind(id).all<{ list: string }>();
    return results.flatMap(({ list }) => JSON.parse(list) as Item[]);
  }
}

function toPlan(row: Row | null): Plan | null {
  if (!row) return null;
  const { preview, change_id: changeId, stopped_at: stoppedAt, ...rest } = row;
  return {
    ...{ id: rest.id, tool: rest.tool, arguments: rest.arguments, shown: rest.shown },
    ...{ parts: rest.parts, done: rest.done, changed: rest.changed, skipped: rest.skipped },
    preview: JSON.parse(preview) as Plan["preview"],
    changeId,
    stopped: stoppedAt !== null,
  };
}

function oldest(stamp: Stamp, minutes: number): string {
  return new Date(Date.parse(stamp.at) - minutes * 60_000).toISOString();
}
