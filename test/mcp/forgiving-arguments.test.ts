import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createCatalogue } from "../../shared/server/catalogue.ts";
import { forgiveArguments } from "../../shared/server/forgive-arguments.ts";
import { listServers } from "../../workers/servers.ts";
import { LANES, openSession, type TestSession } from "../support/session.ts";

const TOOLS = [...createCatalogue("", "test", listServers()).tools.values()].map(
  ({ definition }) => definition,
);

const shape = z.object({
  limit: z.number().int().max(200).optional(),
  share: z.number().nullable().optional(),
  exact: z.boolean().default(false),
  stages: z.array(z.enum(["lead", "won"])).optional(),
  tags: z.array(z.string()).optional(),
  ids: z.array(z.number()).optional(),
  filters: z.record(z.string(), z.union([z.string(), z.array(z.string())])).optional(),
  owner: z.object({ id: z.string(), rank: z.number().optional() }).optional(),
  either: z.union([z.number(), z.boolean()]).optional(),
  name: z.string().optional(),
});

/** A value of the schema above. */
const valid = fc.record(
  {
    limit: fc.integer({ min: -5, max: 200 }),
    share: fc.option(fc.double({ noNaN: true, noDefaultInfinity: true }), { nil: null }),
    exact: fc.boolean(),
    stages: fc.array(fc.constantFrom("lead", "won")),
    tags: fc.array(fc.string()),
    ids: fc.array(fc.integer()),
    filters: fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.array(fc.string()))),
    owner: fc.record({ id: fc.string(), rank: fc.integer() }, { requiredKeys: ["id"] }),
    either: fc.oneof(fc.integer(), fc.boolean()),
    name: fc.oneof(fc.string(), fc.constantFrom("5", "true", "[1]", "null")),
  },
  { requiredKeys: [] },
);

/** Arguments of a real tool: its own names, with any value that a model may write. */
const anyCall = fc.constantFrom(...TOOLS).chain((tool) => {
  const names = Object.keys(tool.input.shape);
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom(null, "5", "true", "[]", '["a"]', "{}", '{"a":"5"}', "a,b", ""),
  );
  const args = names.length === 0 ? fc.constant({}) : fc.dictionary(fc.constantFrom(...names), value);
  return args.map((given) => ({ tool, given: given as Record<string, unknown> }));
});

describe("coercing arguments of models", () => {
  it("never changes a valid argument", () => {
    fc.assert(
      fc.property(valid, (given) => {
        expect(shape.safeParse(given).success).toBe(true);
        expect(forgiveArguments(shape, given)).toBe(given);
      }),
    );
  });

  it("never changes a valid argument because another one is invalid", () => {
    fc.assert(
      fc.property(valid, (given) => {
        const { limit: _left, ...rest } = given;
        expect(forgiveArguments(shape, { ...rest, limit: "many" })).toEqual({ ...rest, limit: "many" });
      }),
    );
  });

  it("gives the same result when it is repeated, for every tool", () => {
    fc.assert(
      fc.property(anyCall, ({ tool, given }) => {
        const once = forgiveArguments(tool.input, given);
        expect(forgiveArguments(tool.input, once)).toEqual(once);
        if (tool.input.safeParse(given).success) expect(once).toBe(given);
      }),
      { numRuns: 400 },
    );
  });

  it("reads numbers, booleans, lists and objects in quotes as their values", () => {
    const { name: _text, either: _union, ...shapes } = shape.shape;
    const quoted = fc.record({
      ...Object.fromEntries(Object.keys(shapes).map((key) => [key, fc.boolean()])),
    });
    fc.assert(
      fc.property(valid, quoted, (given, quote) => {
        // A list of one text in quotes is parsed as JSON; shares have more digits than are parsed.
        const { name: _name, either: _either, share: _share, ...known } = given;
        const written = Object.fromEntries(
          Object.entries(known).map(([key, value]) => [key, quote[key] ? JSON.stringify(value) : value]),
        );
        expect(shape.parse(forgiveArguments(shape, written))).toEqual(shape.parse(known));
      }),
    );
  });

  it.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ["leaves null out where the argument may be left out", { limit: null, name: null }, {}],
    ["keeps null where it means something", { share: null }, { share: null }],
    ["leaves null out inside of an object", { owner: { id: "a", rank: null } }, { owner: { id: "a" } }],
    ["reads a number with blanks and an exponent", { limit: " 1e2 " }, { limit: 100 }],
    ["reads a boolean as Python writes it", { exact: "True" }, { exact: true }],
    [
      "takes one value for a list of one",
      { stages: "won", tags: "blue", ids: "7" },
      { stages: ["won"], tags: ["blue"], ids: [7] },
    ],
    ["reads what is quoted inside of a quoted list", { ids: '["7",8]' }, { ids: [7, 8] }],
    ["reads the one option of several that fits", { either: "true" }, { either: true }],
  ])("%s", (_name, given, read) => {
    expect(forgiveArguments(shape, given)).toEqual(read);
  });

  it.each<[string, Record<string, unknown>]>([
    ["a number with a comma", { limit: "1,000" }],
    ["a number that a double cannot hold", { ids: ["12345678901234567890"] }],
    ["an empty text for a number", { limit: "" }],
    ["one and zero for a boolean", { exact: 1 }],
    ["several values in one text for a list", { tags: "red, blue" }],
    ["JSON that is nested without end", { owner: "[".repeat(100_000) }],
    ["JSON that hides half of a character", { tags: '["\\ud83d"]' }],
    ["a member that nothing knows", { owner: 5 }],
  ])("does not change %s", (_name, given) => {
    expect(forgiveArguments(shape, given)).toEqual(given);
    expect(shape.safeParse(given).success).toBe(false);
  });
});

