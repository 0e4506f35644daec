import { describe, expect, it } from "vitest";
import type { z } from "zod";
import { classificationOf } from "../../shared/redact/classification.ts";
import { argumentsFromJsonSchema, objectFromJsonSchema } from "../../shared/server/json-schema-object.ts";
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

const object = () => argumentsFromJsonSchema(SCHEMA as never, { email: "pii" });

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

  it("inlines references, and opens what refers to itself or lies too deep", () => {
    const colour = { type: "string", enum: ["red", "blue"], description: "A colour." };
    const deep = (levels: number): object =>
      levels === 0 ? { type: "number" } : { type: "object", properties: { inner: deep(levels - 1) } };
    const schema = {
      type: "object",
      properties: {
        paint: { $ref: "#/definitions/colour" },
        colours: { type: "array", items: { $ref: "#/definitions/colour" } },
        loop: { $ref: "#/definitions/loop" },
        far: { $ref: "https://other.example/schema.json", description: "Elsewhere." },
        deep: deep(40),
      },
      definitions: { colour, loop: { $ref: "#/definitions/loop", description: "Round." } },
    };
    const read = argumentsFromJsonSchema(schema as never);
    const wire = inputSchemaOf(read) as { properties: Record<string, unknown> };
    expect(wire.properties.paint).toEqual(colour);
    expect(wire.properties.colours).toEqual({ type: "array", items: colour });
    expect(wire.properties.loop).toEqual({ description: "Round." });
    expect(() => parseArguments(read, { loop: 1 })).toThrow(/without an end/);
    expect(wire.properties.far).toEqual({ description: "Elsewhere." });
    expect(JSON.stringify(wire).length).toBeLessThan(2_000);
    expect(() => parseArguments(read, { paint: "green" })).toThrow(/paint/);
    expect(parseArguments(read, { far: [1] })).toEqual({ far: [1] });
  });

  it("takes other arguments if the schema says so by a word of its own", () => {
    const open = argumentsFromJsonSchema({ type: "object", additionalProperties: { type: "number" } });
    expect(parseArguments(open, { any: 1 })).toEqual({ any: 1 });
    expect(() => parseArguments(open, { any: "one" })).toThrow(/any/);
    expect(inputSchemaOf(open).additionalProperties).not.toBe(false);
  });

  it("never runs a pattern that can take exponential time", () => {
    for (const pattern of ["^(a+)+$", "^(a|a)*$", "^((a*)b?)+$", "(x+x+)+y", "("]) {
      const read = argumentsFromJsonSchema({
        type: "object",
        properties: { text: { type: "string", pattern } },
      });
      expect(JSON.stringify(inputSchemaOf(read))).not.toContain("pattern");
      expect(parseArguments(read, { text: `${"a".repeat(40)}!` })).toBeTruthy();
    }
    const quick = argumentsFromJsonSchema({
      type: "object",
      properties: { id: { type: "string", pattern: "^[A-Z]{2}-\\d+$" } },
    });
    expect(() => parseArguments(quick, { id: "nope" })).toThrow(/id/);
  });

  it("refuses a schema that is not one of an object", () => {
    expect(() => objectFromJsonSchema({ type: "array" })).toThrow(TypeError);
  });
});
