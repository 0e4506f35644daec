import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  type LoggingLevel,
  LoggingMessageNotificationSchema,
  ProgressNotificationSchema,
  ToolListChangedNotificationSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { connectSessionful, connectStateless } from "./asking-clients.ts";
import { type FixtureGateway, startFixtureGateway } from "./fixture-gateway.ts";
import { callStateless } from "./stateless-request.ts";

let gateway: FixtureGateway;

beforeAll(async () => {
  gateway = await startFixtureGateway({ LEGACY_SSE: "on" });
});

afterAll(() => gateway?.stop());

/** Characters of more than one byte, without any sensitive pattern. */
const MEGABYTE = "größer als üblich. ".repeat(55_000);

describe("a session whose server asks the client", () => {
  const clients: Client[] = [];

  afterEach(async () => {
    for (const client of clients.splice(0)) await client.close();
  });

  async function connect(
    capabilities: object,
  ): Promise<{ client: Client; sessionId: string; logs: unknown[] }> {
    const client = new Client({ name: "test", version: "1" }, { capabilities });
    const transport = new StreamableHTTPClientTransport(new URL(gateway.fixtureUrl));
    const logs: unknown[] = [];
    client.setNotificationHandler(
      LoggingMessageNotificationSchema,
      ({ params }) => void logs.push(params.data),
    );
    await client.connect(transport as Transport);
    clients.push(client);
    return { client, logs, sessionId: transport.sessionId?.split(".")[0] ?? "" };
  }

  test("gets several questions at once and one answer made of all of them", async () => {
    const { client } = await connect({ elicitation: {}, sampling: {}, roots: {} });
    const asked: string[] = [];
    const everythingAsked = Promise.withResolvers<void>();
    // Answers only after all questions were asked: questions one after the other would wait forever.
    const answer = async <Result>(method: string, result: Result): Promise<Result> => {
      if (asked.push(method) === 3) everythingAsked.resolve();
      await everythingAsked.promise;
      return result;
    };
    client.setRequestHandler(ElicitRequestSchema, ({ method }) =>
      answer(method, { action: "accept" as const, content: { name: "Ada" } }),
    );
    client.setRequestHandler(CreateMessageRequestSchema, ({ method }) =>
      answer(method, {
        role: "assistant" as const,
        model: "test",
        content: { type: "text" as const, text: "Good morning" },
      }),
    );
    client.setRequestHandler(ListRootsRequestSchema, ({ method }) =>
      answer(method, { roots: [{ uri: "file:///work", name: "Work" }] }),
    );
    const result = await client.callTool({ name: "test_input_required_result_multiple_inputs" });
    expect(asked.sort()).toEqual(["elicitation/create", "roots/list", "sampling/createMessage"]);
    expect(JSON.stringify(result.content)).toMatch(/Ada.*Good morning.*file:\/\/\/work/);
  });

  test("gets the name of the missing capability when it cannot be asked", async () => {
    const { client } = await connect({});
    const result = await client.callTool({ name: "test_input_required_result_elicitation" });
    expect(result.isError).toBe(true);
    expect(JSON.stringify(result.content)).toContain("client_unsupported");
  });

  test("receives log messages from the requested level on, also after its object was evicted", async () => {
    const { client, logs, sessionId } = await connect({});
    const logsAt = async (level: LoggingLevel) => {
      await client.setLoggingLevel(level);
      await gateway.evict("FIXTURE_AGENT", `streamable-http:${sessionId}`);
      await client.callTool({ name: "test_tool_with_logging" });
      return logs.splice(0).length;
    };
    await client.callTool({ name: "test_tool_with_logging" });
    expect(logs.splice(0)).toHaveLength(3);
    expect(await logsAt("warning")).toBe(0);
    expect(await logsAt("debug")).toBe(3);
  });

  test("sends and gets a megabyte", async () => {
    const { client } = await connect({});
    const text = MEGABYTE;
    const { content } = await client.callTool({ name: "test_large_message", arguments: { text } });
    expect(content).toEqual([{ type: "text", text }]);
  });

  test("may watch at most twenty resources", async () => {
    const { client } = await connect({});
    for (let id = 0; id < 20; id += 1) await client.subscribeResource({ uri: `test://template/${id}/data` });
    await client.subscribeResource({ uri: "test://template/0/data" });
    const oneMore = client.subscribeResource({ uri: "test://template/20/data" });
    await expect(oneMore).rejects.toMatchObject({ code: -32602 });
  });
});

