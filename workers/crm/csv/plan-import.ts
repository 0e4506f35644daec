import type { PrincipalIdentity } from "../../../shared/call/principal.ts";
import { resembles } from "../duplicates.ts";
import type { FieldValues } from "../store/versioned.ts";
import type { CrmStore } from "../store.ts";
import type { Problem } from "./check-rows.ts";
import type { ImportKind, ImportRow } from "./columns.ts";
import { findOwners, NO_OWNER } from "./find-owners.ts";

/** A row that is on file already. */
export interface KnownRow {
  row: number;
  id: string;
  /** By what it was recognised. */
  same: "email" | "phone" | "name" | "domain" | "id";
}

/** What an import would do. */
export interface ImportPlan {
  create: { row: number; values: FieldValues }[];
  /** Only what was recognised for sure: by e-mail address, web domain, or a deal's id or name. */
  update: (KnownRow & { version: number; values: FieldValues })[];
  skip: KnownRow[];
  problems: Problem[];
}

/** Who imports, and what happens to rows that are on file. */
export interface ImportContext {
  store: CrmStore;
  principal: PrincipalIdentity;
  updates: boolean;
  /** The change that imports the file: what it has made so far is not on file. */
  ignore: string;
  /** Owners that were looked up before, by what names them; grows along. `null` for a text that names none. */
  owners: Map<string, { id: string | null } | null>;
}

/** A checked row of a file. */
export interface Row<Kind extends ImportKind> {
  row: number;
  values: ImportRow<Kind>;
}

export const NO_COMPANY =
  "No company has this name, domain or id: import or create it first, or leave the cell empty.";
export const MANY_COMPANIES = "Several companies are called that: give the id or the web domain.";

/** Compares checked contacts with those on file and with each other. */
export async function planContacts(
  context: ImportContext,
  rows: readonly Row<"contact">[],
): Promise<ImportPlan> {
  const { store } = context;
  const plan: ImportPlan = { create: [], update: [], skip: [], problems: [] };
  const owners = await findOwners(
    context,
    rows.map(({ values }) => values.owner),
  );
  const companies = await store.imports.findNamedCompanies(
    distinct(rows.map(({ values }) => values.company)),
    context.ignore,
  );
  const own = (await store.owners.findByEmail(context.principal.email))?.id ?? null;
  const people = rows.flatMap(({ row, values }) => {
    const [company, ...others] = values.company === undefined ? [] : (companies.get(values.company) ?? []);
    const owner = values.owner === undefined ? { id: null } : owners.get(values.owner);
    if (values.company !== undefined && !company) {
      plan.problems.push({
        row,
        column: "company",
        problem: NO_COMPANY,
      });
    } else if (others.length > 0) {
      plan.problems.push({
        row,
        column: "company",
        problem: MANY_COMPANIES,
      });
    } else if (!owner) {
      plan.problems.push({
        row,
        column: "owner",
        problem: NO_OWNER,
      });
    } else {
      const fields = {
        first_name: values.first_name,
        last_name: values.last_name,
        title: values.title ?? null,
        email: values.email?.toLowerCase() ?? null,
        phone: values.phone ?? null,
        company_id: company?.id ?? null,
      };
      return [{ row, fields, owner: owner.id, fallback: own ?? company?.owner_id ?? null }];
    }
    return [];
  });
  const twins = await store.imports.findTwins(
    people.map(({ fields }) => fields),
    context.ignore,
  );
  const seen = new Map<string, number>();
  for (const [index, { row, fields, owner, fallback }] of people.entries()) {
    const found = twins[index] ?? [];
    const twin = found.find(
      ({ key, first, last }) =>
        key === "email" ||
        resembles({
          one_first: fields.first_name,
          one_last: fields.last_name,
          other_first: first,
          other_last: last,
        }),
    );
    const self =
      fields.email ??
      `${fields.first_name} ${fields.last_name} ${fields.company_id ?? fields.phone ?? row}`.toLowerCase();
    const earlier = seen.get(self);
    if (earlier !== undefined) {
      plan.problems.push({
        row,
        column: fields.email ? "email" : null,
        problem: `The same person stands in row ${earlier}.`,
      });
      continue;
    }
    seen.set(self, row);
    if (!twin) {
      plan.create.push({ row, values: { ...fields, owner_id: owner ?? fallback } });
    } else if (context.updates && twin.key === "email") {
      const given = keepFilled({ ...fields, owner_id: owner, email: null });
      plan.update.push({ row, id: twin.id, same: "email", version: twin.version, values: given });
    } else {
      plan.skip.push({ row, id: twin.id, same: twin.key });
    }
  }
  return plan;
}

/** Compares checked companies with those on file and with each other. */
export async function planCompanies(
  context: ImportContext,
  rows: readonly Row<"company">[],
): Promise<ImportPlan> {
  const { store } = context;
  const plan: ImportPlan = { create: [], update: [], skip: [], problems: [] };
  const owners = await findOwners(
    context,
    rows.map(({ values }) => values.owner),
  );
  const own = (await store.owners.findByEmail(context.principal.email))?.id ?? null;
  const byDomain = await store.imports.findDomains(
    distinct(rows.map(({ values }) => values.domain)),
    context.ignore,
  );
  const byName = await store.imports.findNamedCompanies(
    distinct(rows.map(({ values }) => values.name)),
    context.ignore,
  );
  const seen = new Map<string, number>();
  for (const { row, values } of rows) {
    const { owner: ownerName, ...given } = values;
    const owner = ownerName === undefined ? { id: null } : owners.get(ownerName);
    if (!owner) {
      plan.problems.push({
        row,
        column: "owner",
        problem: NO_OWNER,
      });
      continue;
    }
    const self = given.domain ?? `name ${given.name.toLowerCase()}`;
    const earlier = seen.get(self);
    if (earlier !== undefined) {
      plan.problems.push({
        row,
        column: given.domain ? "domain" : "name",
        problem: `The same company stands in row ${earlier}.`,
      });
      continue;
    }
    seen.set(self, row);
    const same = given.domain === undefined ? undefined : byDomain.get(given.domain);
    const [named] = byName.get(given.name) ?? [];
    const filled = Object.fromEntries(Object.entries(given).map(([name, value]) => [name, value ?? null]));
    if (same && context.updates) {
      const changes = keepFilled({ ...filled, owner_id: owner.id, domain: null });
      plan.update.push({ row, id: same.id, same: "domain", version: same.version, values: changes });
    } else if (same) plan.skip.push({ row, id: same.id, same: "domain" });
    // Two companies may have one name, but then their domains tell them apart.
    else if (named && given.domain === undefined) plan.skip.push({ row, id: named.id, same: "name" });
    else plan.create.push({ row, values: { ...filled, owner_id: owner.id ?? own } });
  }
  return plan;
}

/** Fields that say something. Empty cells say nothing: what is on file stays. */
export function keepFilled(values: FieldValues): FieldValues {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== null && value !== undefined),
  );
}

/** Each text once. */
export function distinct(texts: readonly (string | undefined)[]): string[] {
  return [...new Set(texts.filter((text) => text !== undefined))];
}
