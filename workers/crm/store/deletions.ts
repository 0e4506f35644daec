import type { Change } from "./change.ts";

/** Rows that are deleted with a record or detached from it; counts stop at 1,000. */
export interface Dependents {
  contacts: number;
  deals: number;
  activities: number;
  tasks: number;
}

/** The kinds of records that can be deleted, by the column that refers to them. */
export type DeletableColumn = "company_id" | "contact_id" | "deal_id";

const MAX_COUNTED = 1_000;

/** Counts the dependents of a record. */
export async function countDependents(
  db: D1Database,
  column: DeletableColumn,
  id: string,
): Promise<Dependents> {
  const count = (table: string) =>
    `(SELECT count(*) FROM (SELECT 1 FROM ${table} WHERE ${column} = ?1 LIMIT ${MAX_COUNTED})) AS ${table}`;
  const contacts = column === "company_id" ? count("contacts") : "0 AS contacts";
  const deals = column === "deal_id" ? "0 AS deals" : count("deals");
  const row = await db
    .prepare(`SELECT ${contacts}, ${deals}, ${count("activities")}, ${count("tasks")}`)
    .bind(id)
    .first<Dependents>();
  return row ?? { contacts: 0, deals: 0, activities: 0, tasks: 0 };
}

/** Deletes a person; deals, and activities that involve others, stay without them. */
export function deleteContact(change: Change, id: string): Change {
  const alone = "contact_id = ? AND company_id IS NULL AND deal_id IS NULL";
  return change
    .keep("contacts", "id = ?", id)
    .keep("deals", "contact_id = ?", id)
    .keep("activities", "contact_id = ?", id)
    .keep("tasks", "contact_id = ?", id)
    .step("UPDATE deals SET contact_id = NULL WHERE contact_id = ?", id)
    .step(`DELETE FROM activities WHERE ${alone}`, id)
    .step("UPDATE activities SET contact_id = NULL WHERE contact_id = ?", id)
    .step(`DELETE FROM tasks WHERE ${alone}`, id)
    .step("UPDATE tasks SET contact_id = NULL WHERE contact_id = ?", id)
    .step("DELETE FROM contacts WHERE id = ?", id);
}

/** Deletes a deal with its history and tasks; its activities stay with its company. */
export function deleteDeal(change: Change, id: string): Change {
  return change
    .keep("deals", "id = ?", id)
    .keep("deal_stage_history", "deal_id = ?", id)
    .keep("activities", "deal_id = ?", id)
    .keep("tasks", "deal_id = ?", id)
    .step("DELETE FROM deal_stage_history WHERE deal_id = ?", id)
    .step(
      `UPDATE activities SET company_id = coalesce(company_id, (SELECT company_id FROM deals WHERE id = ?1)),
         deal_id = NULL WHERE deal_id = ?1`,
      id,
    )
    .step("DELETE FROM tasks WHERE deal_id = ?", id)
    .step("DELETE FROM deals WHERE id = ?", id);
}

/** Deletes a company without people and deals, with its activities and tasks. */
export function deleteCompany(change: Change, id: string): Change {
  return change
    .keep("companies", "id = ?", id)
    .keep("activities", "company_id = ?", id)
    .keep("tasks", "company_id = ?", id)
    .step("DELETE FROM activities WHERE company_id = ?", id)
    .step("DELETE FROM tasks WHERE company_id = ?", id)
    .step("DELETE FROM companies WHERE id = ?", id);
}
