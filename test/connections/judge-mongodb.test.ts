import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { MaskRules } from "../../shared/call/mask-rules.ts";
import { ToolError } from "../../shared/call/tool-error.ts";
import type { JsonValue } from "../../shared/encoding/json.ts";
import { maskDocument } from "../../workers/connections/documents/mask-document.ts";
import { FieldSight } from "../../workers/connections/documents/sight.ts";
import { type JudgedAggregation, judgeAggregation } from "../../workers/connections/judge/mongodb/judge.ts";
import {
  CATALOGUE,
  HONEST_PIPELINES,
  PIPELINE_ATTEMPTS,
  type PipelineAttempt,
  referPath,
} from "./attempts/mongodb.ts";

const masks = (pii: "show" | "mask" | "drop"): MaskRules => ({
  fields: { public: "show", internal: "show", pii, secret: "drop" },
  text: [],
});

const entry = {
  classes: { "orders/customer.email": "pii", "people/contact": "pii" },
  data_class: "internal",
} as const;

const SEES_ALL = new FieldSight(entry, masks("show"));
const SEES_LESS = new FieldSight(entry, masks("mask"));

function judge(pipeline: JsonValue, sight: FieldSight): JudgedAggregation | unknown {
  try {
    return judgeAggregation("orders", pipeline, CATALOGUE, sight);
  } catch (failure) {
    return failure;
  }
}

/** The attempts that pass, or that fail with something else than a refusal. */
function findAccepted(attempts: readonly PipelineAttempt[], sight: FieldSight): string[] {
  return attempts.flatMap(({ kind, pipeline }) => {
    const outcome = judge(pipeline, sight);
    const isRefused = outcome instanceof ToolError && ["invalid_input", "forbidden"].includes(outcome.code);
    return isRefused ? [] : [`${kind}: ${JSON.stringify(pipeline).slice(0, 200)} (${String(outcome)})`];
  });
}

/**
 * What a pipeline reads: without the texts that a condition outside of `$expr` compares, which it evaluates none of, and
 * without the names of fields that it sets.
 */
function whatIsRead(value: unknown, isCondition = false): unknown {
  if (typeof value === "string") return isCondition ? "" : value;
  if (Array.isArray(value)) return value.map((one) => whatIsRead(one, isCondition));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner], index) => {
      const reads = isCondition || inner === 1 || inner === true || key.startsWith("$");
      return [
        reads ? key : `field ${index}`,
        whatIsRead(inner, key === "$match" || (isCondition && key !== "$expr")),
      ];
    }),
  );
}

