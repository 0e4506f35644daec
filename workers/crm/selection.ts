import { z } from "zod";
import type { PrincipalIdentity } from "../../shared/call/principal.ts";
import { ToolError } from "../../shared/call/tool-error.ts";
import { dealPosition, dealQuestion, toDealFilter } from "./deal-question.ts";
import { type Choice, refuseNothing, resolvePlaces } from "./explain-nothing.ts";
import { idField, lineField, ownerField, placeFields, regionField } from "./fields.ts";
import { resolveOwner } from "./resolve.ts";
import type { SearchPosition } from "./search/search.ts";
import { requireWords, searchPosition } from "./search/search-fields.ts";
import type { CompanyRow } from "./store/companies.ts";
import type { ContactRow } from "./store/contacts.ts";
import type { DealPosition } from "./store/deal-filter.ts";
import type { DealRow } from "./store/deals.ts";
import type { CrmStore } from "./store.ts";

/** Kinds of records that support selections. */
export const RECORDS = ["contact", "company", "deal"] as const;

/** A kind of record that supports selections. */
export type RecordKind = (typeof RECORDS)[number];

/** A selectable record, with the columns of its table. */
export type RecordRow = ContactRow | CompanyRow | DealRow;

const { min_amount, max_amount, stage, untouched_for_days } = dealQuestion;
const { closing_after, closing_before, created_after, created_before } = dealQuestion;
const undescribed = { description: undefined };

/**
 * Selection of records; every part narrows it. The parts have the same meaning as in the list tools, which
 * describe them.
 */
export const whereField = z
  .strictObject({
    query: lineField(200).optional(),
    owner: ownerField.meta(undescribed).optional(),
    company_id: idField("cmp").meta(undescribed).optional(),
    region: regionField.meta(undescribed).optional(),
    ...placeFields,
    stage: stage.meta(undescribed),
    min_amount: min_amount.meta(undescribed),
    max_amount: max_amount.meta(undescribed),
    untouched_for_days: untouched_for_days.meta(undescribed),
    closing_after: closing_after.meta(undescribed),
    closing_before: closing_before.meta(undescribed),
    created_after: created_after.meta(undescribed),
    created_before: created_before.meta(undescribed),
  })
  .describe("As in crm_find_* and crm_list_deals");

/** A caller's selection. */
export type Where = z.output<typeof whereField>;

/** Start of the next page of a selection: in a search, in a list of deals, or after a `seq`. */
export type SelectionPosition = SearchPosition | DealPosition;

/** The same, for a cursor. */
export const positionField: z.ZodType<SelectionPosition> = z.union([searchPosition, dealPosition]);

/** One page of a selection. */
export interface SelectedPage {
  rows: RecordRow[];
  next: SelectionPosition | undefined;
}

const NARROWED_BY: Readonly<Record<RecordKind, readonly (keyof Where)[]>> = {
  contact: ["query", "owner", "company_id", "country", "city", "industry"],
  company: ["query", "owner", "region", "country", "city", "industry"],
  deal: ["owner", ...(Object.keys(dealQuestion) as (keyof typeof dealQuestion)[])],
};

/**
 * One page of the records that a choice means. Unlike a search for one customer, it never falls back to other
 * spellings: what is changed or handed out must be what was asked for. Throws `invalid_input` for a part that this kind
 * of record is not narrowed by, and `not_found` when there is nothing and a part of the choice is to blame.
 */
export async function selectRecords(
  { store, principal, now }: { store: CrmStore; principal: PrincipalIdentity; now: Date },
  kind: RecordKind,
  where: Where,
  limit: number,
  after?: SelectionPosition,
): Promise<SelectedPage> {
  const known = NARROWED_BY[kind];
  const given = (Object.keys(where) as (keyof Where)[]).filter((name) => where[name] !== undefined);
  const foreign = given.filter((name) => !known.includes(name));
  if (foreign.length > 0) {
    throw new ToolError("invalid_input", `A ${kind} is not chosen by ${foreign.join(", ")}.`, {
      suggestedAction: `Choose by ${known.join(", ")}.`,
    });
  }
  const choice: Choice = { kind, filters: where, prefix: "where.", known };
  const page = await readSelection({ store, principal, now }, choice, where, limit, after);
  if (page.rows.length === 0 && after === undefined) await refuseNothing(store, choice);
  return page;
}

async function readSelection(
  { store, principal, now }: { store: CrmStore; principal: PrincipalIdentity; now: Date },
  choice: Choice,
  where: Where,
  limit: number,
  after: SelectionPosition | undefined,
): Promise<SelectedPage> {
  const owner = await resolveOwner(store, principal, where.owner);
  if (choice.kind === "deal") {
    const filter = toDealFilter(where, owner?.id, now);
    return await store.deals.listPage(filter, "amount", limit, isDealPosition(after) ? after : undefined);
  }
  requireWords(where.query);
  const region = where.region?.toLowerCase() === "any" ? undefined : where.region;
  const facets = [owner?.id, where.company_id, region].filter((facet) => facet !== undefined);
  const places = await resolvePlaces(store, choice);
  const target = choice.kind === "contact" ? store.contacts : store.companies;
  const start = after && !isDealPosition(after) ? after : undefined;
  const page = await target.search({
    text: where.query ?? "",
    ...{ facets, places, limit },
    after: start,
    exactly: true,
  });
  return { rows: page.rows, next: page.next };
}

function isDealPosition(position: SelectionPosition | undefined): position is DealPosition {
  return position !== undefined && "key" in position;
}
