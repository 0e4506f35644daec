import { z } from "zod";
import {
  companyShape,
  contactShape,
  dealShape,
  nameContact,
  presentCompany,
  presentContact,
  presentDeal,
} from "../answers.ts";
import { countDaysSince, toDay } from "../days.ts";
import { assessHealth } from "../health.ts";
import { CURRENCY, fromCents } from "../money.ts";
import type { Customer } from "../resolve.ts";
import { ACTIVITY_KINDS } from "../store/activities.ts";
import type { ContactRow } from "../store/contacts.ts";
import type { CrmStore } from "../store.ts";

/** Summary of a customer, in one concise answer. */
export const customerShape = z.object({
  company: companyShape.nullable(),
  contact: contactShape
    .omit({ company: true, company_id: true })
    .nullable()
    .describe("Set when a person was asked for"),
  health: z.object({
    status: z.enum(["good", "watch", "at_risk", "dormant"]),
    reasons: z.array(z.string()),
  }),
  people: z.array(contactShape.pick({ id: true, name: true, title: true, email: true, phone: true })),
  people_total: z.number(),
  open_deals: z.array(dealShape.omit({ company: true, company_id: true })),
  open_deals_total: z.number(),
  open_amount: z.number(),
  currency: z.string(),
  recent_activities: z.array(
    z.object({
      id: z.string(),
      kind: z.enum(ACTIVITY_KINDS),
      subject: z.string(),
      date: z.string(),
      days_ago: z.number(),
      by: z.string(),
      contact_id: z.string().nullable(),
    }),
  ),
  open_tasks: z.array(
    z.object({
      id: z.string(),
      title: z.string(),
      due: z.string(),
      overdue: z.boolean(),
      owner: z.string().nullable(),
    }),
  ),
  open_tasks_total: z.number(),
});

/** Collects the CRM's data about a customer at `now`: at most five people, deals and tasks each. */
export async function describeCustomer(
  store: CrmStore,
  customer: Customer,
  now: Date,
): Promise<z.input<typeof customerShape>> {
  const today = toDay(now);
  const contact = customer.kind === "contact" ? customer.contact : null;
  const overview = await store.readOverview(
    customer.company
      ? { column: "company_id", id: customer.company.id }
      : { column: "contact_id", id: contact?.id ?? "" },
    today,
  );
  const [last] = overview.activities;
  return {
    company: customer.company && presentCompany(customer.company),
    contact: contact && presentPerson(contact),
    health: assessHealth({
      daysSinceContact: last ? countDaysSince(last.occurred_at, now) : null,
      openDeals: overview.dealsTotal,
      lateDeals: overview.lateDeals,
      overdueTasks: overview.overdueTasks,
    }),
    people: overview.people.map((row) => ({
      id: row.id,
      name: nameContact(row),
      title: row.title,
      email: row.email,
      phone: row.phone,
    })),
    people_total: overview.peopleTotal,
    open_deals: overview.deals.map((row) => {
      const { company: _name, company_id: _id, ...deal } = presentDeal(row, now);
      return deal;
    }),
    open_deals_total: overview.dealsTotal,
    open_amount: fromCents(overview.dealsCents),
    currency: CURRENCY,
    recent_activities: overview.activities.map((row) => ({
      id: row.id,
      kind: row.kind,
      subject: row.subject,
      date: toDay(row.occurred_at),
      days_ago: countDaysSince(row.occurred_at, now),
      by: row.created_by_name,
      contact_id: row.contact_id,
    })),
    open_tasks: overview.tasks.map((row) => ({
      id: row.id,
      title: row.title,
      due: row.due_on,
      overdue: row.due_on < today,
      owner: row.owner_name,
    })),
    open_tasks_total: overview.tasksTotal,
  };
}

/** A contact without its company, which the answer already has. */
function presentPerson(row: ContactRow) {
  const { company: _name, company_id: _id, ...person } = presentContact(row);
  return person;
}
