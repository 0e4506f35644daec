import { ToolError } from "../../shared/call/tool-error.ts";
import { requireCompany, requireContact, requireDeal } from "./refusals.ts";
import type { CrmStore } from "./store.ts";

/** The company, contact and deal of an activity or a task. */
export interface RecordOwner {
  company: { id: string; name: string } | null;
  contactId: string | null;
  ownerId: string | null;
}

/**
 * Resolves the records of an activity. They must belong to the same company; otherwise the histories of two
 * customers would mix. Throws `invalid_input` for a deal and a person of different companies.
 */
export async function resolveRecord(
  store: CrmStore,
  given: { contact_id?: string | undefined; company_id?: string | undefined; deal_id?: string | undefined },
): Promise<RecordOwner> {
  if (given.contact_id === undefined && given.company_id === undefined && given.deal_id === undefined) {
    throw new ToolError("invalid_input", "Name a contact_id, a company_id or a deal_id.");
  }
  const [contact, company, deal] = await Promise.all([
    given.contact_id === undefined ? null : requireContact(store, given.contact_id),
    given.company_id === undefined ? null : requireCompany(store, given.company_id),
    given.deal_id === undefined ? null : requireDeal(store, given.deal_id),
  ]);
  const companies = new Map<string, string>();
  if (company) companies.set(company.id, company.name);
  if (deal) companies.set(deal.company_id, deal.company_name);
  if (contact?.company_id) companies.set(contact.company_id, contact.company_name ?? "");
  if (companies.size > 1) {
    throw new ToolError("invalid_input", "The contact, company and deal do not belong to the same company.");
  }
  const [only] = companies;
  return {
    company: only ? { id: only[0], name: only[1] } : null,
    contactId: contact?.id ?? deal?.contact_id ?? null,
    ownerId: deal?.owner_id ?? contact?.owner_id ?? company?.owner_id ?? null,
  };
}
