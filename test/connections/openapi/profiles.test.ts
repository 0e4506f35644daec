import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { sampleInput } from "../../../scripts/bench/openapi/sample-input.ts";
import { askForProfile } from "../../../scripts/connections/add-http.ts";
import { loadProfile } from "../../../scripts/connections/profiles/load-profile.ts";
import { packDefinitions } from "../../../shared/connections/definitions.ts";
import { openapiEntry } from "../../../shared/connections/kinds/openapi.ts";
import type { HttpOperation } from "../../../shared/connections/operations.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import { argumentsFromJsonSchema } from "../../../shared/server/json-schema-object.ts";
import { parseArguments } from "../../../shared/server/schema.ts";
import { buildRequest, type PagePosition } from "../../../workers/connections/openapi/build-request.ts";
import type { HttpAnswer } from "../../../workers/connections/openapi/operation.ts";
import { explainFailure, HttpSession } from "../../../workers/connections/openapi/session.ts";
import { ANSWERS, addProfile, listDeclared } from "./add-profile.ts";
import { openDouble, type ProfileDouble } from "./profile-double.ts";

const env = { PLAIN_HTTP_UPSTREAMS: "" } as Env;

let double: ProfileDouble;

beforeEach(() => {
  vi.spyOn(globalThis, "fetch").mockImplementation((input, init) => double.fetch(new Request(input, init)));
});

afterEach(() => {
  vi.restoreAllMocks();
});

type Added = Awaited<ReturnType<typeof addProfile>>;

/** One call of an operation with sample arguments, as the connection's object makes it. */
async function call(
  { entry, secret }: Added,
  operation: HttpOperation,
  memory: Map<string, unknown>,
  position?: PagePosition,
  given = secret,
) {
  const schema = argumentsFromJsonSchema(operation.input);
  const input = parseArguments(schema, sampleInput(operation)) as Record<string, JsonValue>;
  const read = {
    list: operation.list ?? null,
    fields: [...(operation.fields ?? [])],
    chosen: [],
    paging: (operation.paging ?? null) as JsonValue,
    isGraphql: operation.body?.type === "graphql",
    failure: operation.failure ?? null,
    names: operation.arguments.map((one) => one.name),
  };
  const asked = { ...buildRequest(operation, input, position), read, traceId: "0".repeat(32), tokenId: "" };
  const target = { name: "added", revision: "r", entry };
  const session = new HttpSession(env, target, given, memory);
  const request = {
    id: "1",
    operation: "request",
    arguments: asked as unknown as Record<string, JsonValue>,
    identity: {},
    timeoutMs: 5_000,
    repeatable: true,
    note: "",
  };
  return (await session.run(target, request, 5_000)) as unknown as HttpAnswer;
}

async function refusal(work: Promise<unknown>): Promise<string> {
  const failure = await work.then(
    () => null,
    (error: unknown) => error,
  );
  return explainFailure(failure)?.message ?? "no refusal";
}

const names = await listDeclared();

it("There are profiles for what companies use", () => {
  expect(names.length).toBeGreaterThanOrEqual(20);
});

describe.each(names)("The profile %s", (name) => {
  it("is added by the command, and has 5 to 20 operations with arguments that hosts take", async () => {
    const { entry, operations, whatSecret } = await addProfile(name);
    expect(whatSecret.length).toBeGreaterThan(5);
    expect(entry.reach.url).not.toContain("{");
    expect(operations.length).toBeGreaterThanOrEqual(5);
    expect(operations.length).toBeLessThanOrEqual(20);
    expect(packDefinitions(operations)).toHaveLength(1);
    for (const { tool, input, path } of operations) {
      expect(`abcdefghijklmnopqrstuvwx_${tool}`.length).toBeLessThanOrEqual(64);
      for (const argument of Object.keys(input.properties as object))
        expect(argument).toMatch(/^[A-Za-z0-9_.-]{1,64}$/);
      for (const [, key] of path.matchAll(/\{(\w+)\}/g))
        expect(Object.keys(input.properties as object)).toContain(key);
    }
  });

  it("is added with accounts of persons where the vendor has them, and asks for nothing else then", async () => {
    const profile = await loadProfile(name);
    const set = Object.keys(profile.per_person?.asks ?? {}).map((key) => `${key}=${ANSWERS[key]}`);
    const flags = { file: "connections.yaml", auth: "per_person", set, owner: "tests@example.com" };
    const ask = async (question: string, usual?: string) => {
      const key = Object.keys(profile.asks).find((one) => profile.asks[one]?.question === question);
      return usual ?? ANSWERS[key ?? ""] ?? "";
    };
    const adding = askForProfile(name, flags, ask);
    if (profile.per_person === undefined)
      return await expect(adding).rejects.toThrow(/no accounts of persons/);
    const { raw, whatSecret } = await adding;
    const { auth, reach } = openapiEntry.parse(raw);
    expect(auth.type).toBe("per_person");
    expect(JSON.stringify([auth, reach])).not.toMatch(/\{[a-z_]+\}/);
    expect(whatSecret).toMatch(/secret/i);
  });

  it("answers each operation, with the fields that it declares and the next page", async () => {
    const added = await addProfile(name);
    double = openDouble(added.profile, added.base, added.secret);
    const memory = new Map<string, unknown>();
    for (const operation of added.operations) {
      const answer = await call(added, operation, memory);
      expect(answer.status, operation.tool).toBe(200);
      if (operation.fields) expect(JSON.stringify(answer), operation.tool).not.toContain("not asked for");
      if (operation.list !== undefined) expect(answer.items?.length, operation.tool).toBe(2);
      if (operation.paging === undefined) continue;
      expect(answer.next, operation.tool).not.toBeNull();
      const second = await call(added, operation, memory, answer.next as PagePosition);
      expect(second.items?.length, operation.tool).toBe(1);
    }
  });

  it("says in one sentence that a credential is wrong and that there are too many calls", async () => {
    const added = await addProfile(name);
    double = openDouble(added.profile, added.base, "another secret");
    double.refusedTokens = 99;
    const [first] = added.operations as [HttpOperation];
    expect(await refusal(call(added, first, new Map()))).toBe(
      `${added.entry.title} refuses the account of this connection.`,
    );
    double = openDouble(added.profile, added.base, added.secret);
    double.trouble = { status: 429, headers: { "retry-after": "7" } };
    expect(await refusal(call(added, first, new Map()))).toBe(
      `${added.entry.title} allows no more calls now; call again in 7 seconds.`,
    );
  });

  it("renews a token that the other system does not take any more", async () => {
    const added = await addProfile(name);
    const hasTokens = /^(?:client_credentials|jwt_bearer)$/.test(added.entry.auth.type);
    double = openDouble(added.profile, added.base, added.secret);
    double.refusedTokens = 1;
    await call(added, added.operations[0] as HttpOperation, new Map());
    expect(double.asked).toBe(hasTokens ? 2 : 1);
  });
});
