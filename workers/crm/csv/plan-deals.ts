import { foldText } from "../../../shared/text/fold-text.ts";
import { isId } from "../identifiers.ts";
import { toCents } from "../money.ts";
import { distinct } from "./distinct.ts";
import { findOwners, NO_OWNER } from "./find-owners.ts";
import {
  type ImportContext,
  type ImportPlan,
  keepFilled,
  MANY_COMPANIES,
  NO_COMPANY,
  type Row,
} from "./plan-import.ts";

const NO_CONTACT =
  "No contact has this e-mail address or id: import or create it first, or leave the cell empty.";
const FOREIGN_CONTACT =
  "This contact works for another company: name one of this company, or leave the cell empty.";
const MANY_DEALS = "Several deals of this company are called that: give the id, as an export has it.";

/**
 * Compares valid deals with stored ones and with each other. A deal is identified by its id, or by its
 * company and name. A file never changes a stage: each move has its rules.
 */
export async function planDeals(context: ImportContext, rows: readonly Row<"deal">[]): Promise<ImportPlan> {
  const { store } = context;
  const plan: ImportPlan = { create: [], update: [], skip: [], problems: [] };
  const [owners, companies, contacts, me] = await Promise.all([
    findOwners(
      context,
      rows.map(({ values }) => values.owner),
    ),
    store.imports.findNamedCompanies(distinct(rows.map(({ values }) => values.company))),
    store.imports.findNamedContacts(distinct(rows.map(({ values }) => values.contact))),
    store.owners.findByEmail(context.principal.email),
  ]);
  const refuse = (row: number, column: string, problem: string) => {
    plan.problems.push({ row, column, problem });
    return [];
  };
  const deals = rows.flatMap(({ row, values }) => {
    const [company, ...others] = companies.get(values.company) ?? [];
    if (!company) return refuse(row, "company", NO_COMPANY);
    if (others.length > 0) return refuse(row, "company", MANY_COMPANIES);
    const contact = values.contact === undefined ? null : contacts.get(values.contact);
    if (contact === undefined) return refuse(row, "contact", NO_CONTACT);
    if (contact && contact.company_id !== null && contact.company_id !== company.id) {
      return refuse(row, "contact", FOREIGN_CONTACT);
    }
    const owner = values.owner === undefined ? { id: null } : owners.get(values.owner);
    if (!owner) return refuse(row, "owner", NO_OWNER);
    const fields = {
      name: values.name,
      company_id: company.id,
      contact_id: contact?.id ?? null,
      amount_cents: toCents(values.amount),
      expected_close_on: values.expected_close,
    };
    const id = values.id !== undefined && isId("deal", values.id) ? values.id : null;
    return [{ row, id, fields, stage: values.stage, owner: owner.id, fallback: me?.id ?? company.owner_id }];
  });
  const found = await store.imports.findDeals(
    deals.map(({ id, fields }) => ({ id, company_id: fields.company_id, name: fields.name })),
    context.ignore,
  );
  const seen = new Map<string, number>();
  for (const [index, { row, id, fields, stage, owner, fallback }] of deals.entries()) {
    const { byId, byName } = found[index] ?? { byId: null, byName: [] };
    const same = byId ? "id" : "name";
    const [known, ...others] = byId ? [byId] : byName;
    const self =
      known && others.length === 0 ? known.id : `${fields.company_id} ${foldText(fields.name)} ${id ?? ""}`;
    const earlier = seen.get(self);
    if (earlier !== undefined) {
      refuse(row, byId ? "id" : "name", `The same deal stands in row ${earlier}.`);
      continue;
    }
    seen.set(self, row);
    if (!known) {
      const values = { ...fields, stage: stage ?? "lead", owner_id: owner ?? fallback };
      plan.create.push({ row, values });
    } else if (!context.updates) plan.skip.push({ row, id: known.id, same });
    else if (others.length > 0) refuse(row, "name", MANY_DEALS);
    else if (stage !== undefined && stage !== known.stage) {
      const problem = `The deal is in the stage ${known.stage}: move it with crm_move_deal, or leave the cell empty.`;
      refuse(row, "stage", problem);
    } else if (known.company_id !== fields.company_id) {
      refuse(
        row,
        "company",
        "The deal with this id belongs to another company: correct the one or the other.",
      );
    } else {
      const { company_id: _same, ...changes } = fields;
      const values = keepFilled({ ...changes, owner_id: owner });
      plan.update.push({ row, id: known.id, same, version: known.version, values });
    }
  }
  return plan;
}
