import { env } from "cloudflare:workers";

/** Inserts CRM rows for tests, with defaults for unnamed fields. */

const AT = "2026-01-05T09:00:00.000Z";

async function insert(table: string, row: Record<string, string | number | null>): Promise<void> {
  const columns = Object.keys(row);
  await env.CRM_DB.prepare(
    `INSERT INTO ${table} (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`,
  )
    .bind(...Object.values(row))
    .run();
}

const STAMP = {
  created_at: AT,
  created_by: "user_setup",
  created_by_name: "Setup",
  updated_at: AT,
  updated_by: "user_setup",
  updated_by_name: "Setup",
};

/** Adds an owner; the e-mail address decides who "me" is. */
export async function addOwner(id: string, name: string, email: string): Promise<void> {
  await insert("owners", { id, name, email });
}

/** Adds a company. */
export async function addCompany(
  id: string,
  name: string,
  more: Record<string, string | number | null> = {},
) {
  await insert("companies", { id, name, ...STAMP, ...more });
}

/** Adds a contact. */
export async function addContact(
  id: string,
  name: string,
  more: Record<string, string | number | null> = {},
) {
  const [first = "", ...rest] = name.split(" ");
  await insert("contacts", { id, first_name: first, last_name: rest.join(" "), ...STAMP, ...more });
}

/** Adds an open deal of 1,000 in the stage "lead". */
export async function addDeal(
  id: string,
  companyId: string,
  more: Record<string, string | number | null> = {},
) {
  await insert("deals", {
    id,
    company_id: companyId,
    name: `Deal ${id}`,
    stage: "lead",
    amount_cents: 100_000,
    expected_close_on: "2027-01-31",
    stage_since: AT,
    last_activity_at: AT,
    ...STAMP,
    ...more,
  });
}

/** Adds an open task. */
export async function addTask(id: string, due: string, more: Record<string, string | number | null> = {}) {
  const stamp = { created_at: AT, created_by: "user_setup", created_by_name: "Setup" };
  await insert("tasks", { id, title: `Task ${id}`, due_on: due, ...stamp, ...more });
}

/** Number of rows of a table, optionally with a condition after its name. */
export function countRows(from: string, ...values: string[]): Promise<number | null> {
  return env.CRM_DB.prepare(`SELECT count(*) AS n FROM ${from}`)
    .bind(...values)
    .first<number>("n");
}

/** The ISO time `days` ago, by the real clock, which the tools also use. */
export function daysAgo(days: number): string {
  return new Date(Date.now() - days * 86_400_000).toISOString();
}

/** The day some days ahead (in the past, if negative). */
export function dayAhead(days: number): string {
  return daysAgo(-days).slice(0, 10);
}
