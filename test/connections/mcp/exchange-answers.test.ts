import { beforeAll, describe, expect, it } from "vitest";
import { toBase64Url } from "../../../shared/encoding/base64.ts";
import { LANES, openSession } from "../../support/session.ts";
import {
  apiOf,
  authOf,
  control,
  exchange,
  publishExchanged,
  stats,
  trust,
  trustGatehouse,
} from "./exchange-world.ts";
import { attemptsIn } from "./gateway.ts";

beforeAll(async () => {
  await trustGatehouse("fibs", "nearby", "slow");
  await publishExchanged({ fibs: apiOf("fibs") });
});

const open = (server: string, lane: (typeof LANES)[number], as: string) =>
  openSession({ server, lane, as, scopes: [`${server}:read`] });

const jwtFor = (aud: unknown) =>
  `${toBase64Url('{"alg":"none"}')}.${toBase64Url(JSON.stringify({ aud }))}.c2ln`;
const given = (more: object) => ({ body: { access_token: "abc", token_type: "Bearer", ...more } });

describe("an answer of a token endpoint that is not what was asked for", () => {
  it.each([
    [
      "a redirect",
      { status: 302, headers: { location: `${trust("nearby")}/token` } },
      "redirects",
      "address",
    ],
    [
      "a redirect within",
      { status: 307, headers: { location: `${trust("fibs")}/held` } },
      "redirects",
      "address",
    ],
    ["no JSON", { body: "<html>", headers: { "content-type": "text/html" } }, "no JSON", undefined],
    ["a list", { body: [] }, "no JSON", undefined],
    ["nothing", { body: {} }, "gave no token that can be used", undefined],
    ["too much", { body: "x".repeat(300_000) }, "answers with too much", undefined],
    [
      "a refresh token",
      given({ issued_token_type: "urn:ietf:params:oauth:token-type:refresh_token" }),
      "something else than an access token",
      undefined,
    ],
    [
      "an ID token",
      given({ issued_token_type: "urn:ietf:params:oauth:token-type:id_token" }),
      "something else than an access token",
      undefined,
    ],
    ["a token of type DPoP", given({ token_type: "DPoP" }), "another type than Bearer", undefined],
    ["a token of type N_A", given({ token_type: "N_A" }), "another type than Bearer", undefined],
    ["a token without a type", given({ token_type: undefined }), "gave no token that can be used", undefined],
    [
      "a token that ends its header",
      given({ access_token: "abc\r\nx-user: root" }),
      "gave no token that can be used",
      undefined,
    ],
    ["an end that is no number", given({ expires_in: "soon" }), "gave no token that can be used", undefined],
    ["an end before now", given({ expires_in: -1 }), "gave no token that can be used", undefined],
    [
      "a token for another audience",
      given({ access_token: jwtFor("payroll") }),
      "gave a token for another system",
      "other_address",
    ],
    [
      "a token for other audiences",
      given({ access_token: jwtFor(["payroll", "hr"]) }),
      "gave a token for another system",
      "other_address",
    ],
    [
      "the assertion itself",
      { body: "<assertion>" },
      "gave back what Gatehouse says of the person",
      "mix_up",
    ],
    ["a fault", { status: 503, body: "SECRET WORDS" }, "failed (HTTP 503)", undefined],
    ["too many requests", { status: 429 }, "exchanges no more tokens now", undefined],
    [
      "a wrong client",
      { status: 401, body: { error: "invalid_client" } },
      "does not take Gatehouse as this client",
      undefined,
    ],
    [
      "a client without the grant",
      { status: 400, body: { error: "unauthorized_client" } },
      "does not allow this client",
      undefined,
    ],
    [
      "an unknown grant",
      { status: 400, body: { error: "unsupported_grant_type" } },
      "does not exchange tokens",
      undefined,
    ],
    [
      "an unknown audience",
      { status: 400, body: { error: "invalid_target" } },
      "knows no such audience",
      undefined,
    ],
    [
      "an unknown scope",
      { status: 400, body: { error: "invalid_scope" } },
      "does not give these scopes",
      undefined,
    ],
    [
      "a refused person",
      { status: 403, body: { error: "access_denied" } },
      "gives no token for this person",
      undefined,
    ],
    [
      "an error in words of its own",
      { status: 400, body: { error: "SECRET WORDS", error_description: "SECRET WORDS" } },
      "refuses the exchange (HTTP 400)",
      undefined,
    ],
    [
      "an error that is a name of objects",
      { status: 400, body: { error: "constructor" } },
      "refuses the exchange (HTTP 400)",
      undefined,
    ],
  ] as const)("is one sentence of ours: %s", async (what, answer, words, attempt) => {
    const person = `user_${what.replace(/\W/g, "")}`;
    await control("fibs", { answers: [answer] });
    const before = await stats("fibs");
    const entry = apiOf("fibs", { audience: "reports" });
    const first = await exchange("fibs", person, { entry });
    if (first.ok) throw new Error("It was taken.");
    const { message, ...failure } = first.failure;
    expect(message).toMatch(/^The token endpoint of Trusting [^\n]*\.$/);
    expect(message).toContain(words);
    expect(failure).toMatchObject({ code: "unavailable", retryAfter: 5 });
    expect(failure.attempt).toBe(attempt);
    expect(JSON.stringify(first)).not.toContain("SECRET");
    // The next call does not ask again at once, and does not record the attempt again.
    const { attempt: _told, ...cooled } = first.failure;
    const again = await exchange("fibs", person, { entry });
    expect(again).toMatchObject({ ok: false, failure: { ...cooled, retryAfter: expect.any(Number) } });
    expect(again).not.toHaveProperty("failure.attempt");
    const after = await stats("fibs");
    expect(after.asked.length - before.asked.length).toBe(1);
    expect((await stats("nearby")).asked).toEqual([]);
  });

  it.each([
    ["inside the network", "https://169.254.169.254/token"],
    ["at this machine", "https://localhost/token"],
    ["in an intranet", "https://idp.internal/token"],
    ["over plain http", "http://idp.example/token"],
  ])("is not waited for at an address %s", async (where, token_endpoint) => {
    const entry = apiOf("fibs", { token_endpoint, issuer: "https://idp.example" });
    const answer = await exchange("fibs", `user_${where.replace(/\W/g, "")}`, { entry });
    expect(answer).toMatchObject({
      ok: false,
      failure: {
        message: "The token endpoint of Trusting has an address that is not asked.",
        attempt: "address",
      },
    });
  });

  it("is not waited for longer than four seconds, nor from an endpoint that is away", async () => {
    await control("slow", { holds: true });
    const nowhere = authOf("slow", { token_endpoint: "http://127.0.0.1:1/token" });
    const [slow, away] = await Promise.all([
      exchange("slow", "user_slow", { entry: apiOf("slow") }),
      exchange("slow", "user_away", { entry: apiOf("slow", nowhere) }),
    ]);
    await control("slow", { holds: false });
    expect(slow).toMatchObject({
      failure: { message: "The token endpoint of Trusting did not answer within 4 seconds." },
    });
    expect(away).toMatchObject({ failure: { message: "The token endpoint of Trusting cannot be reached." } });
  });

  it.each(LANES)(
    "reaches the caller as that sentence, and the trail as an attempt, on the %s lane",
    async (lane) => {
      await control("fibs", { answers: [{ status: 302, headers: { location: "http://127.0.0.1:1/" } }] });
      const { error } = await (await open("fibs", lane, `red${lane}`)).call("fibs_whoami");
      expect(error).toMatchObject({
        code: "unavailable",
        message: "The token endpoint of Trusting redirects, which is not followed.",
        retry_after: 5,
      });
      expect(await attemptsIn(`user_red${lane}`)).toEqual(["address"]);
    },
  );
});
