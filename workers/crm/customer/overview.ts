import type { ActivityRow } from "../store/activities.ts";
import { dealColumns } from "../store/deal-filter.ts";
import type { DealRow } from "../store/deals.ts";
import type { TaskRow } from "../store/tasks.ts";

/** A person in a customer's overview. */
export interface PersonRow {
  id: string;
  first_name: string;
  last_name: string;
  title: string | null;
  email: string | null;
  phone: string | null;
}

/** Data about one customer: the first few of each kind, and their number. */
export interface Overview {
  people: PersonRow[];
  peopleTotal: number;
  deals: DealRow[];
  dealsTotal: number;
  dealsCents: number;
  lateDeals: number;
  activities: ActivityRow[];
  tasks: TaskRow[];
  tasksTotal: number;
  overdueTasks: number;
}

/** Subject of an overview: a company, or a person without a company. */
export type OverviewSubject = { column: "company_id" | "contact_id"; id: string };

const SHOWN = 5;
const MAX_COUNTED = 1_000;

/**
 * Reads an overview in one round trip. Counts stop at 1,000, so that the cost does not grow with the
 * company's rows. `today` is a day, `YYYY-MM-DD`.
 */
export async function readOverview(
  db: D1Database,
  { column, id }: OverviewSubject,
  today: string,
): Promise<Overview> {
  const person = column === "company_id" ? "company_id" : "id";
  const [people, peopleCount, deals, dealSums, activities, tasks, taskSums] = await db.batch([
    db
      .prepare(
        `SELECT id, first_name, last_name, title, email, phone FROM contacts
         WHERE ${person} = ? ORDER BY last_activity_at DESC LIMIT ?`,
      )
      .bind(id, SHOWN),
    db
      .prepare(`SELECT count(*) AS total FROM (SELECT 1 FROM contacts WHERE ${person} = ? LIMIT ?)`)
      .bind(id, MAX_COUNTED),
    db
      .prepare(
        `SELECT ${dealColumns} FROM deals d JOIN companies c ON c.id = d.company_id
         LEFT JOIN owners o ON o.id = d.owner_id
         WHERE d.${column} = ? AND d.closed_at IS NULL ORDER BY d.amount_cents DESC, d.seq DESC LIMIT ?`,
      )
      .bind(id, SHOWN),
    db
      .prepare(
        `SELECT count(*) AS total, coalesce(sum(amount_cents), 0) AS cents,
           coalesce(sum(expected_close_on < ?), 0) AS late
         FROM (SELECT amount_cents, expected_close_on FROM deals
               WHERE ${column} = ? AND closed_at IS NULL LIMIT ?)`,
      )
      .bind(today, id, MAX_COUNTED),
    db
      .prepare(
        `SELECT id, kind, subject, occurred_at, company_id, contact_id, deal_id, created_by_name
         FROM activities WHERE ${column} = ? ORDER BY occurred_at DESC LIMIT 3`,
      )
      .bind(id),
    db
      .prepare(
        `SELECT t.seq, t.id, t.title, t.due_on, o.name AS owner_name, t.company_id, NULL AS company_name,
           t.contact_id, t.deal_id, t.done_at
         FROM tasks t LEFT JOIN owners o ON o.id = t.owner_id
         WHERE t.${column} = ? AND t.done_at IS NULL ORDER BY t.due_on, t.seq LIMIT ?`,
      )
      .bind(id, SHOWN),
    db
      .prepare(
        `SELECT count(*) AS total, coalesce(sum(due_on < ?), 0) AS overdue
         FROM (SELECT due_on FROM tasks WHERE ${column} = ? AND done_at IS NULL LIMIT ?)`,
      )
      .bind(today, id, MAX_COUNTED),
  ]);
  const dealSum = (dealSums?.results[0] ?? { total: 0, cents: 0, late: 0 }) as {
    total: number;
    cents: number;
    late: number;
  };
  const taskSum = (taskSums?.results[0] ?? { total: 0, overdue: 0 }) as { total: number; overdue: number };
  return {
    people: (people?.results ?? []) as PersonRow[],
    peopleTotal: ((peopleCount?.results[0] ?? { total: 0 }) as { total: number }).total,
    deals: (deals?.results ?? []) as DealRow[],
    dealsTotal: dealSum.total,
    dealsCents: dealSum.cents,
    lateDeals: dealSum.late,
    activities: (activities?.results ?? []) as ActivityRow[],
    tasks: (tasks?.results ?? []) as TaskRow[],
    tasksTotal: taskSum.total,
    overdueTasks: taskSum.overdue,
  };
}
