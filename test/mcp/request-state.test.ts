import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { PrincipalIdentity } from "../../shared/call/principal.ts";
import { createStatelessLane } from "../../shared/mcp/stateless/stateless.ts";
import { bundledPolicy } from "../../shared/policy/current.ts";
import { createCatalogue } from "../../shared/server/catalogue.ts";
import { defineServer, defineTool } from "../../shared/server/define.ts";
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
  ],
  resources: [],
  prompts: [],
});
const lane = createStatelessLane(createCatalogue("greeter", "Greeter", [greeter]));

/** Calls the tool of a deployment with other secrets, as somebody. */
async function greet(changes: Partial<Record<string, string>>, params: object = {}, name = "alice") {
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
    method: "tools/call",
    params: {
      name: "greeter_greet",
      arguments: {},
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
      "mcp-method": "tools/call",
      "mcp-name": "greeter_greet",
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
  it("lets calls that began with the old key be continued through the overlap, and not afterwards", async () => {
    const { result } = await greetAcross({}, DURING);
    expect(result.structuredContent).toEqual({ greeting: "Hello Ada" });
    expect((await greetAcross({}, AFTER)).error?.code).toBe(-32602);
  });

  it("signs with the new key from its start", async () => {
    expect((await greetAcross(DURING, AFTER)).result.structuredContent).toEqual({ greeting: "Hello Ada" });
    expect((await greetAcross(DURING, {})).error?.code).toBe(-32602);
  });

  it("changes nothing about whose call it is, and SESSION_SEAL_KEY has no part in it", async () => {
    expect((await greetAcross({}, DURING, "bob")).error?.code).toBe(-32602);
    const { result } = await greetAcross({}, { SESSION_SEAL_KEY: NEW_KEY });
    expect(result.structuredContent).toEqual({ greeting: "Hello Ada" });
  });
});
