import type { PrincipalIdentity } from "../../../shared/call/principal.ts";
import { foldText } from "../../../shared/text/fold-text.ts";
import { resembles } from "../duplicates.ts";
import { isId } from "../identifiers.ts";
import type { FieldValues } from "../store/versioned.ts";
import type { CrmStore } from "../store.ts";
import type { Problem } from "./check-rows.ts";
import type { ImportKind, ImportRow } from "./columns.ts";
import { distinct } from "./distinct.ts";
import { findOwners, NO_OWNER } from "./find-owners.ts";

/** A row that matches a stored record. */
export interface KnownRow {
  row: number;
  id: string;
  /** The key that matched. */
  same: "email" | "phone" | "name" | "domain" | "id";
}

/** Planned writes of an import. */
export interface ImportPlan {
  create: { row: number; values: FieldValues }[];
  /** Records with a reliable match: by id, e-mail address, web domain, or a deal's name. */
  update: (KnownRow & { version: number; values: FieldValues })[];
  skip: KnownRow[];
  problems: Problem[];
}

/** The importing user, and the treatment of rows with a stored record. */
export interface ImportContext {
  store: CrmStore;
  principal: PrincipalIdentity;
  updates: boolean;
  /** Id of the change that imports the file: records that it created do not count as stored. */
  ignore: string;
  /** Cache of owners by text; `null` for a text without a match. */
  owners: Map<string, { id: string | null } | null>;
}

/** A valid row of a file. */
export interface Row<Kind extends ImportKind> {
  row: number;
  values: ImportRow<Kind>;
}

export const NO_COMPANY =
  "No company has this name, domain or id: import or create it first, or leave the cell empty.";
export const MANY_COMPANIES = "Several companies are called that: give the id or the web domain.";

const OTHERS_ADDRESS =
  "The id means one contact and the e-mail address another: correct the one or the other, or merge the two.";
const OTHERS_DOMAIN = "The id means one company and the web domain another: correct the one or the other.";

/** The ids of a file that have our format; ids of other systems have no meaning here. */
function idsOf(kind: "con" | "cmp", rows: readonly Row<"contact" | "company">[]): string[] {
  return distinct(rows.map(({ values }) => values.id)).filter((id) => isId(kind, id));
}

/** Compares valid contacts with stored ones and with each other. */
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
  const ids = await store.imports.findVersions("contacts", idsOf("con", rows), context.ignore);
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
        email: values.email ?? null,
        phone: values.phone ?? null,
        company_id: company?.id ?? null,
      };
      const oneCell = values.name !== undefined;
      const id = values.id !== undefined && ids.has(values.id) ? values.id : undefined;
      const country = company?.country ?? null;
      return [
        { row, id, fields, oneCell, country, owner: owner.id, fallback: own ?? company?.owner_id ?? null },
      ];
    }
    return [];
  });
  const twins = await store.imports.findTwins(
    people.map(({ fields, country }) => ({ ...fields, country })),
    context.ignore,
  );
  const seen = new Map<string, number>();
  for (const [index, { row, id, fields, oneCell, owner, fallback }] of people.entries()) {
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
      id ??
      fields.email ??
      foldText(`${fields.first_name} ${fields.last_name} ${fields.company_id ?? fields.phone ?? row}`);
    const earlier = seen.get(self);
    if (earlier !== undefined) {
      plan.problems.push({
        row,
        column: id !== undefined ? "id" : fields.email ? "email" : null,
        problem: `The same person stands in row ${earlier}.`,
      });
      continue;
    }
    seen.set(self, row);
    const other = found.find(({ key }) => key === "email");
    if (id !== undefined && !context.updates) plan.skip.push({ row, id, same: "id" });
    else if (id !== undefined && other && other.id !== id) {
      plan.problems.push({ row, column: "email", problem: OTHERS_ADDRESS });
    } else if (!twin && id === undefined) {
      plan.create.push({ row, values: { ...fields, owner_id: owner ?? fallback } });
    } else if (context.updates && (id !== undefined || twin?.key === "email")) {
      // A single name in a full-name cell says less than the stored name.
      const named = fields.first_name === "" ? { first_name: null, ...(oneCell && { last_name: null }) } : {};
      const address = id === undefined ? null : fields.email;
      const given = keepFilled({ ...fields, ...named, email: address, owner_id: owner });
      const known = id !== undefined ? { id, version: ids.get(id) } : twin;
      const same = id !== undefined ? ("id" as const) : ("email" as const);
      plan.update.push({ row, id: known?.id ?? "", same, version: known?.version ?? 0, values: given });
    } else if (twin) {
      plan.skip.push({ row, id: twin.id, same: twin.key });
    }
  }
  return plan;
}

/** Compares valid companies with stored ones and with each other. */
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
  const ids = await store.imports.findVersions("companies", idsOf("cmp", rows), context.ignore);
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
    const { owner: ownerName, id: givenId, ...given } = values;
    const id = givenId !== undefined && ids.has(givenId) ? givenId : undefined;
    const owner = ownerName === undefined ? { id: null } : owners.get(ownerName);
    if (!owner) {
      plan.problems.push({
        row,
        column: "owner",
        problem: NO_OWNER,
      });
      continue;
    }
    const self = id ?? given.domain ?? `name ${foldText(given.name)}`;
    const earlier = seen.get(self);
    if (earlier !== undefined) {
      plan.problems.push({
        row,
        column: id !== undefined ? "id" : given.domain ? "domain" : "name",
        problem: `The same company stands in row ${earlier}.`,
      });
      continue;
    }
    seen.set(self, row);
    const same = given.domain === undefined ? undefined : byDomain.get(given.domain);
    const [named] = byName.get(given.name) ?? [];
    const filled = Object.fromEntries(Object.entries(given).map(([name, value]) => [name, value ?? null]));
    if (id !== undefined && !context.updates) plan.skip.push({ row, id, same: "id" });
    else if (id !== undefined && same && same.id !== id) {
      plan.problems.push({ row, column: "domain", problem: OTHERS_DOMAIN });
    } else if (id !== undefined) {
      const values = keepFilled({ ...filled, owner_id: owner.id });
      plan.update.push({ row, id, same: "id", version: ids.get(id) ?? 0, values });
    } else if (same && context.updates) {
      const changes = keepFilled({ ...filled, owner_id: owner.id, domain: null });
      plan.update.push({ row, id: same.id, same: "domain", version: same.version, values: changes });
    } else if (same) plan.skip.push({ row, id: same.id, same: "domain" });
    // Two companies may have the same name, but then different domains.
    else if (named && given.domain === undefined) plan.skip.push({ row, id: named.id, same: "name" });
    else plan.create.push({ row, values: { ...filled, owner_id: owner.id ?? own } });
  }
  return plan;
}

/** Fields with a value. Empty cells keep the stored value. */
export function keepFilled(values: FieldValues): FieldValues {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== null && value !== undefined),
  );
}
