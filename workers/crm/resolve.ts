import type { PrincipalIdentity } from "../../shared/call/principal.ts";
import { ToolError } from "../../shared/call/tool-error.ts";
import { foldText } from "../../shared/text/fold-text.ts";
import { nameContact } from "./answers.ts";
import { isId } from "./identifiers.ts";
import type { SearchPage } from "./search/search.ts";
import { MATCH_KINDS } from "./search/search-fields.ts";
import type { CompanyRow } from "./store/companies.ts";
import type { ContactRow } from "./store/contacts.ts";
import type { OwnerRow } from "./store/owners.ts";
import type { CrmStore } from "./store.ts";

const MAX_CANDIDATES = 6;

/** A resolved customer: a company, or one of its people. */
export type Customer =
  | { kind: "company"; company: CompanyRow }
  | { kind: "contact"; contact: ContactRow; company: CompanyRow | null };

/**
 * Finds the owner that "me", a name, an e-mail or an id refers to; `undefined` for "any" or nothing. Throws
 * `not_found` or, when a name matches several, `invalid_input`.
 */
export async function resolveOwner(
  store: CrmStore,
  principal: PrincipalIdentity,
  text: string | undefined,
): Promise<OwnerRow | undefined> {
  if (text === undefined || text.toLowerCase() === "any") return undefined;
  if (text.toLowerCase() === "me") {
    const owner = await store.owners.findByEmail(principal.email);
    if (owner) return owner;
    throw new ToolError("not_found", "You own nothing in the CRM: no owner has your e-mail address.", {
      suggestedAction: 'Name an owner, or use "any".',
    });
  }
  const found = await store.owners.find(text);
  const exact = found.filter((owner) => foldText(owner.name) === foldText(text));
  const [owner, ...others] = exact.length > 0 ? exact : found;
  if (!owner) {
    throw new ToolError("not_found", `No owner is called "${text}".`, {
      suggestedAction:
        'Use the beginning of a name, an e-mail address, "me" or "any"; crm_get_pipeline names the owners.',
    });
  }
  if (others.length > 0) {
    const names = found.map(({ name, email }) => `${name} <${email}>`).join(", ");
    throw new ToolError("invalid_input", `"${text}" fits several owners: ${names}.`, {
      suggestedAction: "Name one of them by e-mail address.",
    });
  }
  return owner;
}

/** Throws for a region without deals: an empty result for "EMEA" must not look like no deals in Europe. */
export async function requireRegion(store: CrmStore, region: string): Promise<void> {
  const known = await store.deals.listRegions();
  // SQLite compares ASCII letters in any case, and all others as they are.
  const lower = (name: string) => name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  if (known.length === 0 || known.some((name) => lower(name) === lower(region))) return;
  const meant = known.find((name) => foldText(name) === foldText(region));
  throw new ToolError("not_found", `No customer is filed under a region called "${region}".`, {
    suggestedAction: meant === undefined ? `Use one of: ${known.join(", ")}; or "any".` : `Use "${meant}".`,
  });
}

/**
 * Finds the customer that an id, an e-mail address or a name refers to. Throws `not_found`, or
 * `invalid_input` with the candidates' ids when a name matches several.
 */
export async function resolveCustomer(store: CrmStore, text: string): Promise<Customer> {
  if (isId("cmp", text)) return describeCompany(await store.companies.get(text), text);
  if (isId("con", text)) return await describeContact(store, await store.contacts.get(text), text);
  if (text.includes("@")) return await describeContact(store, await store.contacts.getByEmail(text), text);
  return await resolveName(store, text);
}

/** An exact name precedes a prefix, and a prefix precedes a similar spelling. */
async function resolveName(store: CrmStore, text: string): Promise<Customer> {
  // The usual case costs one index look-up; a company's card shows its people too.
  const named = await store.companies.listByName(text, MAX_CANDIDATES);
  if (named.length > 0) return await pickOne(store, text, named, []);
  const request = { text, facets: [], limit: MAX_CANDIDATES };
  const [companies, contacts] = await Promise.all([
    store.companies.search(request),
    store.contacts.search(request),
  ]);
  const wanted = foldText(text);
  const exact = contacts.rows.filter((row) => foldText(nameContact(row)) === wanted);
  if (exact.length > 0) return await pickOne(store, text, [], exact);
  const best = Math.min(rankMatch(companies), rankMatch(contacts));
  const firms = rankMatch(companies) === best ? companies.rows : [];
  const people = rankMatch(contacts) === best ? contacts.rows : [];
  // People are also found by their company's name; then the company is the result.
  const others = people.filter((person) => !firms.some((firm) => firm.id === person.company_id));
  return await pickOne(store, text, firms, others);
}

function rankMatch({ rows, match }: SearchPage<unknown>): number {
  return rows.length === 0 ? Number.POSITIVE_INFINITY : MATCH_KINDS.indexOf(match);
}

async function pickOne(
  store: CrmStore,
  text: string,
  companies: readonly CompanyRow[],
  contacts: readonly ContactRow[],
): Promise<Customer> {
  const [company] = companies;
  const [contact] = contacts;
  if (companies.length + contacts.length <= 1) {
    return company ? describeCompany(company, text) : await describeContact(store, contact ?? null, text);
  }
  // Ids and companies only: names of people belong in fields that can be masked.
  const candidates = [
    ...companies.map(({ id, name }) => `${id} (${name})`),
    ...contacts.map((row) => `${row.id} (a person${row.company_name ? ` at ${row.company_name}` : ""})`),
  ];
  throw new ToolError(
    "invalid_input",
    `"${text}" fits several customers: ${candidates.slice(0, MAX_CANDIDATES).join(", ")}.`,
    {
      suggestedAction: "Call again with one of these ids, or look closer with crm_find_contacts.",
    },
  );
}

function describeCompany(company: CompanyRow | null, text: string): Customer {
  if (!company) throw unknownCustomer(text);
  return { kind: "company", company };
}

async function describeContact(store: CrmStore, contact: ContactRow | null, text: string): Promise<Customer> {
  if (!contact) throw unknownCustomer(text);
  const company = contact.company_id === null ? null : await store.companies.get(contact.company_id);
  return { kind: "contact", contact, company };
}

function unknownCustomer(text: string): ToolError {
  return new ToolError("not_found", `No company or contact fits "${text}".`, {
    suggestedAction: "Search with crm_find_companies or crm_find_contacts and use the id it returns.",
  });
}
