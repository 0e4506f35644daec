import { env } from "cloudflare:workers";
import { isLegacyRequest } from "@modelcontextprotocol/server";
import * as fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { createStatelessLane } from "../../shared/mcp/stateless/stateless.ts";
import type { AuthenticatedRequest } from "../../shared/mcp/stateless/stateless-exchange.ts";
import { parseKnownRequest } from "../../shared/mcp/stateless/stateless-request.ts";
import { bundledPolicy } from "../../shared/policy/bundled.ts";
import { createCatalogue } from "../../shared/server/catalogue.ts";
import { fixture } from "../conformance/fixture/server.ts";
import { REVISION } from "../support/session.ts";
import { addPerson, mcpUrl } from "../support/token.ts";
import { createReferenceLane } from "./reference-lane.ts";

const catalogue = createCatalogue("fixture", "Fixture", [fixture]);
const ours = createStatelessLane(catalogue);
const reference = createReferenceLane(catalogue);

/** A message with its headers. `undefined` omits a header. */
interface Sent {
  headers: Record<string, string | undefined>;
  body: Record<string, unknown>;
}

const KEY = "io.modelcontextprotocol";
const ENVELOPE = {
  [`${KEY}/protocolVersion`]: REVISION.stateless,
  [`${KEY}/clientInfo`]: { name: "test", version: "1" },
  [`${KEY}/clientCapabilities`]: { elicitation: {} },
};

function send(method: string, params: Record<string, unknown> = {}, meta: object = {}): Sent {
  const name = params.name ?? params.uri;
  return {
    headers: {
      "mcp-protocol-version": REVISION.stateless,
      "mcp-method": method,
      "mcp-name": typeof name === "string" ? name : undefined,
    },
    body: { jsonrpc: "2.0", id: 7, method, params: { ...params, _meta: { ...ENVELOPE, ...meta } } },
  };
}

function call(name: string, args: unknown = {}, meta: object = {}): Sent {
  return send("tools/call", { name, arguments: args }, meta);
}

function change(
  sent: Sent,
  { headers = {}, body = {}, params = {} }: Partial<Sent> & { params?: object },
): Sent {
  const changed = { ...sent.body, ...body };
  if (Object.keys(params).length > 0) changed.params = { ...(sent.body.params as object), ...params };
  return { headers: { ...sent.headers, ...headers }, body: changed };
}

/** Valid requests. */
const GOOD: readonly Sent[] = [
  call("test_simple_text"),
  call("test_image_content"),
  call("test_error_handling"),
  call("test_tool_with_logging", {}, { [`${KEY}/logLevel`]: "debug" }),
  call("test_tool_with_logging", {}, { [`${KEY}/logLevel`]: "error" }),
  call("test_tool_with_progress", {}, { progressToken: "p" }),
  call("test_tool_with_progress", {}, { progressToken: 5 }),
  call("test_input_required_result_elicitation"),
  call("test_input_required_result_sampling"),
  change(call("test_input_required_result_elicitation"), {
    params: { inputResponses: { user_name: { action: "accept", content: { name: "Ada" } } } },
  }),
  send("tools/list"),
  send("prompts/list"),
  send("prompts/get", { name: "test_simple_prompt" }),
  send("prompts/get", { name: "test_prompt_with_arguments", arguments: { arg1: "a", arg2: "b" } }),
  send("prompts/get", { name: "test_input_required_result_prompt" }),
  send("resources/list"),
  send("resources/templates/list"),
  send("resources/read", { uri: "test://static-text" }),
  send("resources/read", { uri: "test://template/4/data" }),
  send("server/discover"),
  send("completion/complete", {
    ref: { type: "ref/prompt", name: "test_prompt_with_arguments" },
    argument: { name: "arg1", value: "par" },
  }),
];

const ONE = call("test_simple_text");

