import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { ADMINISTRATION } from "../../../shared/audit/record.ts";
import { stubOf } from "../../../shared/objects/open-object.ts";
import { awaitEvents } from "../../audit/trail.ts";
import { LANES, openSession } from "../../support/session.ts";
import { approve, attemptsIn, command, HOST, mcpEntryOf, publishEntries } from "./gateway.ts";

const BAD = [
  "hangs",
  "drips",
  "refuses",
  "garbage",
  "endless",
  "wrong_ids",
  "redirects",
  "closes",
  "no_result",
] as const;

/** Of these a call knows that no answer will come: it does not wait for its time to be over. */
const ENDED = ["endless", "endless_message", "endless_comment", "ends", "breaks"] as const;

const nameOf = (manner: string) => manner.replaceAll("_", "");

const ENTRIES = {
  ...Object.fromEntries(
    BAD.map((manner) => [
      nameOf(manner),
      mcpEntryOf(`/hostile/${manner}`, { title: manner, limits: { seconds: 1 } }),
    ]),
  ),
  ...Object.fromEntries(
    ENDED.map((manner) => [
      `${nameOf(manner)}atonce`,
      mcpEntryOf(`/hostile/${manner}`, { title: manner, limits: { seconds: 60 } }),
    ]),
  ),
  endslate: mcpEntryOf("/hostile/ends_late", { title: "Ends late", limits: { concurrent: 1 } }),
  listbreaks: mcpEntryOf("/hostile/list_breaks", {
    ...{ title: "List breaks", on_change: "keep" },
    limits: { seconds: 60 },
  }),
  unasked: mcpEntryOf("/hostile/unasked", { title: "unasked", limits: { seconds: 1 } }),
  steady: mcpEntryOf("/legacy", { title: "Steady" }),
};

beforeAll(async () => {
  for (const [name, entry] of Object.entries(ENTRIES)) await approve(name, entry);
  await publishEntries(ENTRIES);
});

const scopes = Object.keys(ENTRIES).flatMap((name) => [`${name}:read`, `${name}:write`, `${name}:delete`]);

describe.each(LANES)("ten bad servers and a good one, on the %s lane", (lane) => {
  it.each(BAD)("one that %s ends its own call in one sentence of ours, and no other", async (manner) => {
    const session = await openSession({ server: "", lane, scopes });
    const [bad, good] = await Promise.all([
      session.call(`${nameOf(manner)}_read`),
      openSession({ server: "", lane, scopes, as: "bob" }).then((other) =>
        other.call("steady_echo", { text: "fine" }),
      ),
    ]);
    expect(bad.isError).toBe(true);
    expect(bad.error?.message).not.toMatch(
      /127\.0\.0\.1|localhost:1|987_?654|stack|JSON at position|node_modules/,
    );
    expect(["unavailable", "timeout", "forbidden"]).toContain(bad.error?.code);
    expect(good.content[0]).toMatchObject({ text: "fine" });
  });

  it.each(ENDED)("one whose stream %s ends its call as soon as no answer can come", async (manner) => {
    const session = await openSession({ server: "", lane, scopes });
    const { error } = await session.call(`${nameOf(manner)}atonce_read`);
    expect(error).toMatchObject({ code: "unavailable", message: expect.stringContaining(manner) });
  });

  it("one that answers to no question is understood", async () => {
    const session = await openSession({ server: "", lane, scopes });
    expect((await session.call("unasked_read")).content[0]).toMatchObject({ text: "mine" });
  });

  it("lists name every tool, and ask no server", async () => {
    const session = await openSession({ server: "", lane, scopes });
    const names = (await session.listTools()).map(({ name }: { name: string }) => name);
    for (const name of Object.keys(ENTRIES))
      expect(names.some((own: string) => own.startsWith(`${name}_`))).toBe(true);
  });
});

it("the stream of a cancelled call that ends later ends no other call of its session", async () => {
  const session = await openSession({ server: "endslate", lane: "stateless", scopes: ["endslate:read"] });
  const hangUp = new AbortController();
  const first = session.send("tools/call", { name: "endslate_read", arguments: {} }, hangUp.signal);
  first.catch(() => {});
  const isHeld = async () => await (await fetch(`http://${HOST}/hostile/held`)).text();
  await expect.poll(isHeld).toBe("true");
  hangUp.abort();
  expect((await session.call("endslate_read")).content[0]).toMatchObject({ text: "second" });
});

it("a list whose stream ends without an answer fails a review at once, and no call that runs meanwhile", async () => {
  await fetch(`http://${HOST}/hostile/break_lists`);
  const session = await openSession({ server: "listbreaks", lane: "stateless", scopes: ["listbreaks:read"] });
  expect((await session.call("listbreaks_read")).content[0]).toMatchObject({ text: "fine" });
  const answer = await command({ command: "review", connection: "listbreaks", entry: ENTRIES.listbreaks });
  expect(answer.failure.message).toContain("cannot be reached");
});