describe("a stateless call whose server asks the client", () => {
  const call = { name: "test_elicitation", arguments: { message: "Delete contact 1?" } };
  const answers = { q1: { action: "accept", content: { username: "ada", email: "ada@people.example" } } };

  async function ask(): Promise<string> {
    const { result } = await callStateless(gateway.fixtureUrl, "tools/call", call);
    expect(result?.resultType).toBe("input_required");
    return String(result?.requestState);
  }

  test("completes when it is continued unchanged", async () => {
    const continued = { ...call, inputResponses: answers, requestState: await ask() };
    const { result } = await callStateless(gateway.fixtureUrl, "tools/call", continued);
    expect(JSON.stringify(result?.content)).toContain("ada@people.example");
  });

  test("sends and gets a megabyte", async () => {
    const large = { name: "test_large_message", arguments: { text: MEGABYTE } };
    const { result } = await callStateless(gateway.fixtureUrl, "tools/call", large);
    expect(result?.content).toEqual([{ type: "text", text: MEGABYTE }]);
  });

  test.each([
    ["other arguments", { arguments: { message: "Delete contact 2?" } }],
    ["another tool", { name: "test_input_required_result_elicitation", arguments: {} }],
  ])("cannot be continued with %s", async (_what, change) => {
    const continued = { ...call, ...change, inputResponses: answers, requestState: await ask() };
    const { error } = await callStateless(gateway.fixtureUrl, "tools/call", continued);
    expect(error?.code).toBe(-32602);
  });

  test("is asked again after an answer that does not fit the form", async () => {
    const inputResponses = { q1: { action: "accept", content: { username: 7 } } };
    const continued = { ...call, inputResponses, requestState: await ask() };
    const { result } = await callStateless(gateway.fixtureUrl, "tools/call", continued);
    expect(result?.resultType).toBe("input_required");
    expect(Object.keys(result?.inputRequests ?? {})).toEqual(["q1"]);
  });

  test("carries only answers to its own questions into the next round", async () => {
    const multi = { name: "test_input_required_result_multi_round", arguments: {} };
    const stuffed = { step1: { action: "accept", content: { name: "Ada" } }, other: { action: "cancel" } };
    const asked = await callStateless(gateway.fixtureUrl, "tools/call", multi);
    const first = await callStateless(gateway.fixtureUrl, "tools/call", {
      ...multi,
      inputResponses: stuffed,
      requestState: asked.result?.requestState,
    });
    expect(Object.keys(first.result?.inputRequests ?? {})).toEqual(["step2"]);
    const [, payload = ""] = String(first.result?.requestState).split(".");
    const state = Buffer.from(payload, "base64url").toString();
    expect(state).toContain("Ada");
    expect(state).not.toContain("cancel");
  });

  test("accepts no answer to a question before it was asked", async () => {
    const early = { name: "test_input_required_result_elicitation", arguments: {} };
    const inputResponses = { user_name: { action: "accept", content: { name: "Ada" } } };
    const { result } = await callStateless(gateway.fixtureUrl, "tools/call", { ...early, inputResponses });
    expect(result?.resultType).toBe("input_required");
    expect(Object.keys(result?.inputRequests ?? {})).toEqual(["user_name"]);
  });
});

describe("a task that asks in the middle of its work", () => {
  const see = async (taskId: string) =>
    (await callStateless(gateway.fixtureUrl, "tasks/get", { taskId })).result ?? {};
  const answer = (taskId: string, inputResponses: Record<string, unknown>) =>
    callStateless(gateway.fixtureUrl, "tasks/update", { taskId, inputResponses });

  async function awaitQuestion(taskId: string, key: string): Promise<void> {
    await expect.poll(async () => Object.keys((await see(taskId)).inputRequests ?? {})).toEqual([key]);
  }

  test("asks again under another key after an invalid answer, and continues after its object was evicted", async () => {
    const call = { name: "confirm_delete", arguments: { filename: "a.txt" } };
    const { result } = await callStateless(gateway.fixtureUrl, "tools/call", call);
    const taskId = String(result?.taskId);
    await awaitQuestion(taskId, "s1-q1");
    await answer(taskId, { "s1-q1": { action: "accept", content: { confirm: "perhaps" } } });
    await awaitQuestion(taskId, "s1-q1-2");
    await gateway.evict("TASK_RUNNER", "demo-admin");
    // The first question has been answered: another answer to it is ignored.
    await answer(taskId, { "s1-q1": { action: "accept", content: { confirm: true } } });
    expect((await see(taskId)).status).toBe("input_required");
    await answer(taskId, { "s1-q1-2": { action: "accept", content: { confirm: true } } });
    await expect.poll(async () => (await see(taskId)).status).toBe("completed");
    expect((await see(taskId)).result).toEqual({ content: [{ type: "text", text: "Deleted a.txt" }] });
  });
});