/** Invalid requests, by mistake or on purpose. */
const BAD: readonly Sent[] = [
  call("no_such_tool"),
  call("test_simple_text", [1]),
  call("test_simple_text", "text"),
  call("test_simple_text", null),
  call("test_simple_text", { unknown: 1 }),
  call("__proto__"),
  send("tools/call", {}),
  send("tools/call", { name: 4 }),
  send("tools/list", { cursor: "not one of ours" }),
  send("tools/list", { cursor: 4 }),
  send("prompts/get", { name: "no_such_prompt" }),
  send("prompts/get", { name: "test_prompt_with_arguments", arguments: { arg1: 1 } }),
  send("resources/read", { uri: "test://nothing" }),
  send("resources/read", {}),
  send("completion/complete", {}),
  send("subscriptions/listen", {}),
  send("subscriptions/listen", { notifications: { resourceSubscriptions: [4] } }),
  send("ping"),
  send("constructor"),
  send("tasks/get", { taskId: "1" }),
  send("logging/setLevel", { level: "debug" }),
  send("resources/subscribe", { uri: "test://static-text" }),
  send("initialize"),
  ...[{ id: null }, { id: 1.5 }, { id: {} }, { id: undefined }, { id: "text" }].map((body) =>
    change(ONE, { body }),
  ),
  ...[{ jsonrpc: "1.0" }, { jsonrpc: undefined }, { method: 4 }, { more: 1 }].map((body) =>
    change(ONE, { body }),
  ),
  ...[{ params: undefined }, { params: [] }, { params: null }, { params: 4 }].map((body) =>
    change(ONE, { body }),
  ),
  ...[undefined, null, [], "text", {}].map((_meta) => change(ONE, { params: { _meta } })),
  ...Object.keys(ENVELOPE).flatMap((key) =>
    [undefined, null, 4, "1999-01-01", {}, { sampling: 4 }].map((value) =>
      call("test_simple_text", {}, { [key]: value }),
    ),
  ),
  ...[{}, 1.5, null, true].map((progressToken) => call("test_simple_text", {}, { progressToken })),
  call("test_simple_text", {}, { [`${KEY}/logLevel`]: "loud" }),
  ...["mcp-protocol-version", "mcp-method", "mcp-name"].flatMap((name) =>
    [undefined, "", "other", "2025-11-25", "=?base64?bm90IGl0?=", "=?base64?!?="].map((value) =>
      change(ONE, { headers: { [name]: value } }),
    ),
  ),
  change(ONE, { headers: { "mcp-name": "=?base64?dGVzdF9zaW1wbGVfdGV4dA==?=" } }),
  change(ONE, { headers: { "mcp-name": "  test_simple_text " } }),
  change(ONE, { params: { requestState: "v1.forged.state" } }),
  change(ONE, { params: { requestState: 4 } }),
  change(ONE, { params: { inputResponses: "none" } }),
  change(call("test_input_required_result_elicitation"), { params: { inputResponses: { user_name: 4 } } }),
  call("test_input_required_result_elicitation", {}, { [`${KEY}/clientCapabilities`]: {} }),
  { headers: ONE.headers, body: { jsonrpc: "2.0", id: 7, result: {} } },
  { headers: ONE.headers, body: { jsonrpc: "2.0", id: 7, error: { code: -1, message: "no" } } },
  {
    headers: ONE.headers,
    body: { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 7 } },
  },
  { headers: {}, body: { jsonrpc: "2.0", method: "notifications/unknown" } },
  { headers: {}, body: {} },
];

let arrival: AuthenticatedRequest;
const pending: Promise<unknown>[] = [];

beforeAll(async () => {
  const identity = {
    userId: await addPerson({ name: "diff", role: "admin" }),
    email: "diff@people.example",
    name: "diff",
    clientId: "client",
    grantId: "grant",
    tokenId: "token",
    scopes: ["fixture:read"],
    role: "admin",
    ip: null,
    country: null,
    mfaAt: null,
  };
  arrival = { env, identity, policy: bundledPolicy(), waitUntil: (promise) => pending.push(promise) };
});

function requestOf({ headers, body }: Sent): Request {
  const given = Object.entries(headers).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return new Request(mcpUrl("fixture"), {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      ...Object.fromEntries(given),
    },
    body: JSON.stringify(body),
  });
}