describe("a session with a server", () => {
  const open = () => openSession({ server: "steady", lane: "stateless", scopes });
  const echo = async (session: Awaited<ReturnType<typeof open>>, text: string) =>
    (await session.call("steady_echo", { text })).content[0];

  it("is opened again when the server lost it, for writes too: the server did not look at them", async () => {
    const session = await open();
    expect(await echo(session, "one")).toMatchObject({ text: "one" });
    await fetch(`http://${HOST}/forget`, { method: "POST" });
    expect(await echo(session, "two")).toMatchObject({ text: "two" });
    const id = crypto.randomUUID();
    await session.call("steady_count", { id });
    await fetch(`http://${HOST}/forget`, { method: "POST" });
    expect((await session.call("steady_count", { id })).content[0]).toMatchObject({ text: "2" });
  });

  it("repeats no write that waited for an answer in an object that is lost, and says that its outcome is not known", async () => {
    const capabilities = { elicitation: { form: {} } };
    const session = await openSession({
      server: "steady",
      lane: "stateless",
      as: "wendy",
      scopes,
      capabilities,
    });
    const id = crypto.randomUUID();
    const params = { name: "steady_order", arguments: { id } };
    const asked = await session.request("tools/call", params);
    expect(asked.result.resultType).toBe("input_required");
    const pool = stubOf(env, env.CONNECTION_POOL, "steady:person:user_wendy");
    await runInDurableObject(pool as never, (_object, state) => state.abort("lost")).catch(() => {});
    const [key = ""] = Object.keys(asked.result.inputRequests);
    const { result } = await session.request("tools/call", {
      ...params,
      inputResponses: { [key]: { action: "accept", content: { colour: "blue" } } },
      requestState: asked.result.requestState,
    });
    expect(JSON.parse(result.content[0].text).error).toMatchObject({
      code: "outcome_unknown",
      suggested_action: expect.stringContaining("Look at the data"),
    });
    const count = await session.call("steady_count", { id });
    expect(count.content[0]).toMatchObject({ text: "2" });
    const endings = (await awaitEvents("user_wendy", 6)).flatMap((event) =>
      event.type === "outcome" ? [event.status] : [],
    );
    expect(endings).toEqual(["input_required", "unknown", "ok"]);
    // A new call is a new order.
    expect((await session.request("tools/call", params)).result.resultType).toBe("input_required");
  });

  it("serves many calls at once, each with its own answer", async () => {
    const session = await open();
    const texts = Array.from({ length: 20 }, (_, index) => `call ${index}`);
    const answers = await Promise.all(texts.map((text) => echo(session, text)));
    expect(answers).toEqual(texts.map((text) => ({ type: "text", text })));
  });

  it("uses the secret of the vault, notices another one, and never shows it", async () => {
    const entry = mcpEntryOf("/guarded/legacy", { auth: { type: "bearer" }, title: "Guarded" });
    const secret = (value: string | null) =>
      command({ command: "secret", name: "guarded", connections: ["guarded"], secret: value, by: "tests" });
    const test = () => command({ command: "test", connection: "guarded", entry, secret: null });
    expect((await test()).failure.message).toContain("No password is stored");
    await secret("wrong");
    const refused = await test();
    expect(refused.failure.message).toContain("refuses the account");
    expect(JSON.stringify(refused)).not.toContain("wrong");
    await secret("sesame");
    expect((await test()).ok).toBe(true);
    await approve("guarded", entry);
    await publishEntries({ ...ENTRIES, guarded: entry });
    const session = await openSession({ server: "guarded", lane: "stateless", scopes: ["guarded:read"] });
    expect((await session.call("guarded_echo", { text: "in" })).content[0]).toMatchObject({ text: "in" });
    // The person's session has a socket and the former secret: the next call has neither.
    await secret("not sesame");
    const changed = await session.call("guarded_echo", { text: "out" });
    expect(changed.error?.message).toContain("refuses the account of this connection");
    await secret("sesame");
    expect((await session.call("guarded_echo", { text: "in" })).content[0]).toMatchObject({ text: "in" });
  });

  it("gets the secret of a published connection at no other address of a changed file, unless its operator says so", async () => {
    const entry = mcpEntryOf("/guarded/legacy", { auth: { type: "bearer" }, title: "Guarded" });
    const elsewhere = { ...entry, reach: { ...mcpEntryOf("/x").reach, url: "http://127.0.0.1:1/mcp" } };
    const before = await attemptsIn(ADMINISTRATION);
    for (const connection of ["guarded", "another"]) {
      const changed = { ...elsewhere, secret: "guarded" };
      for (const asked of [{ command: "review" }, { command: "test", secret: null }]) {
        const answer = await command({ ...asked, connection, entry: changed });
        expect(answer.failure.message).toContain(
          `belongs to http://${HOST}; the file names http://127.0.0.1:1`,
        );
        expect(answer.failure.action).toContain("--new-address");
      }
    }
    expect((await attemptsIn(ADMINISTRATION)).slice(before.length)).toEqual([
      "other_address",
      "other_address",
    ]);
    const said = { command: "review", connection: "guarded", entry: elsewhere, new_address: true };
    expect((await command(said)).failure.message).toContain("cannot be reached");
    expect((await command({ command: "review", connection: "guarded", entry })).ok).toBe(true);
  });

  it("of a server that describes a tool with 10 MB is not opened for use, and says why", async () => {
    const entry = mcpEntryOf("/hostile/big");
    const answer = await command({ command: "review", connection: "big", entry });
    expect(answer.ok).toBe(false);
    expect(answer.failure.message).toContain("cannot be reached");
  });
});
