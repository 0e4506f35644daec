import { env } from "cloudflare:workers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { PrincipalIdentity } from "../../shared/call/principal.ts";
import { createStatelessLane } from "../../shared/mcp/stateless/stateless.ts";
import { bundledPolicy } from "../../shared/policy/bundled.ts";
import { createCatalogue } from "../../shared/server/catalogue.ts";
import { type AskingContext, defineResource, defineServer, defineTool } from "../../shared/server/define.ts";
import { REVISION } from "../support/session.ts";
import { addPerson, mcpUrl } from "../support/token.ts";

const NEW_KEY = "another-key-long-enough-for-anybody-0123456789";

const greeter = defineServer({
  name: "greeter",
  title: "Greeter",
  description: "Asks for a name.",
  instructions: "Greets.",
  scopes: { "greeter:read": "Be greeted" },
  baseline: "greeter:read",
  defaults: z.object({}),
  store: () => null,
  tools: [
    defineTool({
      name: "greeter_greet",
      title: "Greet",
      description: "Asks for a name and greets it.",
      effect: "read",
      scope: "greeter:read",
      input: z.object({}),
      output: z.object({ greeting: z.string() }),
      async run(_input, { ask }) {
        const schema = z.object({ name: z.string() });
        const answer = await ask({ key: "name", message: "What is your name?", schema });
        return { greeting: answer.action === "accept" ? `Hello ${answer.content.name}` : "Hello" };
      },
    }),
    defineTool({
      name: "greeter_introduce",
      title: "Introduce",
      description: "Asks for two names, one after the other.",
      effect: "read",
      scope: "greeter:read",
      input: z.object({}),
      output: z.object({ greeting: z.string() }),
      async run(_input, { ask }) {
        const schema = z.object({ name: z.string() });
        const names: string[] = [];
        for (const key of ["one", "two"]) {
          const answer = await ask({ key, message: `Who is ${key}?`, schema });
          names.push(answer.action === "accept" ? answer.content.name : "?");
        }
        return { greeting: names.join(" meets ") };
      },
    }),
  ],
  resources: [
    defineResource({
      ...{
        name: "greetings",
        title: "Greetings",
        description: "Asks before it is read.",
        mimeType: "text/plain",
      },
      ...{ uriTemplate: "greeter://{whom}", scope: "greeter:read" },
      async read({ uri }, context) {
        const question = { message: "May it be read?", schema: z.object({ yes: z.boolean() }) };
        const { action } = await (context as AskingContext).ask(question);
        return [{ uri, mimeType: "text/plain", text: action }];
      },
    }),
  ],
  prompts: [],
});
const lane = createStatelessLane(createCatalogue("greeter", "Greeter", [greeter]));

/** Calls the tool of a deployment with other secrets, as the named user. */
function greet(changes: Partial<Record<string, string>>, params: object = {}, name = "alice") {
  return send("tools/call", { name: "greeter_greet", arguments: {}, ...params }, changes, name);
}

async function send(
  method: string,
  params: Record<string, unknown>,
  changes: Partial<Record<string, string>> = {},
  name = "alice",
) {
  const identity: PrincipalIdentity = {
    userId: await addPerson({ name, role: "admin" }),
    email: `${name}@people.example`,
    name,
    clientId: "client",
    grantId: "grant",
    tokenId: "token",
    scopes: ["greeter:read"],
    role: "admin",
    ip: null,
    country: null,
    mfaAt: null,
  };
  const body = {
    jsonrpc: "2.0",
    id: 1,
    method,
    params: {
      ...params,
      _meta: {
        "io.modelcontextprotocol/protocolVersion": REVISION.stateless,
        "io.modelcontextprotocol/clientInfo": { name: "test", version: "1" },
        "io.modelcontextprotocol/clientCapabilities": { elicitation: {} },
      },
    },
  };
  const request = new Request(mcpUrl("greeter"), {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": REVISION.stateless,
      "mcp-method": method,
      "mcp-name": String(params.name ?? params.uri),
    },
    body: JSON.stringify(body),
  });
  const pending: Promise<unknown>[] = [];
  const deployed = { ...env, ...changes } as Env;
  const response = await lane(request, body, null, {
    env: deployed,
    identity,
    policy: bundledPolicy(),
    waitUntil: (promise) => pending.push(promise),
  });
  const answer = await response.json<{ result?: ReturnType<typeof JSON.parse>; error?: { code: number } }>();
  await Promise.all(pending);
  return answer;
}

