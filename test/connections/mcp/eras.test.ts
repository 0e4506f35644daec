import { beforeAll, describe, expect, it } from "vitest";
import { waitForNews } from "../../support/news.ts";
import { LANES, openSession, type TestSession } from "../../support/session.ts";
import { approve, mcpEntryOf, publishEntries } from "./gateway.ts";

const FAR = { legacy: mcpEntryOf("/legacy"), modern: mcpEntryOf("/modern") };

beforeAll(async () => {
  for (const [name, entry] of Object.entries(FAR)) await approve(name, entry);
  await publishEntries(FAR);
});

const MATRIX = LANES.flatMap((lane) => (["legacy", "modern"] as const).map((far) => [lane, far] as const));

const open = (lane: (typeof LANES)[number], far: string, capabilities = {}) =>
  openSession({ server: far, lane, scopes: [`${far}:read`, `${far}:write`, `${far}:delete`], capabilities });

const textOf = ({ content }: { content: readonly object[] }) =>
  (content[0] as { text?: string } | undefined)?.text;

describe.each(MATRIX)("a %s client with a %s server", (lane, far) => {
  it("sees its tools under the connection's name, with schemas and hints", async () => {
    const session = await open(lane, far);
    const tools = await session.listTools();
    const add = tools.find(({ name }: { name: string }) => name === `${far}_add`);
    expect(add.inputSchema).toMatchObject({
      type: "object",
      required: ["a", "b"],
      additionalProperties: false,
    });
    expect(add.outputSchema.properties.sum).toMatchObject({ type: "number" });
    expect(add.annotations).toMatchObject({ readOnlyHint: true, idempotentHint: true });
    const remove = tools.find(({ name }: { name: string }) => name === `${far}_remove`);
    expect(remove.annotations).toMatchObject({ readOnlyHint: false, destructiveHint: true });
  });

  it("calls tools, with structured content and failures as they are", async () => {
    const session = await open(lane, far);
    expect(textOf(await session.call(`${far}_echo`, { text: "hello" }))).toBe("hello");
    expect((await session.call(`${far}_add`, { a: 1, b: 2 })).data).toEqual({ sum: 3, parts: [1, 2] });
    const { result } = await session.request("tools/call", { name: `${far}_fail`, arguments: {} });
    expect(result.isError).toBe(true);
    expect(result.content[0].text).toContain("the door is closed");
    const refused = await session.call(`${far}_add`, { a: "one", b: 2 });
    expect(refused.error?.code).toBe("invalid_input");
  });

  it("reads resources, templates and prompts, and completes", async () => {
    const session = await open(lane, far);
    const [note] = await session.readResource(`${far}:notes://one`);
    expect(note).toMatchObject({ uri: `${far}:notes://one`, text: expect.stringMatching(/note/) });
    const [byId] = await session.readResource(`${far}:notes://by-id/7`);
    expect(byId.text).toBe("note 7");
    const prompt = await session.getPrompt(`${far}_write`, { topic: "cats" });
    expect(prompt.messages[0].content.text).toBe("Write about cats");
    const topics = await session.complete(
      { type: "ref/prompt", name: `${far}_write` },
      { name: "topic", value: "ca" },
    );
    expect(topics.values).toEqual(["cats", "cars"]);
    const ids = await session.complete(
      { type: "ref/resource", uri: `${far}:notes://by-id/{id}` },
      { name: "id", value: "al" },
    );
    expect(ids.values).toEqual(["alpha"]);
  });

  it("gets the resources of an answer under the connection's scheme, whatever they claim", async () => {
    const session = await open(lane, far);
    const { content } = await session.call(`${far}_embed`);
    const uris = content.map((block) =>
      "uri" in block ? block.uri : "resource" in block ? block.resource.uri : "",
    );
    expect(uris).toEqual([`${far}:notes://one`, `${far}:notes://unlisted`, `${far}:crm://contact/1`]);
  });

  it("answers a question of the server in the middle of a call", async () => {
    const session = await open(lane, far, { elicitation: { form: {} } });
    const { text, asked } = await answerQuestions(
      session,
      `${far}_ask`,
      { for: "Ann" },
      {
        action: "accept",
        content: { colour: "blue" },
      },
    );
    expect(text).toBe("accept blue for Ann");
    expect(asked).toMatchObject({ message: "Things asks: Which colour for Ann?" });
    const declined = await answerQuestions(session, `${far}_ask`, { for: "Bob" }, { action: "decline" });
    expect(declined.text).toBe("decline undefined for Bob");
  });

  it("lends its model to the server, without the context of others", async () => {
    const session = await open(lane, far, { sampling: {} });
    const answer = { role: "assistant", model: "test", content: { type: "text", text: "Well." } };
    const { text, asked } = await answerQuestions(session, `${far}_think`, {}, answer);
    expect(text).toBe("model: Well.");
    expect(asked).not.toHaveProperty("includeContext");
    expect(asked.systemPrompt).toContain("comes from Things");
  });

  it("refuses a question for a password, and says so", async () => {
    const session = await open(lane, far, { elicitation: { form: {} } });
    const { result } = await session.request("tools/call", { name: `${far}_phish`, arguments: {} });
    expect(JSON.stringify(result)).toContain("does not go through a form");
    expect(result.isError).toBe(true);
  });

  it("hears progress and log messages", async () => {
    const session = await open(lane, far);
    const response = await session.send("tools/call", {
      name: `${far}_progress`,
      arguments: {},
      _meta: { progressToken: "p1", "io.modelcontextprotocol/logLevel": "debug" },
    });
    const stream = await response.text();
    expect(stream.match(/notifications\/progress/g)?.length).toBe(3);
    expect(stream).toContain("Things: half way");
  });

  it("is told when a call changed a resource that it subscribed to", async () => {
    const session = await open(lane, far);
    const uri = `${far}:notes://one`;
    const { news, heard } = await waitForNews(session, { uris: [uri] });
    if (lane === "stateless") expect(heard).toEqual([uri]);
    const other = await openSession({
      server: far,
      lane,
      as: "bob",
      scopes: [`${far}:read`, `${far}:write`],
    });
    await other.call(`${far}_write_note`, { text: `note of ${crypto.randomUUID()}` });
    expect(await news.next()).toMatchObject({ method: "notifications/resources/updated", params: { uri } });
    await news.close();
  });

  it("cancels a call at the server", async () => {
    const session = await open(lane, far);
    const id = crypto.randomUUID();
    const hangUp = new AbortController();
    const running = session.send("tools/call", { name: `${far}_slow`, arguments: { id } }, hangUp.signal);
    running.catch(() => {});
    const reader = await open(lane, far);
    const look = async () => textOf(await reader.call(`${far}_look_at_slow`, { id }));
    await expect.poll(look).toBe("running");
    hangUp.abort();
    if (lane === "sessionful")
      await session.post({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 2 } });
    await expect.poll(look).toBe("cancelled");
  });
});

