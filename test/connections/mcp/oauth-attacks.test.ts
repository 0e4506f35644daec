import { beforeAll, describe, expect, it } from "vitest";
import type { ConnectionAttempt } from "../../../shared/audit/record.ts";
import { arrive } from "../../support/arrive.ts";
import { openSession } from "../../support/session.ts";
import { connect, control, entryOf, publishPersonal, stats } from "./account-world.ts";
import { attemptsIn, mcpEntryOf, publishEntries } from "./gateway.ts";

beforeAll(() => publishPersonal(["mine", "other", "lies"]));

describe("an authorization that is not what it seems", () => {
  const deceive = async (
    name: string,
    lies: Record<string, string>,
    attempt: ConnectionAttempt,
  ): Promise<string> => {
    await control("lies", { lies });
    const browser = await arrive(name);
    const answer = await connect(browser, "lies", "victim@there");
    const text = await answer.text();
    await control("lies", { lies: {} });
    expect(await attemptsIn(`user_${name}`)).toEqual([attempt]);
    expect(answer.headers.get("location") ?? "").not.toContain("done=connected");
    return /class="notice danger"[^>]*>([^<]*)</.exec(text)?.[1] ?? text.slice(0, 300);
  };

  it.each([
    [
      "an issuer of another server in the answer",
      { iss: "https://honest.example" },
      "mix_up",
      /does not belong to what you began/,
    ],
    ["no issuer although one is promised", { iss: "none" }, "mix_up", /does not belong to what you began/],
    ["another state", { state: "forged" }, "mix_up", /does not belong to what you began/],
    [
      "metadata of another issuer",
      { issuer: "https://honest.example" },
      "metadata",
      /not about its own address/,
    ],
    [
      "metadata about another resource",
      { resource: "https://honest.example/mcp" },
      "metadata",
      /not about its own address/,
    ],
    ["no PKCE", { pkce: "plain" }, "metadata", /PKCE/],
    [
      "a token endpoint inside the network",
      { token_endpoint: "http://169.254.169.254/token" },
      "metadata",
      /not asked/,
    ],
    [
      "a token endpoint at this machine",
      { token_endpoint: "https://localhost/token" },
      "metadata",
      /not asked/,
    ],
    [
      "an authorization endpoint that is a script",
      { authorization_endpoint: "javascript:alert(1)" },
      "metadata",
      /not asked|right now/,
    ],
    [
      "an authorization server inside the network",
      { authorization_server: "http://10.0.0.1/as" },
      "address",
      /not asked|allows nothing/,
    ],
  ] as const)("is refused with %s, recorded and explained", async (_what, lies, attempt, expected) => {
    const name = `liar${Math.abs(JSON.stringify(lies).length)}`;
    expect(await deceive(name, lies, attempt)).toMatch(expected);
  });

  it("is refused for a callback of another person, a second time, and one that was not begun", async () => {
    const [hal, ida] = [await arrive("hal"), await arrive("ida")];
    const begun = await hal.post("/connections/mine/connect", {});
    const away = new URL(begun.headers.get("location") ?? "");
    away.searchParams.set("as_user", "attacker@there");
    const back = new URL((await fetch(away, { redirect: "manual" })).headers.get("location") ?? "");
    const path = back.pathname + back.search;
    expect((await ida.get(path)).status).toBe(400);
    expect((await hal.get(path)).headers.get("location")).toBe("/connections?done=connected");
    expect((await hal.get(path)).status).toBe(400);
    expect((await hal.get("/connections/mine/callback?code=x&state=y")).status).toBe(400);
    expect((await hal.post("/connections/nothing/connect", {})).status).toBe(404);
    expect(await attemptsIn("user_ida")).toEqual(["callback"]);
    expect(await attemptsIn("user_hal")).toEqual(["callback", "callback"]);
  });

  it("sends a token to its own server and its own authorization server alone", async () => {
    const [mine, other] = [await stats("mine"), await stats("other")];
    for (const token of mine.tokens) expect(other.seen.join(" ")).not.toContain(token);
    for (const token of other.tokens) expect(mine.seen.join(" ")).not.toContain(token);
  });

  it("has its token sent to no address but the one that its person agreed to, which is recorded and explained", async () => {
    await connect(await arrive("jane"), "mine", "jane@there");
    await publishEntries({
      mine: mcpEntryOf("/world-trap/mcp", { ...entryOf("mine"), reach: entryOf("trap").reach }),
    });
    const caller = await openSession({
      server: "mine",
      lane: "stateless",
      as: "jane",
      scopes: ["mine:read"],
    });
    expect((await caller.call("mine_whoami")).error?.message).toContain("has to be connected again");
    expect(await attemptsIn("user_jane")).toEqual(["other_address"]);
    expect((await stats("trap")).seen.filter((sent) => sent !== "")).toEqual([]);
  });
});
