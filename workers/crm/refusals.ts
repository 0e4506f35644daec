import { z } from "zod";
import { ToolError } from "../../shared/call/tool-error.ts";
import type { JsonValue } from "../../shared/encoding/json.ts";
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

/** Error for an unknown id, with the tool that lists valid ones. */
export function refuseUnknown(what: "company" | "contact" | "deal" | "task", id: string): ToolError {
  const finder = {
    company: "crm_find_companies",
    contact: "crm_find_contacts",
    deal: "crm_list_deals",
    task: "crm_list_tasks",
  }[what];
  return new ToolError("not_found", `No ${what} has the id ${id}.`, {
    suggestedAction: `Look it up with ${finder}.`,
  });
}

/** Error for an e-mail address of another contact. */
export function refuseDuplicate(existingId: string): ToolError {
  return new ToolError("conflict", `Contact ${existingId} already has this e-mail address.`, {
    suggestedAction: "Use the existing contact, and change it with crm_update_contact if needed.",
  });
}

/** Error for an outdated version, with the stored and the submitted values. */
export function refuseStale(
  what: string,
  current: { version: number; updated_by_name: string },
  given: number,
  quoted: { shape: z.ZodObject; current: Record<string, JsonValue>; yours: Record<string, JsonValue> },
): ToolError {
  const { shape } = quoted;
  return new ToolError(
    "conflict",
    `${what} is at version ${current.version}, last changed by ${current.updated_by_name}; you gave version ${given}.`,
    {
      current: {
        schema: z.object({ current: shape.partial(), yours: shape.partial() }),
        values: { current: quoted.current, yours: quoted.yours },
      },
      suggestedAction: `If your change still holds, repeat it with version ${current.version}.`,
    },
  );
}

/** Throws for a change that names no field. */
export function requireChange(changes: object): void {
  if (Object.keys(changes).length > 0) return;
  throw new ToolError("invalid_input", "Name at least one field to change.");
}

/** The defined fields. */
export function keepGiven<Fields extends object>(
  fields: { [Key in keyof Fields]?: Fields[Key] | undefined },
) {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as Partial<Fields>;
}

/** The current values of the fields that the caller wanted to change; other fields stay hidden. */
export function pickCurrent(current: object, changes: object): Record<string, JsonValue> {
  const stored = current as Record<string, JsonValue>;
  return Object.fromEntries(Object.keys(changes).map((name) => [name, stored[name] ?? null]));
}

/**
 * The row that a write created. Throws `not_found` when an earlier call created it and it has been deleted
 * since.
 */
export function requireMade<Row>(row: Row | null, what: string): Row {
  if (row) return row;
  throw new ToolError("not_found", `The ${what} that this idempotency_key made has been deleted since.`, {
    suggestedAction: "Use a new idempotency_key to make it again.",
  });
}