/** Calls a tool that asks, and answers its question in the way of the client's generation. */
async function answerQuestions(
  session: TestSession,
  name: string,
  args: object,
  answer: object,
): Promise<{ text: string | undefined; asked: ReturnType<typeof JSON.parse> }> {
  if (session.lane === "stateless") {
    const first = await session.request("tools/call", { name, arguments: args });
    if (first.result?.resultType !== "input_required")
      throw new Error(JSON.stringify(first.result ?? first.error));
    const [[key, { params }]] = Object.entries(first.result.inputRequests) as [[string, { params: object }]];
    const second = await session.request("tools/call", {
      name,
      arguments: args,
      inputResponses: { [key]: answer },
      requestState: first.result.requestState,
    });
    return { text: textOf(second.result), asked: params };
  }
  const response = await session.send("tools/call", { name, arguments: args });
  const reader = (response.body as ReadableStream<Uint8Array>)
    .pipeThrough(new TextDecoderStream())
    .getReader();
  let text = "";
  let asked: ReturnType<typeof JSON.parse>;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`The stream ended: ${text}`);
    text += value;
    const messages = text
      .split("\n")
      .flatMap((line) =>
        line.startsWith("data: {") && line.endsWith("}") ? [JSON.parse(line.slice(6))] : [],
      );
    const question = messages.find((message) => message.method !== undefined && message.id !== undefined);
    if (question && asked === undefined) {
      asked = question.params;
      await session.post({ jsonrpc: "2.0", id: question.id, result: answer });
    }
    const final = messages.find((message) => message.result !== undefined);
    if (final) {
      void reader.cancel();
      return { text: textOf(final.result), asked };
    }
  }
}
