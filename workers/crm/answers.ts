import { z } from "zod";
import { countDaysSince, toDay } from "./days.ts";
import { fromCents } from "./money.ts";
import { STAGES } from "./stages.ts";
import type { CompanyRow } from "./store/companies.ts";
import type { ContactRow } from "./store/contacts.ts";
import type { DealRow } from "./store/deals.ts";
import type { TaskRow } from "./store/tasks.ts";

/** The shapes in which the CRM answers, and how rows become them. Unknown values are `null`, never left out. */

const pii = (kind: z.ZodType<string>) => kind.meta({ classification: "pii" });

/** A company or a person, just enough to name it and to go on with its id. */
export const referenceShape = z.object({ id: z.string(), name: z.string() });

/** A contact in answers. */
export const contactShape = z.object({
  id: z.string(),
  name: pii(z.string()),
  title: z.string().nullable(),
  email: pii(z.string()).nullable(),
  phone: pii(z.string()).nullable(),
  company: referenceShape.nullable(),
  owner: z.string().nullable(),
  last_activity: z.string().nullable(),
  version: z.number().int(),
});

/** A company in answers. */
export const companyShape = z.object({
  id: z.string(),
  name: z.string(),
  domain: z.string().nullable(),
  industry: z.string().nullable(),
  region: z.string().nullable(),
  city: z.string().nullable(),
  country: z.string().nullable(),
  employees: z.number().int().nullable(),
  phone: pii(z.string()).nullable(),
  owner: z.string().nullable(),
  last_activity: z.string().nullable(),
});

/** A deal in answers; `amount` in currency units. */
export const dealShape = z.object({
  id: z.string(),
  name: z.string(),
  company: referenceShape,
  stage: z.enum(STAGES),
  amount: z.number(),
  owner: z.string().nullable(),
  expected_close: z.string(),
  days_in_stage: z.number().int(),
  days_untouched: z.number().int(),
  version: z.number().int(),
});

/** A task in answers. */
export const taskShape = z.object({
  id: z.string(),
  title: z.string(),
  due: z.string(),
  overdue: z.boolean(),
  owner: z.string().nullable(),
  company: referenceShape.nullable(),
  deal_id: z.string().nullable(),
});

/** A row of contacts as an answer. */
export function presentContact(row: ContactRow): z.input<typeof contactShape> {
  return {
    id: row.id,
    name: nameContact(row),
    title: row.title,
    email: row.email,
    phone: row.phone,
    company: reference(row.company_id, row.company_name),
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
  };
}

/** A row of deals as an answer, with its ages at `now`. */
export function presentDeal(row: DealRow, now: Date): z.input<typeof dealShape> {
  return {
    id: row.id,
    name: row.name,
    company: { id: row.company_id, name: row.company_name },
    stage: row.stage,
    amount: fromCents(row.amount_cents),
    owner: row.owner_name,
    expected_close: row.expected_close_on,
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
    company: reference(row.company_id, row.company_name),
    deal_id: row.deal_id,
  };
}

/** A person's full name. */
export function nameContact(row: Pick<ContactRow, "first_name" | "last_name">): string {
  return `${row.first_name} ${row.last_name}`.trim();
}

function reference(id: string | null, name: string | null): z.input<typeof referenceShape> | null {
  return id === null || name === null ? null : { id, name };
}
