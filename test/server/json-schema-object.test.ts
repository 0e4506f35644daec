import { describe, expect, it } from "vitest";
import type { z } from "zod";
import { classificationOf } from "../../shared/redact/classification.ts";
import { objectFromJsonSchema } from "../../shared/server/json-schema-object.ts";
import { inputSchemaOf, parseArguments } from "../../shared/server/schema.ts";

const SCHEMA = {
  type: "object",
  properties: {
    query: { type: "string", minLength: 2, description: "What to look for." },
    limit: { type: "integer", minimum: 1, maximum: 50 },
    tree: { $ref: "#/$defs/node", description: "A tree." },
    email: { type: "string" },
  },
  required: ["query"],
  if: { properties: { limit: { minimum: 10 } }, required: ["limit"] },
  // biome-ignore lint/suspicious/noThenProperty: the word of JSON Schema
  then: { required: ["email"] },
  $defs: {
    node: {
      type: "object",
      properties: { name: { type: "string" }, children: { type: "array", items: { $ref: "#/$defs/node" } } },
      required: ["name"],
    },
  },
} as const;

const object = () => objectFromJsonSchema(SCHEMA as never, { email: "pii" });

describe("the object of a JSON Schema", () => {
  it("takes what the schema takes and says which member does not fit", () => {
    expect(parseArguments(object(), { query: "ab", limit: 3 })).toEqual({ query: "ab", limit: 3 });
    expect(() => parseArguments(object(), { query: "a" })).toThrow(/query/);
    expect(() => parseArguments(object(), { query: "ab", limit: 51 })).toThrow(/limit/);
    expect(() => parseArguments(object(), { query: "ab", colour: 1 })).toThrow(/Unknown argument/);
  });

  it("checks what zod cannot say against the original schema", () => {
    expect(() => parseArguments(object(), { query: "ab", limit: 20 })).toThrow(/email/);
    expect(parseArguments(object(), { query: "ab", limit: 20, email: "a@b.example" })).toBeTruthy();
    const tree = { name: "root", children: [{ name: "leaf" }] };
    expect(parseArguments(object(), { query: "ab", tree })).toMatchObject({ tree });
    expect(() => parseArguments(object(), { query: "ab", tree: { name: "root", children: [{}] } })).toThrow(
      /tree/,
    );
  });

  it("shows clients no reference and no word that hosts refuse", () => {
    const wire = JSON.stringify(inputSchemaOf(object()));
    for (const word of ["$ref", "$defs", '"if"', "classification"]) expect(wire).not.toContain(word);
    expect(wire).toContain("What to look for.");
    expect(wire).toContain("A tree.");
  });

  it("carries the classification of a property", () => {
    expect(classificationOf((object().shape.email as z.ZodOptional<z.ZodType>).unwrap())).toBe("pii");
  });

  it("refuses a schema that is not one of an object", () => {
    expect(() => objectFromJsonSchema({ type: "array" })).toThrow(TypeError);
  });
});