describe.each(LANES)("coerced arguments on the %s lane", (lane) => {
  const open = (server: string) => openSession({ server, lane });
  const ok = async (session: TestSession, name: string, args: unknown) => {
    const { error, result } = await session.request("tools/call", { name, arguments: args as object });
    expect(error).toBeUndefined();
    expect(result.isError, JSON.stringify(result.content)).not.toBe(true);
    return result.structuredContent;
  };

  it("accepts null for arguments, cursors and parameters as missing", async () => {
    const session = await open("crm");
    await ok(session, "crm_get_pipeline", null);
    for (const method of ["tools/list", "prompts/list", "resources/list", "resources/templates/list"]) {
      const { error, result } = await session.request(method, { cursor: null });
      expect([method, error]).toEqual([method, undefined]);
      expect(result.nextCursor).toBeUndefined();
    }
    const listed = await session.request("prompts/list");
    const name = listed.result.prompts[0].name;
    const { error } = await session.request("prompts/get", { name, arguments: null });
    expect(error?.message ?? "").not.toContain("Invalid parameters");
  });

  it("accepts arguments that are one JSON object in quotes", async () => {
    const session = await open("crm");
    await ok(session, "crm_find_contacts", '{"query":"smith","limit":"5"}');
  });

  it("accepts null for an optional argument and a number in quotes", async () => {
    const session = await open("crm");
    await ok(session, "crm_find_contacts", { query: "smith", company_id: null, cursor: null });
    await ok(session, "crm_find_contacts", { query: "smith", limit: "5" });
  });

  it("fills an argument that is null from the session's defaults, and reports it", async () => {
    const session = await open("analytics");
    await ok(session, "context_set", { defaults: '{"period":"last_month"}', note: null });
    const { content } = await session.call("analytics_query", { metrics: "revenue", period: null });
    expect(JSON.stringify(content)).toContain("period=last_month");
  });

  it("reads a list of names in JSON text as the list", async () => {
    const session = await open("analytics");
    const data = await ok(session, "analytics_query", {
      metrics: '["revenue","orders"]',
      period: "last_month",
    });
    expect(Object.keys(data.totals)).toEqual(["revenue", "orders"]);
  });

  it("still refuses an unknown name, and suggests a similar one", async () => {
    const session = await open("crm");
    const { error } = await session.call("crm_find_contacts", { query: "smith", limt: "5" });
    expect(error).toMatchObject({ code: "invalid_input" });
    expect(error?.message).toContain('"limt" (closest: limit)');
  });

  it("refuses a lone surrogate in any place, and stores nothing of it", async () => {
    const session = await open("crm");
    const { error } = await session.call("crm_create_company", {
      name: "Cut\ud83d Ltd",
      idempotency_key: "half-of-it",
    });
    expect(error).toMatchObject({ code: "invalid_input" });
    expect(error?.message).toMatch(/^name: /);
    const whole = await session.call("crm_create_company", { name: "Whole😀 Ltd" });
    expect(whole.error).toBeUndefined();
    // A header cannot contain such text directly (SEP-2243).
    session.headers = { "mcp-name": "=?base64?Y3JtOi8veA==?=" };
    const read = await session.request("resources/read", { uri: "crm://x\udc00" });
    expect(read.error?.code).toBe(-32602);
    expect(read.error?.message).toContain("uri");
  });

  it("splits no character of a long name", async () => {
    const session = await open("crm");
    const name = `${"x".repeat(63)}😀`;
    const bytes = new TextEncoder().encode(name);
    session.headers = { "mcp-name": `=?base64?${btoa(String.fromCharCode(...bytes))}?=` };
    const { error } = await session.request("tools/call", { name });
    expect(error?.message).toBe(`Unknown tool: ${"x".repeat(63)}`);
  });

  it("refuses a body that is no UTF-8", async () => {
    const session = await open("crm");
    const head = new TextEncoder().encode('{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"x":"');
    const bytes = new Uint8Array([...head, 0xed, 0xa0, 0xbd, ...new TextEncoder().encode('"}}')]);
    const response = await session.post(bytes);
    expect(response.status).toBe(400);
    expect((await response.json<{ error: { code: number } }>()).error.code).toBe(-32700);
  });
});
