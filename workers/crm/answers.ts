import { z } from "zod";
import type { EntityReference } from "../../shared/call/entity-reference.ts";

import { countDaysSince, toDay } from "./days.ts";
import { fromCents } from "./money.ts";
import { STAGES } from "./stages.ts";
import type { CompanyRow } from "./store/companies.ts";
import type { ContactRow } from "./store/contacts.ts";
import type { DealRow } from "./store/deals.ts";
import type { TaskRow } from "./store/tasks.ts";

/**
 * Output schemas of the CRM tools, and conversion of rows to them. Unknown values are `null`, never omitted.
 */

const text = z.string().nullable();
const pii = { classification: "pii" };

/** A contact in answers. */
export const contactShape = z.object({
  id: z.string(),
  name: z.string().meta(pii),
  title: text,
  email: text.meta(pii),
  phone: text.meta(pii),
  company: text,
  company_id: text,
  owner: text,
  last_activity: text,
  version: z.number(),
});

/** A company in answers. */
export const companyShape = z.object({
  id: z.string(),
  name: z.string(),
  domain: text,
  industry: text,
  region: text,
  city: text,
  country: text,
  employees: z.number().nullable(),
  phone: text.meta(pii),
  owner: text,
  last_activity: text,
  version: z.number(),
});

/** A deal in answers; `amount` in currency units. */
export const dealShape = z.object({
  id: z.string(),
  name: z.string(),
  company: z.string(),
  company_id: z.string(),
  stage: z.enum(STAGES),
  amount: z.number(),
  owner: text,
  expected_close: z.string(),
  closed: text,
  days_in_stage: z.number(),
  days_untouched: z.number(),
  version: z.number(),
});

/** A task in answers. */
export const taskShape = z.object({
  id: z.string(),
  title: z.string(),
  due: z.string(),
  overdue: z.boolean(),
  owner: text,
  company: text,
  company_id: text,
  deal_id: text,
});

/** A row of contacts as an answer. */
export function presentContact(row: ContactRow): z.input<typeof contactShape> {
  return {
    id: row.id,
    name: nameContact(row),
    title: row.title,
    email: row.email,
    phone: row.phone,
    company: row.company_name,
    company_id: row.company_id,
    owner: row.owner_name,
    last_activity: row.last_activity_at && toDay(row.last_activity_at),
    version: row.version,
  };
}

/** A row of companies as an answer. */
export function presentCompany(row: CompanyRow): z.input<typeof companyShape> {
  return {
    id: row.id,
    name: row.name,
    domain: row.domain,
    industry: row.industry,
    region: row.region,
    city: row.city,
    country: row.country,
    employees: row.employees,
    phone: row.phone,
    owner: row.owner_name,
    last_activity: row.last_activity_at && toDay(row.last_activity_at),
    version: row.version,
  };
}

/** A row of deals as an answer, with its ages at `now`. */
export function presentDeal(row: DealRow, now: Date): z.input<typeof dealShape> {
  return {
    id: row.id,
    name: row.name,
    company: row.company_name,
    company_id: row.company_id,
    stage: row.stage,
    amount: fromCents(row.amount_cents),
    owner: row.owner_name,
    expected_close: row.expected_close_on,
    closed: row.closed_at && toDay(row.closed_at),
    days_in_stage: countDaysSince(row.stage_since, now),
    days_untouched: countDaysSince(row.last_activity_at, now),
    version: row.version,
  };
}

/** A row of tasks as an answer. */
export function presentTask(row: TaskRow, now: Date): z.input<typeof taskShape> {
  return {
    id: row.id,
    title: row.title,
    due: row.due_on,
    overdue: row.due_on < toDay(now),
    owner: row.owner_name,
    company: row.company_name,
    company_id: row.company_id,
    deal_id: row.deal_id,
  };
}

/** Fields of a contact that a write can change, as an error lists them. */
export const contactFieldsShape = z.object({
  first_name: z.string().meta(pii),
  last_name: z.string().meta(pii),
  email: text.meta(pii),
  phone: text.meta(pii),
  title: text,
  company_id: text,
  owner_id: text,
});

/** Fields of a company that a write can change, as an error lists them. */
export const companyFieldsShape = companyShape
  .omit({ id: true, owner: true, last_activity: true, version: true })
  .extend({ owner_id: text });

/** Fields of a deal that a write can change, as an error lists them. */
export const dealFieldsShape = z.object({
  name: z.string(),
  company_id: z.string(),
  contact_id: text,
  owner_id: text,
  amount_cents: z.number(),
  expected_close_on: z.string(),
});

/** Reference to a contact in the session's context. */
export function referToContact(row: Pick<ContactRow, "id" | "first_name" | "last_name">): EntityReference {
  return { type: "contact", id: row.id, label: nameContact(row), classification: "pii" };
}

/** A person's full name. */
export function nameContact(row: Pick<ContactRow, "first_name" | "last_name">): string {
  return `${row.first_name} ${row.last_name}`.trim();
}
