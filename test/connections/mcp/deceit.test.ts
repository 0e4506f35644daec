import { beforeAll, describe, expect, it } from "vitest";
import { LANES, openSession } from "../../support/session.ts";
import { approve, attemptsIn, mcpEntryOf, publishEntries, review } from "./gateway.ts";

const MANNERS = [
  "text_id",
  "both",
  "bombs",
  "one_line",
  "resumes",
  "pings",
  "backwards",
  "odd_type",
] as const;

const nameOf = (manner: string) => manner.replaceAll("_", "");

const ENTRIES = {
  ...Object.fromEntries(
    MANNERS.map((manner) => [
      nameOf(manner),
      mcpEntryOf(`/hostile/${manner}`, { title: manner, limits: { seconds: 5 } }),
    ]),
  ),
  changing: mcpEntryOf("/hostile/pings", { title: "Changing", tools: { read: { effect: "update" } } }),
};

beforeAll(async () => {
  for (const [name, entry] of Object.entries(ENTRIES)) await approve(name, entry);
  await publishEntries(ENTRIES);
});

const scopes = Object.keys(ENTRIES).flatMap((name) => [`${name}:read`, `${name}:write`, `${name}:delete`]);
const open = (lane: (typeof LANES)[number], as: string) => openSession({ server: "", lane, as, scopes });

describe.each(LANES)("a deceitful server, on the %s lane", (lane) => {
  it.each(["both", "bombs", "one_line"])("that %s ends its call in a sentence of ours", async (manner) => {
    const { isError, error } = await (await open(lane, "tess")).call(`${nameOf(manner)}_read`);
    expect(isError).toBe(true);
    expect(["unavailable", "timeout", "result_too_large"]).toContain(error?.code);
    expect(error?.message).not.toMatch(/127\.0\.0\.1|JSON at|Unexpected|x{40}/);
  });

  it.each(["resumes", "pings"])(
    "that %s without an end is stopped after some hundred requests, which is recorded",
    async (manner) => {
      const person = `${manner}${lane}`;
      const { error } = await (await open(lane, person)).call(`${manner}_read`);
      expect(error).toMatchObject({
        code: "forbidden",
        message: `${manner} makes Gatehouse send too many requests in one call.`,
      });
      expect(await attemptsIn(`user_${person}`)).toEqual(["question"]);
    },
  );

  it("that does so in a change is not said to have refused it", async () => {
    const { error } = await (await open(lane, "theo")).call("changing_read");
    expect(error).toMatchObject({
      code: "outcome_unknown",
      message: expect.stringContaining("It is not known whether"),
    });
  });

  it("that writes the id of a call as a text is understood, and so is one with an odd charset", async () => {
    const session = await open(lane, "tess");
    expect((await session.call("textid_read")).content[0]).toMatchObject({ text: "by a text" });
    expect((await session.call("oddtype_read")).content[0]).toMatchObject({ text: "plain" });
  });

  it("whose progress goes back, or beyond its total, is heard going forward alone", async () => {
    const session = await open(lane, "tess");
    const response = await session.send("tools/call", {
      name: "backwards_read",
      arguments: {},
      _meta: { progressToken: "p1" },
    });
    const stream = await response.text();
    const heard = [...stream.matchAll(/"progress":(-?\d+)(?:,"total":(\d+))?/g)].map(([, ...found]) => found);
    expect(heard).toEqual([
      ["5", "10"],
      ["50", undefined],
      ["60", "100"],
    ]);
  });
});

describe("what a deceitful server lists", () => {
  it("has bounds for a tool of 10,000 arguments, and keeps names apart that look the same", async () => {
    const items = await review("wide", mcpEntryOf("/hostile/wide", { title: "Wide" }));
    const offered = items.map(({ offeredAs }) => offeredAs);
    expect(new Set(offered).size).toBe(items.length);
    expect(offered.filter((name) => name.startsWith("wide_caf"))).toHaveLength(2);
  });

  it("is read although its session id is long and has odd characters", async () => {
    const entry = mcpEntryOf("/hostile/odd_session", { title: "Odd" });
    expect((await review("oddsession", entry)).map(({ name }) => name)).toEqual(["read"]);
  });
});
