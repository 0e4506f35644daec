import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { accountGate } from "../../../shared/objects/account-gate.ts";
import { stubOf } from "../../../shared/objects/open-object.ts";
import { awaitEvents } from "../../audit/trail.ts";
import { arrive } from "../../support/arrive.ts";
import { waitForNews } from "../../support/news.ts";
import { createPerson, signIn, type TestBrowser } from "../../support/oauth.ts";
import { LANES, openSession } from "../../support/session.ts";
import { connect, control, entryOf, publishPersonal, stats, userOf, world } from "./account-world.ts";
import { command } from "./gateway.ts";

const NAMES = ["mine", "other", "race", "gone", "late", "lost"] as const;

beforeAll(() => publishPersonal(NAMES));

const scopesOf = (name: string) => [`${name}:read`];
const textOf = ({ content }: { content: readonly object[] }) =>
  (content[0] as { text?: string } | undefined)?.text;

describe("a connection with each person's own accounts", () => {
  it.each(LANES)(
    "shows two people their own data only, by tool and resource, on the %s lane",
    async (lane) => {
      const [ann, bob] = [await arrive("ann"), await arrive("bob")];
      expect((await connect(ann, "mine", "ann@there")).headers.get("location")).toBe(
        "/connections?done=connected",
      );
      expect((await connect(bob, "mine", "bob@there")).status).toBe(303);
      const open = (as: string) => openSession({ server: "mine", lane, as, scopes: scopesOf("mine") });
      const [asAnn, asBob] = [await open("ann"), await open("bob")];
      const [first, second] = await Promise.all([asAnn.call("mine_whoami"), asBob.call("mine_whoami")]);
      expect([textOf(first), textOf(second)]).toEqual(["ann@there", "bob@there"]);
      const read = (session: typeof asAnn) => session.readResource("mine:own://data");
      expect((await read(asAnn))[0].text).toBe("data of ann@there");
      expect((await read(asBob))[0].text).toBe("data of bob@there");
      const page = await (await ann.get("/connections")).text();
      expect(page).toContain("Connected");
      for (const token of (await stats("mine")).tokens) expect(page).not.toContain(token);
    },
  );

  it.each(LANES)(
    "tells one person nothing of the other's changes, by subscription and cache, on the %s lane",
    async (lane) => {
      for (const name of ["ann", "bob"]) await connect(await arrive(name), "mine", `${name}@there`);
      const scopes = ["mine:read", "mine:write"];
      const open = (as: string) => openSession({ server: "mine", lane, as, scopes });
      const [asAnn, asBob] = [await open("ann"), await open("bob")];
      const uri = "mine:own://data";
      const { news } = await waitForNews(asAnn, { uris: [uri] });
      const note = (who: string) => `, noted by ${who} on the ${lane} lane`;
      await asBob.call("mine_write", { text: note("bob") });
      const read = async (session: typeof asAnn) => (await session.request("resources/read", { uri })).result;
      const [ofAnn, ofBob] = [await read(asAnn), await read(asBob)];
      expect(ofAnn.contents[0].text).not.toContain("bob");
      expect(ofBob.contents[0].text).toBe(`data of bob@there${note("bob")}`);
      if (lane === "stateless") expect([ofAnn.cacheScope, ofBob.cacheScope]).toEqual(["private", "private"]);
      // The first news is of Ann's own change, in another session: there was none of Bob's.
      await (await open("ann")).call("mine_write", { text: note("ann") });
      expect(await news.next()).toMatchObject({ method: "notifications/resources/updated", params: { uri } });
      expect((await read(asAnn)).contents[0].text).toBe(`data of ann@there${note("ann")}`);
      await news.close();
    },
  );

  it("gives a call that one person began to no other: by request state, session and task", async () => {
    await connect(await arrive("bob"), "mine", "bob@there");
    await arrive("una");
    const capabilities = {
      elicitation: { url: {} },
      extensions: { "io.modelcontextprotocol/tasks": {} },
    };
    const open = (as: string, lane: (typeof LANES)[number]) =>
      openSession({ server: "mine", lane, as, scopes: scopesOf("mine"), capabilities });
    const [asUna, asBob] = [await open("una", "stateless"), await open("bob", "stateless")];
    const params = { name: "mine_whoami", arguments: {} };
    const { inputRequests, requestState } = (await asUna.request("tools/call", params)).result;
    const [key = ""] = Object.keys(inputRequests);
    const inputResponses = { [key]: { action: "accept" } };
    const taken = await asBob.request("tools/call", { ...params, inputResponses, requestState });
    expect(taken.error?.code).toBe(-32602);
    // A call of another system's tool is no task, also for a client that takes tasks.
    const own = (await asBob.request("tools/call", params)).result;
    expect([own.resultType, textOf(own)]).toEqual(["complete", "bob@there"]);
    const session = await open("bob", "sessionful");
    const other = await open("una", "sessionful");
    other.sessionId = session.sessionId;
    expect((await other.request("tools/call", params)).status).toBe(404);
    expect(textOf(await session.call("mine_whoami"))).toBe("bob@there");
  });

  it("tells a client without pages where the person connects, and goes on in the same call with one that has them", async () => {
    const carl = await arrive("carl");
    const without = await openSession({
      server: "other",
      lane: "stateless",
      as: "carl",
      scopes: scopesOf("other"),
    });
    const refused = await without.call("other_whoami");
    expect(refused.error?.message).toContain(`${env.PUBLIC_URL}/connections/other`);
    const capable = { capabilities: { elicitation: { url: {} } } };
    const session = await openSession({
      ...{ server: "other", lane: "stateless", as: "carl", scopes: scopesOf("other") },
      ...capable,
    });
    const params = { name: "other_whoami", arguments: {} };
    const asked = await session.request("tools/call", params);
    expect(asked.result.resultType).toBe("input_required");
    const [[key, question]] = Object.entries(asked.result.inputRequests) as [
      [string, { params: { url: string } }],
    ];
    expect(question.params.url).toBe(`${env.PUBLIC_URL}/connections/other`);
    const running = session.request("tools/call", {
      ...params,
      inputResponses: { [key]: { action: "accept" } },
      requestState: asked.result.requestState,
    });
    await connect(carl, "other", "carl@there");
    expect(textOf((await running).result)).toBe("carl@there");
  });

  it("renews under one lock: 50 calls at once, 20 rounds, one renewal each, no reuse", async () => {
    await connect(await arrive("dora"), "race", "dora@there");
    const gate = accountGate(env, "race", "user_dora");
    const target = { connection: "race", person: "user_dora", entry: entryOf("race") };
    const before = (await stats("race")).refreshes;
    let last: string | null = null;
    for (let round = 0; round < 20; round += 1) {
      const first = await gate.token(target, null);
      last = first.ok ? first.token : null;
      const answers = await Promise.all(Array.from({ length: 50 }, () => gate.token(target, last)));
      const tokens = new Set(answers.map((answer) => (answer.ok ? answer.token : answer.failure.message)));
      expect(tokens.size).toBe(1);
      expect(tokens.has(last ?? "")).toBe(false);
    }
    const { refreshes, reuses } = await stats("race");
    expect([refreshes - before, reuses]).toEqual([20, 0]);
  });

  it("keeps its grant when the object is evicted, and goes on after failures with a pause", async () => {
    const gate = accountGate(env, "race", "user_dora");
    const target = { connection: "race", person: "user_dora", entry: entryOf("race") };
    const first = await gate.token(target, null);
    if (!first.ok) throw new Error(first.failure.message);
    await evictDurableObject(stubOf(env, env.PERSON_ACCOUNT, "race:user_dora") as never);
    expect(await gate.token(target, null)).toEqual(first);
    await control("race", { failures: [503] });
    const failed = await gate.token(target, first.token);
    expect(failed).toMatchObject({ ok: false, failure: { code: "unavailable" } });
    const again = await gate.token(target, first.token);
    expect(again).toMatchObject({ ok: false, failure: { retryAfter: expect.any(Number) } });
    // What is still valid is still used.
    expect(await gate.token(target, null)).toEqual(first);
  });

  describe("and an object that is killed between the other side's rotation and its own storing", () => {
    const target = { connection: "lost", person: "user_nora", entry: entryOf("lost") };
    const gate = () => accountGate(env, "lost", "user_nora");
    /** Connects, has the object killed while the answer of a renewal is on its way, and lets the answer go. */
    const kill = async (): Promise<string> => {
      await connect(await arrive("nora"), "lost", "nora@there");
      const first = await gate().token(target, null);
      if (!first.ok) throw new Error(first.failure.message);
      await control("lost", { holds: true });
      const renewing = gate().token(target, first.token);
      renewing.catch(() => {});
      await fetch(`${world("lost")}/held`);
      const object = stubOf(env, env.PERSON_ACCOUNT, "lost:user_nora") as never;
      await runInDurableObject(object, (_object, state) => state.abort("killed")).catch(() => {});
      await control("lost", { holds: false });
      return first.token;
    };

    it("tries the old refresh token once, and says that the account has to be connected again when it is taken as stolen", async () => {
      const token = await kill();
      const before = await stats("lost");
      const answers = await Promise.all([1, 2, 3].map(() => gate().token(target, token)));
      for (const answer of answers)
        expect(answer).toMatchObject({ ok: false, failure: { code: "account_needed" } });
      expect((await stats("lost")).reuses).toBe(before.reuses + 1);
      expect((await gate().state(target.entry.reach.url)).state).toBe("reconnect");
      const session = await openSession({
        server: "lost",
        lane: "stateless",
        as: "nora",
        scopes: scopesOf("lost"),
      });
      const message = (await session.call("lost_whoami")).error?.message;
      expect(message).toMatch(/has to be connected again.*\/connections\/lost/);
      const nora = await arrive("nora");
      expect(await (await nora.get("/connections")).text()).toContain("Ended by the other system");
      await connect(nora, "lost", "nora@there");
      expect(textOf(await session.call("lost_whoami"))).toBe("nora@there");
    });

    it("goes on where the other side takes the old refresh token once more", async () => {
      const token = await kill();
      await control("lost", { grace: true });
      const answer = await gate().token(target, token);
      await control("lost", { grace: false });
      if (!answer.ok) throw new Error(answer.failure.message);
      expect(await userOf("lost", answer.token)).toBe("nora@there");
    });
  });

  it("renews when the other system refuses a token in the middle of a session, and says when the grant has ended", async () => {
    const eve = await arrive("eve");
    await connect(eve, "gone", "eve@there");
    const session = await openSession({
      server: "gone",
      lane: "stateless",
      as: "eve",
      scopes: scopesOf("gone"),
    });
    expect(textOf(await session.call("gone_whoami"))).toBe("eve@there");
    await control("gone", {}, "expire");
    expect(textOf(await session.call("gone_whoami"))).toBe("eve@there");
    await control("gone", {}, "end");
    const ended = await session.call("gone_whoami");
    expect(ended.error?.message).toContain("has to be connected again");
    expect(await (await eve.get("/connections")).text()).toContain("Ended by the other system");
    await connect(eve, "gone", "eve@there");
    expect(textOf(await session.call("gone_whoami"))).toBe("eve@there");
    const row = await env.PLATFORM_DB.prepare(
      "SELECT state FROM person_account WHERE user_id = 'user_eve' AND connection = 'gone'",
    ).first();
    expect(row).toEqual({ state: "connected" });
  });

  it("ends at both sides when the person disconnects, is recorded, and leaves no token behind", async () => {
    const fay = await arrive("fay");
    await connect(fay, "mine", "fay@there");
    const before = await stats("mine");
    const answer = await fay.post("/connections/mine/disconnect", {});
    expect(answer.headers.get("location")).toBe("/connections?done=disconnected");
    expect((await stats("mine")).revoked).toBeGreaterThan(before.revoked);
    const session = await openSession({
      server: "mine",
      lane: "stateless",
      as: "fay",
      scopes: scopesOf("mine"),
    });
    expect((await session.call("mine_whoami")).isError).toBe(true);
    const events = JSON.stringify(await awaitEvents("user_fay", 3));
    expect(events).toContain("account_connection");
    for (const token of before.tokens) expect(events).not.toContain(token);
  });

  it("sends a token only to the address that its person agreed to, whatever the entry names now", async () => {
    await connect(await arrive("jan"), "mine", "jan@there");
    const own = { connection: "mine", person: "user_jan", entry: entryOf("mine") };
    const elsewhere = { ...own, entry: entryOf("trap") };
    const gate = accountGate(env, "mine", "user_jan");
    const given = await gate.token(own, null);
    if (!given.ok) throw new Error(given.failure.message);
    const refused = { ok: false, failure: { code: "account_needed" } };
    expect(await gate.token(elsewhere, null)).toMatchObject(refused);
    const { refreshes } = await stats("mine");
    expect(await gate.token(elsewhere, given.token)).toMatchObject(refused);
    expect((await stats("mine")).refreshes).toBe(refreshes);
    expect((await gate.state(elsewhere.entry.reach.url)).state).toBe("reconnect");
    const person = "jan@people.example";
    const asked = { command: "review", connection: "mine", entry: elsewhere.entry, person };
    expect(await command(asked)).toMatchObject({ ok: false });
    expect((await stats("trap")).seen.filter((sent) => sent !== "")).toEqual([]);
    // The account itself is as it was.
    expect(await gate.token(own, null)).toEqual(given);
    expect((await gate.state(own.entry.reach.url)).state).toBe("connected");
  });

  describe.each([
    ["a renewal that succeeds", []],
    ["a renewal that fails", [503]],
    ["a renewal whose grant has ended", [400]],
  ] as const)("and %s late", (_what, failures) => {
    const target = { connection: "late", person: "user_kim", entry: entryOf("late") };
    const gate = () => accountGate(env, "late", "user_kim");
    /** Begins a renewal, does this meanwhile, and lets the renewal end. Gives what its caller got. */
    const meanwhile = async (act: (kim: TestBrowser) => Promise<unknown>) => {
      const kim = await arrive("kim");
      await connect(kim, "late", "kim@first");
      const first = await gate().token(target, null);
      if (!first.ok) throw new Error(first.failure.message);
      await control("late", { holds: true, failures: [...failures] });
      const renewing = gate().token(target, first.token);
      await fetch(`${world("late")}/held`);
      // What is held stays held; what comes now is answered.
      await control("late", { keeps: true });
      await act(kim);
      await control("late", { holds: false, keeps: false });
      return await renewing;
    };

    it("leaves the account that the person connected meanwhile", async () => {
      const got = await meanwhile((kim) => connect(kim, "late", "kim@second"));
      const now = await gate().token(target, null);
      if (!now.ok) throw new Error(now.failure.message);
      expect(await userOf("late", now.token)).toBe("kim@second");
      expect(got).toEqual(now);
      expect((await gate().state(target.entry.reach.url)).state).toBe("connected");
    });

    it("brings back no account that the person disconnected meanwhile", async () => {
      const got = await meanwhile((kim) => kim.post("/connections/late/disconnect", {}));
      expect(got).toMatchObject({ ok: false });
      expect((await gate().state(target.entry.reach.url)).state).toBe("none");
    });
  });

  it("stays away when the person disconnects while the code is exchanged", async () => {
    const lea = await arrive("lea");
    await control("late", { holds: true, failures: [] });
    const connecting = connect(lea, "late", "lea@there");
    await fetch(`${world("late")}/held`);
    await lea.post("/connections/late/disconnect", {});
    const before = (await stats("late")).revoked;
    await control("late", { holds: false });
    expect((await connecting).status).toBe(400);
    const { url } = entryOf("late").reach;
    expect((await accountGate(env, "late", "user_lea").state(url)).state).toBe("none");
    expect((await stats("late")).revoked).toBeGreaterThan(before);
  });

  it("stores tokens sealed, and shows administrators who is connected and no token", async () => {
    await connect(await arrive("gil"), "mine", "gil@there");
    const { tokens } = await stats("mine");
    const rows = JSON.stringify(
      (await env.PLATFORM_DB.prepare("SELECT * FROM person_account").all()).results,
    );
    for (const token of tokens) expect(rows).not.toContain(token);
    const admin = await signIn(await createPerson("admin", "Ina Admin"));
    const page = await (await admin.get("/console/connections/mine/offers")).text();
    expect(page).toContain("Who is connected");
    expect(page).toContain("gil");
    for (const token of tokens) expect(page).not.toContain(token);
  });
});