describe("the judge of aggregations", () => {
  it("accepts what people ask, for a role that sees everything and one that does not", () => {
    for (const sight of [SEES_ALL, SEES_LESS])
      for (const pipeline of HONEST_PIPELINES)
        expect(judge(pipeline, sight), JSON.stringify(pipeline)).toMatchObject({ collection: "orders" });
  });

  it("sends what it was given, with $set and $count written in one way", () => {
    const pipeline = [{ $match: { status: { $in: ["a", { $oid: "0".repeat(24) }] } } }, { $limit: 5 }];
    expect(judge(pipeline, SEES_ALL)).toMatchObject({ stages: pipeline });
    expect(judge([{ $group: { _id: "$status", n: { $count: {} } } }], SEES_LESS)).toMatchObject({
      stages: [{ $group: { _id: "$status", n: { $sum: 1 } } }],
    });
  });

  it("takes every date that there is, and numbers up to the last one of their type", () => {
    for (const value of [
      { $date: "2024-02-29" },
      { $date: "2026-01-31T23:59:59.999999+14:00" },
      { $date: "2026-01-31T23:59+0530" },
      { $date: "2026-01-31T24:00:00Z" },
      { $numberLong: "-9223372036854775808" },
      { $numberLong: "9223372036854775807" },
      { $numberDecimal: "0001234567890123456789.012345678901234" },
    ]) {
      expect(judge([{ $match: { status: value } }], SEES_ALL), JSON.stringify(value)).toMatchObject({
        collection: "orders",
      });
    }
  });

  it("refuses every attempt to write, run a script, read elsewhere, or compare whole objects", () => {
    expect(
      new Set(PIPELINE_ATTEMPTS.map(({ pipeline }) => JSON.stringify(pipeline))).size,
    ).toBeGreaterThanOrEqual(600);
    expect(findAccepted(PIPELINE_ATTEMPTS, SEES_ALL)).toEqual([]);
  });

  it.each(["customer.email", "customer.email.0", "customer.0.email"])(
    "refuses %s to a role that may not see addresses, wherever it stands",
    (path) => {
      expect(referPath(path).length).toBeGreaterThanOrEqual(50);
      expect(findAccepted(referPath(path), SEES_LESS)).toEqual([]);
      expect(judge([{ $match: { [path]: "a" } }], SEES_ALL)).toMatchObject({ collection: "orders" });
    },
  );

  it.each([
    ["joined documents", [{ $match: { "p.contact.phone": "1" } }]],
    ["a join by what is hidden there", []],
    ["documents of a union", [{ $match: { "contact.email": "a" } }]],
  ])("keeps hidden what is hidden in %s", (what, after) => {
    const join = (foreignField: string) => ({
      $lookup: { from: "people", localField: "customer.name", foreignField, as: "p" },
    });
    const stage =
      what === "documents of a union"
        ? { $unionWith: "people" }
        : join(what === "joined documents" ? "name" : "contact.email");
    expect(judge([stage, ...after], SEES_LESS)).toMatchObject({ code: "forbidden" });
    expect(judge([stage, ...after], SEES_ALL)).toMatchObject({ collection: "orders" });
  });

  it("gives nothing but single values of an object in which something is hidden", () => {
    const wrapped = { $cond: [{ $in: [{ $type: "$customer" }, ["object", "array"]] }, null, "$customer"] };
    expect(judge([{ $group: { _id: "$customer" } }], SEES_LESS)).toMatchObject({
      stages: [{ $group: { _id: wrapped } }],
    });
    expect(judge([{ $project: { x: ["$customer"] } }], SEES_LESS)).toMatchObject({
      stages: [{ $project: { x: [wrapped] } }],
    });
    const key = "__gatehouse_sort_0";
    expect(judge([{ $sort: { customer: 1 } }], SEES_LESS)).toMatchObject({
      stages: [{ $addFields: { [key]: wrapped } }, { $sort: { [key]: 1 } }, { $unset: [key] }],
    });
    expect(judge([{ $sort: { status: 1 } }], SEES_LESS)).toMatchObject({
      stages: [{ $sort: { status: 1 } }],
    });
    for (const pipeline of [
      [{ $replaceRoot: { newRoot: "$customer" } }],
      [{ $project: { x: "$$ROOT" } }],
      [{ $group: { _id: null, x: { $push: "$$CURRENT.customer" } } }],
      [{ $lookup: { from: "people", localField: "customer", foreignField: "name", as: "p" } }],
    ] as JsonValue[]) {
      expect(judge(pipeline, SEES_LESS), JSON.stringify(pipeline)).toMatchObject({ code: "forbidden" });
      expect(judge(pipeline, SEES_ALL), JSON.stringify(pipeline)).toMatchObject({ collection: "orders" });
    }
  });

  it("resolves classes of any collection as exactly as those of one, and wildcards for the worst", () => {
    const sort = [{ $sort: { status: 1 } }];
    const exact = new FieldSight(
      { classes: { "customer.email": "pii" }, data_class: "internal" },
      masks("mask"),
    );
    expect(judge(sort, exact)).toMatchObject({ stages: sort });
    expect(judge([{ $match: { "customer.email": "a" } }], exact)).toMatchObject({ code: "forbidden" });
    const wide = new FieldSight({ classes: { "*email*": "pii" }, data_class: "internal" }, masks("mask"));
    expect(judge(sort, wide)).toMatchObject({ stages: [{ $addFields: {} }, { $sort: {} }, { $unset: {} }] });
    const all = new FieldSight({ classes: { status: "public" }, data_class: "pii" }, masks("drop"));
    expect(judge(sort, all)).toMatchObject({ stages: [{ $addFields: {} }, { $sort: {} }, { $unset: {} }] });
    expect(judge([{ $sort: { total: 1 } }], all)).toMatchObject({ code: "forbidden" });
  });

  it("masks what is hidden in the answer, where a join or a union has put it too", () => {
    const person = { name: "Ann", contact: { email: "ann@people.example", phone: "+49 170 1234567" } };
    const document: JsonValue = {
      status: "open",
      customer: { name: "Ann", email: "ann@people.example" },
      people: [person],
    };
    const { treatmentOf } = judge(
      [{ $lookup: { from: "people", localField: "customer.name", foreignField: "name", as: "people" } }],
      SEES_LESS,
    ) as JudgedAggregation;
    if (treatmentOf === null) throw new Error("The answer is masked.");
    const masked = JSON.stringify(maskDocument(document, SEES_LESS, treatmentOf));
    expect(masked).toContain('"status":"open"');
    expect(masked).not.toContain("ann@");
    expect(masked).not.toContain("1234567");
    const grouped = judge([{ $group: { _id: "$status" } }], SEES_LESS) as JudgedAggregation;
    expect(grouped.treatmentOf).toBeNull();
  });

  it("names the closest stage, operator, collection and field, and no hidden one", () => {
    const say = (pipeline: JsonValue) => String(judge(pipeline, SEES_LESS));
    expect(say([{ $mach: {} }])).toContain('Did you mean "$match"?');
    expect(say([{ $project: { a: { $toUper: "$status" } } }])).toContain('Did you mean "$toUpper"?');
    expect(say([{ $match: { status: { $gtt: 1 } } }])).toContain('"$gt"');
    expect(say([{ $unionWith: "peple" }])).toContain('Did you mean "people"?');
    expect(judge([{ $match: { statsu: 1 } }], SEES_LESS)).toMatchObject({
      hints: ['"statsu" is in no document of the sample. Did you mean "status"?'],
    });
    expect(judge([{ $match: { "customer.emial": 1 } }], SEES_LESS)).toMatchObject({
      hints: [expect.not.stringContaining("customer.email")],
    });
  });

  it("throws nothing but a ToolError, and sends no operator that is not on its lists", () => {
    const keys = [
      "$match",
      "$project",
      "$group",
      "_id",
      "$expr",
      "$lookup",
      "$out",
      "$function",
      "from",
      "a",
      "$cond",
    ];
    const json = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: "small" },
        fc.constantFrom("$status", "$customer.email", "$$ROOT", "people", "secrets", 1, true, null),
        fc.array(tie("value"), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom(...keys, "customer.email", "__proto__"), tie("value"), { maxKeys: 2 }),
      ),
    })).value as fc.Arbitrary<JsonValue>;
    fc.assert(
      fc.property(fc.array(json, { maxLength: 3 }), (pipeline) => {
        const outcome = judge(pipeline, SEES_LESS);
        if (outcome instanceof Error) expect(outcome).toBeInstanceOf(ToolError);
        else
          expect(JSON.stringify(whatIsRead((outcome as JudgedAggregation).stages))).not.toMatch(
            /\$out|\$function|\$\$ROOT|"(?:from|coll|\$unionWith)":"secrets"|customer\.email/,
          );
      }),
      { numRuns: 3000 },
    );
  });
});
