import { z } from "zod";
import { ToolError } from "../../../shared/call/tool-error.ts";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import { companyShape, presentCompany } from "../answers.ts";
import { type Choice, explainNothing, type WordFilters } from "../explain-nothing.ts";
import { cursorField, limitField, lineField, ownerField, regionField } from "../fields.ts";
import { resolveOwner } from "../resolve.ts";
import { matchField, requireWords, searchPosition } from "../search/search-fields.ts";
import type { CrmStore } from "../store.ts";

/** Finds companies. Session defaults do not narrow it: a caller who names a company wants that company. */
export const findCompanies = defineTool({
  name: "crm_find_companies",
  title: "Find companies",
  effect: "read",
  scope: "crm:read",
  description:
    "Finds companies by name, web domain, city, country or industry. Pass an id to crm_get_customer for the whole picture.",
  input: z.object({
    query: lineField(200)
      .optional()
      .describe("Words of the name, domain, place or industry, or a phone number"),
    owner: ownerField.optional(),
    region: regionField.optional(),
    limit: limitField,
    cursor: cursorField.optional(),
  }),
  output: z.object({
    companies: z.array(companyShape),
    match: matchField,
    next_cursor: z.string().optional(),
  }),
  overflow: "companies",
  async run(input, { store, principal, context, cursors }: ToolContext<CrmStore>) {
    const owner = await resolveOwner(store, principal, input.owner);
    const region = input.region?.toLowerCase() === "any" ? undefined : input.region;
    if (input.query === undefined && owner === undefined && region === undefined) {
      throw new ToolError("invalid_input", "Give a query, an owner or a region.");
    }
    requireWords(input.query);
    requireWords(region);
    const facets = [owner?.id, region].filter((facet) => facet !== undefined);
    const pages = cursors(["companies", input.query ?? "", ...facets], searchPosition);
    const page = await store.companies.search({
      text: input.query ?? "",
      facets,
      limit: input.limit,
      after: await pages.read(input.cursor),
    });
    if (page.rows.length === 0 && input.cursor === undefined) await explainNothing(store, choose(input));
    const [only] = page.rows;
    if (only && page.rows.length === 1 && page.match === "all_words") {
      context.remember({ type: "company", id: only.id, label: only.name });
    }
    return {
      companies: page.rows.map(presentCompany),
      match: page.match,
      next_cursor: await pages.write(page.next),
    };
  },
});

function choose(filters: WordFilters): Choice {
  return { kind: "company", filters, prefix: "", known: ["query", "owner", "region"] };
}
