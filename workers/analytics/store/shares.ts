import { MEASURES, type Measure, type MeasureName } from "../measures.ts";
import { type Selection, selectBase } from "./base.ts";
import type { Reader } from "./reader.ts";

/**
 * Divides each distinct customer evenly among the members of one dimension that its events have: a customer
 * with k members counts 1/k in each. So the shares of a distinct count add up to the count, which the
 * members' own counts do not. Returns the share by member.
 */
export async function shareDistinct(
  db: Reader,
  selection: Selection,
  measure: MeasureName,
): Promise<Map<string, number>> {
  const base = selectBase({ ...selection, measures: [measure] });
  const { kinds = [] } = MEASURES[measure] as Measure;
  const seen = `kind IN (${kinds.map((kind) => `'${kind}'`).join(", ")})`;
  const { results } = await db
    .prepare(
      `WITH ${base.sql},
      seen AS (SELECT DISTINCT d0, customer_id FROM base WHERE ${seen}),
      weighed AS (SELECT d0, 1.0 / count(*) OVER (PARTITION BY customer_id) AS weight FROM seen)
      SELECT d0 AS member, sum(weight) AS share FROM weighed GROUP BY d0`,
    )
    .bind(...base.values)
    .all<{ member: string; share: number }>();
  return new Map(results.map(({ member, share }) => [member, share]));
}
