import type { PreviewedChange, PreviewedField } from "../../../shared/call/proposal.ts";
import { nameContact } from "../answers.ts";
import { CURRENCY } from "../money.ts";
import type { CompanyRow } from "../store/companies.ts";
import type { ContactRow } from "../store/contacts.ts";
import type { DealRow } from "../store/deals.ts";

const MONEY = new Intl.NumberFormat("en-US", { style: "currency", currency: CURRENCY });

/** What an approver is shown of a deal, with the fields that would change. */
export function previewDeal(deal: DealRow, fields: readonly PreviewedField[]): PreviewedChange {
  return {
    record: { type: "deal", id: deal.id, label: `${deal.name}, ${deal.company_name}` },
    owner: deal.owner_name,
    amount: showAmount(deal.amount_cents),
    fields,
  };
}

/** The same of a person. */
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

/** The same of a company. */
export function previewCompany(company: CompanyRow, fields: readonly PreviewedField[]): PreviewedChange {
  return {
    record: { type: "company", id: company.id, label: company.name },
    owner: company.owner_name,
    fields,
  };
}

/** What becomes of a record that goes, and of how many rows that hang on it. */
export function previewRemoval(becomes: string, counts: Readonly<Record<string, number>>): PreviewedField[] {
  const hanging = Object.entries(counts).filter(([, count]) => count > 0);
  return [
    { name: "record", from: "on file", to: becomes },
    ...hanging.map(([name, count]) => ({ name, from: String(count), to: "detached or removed" })),
  ];
}

type Value = string | number | null | undefined;

/** The fields that a call names, with their values now; what it leaves out stays out. */
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

/** An amount as people read it. */
export function showAmount(cents: number): string {
  return MONEY.format(cents / 100);
}
