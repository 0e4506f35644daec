import { type IdempotentWrite, recordWrite } from "./idempotency.ts";
import type { Stamp } from "./stamp.ts";
import { addTask, type NewTask } from "./tasks.ts";
import { writeOnce } from "./versioned.ts";

/** Kinds of logged activities. */
export const ACTIVITY_KINDS = ["call", "meeting", "email", "note"] as const;

/** An activity with a customer. */
export interface ActivityRow {
  id: string;
  kind: (typeof ACTIVITY_KINDS)[number];
  subject: string;
  occurred_at: string;
  company_id: string | null;
  contact_id: string | null;
  deal_id: string | null;
  created_by_name: string;
}

/** An activity with its text and its position in the history. */
export type ActivityEntry = ActivityRow & { seq: number; body: string | null };

/** The position of an activity: its time and, within it, its `seq`. */
export interface ActivityPosition {
  at: string;
  seq: number;
}

/** An activity to log; at least one of the three ids is set. */
export type NewActivity = Omit<ActivityRow, "created_by_name"> & { body: string | null };

/** All SQL about activities. */
export class ActivityStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** One activity, or `null`. */
  async get(id: string): Promise<ActivityRow | null> {
    return await this.#db
      .prepare(
        `SELECT id, kind, subject, occurred_at, company_id, contact_id, deal_id, created_by_name
         FROM activities WHERE id = ?`,
      )
      .bind(id)
      .first<ActivityRow>();
  }

  /** One page of a customer's activities, newest first, with their text. */
  async list(
    { column, id }: { column: "company_id" | "contact_id" | "deal_id"; id: string },
    limit: number,
    after: ActivityPosition | undefined,
  ): Promise<{ rows: ActivityEntry[]; next: ActivityPosition | undefined }> {
    const { results } = await this.#db
      .prepare(
        `SELECT seq, id, kind, subject, body, occurred_at, company_id, contact_id, deal_id, created_by_name
         FROM activities WHERE ${column} = ? AND (occurred_at, seq) < (?, ?)
         ORDER BY occurred_at DESC, seq DESC LIMIT ?`,
      )
      .bind(id, after?.at ?? "~", after?.seq ?? Number.MAX_SAFE_INTEGER, limit + 1)
      .all<ActivityEntry>();
    const last = results.length > limit ? results[limit - 1] : undefined;
    return { rows: results.slice(0, limit), next: last && { at: last.occurred_at, seq: last.seq } };
  }

  /** The id of the follow-up task created with an activity, if any. */
  async getFollowUp(activityId: string): Promise<string | null> {
    return await this.#db
      .prepare("SELECT id FROM tasks WHERE id = ?")
      .bind(nameFollowUp(activityId))
      .first<string>("id");
  }

  /**
   * Logs an activity, advances "last activity" of its contact, company and deal, and adds the follow-up, all
   * or nothing. Returns the activity's id; for a repeated write, the id of the first call.
   */
  async log(
    activity: NewActivity,
    followUp: Pick<NewTask, "title" | "due_on" | "owner_id"> | undefined,
    stamp: Stamp,
    write: IdempotentWrite | undefined,
  ): Promise<{ id: string; replayed: boolean }> {
    const statements = [
      ...(write ? recordWrite(this.#db, write, activity.id, stamp) : []),
      this.#insert(activity, stamp),
      this.#touch("companies", activity.company_id, activity.occurred_at),
      this.#touch("contacts", activity.contact_id, activity.occurred_at),
      this.#touch("deals", activity.deal_id, activity.occurred_at),
      ...(followUp
        ? [addTask(this.#db, { ...followUp, ...linksOf(activity), id: nameFollowUp(activity.id) }, stamp)]
        : []),
    ];
    return await writeOnce(this.#db, write, activity.id, statements);
  }

  #insert(activity: NewActivity, stamp: Stamp): D1PreparedStatement {
    return this.#db
      .prepare(
        `INSERT INTO activities (id, kind, subject, body, occurred_at, company_id, contact_id, deal_id,
           created_at, created_by, created_by_name) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .bind(
        activity.id,
        activity.kind,
        activity.subject,
        activity.body,
        activity.occurred_at,
        activity.company_id,
        activity.contact_id,
        activity.deal_id,
        stamp.at,
        stamp.userId,
        stamp.name,
      );
  }

  /** Advances the last activity; an activity that is logged late must not move it back. */
  #touch(table: "companies" | "contacts" | "deals", id: string | null, at: string): D1PreparedStatement {
    return this.#db
      .prepare(`UPDATE ${table} SET last_activity_at = max(coalesce(last_activity_at, ''), ?) WHERE id = ?`)
      .bind(at, id);
  }
}

/** A follow-up shares its activity's random part, so that a repeated write finds it again. */
function nameFollowUp(activityId: string): string {
  return activityId.replace(/^act_/, "task_");
}

function linksOf({ company_id, contact_id, deal_id }: NewActivity) {
  return { company_id, contact_id, deal_id };
}
