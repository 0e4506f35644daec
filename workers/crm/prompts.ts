import { z } from "zod";
import { ToolError } from "../../shared/call/tool-error.ts";
import { type CallContext, definePrompt } from "../../shared/server/define.ts";
import { nameContact } from "./answers.ts";
import { lineField } from "./fields.ts";
import { STALE_DAYS, summarizePipeline } from "./pipeline.ts";
import { resolveCustomer, resolveOwner } from "./resolve.ts";
import { describeCompany, toJsonResource } from "./resources.ts";
import type { CrmStore } from "./store.ts";

const COMPLETED = 20;

/** Completes a customer's name: companies, and contacts where the caller may search them. */
async function completeCustomer(value: string, { store }: CallContext<CrmStore>): Promise<string[]> {
  if (value.trim() === "") return (await store.companies.listActive(COMPLETED)).map(({ name }) => name);
  const request = { text: value, facets: [], limit: COMPLETED };
  const [companies, people] = await Promise.all([
    store.companies.search(request),
    store.contacts.findsPeople ? store.contacts.search(request) : { rows: [] },
  ]);
  return [...new Set([...companies.rows.map(({ name }) => name), ...people.rows.map(nameContact)])];
}

/** Prepares the user for a meeting with a customer. */
export const prepareMeeting = definePrompt({
  name: "crm_prepare_meeting",
  title: "Prepare a meeting",
  description: "A one-page brief for a meeting with a customer, from what the CRM knows.",
  scope: "crm:read",
  arguments: z.object({
    customer: lineField(200).describe("Company or contact: name, e-mail or id"),
    purpose: lineField(300).optional().describe("What the meeting is about"),
  }),
  complete: { customer: completeCustomer },
  async run({ customer, purpose }, { store, now }: CallContext<CrmStore>) {
    const { company, ...found } = await resolveCustomer(store, customer);
    const person = found.kind === "contact" ? ` The meeting is with contact ${found.contact.id}.` : "";
    const task = [
      `Prepare me for a meeting${company ? ` with ${company.name}` : ""}.${person}`,
      purpose ? `Purpose: ${purpose}` : "",
      "Write one page: who they are, the people and their roles, where each open deal stands, what was last said",
      "and when, what we promised and still owe, risks, three questions to ask, and the next step to aim for.",
      "Use crm_get_customer for the details, crm_list_deals for closed deals, and crm_list_tasks for what is owed.",
      "Say plainly where the CRM knows nothing; invent nothing.",
    ];
    const text = task.filter((line) => line !== "").join("\n");
    const request = { role: "user" as const, content: { type: "text" as const, text } };
    if (!company) return [request];
    const resource = await describeCompany(store, company, `crm://companies/${company.id}`, now);
    return [request, { role: "user" as const, content: { type: "resource" as const, resource } }];
  },
});

/** Reviews one account, as its owner does before a quarterly review. */
export const reviewAccount = definePrompt({
  name: "crm_review_account",
  title: "Review an account",
  description:
    "A review of one customer: where it stands, where it could grow, what threatens it, and a plan.",
  scope: "crm:read",
  arguments: z.object({ customer: lineField(200).describe("Company or contact: name, e-mail or id") }),
  complete: { customer: completeCustomer },
  async run({ customer }, { store, now }: CallContext<CrmStore>) {
    const { company } = await resolveCustomer(store, customer);
    if (!company) {
      throw new ToolError(
        "invalid_input",
        "This person belongs to no company, and an account is a company.",
        {
          suggestedAction: "Name a company, or use crm_prepare_meeting for a person.",
        },
      );
    }
    const text = [
      `Review the account ${company.name}; what the CRM knows now is attached.`,
      `1. crm_list_deals with company_id ${company.id} and open_only false: what we won and lost there, and why.`,
      `2. crm_list_activities with company_id ${company.id}: who talks to whom, how often, and who has gone quiet.`,
      `3. crm_list_tasks with company_id ${company.id}: what we owe.`,
      "Then write: the state in three sentences with the health and its reasons; the people who decide, and whom we do",
      "not know yet; won, lost and open amounts; the two largest risks and the two best chances, each with what speaks",
      "for it; and a plan for the next 90 days with a person and a day for each step.",
      "Say plainly where the CRM knows nothing; invent nothing. Ask me before you change anything.",
    ].join("\n");
    const resource = await describeCompany(store, company, `crm://companies/${company.id}`, now);
    return [
      { role: "user", content: { type: "text", text } },
      { role: "user", content: { type: "resource", resource } },
    ];
  },
});

/** Reviews the pipeline, as a sales lead does every week. */
export const reviewPipeline = definePrompt({
  name: "crm_review_pipeline",
  title: "Review the pipeline",
  description: "A review of open deals: what will close, what goes cold, and what to do this week.",
  scope: "crm:read",
  arguments: z.object({
    owner: lineField(100).optional().describe('Whose deals: a name, "me", or everyone when left out'),
  }),
  complete: {
    async owner(value: string, { store }: CallContext<CrmStore>) {
      const me = "me".startsWith(value.trim().toLowerCase()) ? ["me"] : [];
      return [...me, ...(await store.owners.find(value)).map(({ name }) => name)];
    },
  },
  async run({ owner: name }, { store, principal, now }: CallContext<CrmStore>) {
    const owner = await resolveOwner(store, principal, name);
    const pipeline = await summarizePipeline(store, owner, now);
    const whose = owner ? `owner "${owner.email}"` : 'owner "any"';
    const text = [
      `Review ${owner ? `the pipeline of ${owner.name}` : "our whole pipeline"}; its figures are attached.`,
      `1. crm_list_deals with ${whose}, min_amount 100000 and untouched_for_days ${STALE_DAYS}: large deals that go cold.`,
      `2. crm_list_deals with ${whose}, sort "closing": what should close soonest, and what is past its day.`,
      `3. crm_list_tasks with ${whose}, due "overdue": what we owe.`,
      "Then write: the state in three sentences, the five deals that need a person this week with one action each,",
      "what the forecast depends on, and which deals should be given up. Ask me before you change any deal.",
    ].join("\n");
    return [
      { role: "user", content: { type: "text", text } },
      { role: "user", content: { type: "resource", resource: toJsonResource("crm://pipeline", pipeline) } },
    ];
  },
});
