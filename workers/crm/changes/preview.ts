import type { PreviewedChange, PreviewedField } from "../../../shared/call/proposal.ts";
import { nameContact } from "../answers.ts";
import { CURRENCY } from "../money.ts";
import type { CompanyRow } from "../store/companies.ts";
import type { ContactRow } from "../store/contacts.ts";
import type { DealRow } from "../store/deals.ts";

const MONEY = new Intl.NumberFormat("en-US", { style: "currency", currency: CURRENCY });

/** Preview of a deal for an approver, with the fields that would change. */
export function previewDeal(deal: DealRow, fields: readonly PreviewedField[]): PreviewedChange {
  return {
    record: { type: "deal", id: deal.id, label: `${deal.name}, ${deal.company_name}` },
    owner: deal.owner_name,
    amount: showAmount(deal.amount_cents),
    fields,
  };
}

/** Preview of a contact for an approver, with the fields that would change. */
export function previewContact(contact: ContactRow, fields: readonly PreviewedField[]): PreviewedChange {
  const at = contact.company_name === null ? "" : `, ${contact.company_name}`;
  return {
    record: {
      ...{ type: "contact", id: contact.id, classification: "pii" },
      label: `${nameContact(contact)}${at}`,
    },
    owner: contact.owner_name,
    fields,
  };
}

/** Preview of a company for an approver, with the fields that would change. */
export function previewCompany(company: CompanyRow, fields: readonly PreviewedField[]): PreviewedChange {
  return {
    record: { type: "company", id: company.id, label: company.name },
    owner: company.owner_name,
    fields,
  };
}

/** Preview of a removal: what becomes of the record, and the number of dependent rows. */
export function previewRemoval(becomes: string, counts: Readonly<Record<string, number>>): PreviewedField[] {
  const hanging = Object.entries(counts).filter(([, count]) => count > 0);
  return [
    { name: "record", from: "on file", to: becomes },
    ...hanging.map(([name, count]) => ({ name, from: String(count), to: "detached or removed" })),
  ];
}

type Value = string | number | null | undefined;

/** The fields that a call names, with their current values; omitted fields are not included. */
export function previewFields(
  given: Readonly<Record<string, Value>>,
  current: Readonly<Record<string, Value>>,
  classification?: PreviewedField["classification"],
): PreviewedField[] {
  const text = (value: Value) => (value === null || value === undefined ? null : String(value));
  return Object.entries(given)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ({
      ...{ name, from: text(current[name]), to: text(value) },
      ...(classification !== undefined && { classification }),
    }));
}

/** An amount for display. */
export function showAmount(cents: number): string {
  return MONEY.format(cents / 100);
}
