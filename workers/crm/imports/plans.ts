import type { JsonValue } from "../../../shared/encoding/json.ts";
import type { Change } from "../store/change.ts";
import type { Stamp } from "../store/stamp.ts";

/** A previewed change to many rows, with its progress. */
export interface Plan {
  id: string;
  /** Name of the tool that created it. */
  tool: string;
  /** Digest of the call's arguments. */
  arguments: string;
  /** Digest of the preview. */
  shown: string;
  preview: Readonly<Record<string, JsonValue>>;
  /** Number of parts, and of finished parts: one slice of the change each. */
  parts: number;
  done: number;
  /** Number of rows written, and of rows skipped. */
  changed: number;
  skipped: number;
  changeId: string;
  /** True when the plan was stopped. */
  stopped: boolean;
}

/** Initial fields of a plan. */
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

/** Minutes until a preview that was not confirmed expires. */
const KEPT_MINUTES = 60;
/** Days until a plan's result expires: longer than an idempotency key, which may refer to it. */
const KEPT_DAYS = 8;
const PURGED_AT_ONCE = 20;
const PROBLEMS_A_PART = 1_000;

/** All SQL about plans. Users only reach their own. */
export class PlanStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** Stores a new plan, without parts. Also deletes a few expired plans. */
  async create(plan: NewPlan, stamp: Stamp): Promise<void> {
    await this.#db.batch(this.#create(plan, stamp));
  }

  /** Stores a whole plan: the content of each slice, and the rows that cannot be written. */
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
   * Adds the content of one slice, if any, and the progress of the selection. Does nothing when the plan has
   * changed since it was read: then another call added it before.
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

  /** A plan of this user. Expired if it was not started within the hour. */
  async read(id: string, stamp: Stamp): Promise<Plan | null> {
    return toPlan(
      await this.#db
        .prepare("SELECT * FROM plans WHERE id = ? AND user_id = ? AND (done > 0 OR made_at >= ?)")
        .bind(id, stamp.userId, oldest(stamp, KEPT_MINUTES))
        .first<Row>(),
    );
  }

  /** The plan of this user that belongs to a change. */
  async findByChange(changeId: string, stamp: Stamp): Promise<Plan | null> {
    return toPlan(
      await this.#db
        .prepare("SELECT * FROM plans WHERE change_id = ? AND user_id = ?")
        .bind(changeId, stamp.userId)
        .first<Row>(),
    );
  }

  /** The content of one slice. */
  async readPart<Content>(id: string, part: number): Promise<Content> {
    const text = await this.#db
      .prepare("SELECT content FROM plan_parts WHERE plan_id = ? AND kind = 'work' AND part = ?")
      .bind(id, part)
      .first<string>("content");
    if (text === null) throw new Error(`Part ${part} of a plan is missing.`);
    return JSON.parse(text) as Content;
  }

  /** Rows that were invalid from the start. */
  async listProblems<Problem>(id: string): Promise<Problem[]> {
    return await this.#list<Problem>(
      "SELECT content AS list FROM plan_parts WHERE plan_id = ? AND kind = 'problems' ORDER BY part",
      id,
    );
  }

  /** Rows that slices skipped. */
  async listSkipped<Item>(id: string): Promise<Item[]> {
    return await this.#list<Item>(
      "SELECT skipped AS list FROM plan_parts WHERE plan_id = ? AND kind = 'work' AND skipped <> '[]' ORDER BY part",
      id,
    );
  }

  /** Stops a plan: a slice still in progress changes nothing. Returns the plan's progress. */
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
   * Binds a slice of a change to its plan: the slice runs only as the plan's next one, never twice, and its
   * results are counted in the same batch. `skipped` is a JSON array; if undefined, the ids of the part that
   * were not changed.
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
