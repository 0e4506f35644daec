import { describe, expect, it } from "vitest";
import { z } from "zod";
import { crm } from "../../workers/crm/server.ts";

/** Names of fields that identify a person. */
const PERSONAL = ["email", "phone", "first_name", "last_name"];

/** Every property of a JSON Schema with its path, at any depth. */
function listProperties(schema: unknown, path = ""): { path: string; name: string; schema: unknown }[] {
  if (typeof schema !== "object" || schema === null) return [];
  return Object.entries(schema).flatMap(([key, value]) => {
    if (key !== "properties") return listProperties(value, path);
    return Object.entries(value as object).flatMap(([name, property]) => [
      { path: `${path}.${name}`, name, schema: property },
      ...listProperties(property, `${path}.${name}`),
    ]);
  });
}

const properties = crm.tools.flatMap((tool) => [
  ...listProperties(z.toJSONSchema(tool.input, { io: "input" }), `${tool.name}.input`),
  ...listProperties(tool.output && z.toJSONSchema(tool.output), `${tool.name}.output`),
]);

describe("personal data in the CRM's tools", () => {
  it("is classified in every input and output with a telephone number, an address or a part of a name", () => {
    const personal = properties.filter(({ name }) => PERSONAL.includes(name));
    expect(personal.length).toBeGreaterThan(15);
    for (const { path, schema } of personal) {
      expect(JSON.stringify(schema), path).toContain('"classification":"pii"');
    }
  });

  it("is classified where a contact is named", () => {
    const named = properties.filter(({ path }) => /(contact|contacts|people)\.name$/.test(path));
    expect(named.length).toBeGreaterThanOrEqual(5);
    for (const { path, schema } of named) {
      expect(schema, path).toMatchObject({ classification: "pii" });
    }
  });
});
