import { z } from "zod";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import { companyFieldsShape, companyShape, presentCompany } from "../answers.ts";
import { previewCompany, previewFields } from "../changes/preview.ts";
import { companyFields, idField, lineField, ownerField, versionField } from "../fields.ts";
import { nameSubjects } from "../name-subjects.ts";
import { keepGiven, pickCurrent, refuseStale, requireChange, requireCompany } from "../refusals.ts";
import { resolveOwner } from "../resolve.ts";
import type { CompanyFields } from "../store/companies.ts";
import { stampCall } from "../store/stamp.ts";
import type { CrmStore } from "../store.ts";

const { domain, industry, region, city, country, employees, phone } = companyFields;

/** Changes a company's fields without overwriting other users' changes. */
export const updateCompany = defineTool({
  name: "crm_update_company",
  title: "Update a company",
  effect: "update",
  scope: "crm:write",
  description: "Changes the given fields of a company; null empties a field. Needs the version you read.",
  input: z.object({
    company_id: idField("cmp"),
    version: versionField,
    name: lineField(200).optional().describe("Company name"),
    domain: domain.unwrap().nullable().optional().describe("Web domain"),
    industry: industry.unwrap().nullable().optional().describe("Industry"),
    region: region.unwrap().nullable().optional().describe("Region"),
    city: city.unwrap().nullable().optional().describe("City"),
    country: country.unwrap().nullable().optional().describe("Country"),
    employees: employees.unwrap().nullable().optional().describe("Number of employees"),
    phone: phone.unwrap().nullable().optional().describe("Telephone number"),
    owner: ownerField.optional(),
  }),
  output: z.object({ company: companyShape }),
  nameSubjects,
  async check({ company_id: id, version, ...given }, { store }: Pick<ToolContext<CrmStore>, "store">) {
    const company = await requireCompany(store, id);
    requireChange(keepGiven(given));
    if (company.version === version) return;
    const quoted = { shape: companyFieldsShape, current: {}, yours: {} };
    throw refuseStale(`Company ${id}`, company, version, quoted);
  },
  async preview(
    { company_id: id, version: _version, ...given },
    { store }: Pick<ToolContext<CrmStore>, "store">,
  ) {
    const company = await requireCompany(store, id);
    const { name, domain, industry, region, city, country, employees, phone } = company;
    const current = { name, domain, industry, region, city, country, employees, phone };
    return [previewCompany(company, previewFields(given, { ...current, owner: company.owner_name }))];
  },
  async run(input, { store, principal, context, now }: ToolContext<CrmStore>) {
    const { company_id: id, version, owner: ownerName, ...fields } = input;
    const owner = await resolveOwner(store, principal, ownerName);
    const changes = keepGiven<CompanyFields>({ ...fields, owner_id: owner?.id });
    requireChange(changes);
    const written = await store.companies.update(id, version, changes, stampCall(principal, now));
    const company = await requireCompany(store, id);
    if (!written) {
      throw refuseStale(`Company ${id}`, company, version, {
        shape: companyFieldsShape,
        current: pickCurrent(company, changes),
        yours: changes,
      });
    }
    context.remember({ type: "company", id: company.id, label: company.name });
    return { company: presentCompany(company) };
  },
});