/** Everything that a client can see of a response, except the text of an error and the signed state. */
async function readAnswer(response: Response) {
  const text = await response.text();
  const type = response.headers.get("content-type");
  const lines =
    type === "text/event-stream"
      ? text.split("\n").flatMap((line) => (line.startsWith("data: ") ? [line.slice(6)] : []))
      : text === ""
        ? []
        : [text];
  const messages = lines.map((line) => {
    const { error, result, ...rest } = JSON.parse(line);
    if (result?.requestState !== undefined) result.requestState = "signed";
    return error === undefined ? { ...rest, result } : { ...rest, code: error.code, data: error.data };
  });
  return { status: response.status, type, messages };
}

async function answerBoth(sent: Sent) {
  // Serialised and parsed, as the gateway reads it.
  const body = JSON.parse(JSON.stringify(sent.body));
  const request = requestOf(sent);
  const plain = parseKnownRequest(request.headers, body);
  const legacy = await isLegacyRequest(requestOf(sent), body);
  const [mine, theirs] = await Promise.all([
    ours(request, body, plain, arrival).then(readAnswer),
    reference(requestOf(sent), body, arrival).then(readAnswer),
  ]);
  await Promise.all(pending.splice(0));
  return { mine, theirs, plain: plain !== null, legacy };
}

describe("the stateless lane compared with the SDK's own server", () => {
  it("answers every request as the SDK does, before and after it knows the client", async () => {
    for (const sent of GOOD) {
      const first = await answerBoth(sent);
      expect(first.mine, JSON.stringify(sent)).toEqual(first.theirs);
      const again = await answerBoth(sent);
      expect(again.mine, JSON.stringify(sent)).toEqual(again.theirs);
    }
  });

  it("serves the common requests of a known client without the SDK", async () => {
    await answerBoth(ONE);
    for (const sent of [ONE, send("tools/list"), send("resources/read", { uri: "test://static-text" })]) {
      expect((await answerBoth(sent)).plain).toBe(true);
    }
  });

  it("answers every malformed message as the SDK does", async () => {
    await answerBoth(ONE);
    for (const sent of BAD) {
      const { mine, theirs } = await answerBoth(sent);
      expect(mine, JSON.stringify(sent)).toEqual(theirs);
    }
  });

  it("answers any variation of a valid message as the SDK does, and never from an older one", async () => {
    for (const sent of GOOD) await answerBoth(sent);
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...GOOD),
        fc.array(mutation, { minLength: 1, maxLength: 3 }),
        async (sent, edits) => {
          const { mine, theirs, plain, legacy } = await answerBoth(edits.reduce(apply, sent));
          expect(mine).toEqual(theirs);
          expect(plain && legacy).toBe(false);
        },
      ),
      { numRuns: 300 },
    );
  });
});

type Mutation = { header: string; value: string | undefined } | { path: readonly number[]; value: unknown };

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.record({
    header: fc.constantFrom("mcp-protocol-version", "mcp-method", "mcp-name"),
    value: fc.constantFrom(
      undefined,
      "",
      "tools/call",
      "tools/list",
      REVISION.stateless,
      "2025-11-25",
      "=?base64?YQ==?=",
    ),
  }),
  fc.record({
    path: fc.array(fc.nat(9), { minLength: 1, maxLength: 4 }),
    value: fc.oneof(
      fc.constantFrom(
        undefined,
        null,
        "",
        0,
        -1,
        1.5,
        true,
        [],
        {},
        "tools/call",
        "__proto__",
        REVISION.stateless,
      ),
      fc.jsonValue(),
    ),
  }),
);

function apply(sent: Sent, edit: Mutation): Sent {
  if ("header" in edit) return change(sent, { headers: { [edit.header]: edit.value } });
  const body = structuredClone(sent.body);
  let place: Record<string, unknown> = body;
  for (const [depth, step] of edit.path.entries()) {
    const keys = Object.keys(place);
    const key = keys[step % (keys.length + 1)] ?? "added";
    const next = place[key];
    if (depth === edit.path.length - 1 || typeof next !== "object" || next === null) {
      place[key] = edit.value;
      break;
    }
    place = next as Record<string, unknown>;
  }
  return { ...sent, body };
}
