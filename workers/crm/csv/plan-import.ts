import type { PrincipalIdentity } from "../../../shared/auth/principal.ts";
import { ToolError } from "../../../shared/mcp/errors.ts";
import { resembles } from "../duplicates.ts";
import { resolveOwner } from "../resolve.ts";
import type { FieldValues } from "../store/versioned.ts";
import type { CrmStore } from "../store.ts";
import type { Problem } from "./check-rows.ts";
import type { ImportKind, ImportRow } from "./columns.ts";

/** A row that is on file already. */
export interface KnownRow {
  row: number;
  id: string;
  /** By what it was recognised. */
  same: "email" | "phone" | "name" | "domain";
}

/** What an import would do. */
export interface ImportPlan {
  create: { row: number; values: FieldValues }[];
  /** Only what was recognised for sure: by e-mail address or web domain. */
  update: (KnownRow & { version: number; values: FieldValues })[];
  skip: KnownRow[];
  problems: Problem[];
}

/** Who imports, and what happens to rows that are on file. */
export interface ImportContext {
  store: CrmStore;
  principal: PrincipalIdentity;
  updates: boolean;
}

interface Row<Kind extends ImportKind> {
  row: number;
  values: ImportRow<Kind>;
}

const MOST_OWNERS = 100;

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
  );
  const own = (await store.owners.findByEmail(context.principal.email))?.id ?? null;
  const people = rows.flatMap(({ row, values }) => {
    const [company, ...others] = values.company === undefined ? [] : (companies.get(values.company) ?? []);
    const owner = values.owner === undefined ? { id: null } : owners.get(values.owner);
    if (values.company !== undefined && !company) {
      plan.problems.push({
        row,
        column: "company",
        problem:
          "No company has this name, domain or id: import or create it first, or leave the cell empty.",
      });
    } else if (others.length > 0) {
      plan.problems.push({
        row,
        column: "company",
        problem: "Several companies are called that: give the id or the web domain.",
      });
    } else if (!owner) {
      plan.problems.push({
        row,
        column: "owner",
        problem: "This is not exactly one owner: give an e-mail address.",
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
  const twins = await store.imports.findTwins(people.map(({ fields }) => fields));
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
  const byDomain = await store.imports.findDomains(distinct(rows.map(({ values }) => values.domain)));
  const byName = await store.imports.findNamedCompanies(distinct(rows.map(({ values }) => values.name)));
  const seen = new Map<string, number>();
  for (const { row, values } of rows) {
    const { owner: ownerName, ...given } = values;
    const owner = ownerName === undefined ? { id: null } : owners.get(ownerName);
    if (!owner) {
      plan.problems.push({
        row,
        column: "owner",
        problem: "This is not exactly one owner: give an e-mail address.",
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

/** Empty cells say nothing: what is on file stays. */
function keepFilled(values: FieldValues): FieldValues {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== null && value !== undefined),
  );
}

function distinct(texts: readonly (string | undefined)[]): string[] {
  return [...new Set(texts.filter((text) => text !== undefined))];
}

/** The owner that each text means; texts that mean none, or several, are left out. */
async function findOwners(
  { store, principal }: ImportContext,
  texts: readonly (string | undefined)[],
): Promise<Map<string, { id: string | null }>> {
  const names = distinct(texts);
  if (names.length > MOST_OWNERS) {
    throw new ToolError("invalid_input", `The file names over ${MOST_OWNERS} owners. Split it by owner.`);
  }
  const found = await Promise.all(
    names.map(async (name): Promise<[string, { id: string | null }][]> => {
      try {
        return [[name, { id: (await resolveOwner(store, principal, name))?.id ?? null }]];
      } catch (failure) {
        if (failure instanceof ToolError) return [];
        throw failure;
      }
    }),
  );
  return new Map(found.flat());
}
