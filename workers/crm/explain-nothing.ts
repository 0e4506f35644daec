import { ToolError } from "../../shared/call/tool-error.ts";
import { foldText } from "../../shared/text/fold-text.ts";
import { findNearMisses } from "../../shared/text/near-misses.ts";
import { requireCompany } from "./refusals.ts";
import { requireRegion } from "./resolve.ts";
import { PLACES, type Place, type Places } from "./search/places.ts";
import { splitWords } from "./search/query.ts";
import { STAGES } from "./stages.ts";
import type { CrmStore } from "./store.ts";

/** The filters of a call that hold words. */
export interface WordFilters extends Partial<Record<Place, string | undefined>> {
  query?: string | undefined;
  region?: string | undefined;
  company_id?: string | undefined;
}

/** What a call chose, and how its filters are called. */
export interface Choice {
  kind: "contact" | "company" | "deal";
  filters: WordFilters;
  /** What stands before the name of a filter, such as `where.`. */
  prefix: "" | "where.";
  /** The filters that this call takes. */
  known: readonly string[];
}

const TABLES = { contact: "contacts", company: "companies", deal: "deals" } as const;
const PLURALS = { contact: "contacts", company: "companies", deal: "deals" } as const;

/** What the words of a query are looked for in. */
const QUERIED = {
  contact: "names, e-mail addresses and companies",
  company: "names, domains, places and industries",
  deal: "the names of deals and companies",
} as const;

/**
 * The stored spellings of the countries, cities and industries that a call names; `"any"` names none. Throws `not_found`
 * for one that no company has.
 */
export async function resolvePlaces(store: CrmStore, { filters, prefix }: Choice): Promise<Places> {
  const places: { [place in Place]?: readonly string[] } = {};
  for (const place of PLACES) {
    const text = filters[place];
    if (text === undefined || text.toLowerCase() === "any") continue;
    const values = await store.places.find(place, text);
    if (values.length === 0) throw await refuseUnknownPlace(store, place, text, prefix);
    places[place] = values;
  }
  return places;
}

/**
 * Why a call found nothing, where a filter of it is to blame: a company or region that there is none of, or a query whose
 * words stand in another field. Throws `not_found`; returns when nothing of the kind is found.
 */
export async function explainNothing(store: CrmStore, choice: Choice): Promise<void> {
  const { kind, filters, prefix, known } = choice;
  if (filters.company_id !== undefined) await requireCompany(store, filters.company_id);
  if (filters.region !== undefined && filters.region.toLowerCase() !== "any") {
    await requireRegion(store, filters.region);
  }
  if (filters.query === undefined) return;
  for (const text of new Set([filters.query.trim(), ...splitWords(filters.query)])) {
    const field = await findField(store, kind, text);
    if (field === undefined) continue;
    const filter = known.includes(field.name)
      ? `Use ${prefix}${field.name} for it, and leave it out of ${prefix}query.`
      : `This call takes no such filter; crm_find_companies finds companies by it.`;
    throw new ToolError(
      "not_found",
      `"${text}" is ${field.is}; ${prefix}query looks through ${QUERIED[kind]}.`,
      { suggestedAction: filter },
    );
  }
}

/** The same, and refuses a query whose words stand nowhere: nothing must be taken for "there are none". */
export async function refuseNothing(store: CrmStore, choice: Choice): Promise<void> {
  await explainNothing(store, choice);
  const { kind, filters, prefix, known } = choice;
  if (filters.query === undefined) return;
  throw new ToolError(
    "not_found",
    `No ${kind} of this choice holds the words "${filters.query}" in ${QUERIED[kind]}.`,
    {
      suggestedAction: `Choose by ${known.map((name) => `${prefix}${name}`).join(", ")}; crm_find_contacts and crm_find_companies also find similar spellings.`,
    },
  );
}

/** The field that holds a text as its whole value. */
async function findField(
  store: CrmStore,
  kind: Choice["kind"],
  text: string,
): Promise<{ name: string; is: string } | undefined> {
  for (const place of PLACES) {
    const values = await store.places.find(place, text);
    if (values.length === 0) continue;
    const count = await store.places.count(TABLES[kind], { [place]: values });
    if (count > 0) return { name: place, is: `${withArticle(place)} of ${count} ${PLURALS[kind]}` };
  }
  const same = (other: string) => foldText(other) === foldText(text);
  if ((await store.deals.listRegions()).some(same)) return { name: "region", is: "a region" };
  if (STAGES.some(same)) return { name: "stage", is: "a stage of deals" };
  const [owner] = await store.owners.find(text);
  return owner && { name: "owner", is: `the owner ${owner.name}` };
}

async function refuseUnknownPlace(
  store: CrmStore,
  place: Place,
  text: string,
  prefix: string,
): Promise<ToolError> {
  for (const other of PLACES) {
    if (other !== place && (await store.places.find(other, text)).length > 0) {
      return new ToolError("not_found", `"${text}" is ${withArticle(other)} and no ${place}.`, {
        suggestedAction: `Use ${prefix}${other}.`,
      });
    }
  }
  const values = await store.places.list(place);
  const near = findNearMisses(text, values);
  const shown = near.length > 0 ? near : values.slice(0, 12);
  return new ToolError("not_found", `No company has the ${place} "${text}".`, {
    suggestedAction: shown.length === 0 ? `No company has a ${place}.` : `Such as: ${shown.join(", ")}.`,
  });
}

function withArticle(place: Place): string {
  return place === "industry" ? "an industry" : `a ${place}`;
}
