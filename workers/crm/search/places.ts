/** What a company is filed under apart from its region. People are chosen by that of their company. */
export const PLACES = ["country", "city", "industry"] as const;

/** One of {@link PLACES}. */
export type Place = (typeof PLACES)[number];

/** The stored spellings that are wanted of each; a row must have one of each. */
export type Places = { readonly [place in Place]?: readonly string[] };

/**
 * A query for the `seq` of the rows at these places, with the values of its numbered parameters.
 *
 * @param first - the number of its first parameter
 */
export function matchPlaces(
  table: "contacts" | "companies" | "deals",
  places: Places,
  first: number,
): { rows: string; values: string[] } | undefined {
  const wanted = PLACES.flatMap((place) => (places[place] ? [{ place, values: places[place] }] : []));
  if (wanted.length === 0) return undefined;
  const conditions = wanted.map(
    ({ place }, at) => `c.${place} COLLATE NOCASE IN (SELECT value FROM json_each(?${first + at}))`,
  );
  // By name: the planner would scan a table while it is small.
  const filed = `companies c INDEXED BY companies_by_${wanted[0]?.place} `;
  const where = `WHERE ${conditions.join(" AND ")}`;
  const rows =
    table === "companies"
      ? `SELECT c.seq FROM ${filed}${where}`
      : `SELECT r.seq FROM ${filed}CROSS JOIN ${table} r ON r.company_id = c.id ${where}`;
  return { rows, values: wanted.map(({ values }) => JSON.stringify(values)) };
}

/** The same as a question names them. */
export function namePlaces(places: Places): string[] {
  return PLACES.flatMap((place) => (places[place] ? [`${place}=${places[place].join("|")}`] : []));
}
