import { describe, expect, it } from "vitest";
import { freeFormFields, renderForGemini, renderStrict, type Schema } from "../../scripts/schemas/render.ts";
import { judgeTool } from "../../scripts/schemas/table.ts";

const tool = (inputSchema: Schema) => ({ name: "a_tool", description: "A tool.", inputSchema });
const withField = (field: Schema) => tool({ type: "object", properties: { field } });

/** The hosts that refuse a tool. */
function refusals(inputSchema: ReturnType<typeof tool>): string[] {
  return [...judgeTool(inputSchema).faults].filter(([, faults]) => faults.length > 0).map(([host]) => host);
}

describe("the rules of hosts", () => {
  it("allow plain arguments everywhere", () => {
    expect(refusals(withField({ type: "string", description: "A text.", maxLength: 5 }))).toEqual([]);
    expect(
      refusals(withField({ anyOf: [{ type: "string" }, { type: "null" }], description: "One." })),
    ).toEqual([]);
  });

  it.each<[string, Schema, string[]]>([
    ["a reference to itself", { $ref: "#" }, ["plain words", "Gemini"]],
    ["a list of types", { type: ["string", "null"] }, ["plain words", "Gemini"]],
    ["a constant", { const: "a" }, ["plain words", "Gemini"]],
    ["one of several", { oneOf: [{ type: "string" }] }, ["plain words", "Gemini"]],
    ["choices that are numbers", { type: "integer", enum: [1, 2] }, ["Gemini"]],
    ["a bound that Gemini lacks", { type: "number", exclusiveMinimum: 0 }, ["plain words", "Gemini"]],
    ["a list that does not say what it holds", { type: "array" }, ["OpenAI"]],
    [
      "a format that ajv does not know",
      { type: "string", format: "colour" },
      ["Gemini", "ajv draft-07 strict"],
    ],
  ])("refuse %s", (_name, field, hosts) => {
    expect(refusals(withField(field))).toEqual(expect.arrayContaining(hosts));
  });

  it("refuse a union at the top of the arguments", () => {
    expect(refusals(tool({ anyOf: [{ type: "object" }] }))).toEqual(
      expect.arrayContaining(["OpenAI", "Anthropic"]),
    );
  });
});

describe("rendering arguments for a host", () => {
  const schema: Schema = {
    type: "object",
    properties: {
      name: { type: "string" },
      note: { description: "A note", anyOf: [{ type: "string", maxLength: 9 }, { type: "null" }] },
      limit: { type: "integer", default: 10 },
    },
    required: ["name"],
    additionalProperties: false,
  };

  it("gives Gemini nullable instead of null, and free-form objects as text", () => {
    expect(renderForGemini(schema).properties?.note).toEqual({
      type: "string",
      maxLength: 9,
      description: "A note",
      nullable: true,
    });
    expect(renderForGemini(schema)).not.toHaveProperty("additionalProperties");
    expect(renderForGemini({ type: "object", additionalProperties: {}, description: "Filters" })).toEqual({
      type: "string",
      description: "Filters. As JSON text.",
    });
  });

  it("closes every object for strict mode, and uses null for missing fields", () => {
    expect(renderStrict(schema)).toMatchObject({
      required: ["name", "note", "limit"],
      additionalProperties: false,
      properties: { name: { type: "string" }, limit: { anyOf: [{ type: "integer" }, { type: "null" }] } },
    });
    const free: Schema = {
      type: "object",
      properties: { filters: { type: "object", additionalProperties: {} } },
    };
    expect(freeFormFields(free)).toEqual(["filters"]);
    expect(renderStrict(free)).toBeNull();
  });
});
