import { z } from "zod";
import { ToolError } from "../../../shared/call/tool-error.ts";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import { companyShape, presentCompany } from "../answers.ts";
import { companyFields, idempotencyField, lineField, ownerField } from "../fields.ts";
import { makeId } from "../identifiers.ts";
import { requireMade } from "../refusals.ts";
import { resolveOwner } from "../resolve.ts";
import { describeWrite } from "../store/idempotency.ts";
import { stampCall } from "../store/stamp.ts";
import type { CrmStore } from "../store.ts";

/** Adds a company. */
export const createCompany = defineTool({
  name: "crm_create_company",
  title: "Create a company",
  effect: "create",
  scope: "crm:write",
  description:
    "Adds a company. A web domain that is on file is refused, naming the company that has it; look with crm_find_companies first.",
  input: z.object({
    name: lineField(200).describe("Company name"),
    ...companyFields,
    owner: ownerField.optional().describe("Default: you, if you own customers"),
    idempotency_key: idempotencyField.optional(),
  }),
  output: z.object({ company: companyShape, replayed: z.boolean() }),
  async check(input, { store, principal }: Pick<ToolContext<CrmStore>, "store" | "principal">) {
    const { domain, owner, idempotency_key: key } = input;
    await resolveOwner(store, principal, owner);
    // A repeated call finds its own company there, which is no duplicate.
    const holder = !domain || key !== undefined ? null : await store.companies.findByDomain(domain);
    if (holder) throw refuseTaken(holder, domain ?? "");
  },
  async run(input, { store, principal, context, now }: ToolContext<CrmStore>) {
    const { idempotency_key: key, owner: ownerName, ...given } = input;
    const write =
      key === undefined
        ? undefined
        : describeWrite(principal.userId, key, "crm_create_company", { ...given, owner: ownerName });
    // A repeated call finds its own company, which is no duplicate.
    const known = write && (await store.recallWrite(write));
    const holder = known || !given.domain ? null : await store.companies.findByDomain(given.domain);
    if (holder) throw refuseTaken(holder, given.domain ?? "");
    const owner =
      ownerName === undefined
        ? await store.owners.findByEmail(principal.email)
        : await resolveOwner(store, principal, ownerName);
    const made = await store.companies.create(
      makeId("cmp"),
      {
        name: given.name,
        domain: given.domain ?? null,
        industry: given.industry ?? null,
        region: given.region ?? null,
        city: given.city ?? null,
        country: given.country ?? null,
        employees: given.employees ?? null,
        phone: given.phone ?? null,
        owner_id: owner?.id ?? null,
      },
      stampCall(principal, now),
      write,
    );
    const company = requireMade(await store.companies.get(made.id), "company");
    context.remember({ type: "company", id: company.id, label: company.name });
    return { company: presentCompany(company), replayed: made.replayed };
  },
});

function refuseTaken(holder: string, domain: string): ToolError {
  return new ToolError("conflict", `Company ${holder} already has the web domain ${domain}.`, {
    suggestedAction: "Use that company, and change it with crm_update_company if needed.",
  });
}
