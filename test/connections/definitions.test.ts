import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Definition,
  digestDefinition,
  MOST_OF_ONE,
  packDefinitions,
  parsePart,
} from "../../shared/connections/definitions.ts";
import { connectionEntry } from "../../shared/connections/entry.ts";
import { parseRevision, writeRevision } from "../../shared/connections/revision.ts";

const tool = (name: string, description = ""): Definition => ({ type: "tool", name, description });

const definitions = fc.uniqueArray(
  fc.record({
    type: fc.constantFrom("tool" as const, "prompt" as const, "resource" as const),
    name: fc.string({ minLength: 1, maxLength: 20 }),
    description: fc.string(),
  }),
  { selector: ({ type, name }) => `${type} ${name}` },
);

const ENTRY = connectionEntry.parse({
  kind: "redis",
  title: "Cache",
  description: "Keys.",
  owner: "team",
  reach: { host: "cache.example" },
  expose: { prefixes: ["a:"] },
});

describe("definitions of a connection", () => {
  it("give the same parts in any sequence, and come out of the parts as they went in", () => {
    fc.assert(
      fc.property(definitions, (given) => {
        const parts = packDefinitions(given);
        expect(packDefinitions([...given].reverse())).toEqual(parts);
        const read = parts.flatMap(({ document }) => parsePart(document)).map(digestDefinition);
        expect(read.sort()).toEqual(given.map(digestDefinition).sort());
      }),
    );
  });

  it("are divided into parts that a row of the database takes, however many they are", () => {
    const many = Array.from({ length: 1_223 }, (_, index) => tool(`t${index}`, "x".repeat(index % 20_000)));
    const parts = packDefinitions([...many, tool("largest", "x".repeat(MOST_OF_ONE - 100))]);
    for (const { document } of parts) expect(document.length).toBeLessThan(950_000);
    expect(parts.flatMap(({ document }) => parsePart(document))).toHaveLength(1_224);
  });

  it("are refused when one is too large, or named twice", () => {
    expect(() => packDefinitions([tool("a", "x".repeat(MOST_OF_ONE))])).toThrow(/tool a/);
    expect(() => packDefinitions([tool("a"), tool("a", "other")])).toThrow(/defined twice/);
    expect(packDefinitions([tool("a"), { ...tool("a"), type: "prompt" }])).toHaveLength(1);
  });

  it("are named by the revision of their connection, which is another one without them", () => {
    const parts = packDefinitions([tool("a")]).map(({ digest }) => digest);
    const written = writeRevision("cache", ENTRY, parts);
    expect(parseRevision("cache", written)).toEqual({ entry: ENTRY, definitions: parts });
    expect(parseRevision("cache", writeRevision("cache", ENTRY)).definitions).toEqual([]);
    expect(writeRevision("cache", ENTRY)).not.toContain("definitions");
    expect(() => parseRevision("other", written)).toThrow(TypeError);
  });
});
