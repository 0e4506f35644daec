import { z } from "zod";
import { ToolError } from "../../../shared/call/tool-error.ts";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import { contactShape, presentContact, referToContact } from "../answers.ts";
import { type Choice, explainNothing, resolvePlaces, type WordFilters } from "../explain-nothing.ts";
import { cursorField, idField, limitField, lineField, placeFields } from "../fields.ts";
import { namePlaces } from "../search/places.ts";
import { matchField, requireWords, searchPosition } from "../search/search-fields.ts";
import type { CrmStore } from "../store.ts";

/** Finds people; the first step before most other tools. */
export const findContacts = defineTool({
  name: "crm_find_contacts",
  title: "Find contacts",
  effect: "read",
  scope: "crm:read",
  description:
    "Finds contacts by name, e-mail, phone or company; beginnings of words and seven digits are enough. Gives the id and version that other tools need.",
  input: z.object({
    query: lineField(200).optional().describe("Words of the name, e-mail or company, or a phone number"),
    company_id: idField("cmp").optional().describe("Only people of this company"),
    ...placeFields,
    limit: limitField,
    cursor: cursorField.optional(),
  }),
  output: z.object({
    contacts: z.array(contactShape),
    match: matchField,
    next_cursor: z.string().optional(),
  }),
  overflow: "contacts",
  async run(input, { store, context, cursors }: ToolContext<CrmStore>) {
    const places = await resolvePlaces(store, choose(input));
    const { query, company_id, country, city, industry } = input;
    if ((query ?? company_id ?? country ?? city ?? industry) === undefined) {
      throw new ToolError("invalid_input", "Give a query, a company_id, a country, a city or an industry.");
    }
    requireWords(input.query);
    const question = ["contacts", input.query ?? "", input.company_id ?? "", ...namePlaces(places)];
    const pages = cursors(question, searchPosition);
    const page = await store.contacts.search({
      text: input.query ?? "",
      facets: input.company_id ? [input.company_id] : [],
      places,
      limit: input.limit,
      after: await pages.read(input.cursor),
    });
    if (page.rows.length === 0 && input.cursor === undefined) await explainNothing(store, choose(input));
    if (page.rows.length === 0 && input.query !== undefined && !store.contacts.findsPeople) {
      throw new ToolError(
        "not_found",
        "No company of this name has contacts. Your role finds people by company only.",
        {
          suggestedAction: "Search with the name of the company; names and addresses of people are masked.",
        },
      );
    }
    const [only] = page.rows;
    if (only && page.rows.length === 1 && page.match === "all_words") {
      context.remember(referToContact(only));
    }
    return {
      contacts: page.rows.map(presentContact),
      match: page.match,
      next_cursor: await pages.write(page.next),
    };
  },
});

function choose(filters: WordFilters): Choice {
  return {
    kind: "contact",
    filters,
    prefix: "",
    known: ["query", "company_id", "country", "city", "industry"],
  };
}
