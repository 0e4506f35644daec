import { z } from "zod";
import type { ResourceContents } from "../../shared/call/content.ts";
import { defineResource } from "../../shared/server/define.ts";
import { contactShape, presentDeal } from "./answers.ts";
import { customerShape, describeCustomer } from "./customer/customer.ts";
import { toDay } from "./days.ts";
import { CURRENCY } from "./money.ts";
import { summarizePipeline } from "./pipeline.ts";
import { requireCompany, requireDeal } from "./refusals.ts";
import type { CompanyRow } from "./store/companies.ts";
import type { CrmStore } from "./store.ts";

const JSON_TYPE = "application/json";
const LISTED = 50;
const COMPLETED = 20;
const HISTORY = 50;

const companyDocument = customerShape.omit({ contact: true }).extend({
  people: z.array(contactShape.pick({ id: true, name: true, title: true })),
});

/**
 * One company as a document: `crm://companies/{id}`. Lists people by name and title, without their addresses.
 */
export const companyResource = defineResource<CrmStore>({
  name: "crm_company",
  title: "Company",
  description: "A company with its people, open deals, last contact, open tasks and health.",
  uriTemplate: "crm://companies/{id}",
  mimeType: JSON_TYPE,
  contents: companyDocument,
  scope: "crm:read",
  async list({ store }) {
    const companies = await store.companies.listActive(LISTED);
    return companies.map(({ id, name }) => ({ uri: `crm://companies/${id}`, name, mimeType: JSON_TYPE }));
  },
  complete: {
    async id(value, { store }) {
      if (value.trim() === "") return (await store.companies.listActive(COMPLETED)).map(({ id }) => id);
      const page = await store.companies.search({ text: value, facets: [], limit: COMPLETED });
      return page.rows.map(({ id }) => id);
    },
  },
  async read({ uri, params }, { store, now }) {
    const company = await requireCompany(store, params.id ?? "");
    return [await describeCompany(store, company, uri, now)];
  },
});

/** One deal as a document with its history: `crm://deals/{id}`. */
export const dealResource = defineResource<CrmStore>({
  name: "crm_deal",
  title: "Deal",
  description: "A deal with its stage, amount, ages and the history of its stages.",
  uriTemplate: "crm://deals/{id}",
  mimeType: JSON_TYPE,
  scope: "crm:read",
  async list({ store }) {
    const { rows } = await store.deals.listPage({ openOnly: true }, "amount", LISTED, undefined);
    return rows.map(({ id, name }) => ({ uri: `crm://deals/${id}`, name, mimeType: JSON_TYPE }));
  },
  complete: {
    async id(value, { store }) {
      const page =
        value.trim() === ""
          ? await store.deals.listPage({ openOnly: true }, "amount", COMPLETED, undefined)
          : await store.deals.search({ text: value, facets: [], limit: COMPLETED });
      return page.rows.map(({ id }) => id);
    },
  },
  async read({ uri, params }, { store, now }) {
    const deal = await requireDeal(store, params.id ?? "");
    const changes = await store.deals.listStageChanges(deal.id, HISTORY);
    return [
      toJsonResource(uri, {
        ...presentDeal(deal, now),
        currency: CURRENCY,
        close_reason: deal.close_reason,
        contact_id: deal.contact_id,
        history: changes.map((change) => ({
          date: toDay(change.changed_at),
          from: change.from_stage,
          to: change.to_stage,
          reason: change.reason,
          by: change.changed_by_name,
        })),
      }),
    ];
  },
});

/** Figures of the whole pipeline: `crm://pipeline`. */
export const pipelineResource = defineResource<CrmStore>({
  name: "crm_pipeline",
  title: "Pipeline",
  description:
    "Open deals by stage with amounts, forecast, stale and late deals, and the last 90 days' results.",
  uri: "crm://pipeline",
  mimeType: JSON_TYPE,
  scope: "crm:read",
  async read({ uri }, { store, now }) {
    return [toJsonResource(uri, await summarizePipeline(store, undefined, now))];
  },
});

/** A company's document, for the resource and the meeting prompt. */
export async function describeCompany(
  store: CrmStore,
  company: CompanyRow,
  uri: string,
  now: Date,
): Promise<ResourceContents> {
  const {
    contact: _none,
    people,
    ...rest
  } = await describeCustomer(store, { kind: "company", company }, now);
  const named = people.map(({ id, name, title }) => ({ id, name, title }));
  return toJsonResource(uri, { ...rest, people: named });
}

/** Any JSON value as a text resource. */
export function toJsonResource(uri: string, value: object): ResourceContents {
  return { uri, mimeType: JSON_TYPE, text: JSON.stringify(value) };
}
