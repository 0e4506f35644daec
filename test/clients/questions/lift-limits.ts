import { canonicalize, digestText } from "../../../shared/encoding/canonical-json.ts";
import { type Publication, putInForce } from "../../../shared/policy/changes/publications.ts";
import bundled from "../../../shared/policy/policy.json" with { type: "json" };

/**
 * Puts the bundled policy in force with limits that no test reaches: these tests call faster than models do.
 */
export async function liftLimits(database: D1Database): Promise<void> {
  const most = 1_000_000;
  const limits = Object.fromEntries(Object.keys(bundled.limits).map((name) => [name, most]));
  const roles = Object.fromEntries(
    Object.entries(bundled.roles).map(([name, role]) => [name, { ...role, limits: {} }]),
  );
  const text = canonicalize({ ...bundled, limits: { ...limits, costly_units: 1 }, tool_limits: {}, roles });
  const publication: Publication = {
    after: 0,
    replaced: 1,
    version: 2,
    digest: digestText(text),
    at: Date.now(),
    by: "tests",
    note: "limits lifted",
  };
  const statements = putInForce(publication, text).split(";\n");
  await database.batch(statements.map((sql) => database.prepare(sql.replace(/;$/, ""))));
}
