import { env } from "cloudflare:workers";
import type { TestSession } from "../support/session.ts";

let count = 0;

/** Adds a company with a contact and a deal in stage `lead`. Returns the deal's id. */
export async function addDeal(session: TestSession, name = `Deal ${count}`): Promise<string> {
  count += 1;
  const company = await session.call("crm_create_company", { name: `Acme ${count} ${crypto.randomUUID()}` });
  const contact = await session.call("crm_create_contact", {
    first_name: "Grace",
    last_name: `Hopper ${count}`,
    company_id: company.data.company.id,
  });
  const { data, error } = await session.call("crm_create_deal", {
    name,
    company_id: company.data.company.id,
    contact_id: contact.data.contact.id,
    amount: 1_200.5,
    expected_close: "2027-03-31",
    idempotency_key: crypto.randomUUID(),
  });
  if (error) throw new Error(error.message);
  return String(data.deal.id);
}

/** Moves a deal to a stage, whatever its version. */
export async function moveDeal(session: TestSession, id: string, stage: string, version = 1): Promise<void> {
  const { error } = await session.call("crm_move_deal", { deal_id: id, stage, version });
  if (error) throw new Error(error.message);
}

/** Stores a deal with its first stage, as an import on this machine does: without a call. Returns its id. */
export async function storeDeal(name?: string): Promise<string> {
  count += 1;
  const [id, now] = [`deal_${crypto.randomUUID().replaceAll("-", "")}`, new Date().toISOString()];
  const [company, contact] = [`cmp_${id}`, `con_${id}`];
  const by = [now, "user_seed", "Seed", now, "user_seed", "Seed"];
  const made = "created_at, created_by, created_by_name, updated_at, updated_by, updated_by_name";
  const { CRM_DB: db } = env;
  await db.batch([
    db
      .prepare(`INSERT INTO companies (id, name, ${made}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`)
      .bind(company, `Acme ${count}`, ...by),
    db
      .prepare(
        `INSERT INTO contacts (id, company_id, first_name, last_name, ${made}) VALUES (?, ?, 'Grace', ?, ?, ?, ?, ?, ?, ?)`,
      )
      .bind(contact, company, `Hopper ${count}`, ...by),
    db
      .prepare(
        `INSERT INTO deals (id, name, company_id, contact_id, stage, amount_cents, expected_close_on, stage_since,
           last_activity_at, ${made}) VALUES (?, ?, ?, ?, 'lead', 120050, '2027-03-31', ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .bind(id, name ?? `Deal ${count}`, company, contact, now, now, ...by),
    db
      .prepare(
        `INSERT INTO deal_stage_history (deal_id, to_stage, changed_at, changed_by, changed_by_name)
         VALUES (?, 'lead', ?, 'user_seed', 'Seed')`,
      )
      .bind(id, now),
  ]);
  return id;
}
