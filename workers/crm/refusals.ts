import { type QuotedValues, ToolError } from "../../shared/mcp/errors.ts";
import type { CompanyRow } from "./store/companies.ts";
import type { ContactRow } from "./store/contacts.ts";
import type { DealRow } from "./store/deals.ts";
import type { CrmStore } from "./store.ts";

/** The company with this id. Throws `not_found`. */
export async function requireCompany(store: CrmStore, id: string): Promise<CompanyRow> {
  const company = await store.companies.get(id);
  if (!company) throw refuseUnknown("company", id);
  return company;
}

/** The contact with this id. Throws `not_found`. */
export async function requireContact(store: CrmStore, id: string): Promise<ContactRow> {
  const contact = await store.contacts.get(id);
  if (!contact) throw refuseUnknown("contact", id);
  return contact;
}

/** The deal with this id. Throws `not_found`. */
export async function requireDeal(store: CrmStore, id: string): Promise<DealRow> {
  const deal = await store.deals.get(id);
  if (!deal) throw refuseUnknown("deal", id);
  return deal;
}

/** Refuses an id that nothing has, and says which tool knows the right ones. */
export function refuseUnknown(what: "company" | "contact" | "deal", id: string): ToolError {
  const finder = { company: "crm_find_companies", contact: "crm_find_contacts", deal: "crm_list_deals" }[
    what
  ];
  return new ToolError("not_found", `No ${what} has the id ${id}.`, {
    suggestedAction: `Look it up with ${finder}.`,
  });
}

/** Refuses an e-mail address that another contact has. */
export function refuseDuplicate(existingId: string): ToolError {
  return new ToolError("conflict", `Contact ${existingId} already has this e-mail address.`, {
    suggestedAction: "Use the existing contact, and change it with crm_update_contact if needed.",
  });
}

/** Refuses a change to a version that is no longer current; `values` are the current ones of the fields in question. */
export function refuseStale(
  what: string,
  current: { version: number; updated_by_name: string },
  given: number,
  values: QuotedValues,
): ToolError {
  return new ToolError(
    "conflict",
    `${what} is at version ${current.version}, last changed by ${current.updated_by_name}; you gave version ${given}.`,
    {
      current: values,
      suggestedAction: `If your change still holds, repeat it with version ${current.version}.`,
    },
  );
}
