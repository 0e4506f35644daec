import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { deliverOutcomes } from "../../shared/guard/settle.ts";
import { KEEP_ALIVE_MS } from "../../shared/mcp/http/event-stream.ts";
import type { CrmAgent } from "../../workers/crm/agent.ts";
import { addContact } from "../crm/rows.ts";
import { openSession, REVISION, type TestSession } from "../support/session.ts";
import { until } from "../support/until.ts";

const ELICITING = { elicitation: { form: {} } };
const QUESTION = { jsonrpc: "2.0", id: 77, method: "tools/call" };

beforeAll(async () => {
  for (const name of [
    "primed",
    "lost",
    "late",
    "gone",
    "older",
    "read",
    "dropped",
    "left",
    "first",
    "second",
  ])
    await addContact(`con_${name}`, `${name} Person`);
});

/** One event of a stream. */
interface StreamEvent {
  id: string | undefined;
  retry: string | undefined;
  data: string;
}

/** Reads a stream event by event, on demand. */
class EventReader {
  readonly #reader: ReadableStreamDefaultReader<string>;
  #text = "";

  constructor(response: Response) {
    const body = response.body as ReadableStream<Uint8Array>;
    this.#reader = body.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** The next event, or `null` at the end. */
  async next(): Promise<StreamEvent | null> {
    while (!this.#text.includes("\n\n")) {
      const { done, value } = await this.#reader.read();
      if (done) return null;
      this.#text += value;
    }
    const [frame = "", ...rest] = this.#text.split("\n\n");
    this.#text = rest.join("\n\n");
    const field = (name: string) => new RegExp(`^${name}: ?(.*)$`, "m").exec(frame)?.[1];
    return { id: field("id"), retry: field("retry"), data: field("data") ?? "" };
  }

  async nextMessage() {
    return JSON.parse((await this.next())?.data ?? "null");
  }

  /** Hangs up. */
  cancel(): Promise<void> {
    return this.#reader.cancel();
  }
}

/** A call that asks its user first, so that its answer is a stream. */
async function askToDelete(name: string) {
  const session = await openSession({ server: "crm", lane: "sessionful", capabilities: ELICITING });
  const params = { name: "crm_delete_record", arguments: { id: `con_${name}` } };
  return { session, stream: new EventReader(await session.post({ ...QUESTION, params })) };
}

function agree(session: TestSession, id: unknown): Promise<Response> {
  return session.post({ jsonrpc: "2.0", id, result: { action: "accept", content: { agree: true } } });
}

function withVerb(session: TestSession, method: string, headers: Record<string, string> = {}) {
  return exports.default.fetch(session.url, {
    method,
    headers: {
      host: new URL(session.url).host,
      authorization: `Bearer ${session.token.accessToken}`,
      accept: "text/event-stream",
      "mcp-protocol-version": REVISION.sessionful,
      ...headers,
    },
  });
}

/** The response to a GET of the session, with `Last-Event-ID` for a client that resumes. */
function listen(session: TestSession, lastEventId?: string): Promise<Response> {
  const from = lastEventId === undefined ? {} : { "last-event-id": lastEventId };
  return withVerb(session, "GET", { "mcp-session-id": session.sessionId ?? "", ...from });
}

async function resume(session: TestSession, lastEventId: string): Promise<EventReader> {
  return new EventReader(await listen(session, lastEventId));
}

function cancel(session: TestSession): Promise<Response> {
  const params = { requestId: QUESTION.id };
  return session.post({ jsonrpc: "2.0", method: "notifications/cancelled", params });
}

function objectOf(session: TestSession) {
  const [id] = (session.sessionId ?? "").split(".");
  return env.CRM_AGENT.get(env.CRM_AGENT.idFromName(`streamable-http:${id}`));
}

describe("an idle session with an open stream", () => {
  it("lets its object hibernate: the runtime holds its socket, and no timer runs but the keep-alive of the Worker", async () => {
    const timers = new Map<unknown, number | undefined>();
    const { setInterval: every, setTimeout: after } = globalThis;
    vi.spyOn(globalThis, "setInterval").mockImplementation(((run: () => void, ms?: number) => {
      const timer = every(run, ms);
      timers.set(timer, ms);
      return timer;
    }) as never);
    vi.spyOn(globalThis, "setTimeout").mockImplementation(((run: () => void, ms?: number) => {
      const timer = after(() => {
        timers.delete(timer);
        run();
      }, ms);
      timers.set(timer, ms);
      return timer;
    }) as never);
    for (const name of ["clearInterval", "clearTimeout"] as const) {
      const clear = globalThis[name];
      vi.spyOn(globalThis, name).mockImplementation((timer) => {
        timers.delete(timer);
        clear(timer as never);
      });
    }
    const session = await openSession({ server: "crm", lane: "sessionful", as: "idle" });
    const stream = await listen(session);
    expect((await session.call("crm_list_tasks")).isError).toBe(false);
    await deliverOutcomes(env);
    await expect.poll(() => [...timers.values()]).toEqual([KEEP_ALIVE_MS]);
    const sockets = await runInDurableObject(
      objectOf(session),
      (_agent, state) => state.getWebSockets().length,
    );
    expect(sockets).toBe(1);
    vi.restoreAllMocks();
    await stream.body?.cancel();
  });
});

describe("the answer to a POST", () => {
  it("is JSON when nothing precedes it", async () => {
    const session = await openSession({ server: "crm", lane: "sessionful" });
    const response = await session.post({ jsonrpc: "2.0", id: 5, method: "tools/list" });
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(await response.json()).toMatchObject({ id: 5, result: { tools: expect.any(Array) } });
  });

  it("is a stream when messages precede it, and begins with a resumable event id", async () => {
    const { session, stream } = await askToDelete("primed");
    const first = await stream.next();
    expect(first).toEqual({ id: expect.stringMatching(/^[\da-f-]{36}:0$/), retry: "1000", data: "" });
    const question = await stream.nextMessage();
    expect(question.method).toBe("elicitation/create");
    await agree(session, question.id);
    expect(await stream.nextMessage()).toMatchObject({
      id: 77,
      result: { structuredContent: { done: true } },
    });
    expect(await stream.next()).toBeNull();
  });

  it("begins with a message for clients that treat an empty event as one", async () => {
    const session = await openSession({ server: "crm", lane: "sessionful", capabilities: ELICITING });
    session.headers = { "mcp-protocol-version": "2025-06-18" };
    const params = { name: "crm_delete_record", arguments: { id: "con_older" } };
    const stream = new EventReader(await session.post({ ...QUESTION, params }));
    const question = await stream.nextMessage();
    expect(question).toMatchObject({ method: "elicitation/create" });
    await agree(session, question.id);
    expect(await stream.nextMessage()).toMatchObject({ id: 77 });
  });
});

describe("a client that lost its stream", () => {
  it("resumes, misses nothing, and its stream ends with the answer", async () => {
    const { session, stream } = await askToDelete("lost");
    const first = await stream.next();
    await stream.cancel();
    const resumed = await resume(session, first?.id ?? "");
    const question = await resumed.nextMessage();
    expect(question.method).toBe("elicitation/create");
    await agree(session, question.id);
    expect(await resumed.nextMessage()).toMatchObject({
      id: 77,
      result: { structuredContent: { done: true } },
    });
    expect(await resumed.next()).toBeNull();
  });

  it("gets its answer when it resumes late, also after an eviction", async () => {
    const { session, stream } = await askToDelete("late");
    const first = await stream.next();
    const question = await stream.nextMessage();
    await stream.cancel();
    await agree(session, question.id);
    await until(() =>
      runInDurableObject(objectOf(session), (_agent: CrmAgent, state) => {
        const rows = state.storage.sql.exec("SELECT 1 FROM answer_streams WHERE answer IS NOT NULL");
        expect(rows.toArray()).toHaveLength(1);
      }),
    );
    await evictDurableObject(objectOf(session));
    const resumed = await resume(session, first?.id ?? "");
    expect(await resumed.nextMessage()).toMatchObject({
      id: 77,
      result: { structuredContent: { done: true } },
    });
    expect(await resumed.next()).toBeNull();
  });

  it("is told when its call was interrupted, and that its outcome is unknown", async () => {
    const { session, stream } = await askToDelete("gone");
    const first = await stream.next();
    await stream.nextMessage();
    const stopped = runInDurableObject(objectOf(session), (_agent: CrmAgent, state) =>
      state.abort("stopped"),
    );
    await expect(stopped).rejects.toThrow();
    const resumed = await resume(session, first?.id ?? "");
    const answer = await resumed.nextMessage();
    expect(answer).toMatchObject({ id: 77, error: { code: -32603 } });
    expect(answer.error.message).toContain("interrupted");
    expect(await resumed.next()).toBeNull();
  });
});

// A client with a stream without an answer would resume every second, for the lifetime of its session.
describe("a client that resumes although nothing follows", () => {
  it("is told so after it has its answer", async () => {
    const { session, stream } = await askToDelete("read");
    await stream.next();
    await agree(session, (await stream.nextMessage()).id);
    const answer = await stream.next();
    expect(JSON.parse(answer?.data ?? "")).toMatchObject({ id: 77 });
    expect((await listen(session, answer?.id)).status).toBe(405);
  });

  it("is told so after it has cancelled its call", async () => {
    const { session, stream } = await askToDelete("dropped");
    const first = await stream.next();
    await stream.nextMessage();
    await cancel(session);
    expect(await stream.next()).toBeNull();
    expect((await listen(session, first?.id)).status).toBe(405);
  });

  it("loses the resumed stream when it cancels its call", async () => {
    const { session, stream } = await askToDelete("left");
    const first = await stream.next();
    await stream.cancel();
    const resumed = await resume(session, first?.id ?? "");
    expect((await resumed.nextMessage()).method).toBe("elicitation/create");
    await cancel(session);
    expect(await resumed.next()).toBeNull();
  });

  it.each([
    ["another session's", "8c7f6f0e-6f0b-4f0e-9d5b-0a1b2c3d4e5f:3"],
    ["none at all", "a b"],
  ])(
    "is told so when its event is %s, and its session's stream for notifications stays",
    async (_whose, eventId) => {
      const session = await openSession({ server: "crm", lane: "sessionful" });
      const news = new EventReader(await listen(session));
      expect((await listen(session, eventId)).status).toBe(405);
      await runInDurableObject(objectOf(session), (agent: CrmAgent) =>
        agent.server.notification({ method: "notifications/prompts/list_changed" }),
      );
      expect(await news.nextMessage()).toMatchObject({ method: "notifications/prompts/list_changed" });
      await news.cancel();
    },
  );
});

describe("the messages of a request", () => {
  it("end with its answer: later messages of its work go to no other stream", async () => {
    const session = await openSession({ server: "crm", lane: "sessionful" });
    const news = new EventReader(await listen(session));
    expect((await session.request("tools/list")).status).toBe(200);
    await runInDurableObject(objectOf(session), async ({ server }: CrmAgent) => {
      const late = { method: "notifications/progress", params: { progressToken: 1, progress: 2 } } as const;
      await server.notification(late, { relatedRequestId: 2 });
      await server.notification({ method: "notifications/prompts/list_changed" });
    });
    expect(await news.nextMessage()).toMatchObject({ method: "notifications/prompts/list_changed" });
    await news.cancel();
  });
});

describe("a question of an object that was stopped", () => {
  it("is over: an answer to it does not answer a later one of the same session", async () => {
    const { session, stream } = await askToDelete("first");
    await stream.next();
    const old = await stream.nextMessage();
    const stopped = runInDurableObject(objectOf(session), (_agent: CrmAgent, state) =>
      state.abort("stopped"),
    );
    await expect(stopped).rejects.toThrow();
    const params = { name: "crm_delete_record", arguments: { id: "con_second" } };
    const next = new EventReader(await session.post({ ...QUESTION, id: 78, params }));
    await next.next();
    const question = await next.nextMessage();
    expect(question.method).toBe("elicitation/create");
    expect((await agree(session, old.id)).status).toBe(202);
    await session.post({ jsonrpc: "2.0", id: question.id, result: { action: "decline" } });
    const answer = await next.nextMessage();
    expect(answer).toMatchObject({ id: 78, result: { isError: true } });
    expect(answer.result.content[0].text).toContain("did not agree");
  });
});

describe("other verbs", () => {
  it.each(["PUT", "PATCH", "HEAD"])("%s is answered with 405 and the verbs there are", async (verb) => {
    const session = await openSession({ server: "crm", lane: "stateless" });
    const response = await withVerb(session, verb);
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe("GET, POST, DELETE");
  });

  it("GET and DELETE without a session are answered with 405", async () => {
    const session = await openSession({ server: "crm", lane: "stateless" });
    expect((await withVerb(session, "GET")).status).toBe(405);
    expect((await withVerb(session, "DELETE")).status).toBe(405);
  });
});
