import type { EntityReference } from "../../shared/call/entity-reference.ts";
import { nameContact } from "./answers.ts";
import { isId } from "./identifiers.ts";
import type { CrmStore } from "./store.ts";

const MOST = 10;

/**
 * Display names of the records that a call's arguments refer to by id: a deal, and a person with their
 * company.
 */
export async function nameSubjects(
  input: Readonly<Record<string, unknown>>,
  { store }: { store: CrmStore },
): Promise<EntityReference[]> {
  const texts = [...new Set(listTexts(input))];
  const pick = (kind: "con" | "cmp" | "deal") => texts.filter((text) => isId(kind, text)).slice(0, MOST);
  const [contacts, companies, deals] = await Promise.all([
    store.contacts.getMany(pick("con")),
    store.companies.getMany(pick("cmp")),
    store.deals.getMany(pick("deal")),
  ]);
  const at = (company: string | null) => (company === null ? "" : `, ${company}`);
  return [
    ...deals.map(({ id, name, company_name }) => ({ type: "deal", id, label: `${name}${at(company_name)}` })),
    ...companies.map(({ id, name }) => ({ type: "company", id, label: name })),
    ...contacts.map((row) => ({
      ...{ type: "contact", id: row.id, classification: "pii" as const },
      label: `${nameContact(row)}${at(row.company_name)}`,
    })),
  ];
}

/** All texts inside a value; arguments are JSON of limited depth. */
function listTexts(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(listTexts) : [];
}