const ANSWERS = { name: { action: "accept", content: { name: "Ada" } } };
const DURING = { REQUEST_STATE_KEY_2: NEW_KEY };
const AFTER = { REQUEST_STATE_KEY: `2:${NEW_KEY}` };

/** Asks in one deployment and continues in another. */
async function greetAcross(before: object, after: object, continuesAs = "alice") {
  const { result } = await greet(before);
  expect(result.resultType).toBe("input_required");
  const params = { inputResponses: ANSWERS, requestState: result.requestState };
  return await greet(after, params, continuesAs);
}

describe("rotating REQUEST_STATE_KEY", () => {
  it("lets calls that began with the old key continue during the overlap, and not afterwards", async () => {
    const { result } = await greetAcross({}, DURING);
    expect(result.structuredContent).toEqual({ greeting: "Hello Ada" });
    expect((await greetAcross({}, AFTER)).error?.code).toBe(-32602);
  });

  it("signs with the new key from its start", async () => {
    expect((await greetAcross(DURING, AFTER)).result.structuredContent).toEqual({ greeting: "Hello Ada" });
    expect((await greetAcross(DURING, {})).error?.code).toBe(-32602);
  });

  it("changes nothing about the user of a call, and SESSION_SEAL_KEY has no part in it", async () => {
    expect((await greetAcross({}, DURING, "bob")).error?.code).toBe(-32602);
    const { result } = await greetAcross({}, { SESSION_SEAL_KEY: NEW_KEY });
    expect(result.structuredContent).toEqual({ greeting: "Hello Ada" });
  });
});

describe("an answer", () => {
  it("counts once, however often and together with whatever its state is sent again", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 4 }),
        async (turns) => {
          const { result } = await greet({});
          const params = { inputResponses: ANSWERS, requestState: result.requestState };
          const ends: string[] = [];
          for (const together of turns) {
            const sent = Array.from({ length: together }, () => greet({}, params));
            ends.push(...(await Promise.all(sent)).map((answer) => String(answer.result.resultType)));
          }
          const sum = turns.reduce((all, together) => all + together, 0);
          expect(ends.filter((end) => end === "complete")).toHaveLength(1);
          expect(ends.filter((end) => end === "input_required")).toHaveLength(sum - 1);
        },
      ),
      { numRuns: 12 },
    );
  });

  it("that an earlier round gave cannot be sent for another call's end", async () => {
    const first = await send("tools/call", { name: "greeter_introduce", arguments: {} });
    const answer = (value: string) => ({ action: "accept", content: { name: value } });
    const go = (requestState: string, inputResponses: object) =>
      send("tools/call", { name: "greeter_introduce", arguments: {}, inputResponses, requestState });
    const second = await go(first.result.requestState, { one: answer("Ada") });
    expect(Object.keys(second.result.inputRequests)).toEqual(["two"]);
    const third = await go(second.result.requestState, { two: answer("Bo") });
    expect(third.result.structuredContent).toEqual({ greeting: "Ada meets Bo" });
    const replays = [
      await go(first.result.requestState, { one: answer("Ada") }),
      await go(second.result.requestState, { two: answer("Bo") }),
    ];
    for (const { result } of replays) expect(Object.keys(result.inputRequests)).toEqual(["one"]);
  });
});

describe("the state of a resource that asks before it is read", () => {
  it("continues the read of this URI and of no other", async () => {
    const uri = "greeter://ada";
    const { result } = await send("resources/read", { uri });
    expect(result.resultType).toBe("input_required");
    const continued = {
      inputResponses: { q1: { action: "accept", content: { yes: true } } },
      requestState: result.requestState,
    };
    const other = await send("resources/read", { uri: "greeter://bob", ...continued });
    expect(other.error?.code).toBe(-32602);
    const same = await send("resources/read", { uri, ...continued });
    expect(same.result.contents[0].text).toBe("accept");
  });
});
