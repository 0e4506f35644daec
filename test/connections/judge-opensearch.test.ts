import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ToolError } from "../../shared/call/tool-error.ts";
import type { FieldSight } from "../../workers/connections/documents/sight.ts";
import { type AskedSearch, readSearch } from "../../workers/connections/judge/opensearch/read-search.ts";
import { HONEST_SEARCHES, referField, SEARCH_ATTEMPTS, type SearchAttempt } from "./attempts/opensearch.ts";
import { HIDDEN_FIELDS, ORDERS, SEES_ALL, SEES_LESS } from "./attempts/order-index.ts";

function judge(asked: AskedSearch, sight: FieldSight): unknown {
  try {
    return readSearch(asked, [ORDERS], sight);
  } catch (failure) {
    return failure;
  }
}

/** The attempts that pass, or that fail with something else than a refusal. */
function findAccepted(attempts: readonly SearchAttempt[], sight: FieldSight): string[] {
  return attempts.flatMap(({ kind, asked }) => {
    const outcome = judge(asked, sight);
    const isRefused = outcome instanceof ToolError && ["invalid_input", "forbidden"].includes(outcome.code);
    return isRefused ? [] : [`${kind}: ${JSON.stringify(asked).slice(0, 200)} (${String(outcome)})`];
  });
}

describe("the judge of searches", () => {
  it("sends what people ask as they ask it, for a role that sees everything and one that does not", () => {
    for (const sight of [SEES_ALL, SEES_LESS]) {
      for (const asked of HONEST_SEARCHES) {
        const { query, aggs, sort } = asked;
        expect(judge(asked, sight), JSON.stringify(asked)).toMatchObject(
          JSON.parse(JSON.stringify({ query, aggs, sort })),
        );
      }
    }
  });

  it("refuses every attempt to run a script, look elsewhere, or name fields by a text or a wildcard", () => {
    expect(new Set(SEARCH_ATTEMPTS.map(({ asked }) => JSON.stringify(asked))).size).toBeGreaterThanOrEqual(
      400,
    );
    expect(findAccepted(SEARCH_ATTEMPTS, SEES_ALL)).toEqual([]);
  });

  it.each(HIDDEN_FIELDS)("refuses %s to a role that may not see addresses, wherever it stands", (field) => {
    const attempts = [...referField(field), { kind: "nothing", asked: { fields: ["customer.email"] } }];
    expect(attempts.length).toBeGreaterThanOrEqual(90);
    expect(findAccepted(attempts, SEES_LESS)).toEqual([]);
    const accepted = judge({ aggs: { a: { terms: { field } } } }, SEES_ALL);
    expect(accepted).toMatchObject({ aggs: { a: { terms: { field } } } });
  });

  it("leaves the fields beside a hidden one usable", () => {
    expect(findAccepted(referField("customer.country"), SEES_LESS)).toHaveLength(
      referField("customer.country").length,
    );
  });

  it("leaves what is dropped for a role at the server", () => {
    const sight = SEES_LESS;
    expect(judge({}, sight)).toMatchObject({ _source: { includes: ["*"], excludes: [] } });
  });

  it("names the closest field, query and aggregation, and no hidden one", () => {
    const say = (asked: AskedSearch) => String(judge(asked, SEES_LESS));
    expect(say({ query: { term: { statsu: 1 } } })).toContain('Did you mean "status"?');
    expect(say({ query: { matchh: { note: 1 } } })).toContain('Did you mean "match"?');
    expect(say({ aggs: { a: { term: { field: "status" } } } })).toContain('Did you mean "terms"');
    expect(say({ query: { term: { "customer.emial": 1 } } })).not.toContain("customer.email");
  });

  it("throws nothing but a ToolError, and sends no member that it does not know", () => {
    const words = [
      "bool",
      "filter",
      "term",
      "status",
      "script",
      "source",
      "aggs",
      "terms",
      "field",
      "query",
      "nested",
    ];
    const json = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: "small" },
        fc.constantFrom("status", "customer.email", 1, true, null),
        fc.array(tie("value"), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom(...words, "customer.email", "__proto__"), tie("value"), { maxKeys: 3 }),
      ),
    })).value as fc.Arbitrary<NonNullable<AskedSearch["query"]>>;
    fc.assert(
      fc.property(json, json, (query, aggs) => {
        const outcome = judge({ query, aggs }, SEES_LESS);
        if (outcome instanceof Error) expect(outcome).toBeInstanceOf(ToolError);
        else expect(JSON.stringify(outcome)).not.toMatch(/"script"|"source"|"customer\.email":/);
      }),
      { numRuns: 2000 },
    );
  });
});