describe("a client of the old transport, where it is switched on", () => {
  let client: Client;
  let transport: SSEClientTransport;
  /** The address to which the server told the client to send its messages. */
  let address: URL;

  beforeAll(async () => {
    transport = new SSEClientTransport(new URL(gateway.fixtureUrl), {
      async fetch(url, init) {
        if (init?.method === "POST") address = new URL(url);
        return fetch(url, init);
      },
    });
    client = new Client({ name: "test", version: "1" }, { capabilities: { elicitation: {} } });
    client.setRequestHandler(ElicitRequestSchema, () => ({ action: "accept", content: { name: "Ada" } }));
    await client.connect(transport as Transport);
  });

  afterAll(() => client?.close());

  test("lists and calls tools, reads resources and gets prompts", async () => {
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toContain("test_simple_text");
    const { content } = await client.callTool({ name: "test_simple_text" });
    expect(content).toEqual([{ type: "text", text: "This is a simple text response for testing." }]);
    expect((await client.readResource({ uri: "test://static-text" })).contents).toHaveLength(1);
    expect((await client.getPrompt({ name: "test_simple_prompt" })).messages).toHaveLength(1);
  });

  test("is notified that its tools have changed", async () => {
    const heard = new Promise<void>((resolve) => {
      client.setNotificationHandler(ToolListChangedNotificationSchema, () => resolve());
    });
    await client.callTool({ name: "test_trigger_tool_change" });
    await heard;
  });

  test("receives progress and questions on its one stream", async () => {
    const steps: number[] = [];
    client.setNotificationHandler(
      ProgressNotificationSchema,
      ({ params }) => void steps.push(params.progress),
    );
    await client.callTool({ name: "test_tool_with_progress", _meta: { progressToken: "steps" } });
    // The client reads notifications one turn later than answers.
    await expect.poll(() => steps).toEqual([0, 50, 100]);
    const { content } = await client.callTool({ name: "test_input_required_result_elicitation" });
    expect(JSON.stringify(content)).toContain("Ada");
  });

  test("continues after its object was evicted, and receives nothing that it did not request", async () => {
    const errors: Error[] = [];
    client.onerror = (error) => void errors.push(error);
    const [id] = (address.searchParams.get("sessionId") ?? "").split(".");
    await gateway.evict("FIXTURE_AGENT", `sse:${id}`);
    expect((await client.listTools()).tools).not.toHaveLength(0);
    expect(errors).toEqual([]);
  });

  test("sends to an address that is unknown to another app", async () => {
    const send = async (url: URL | string, token: string) => {
      const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
      const ping = JSON.stringify({ jsonrpc: "2.0", id: "other", method: "ping" });
      return (await fetch(url, { method: "POST", headers, body: ping })).status;
    };
    const own = gateway.front.lend?.token ?? "";
    const other = await gateway.connectAnotherApp();
    expect(await send(address, other)).toBe(404);
    expect(await send(`${address}x`, own)).toBe(404);
    expect(await send(address, own)).toBe(202);
  });
});

describe.each([
  { generation: "SDK v1, in a session", connect: connectSessionful },
  { generation: "SDK v2, stateless", connect: connectStateless },
])("a person whose client is of $generation", ({ connect }) => {
  const FORM = "test_input_required_result_elicitation";
  const PAGE = "test_page";

  test.each([
    { action: "accept" as const, content: { name: "Ada" } },
    { action: "decline" as const },
    { action: "cancel" as const },
  ])("answers a form with $action, and the call continues with it", async (answer) => {
    const client = await connect(gateway.fixtureUrl, { form: {} }, answer);
    expect(await client.call(FORM)).toContain(`action=${answer.action}`);
    expect(client.asked).toMatchObject([{ mode: "form", requestedSchema: { required: ["name"] } }]);
    await client.close();
  });

  test.each([{ action: "accept" as const }, { action: "decline" as const }, { action: "cancel" as const }])(
    "answers a page with $action, and the call goes on with it",
    async (answer) => {
      const client = await connect(gateway.fixtureUrl, { url: {} }, answer);
      expect(await client.call(PAGE)).toContain(`action=${answer.action}`);
      expect(client.asked).toMatchObject([{ mode: "url", url: "https://pages.example/connect" }]);
      await client.close();
    },
  );

  test.each([
    { tool: FORM, elicitation: undefined, missing: "elicitation.form" },
    { tool: FORM, elicitation: { url: {} }, missing: "elicitation.form" },
    { tool: PAGE, elicitation: { form: {} }, missing: "elicitation.url" },
  ])("is not asked without $missing, and the error names it", async ({ tool, elicitation, missing }) => {
    const client = await connect(gateway.fixtureUrl, elicitation, { action: "cancel" });
    expect(await client.call(tool)).toContain(missing);
    expect(client.asked).toEqual([]);
    await client.close();
  });
});
