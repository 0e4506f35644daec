import { describe, expect, it } from "vitest";
import { findReceiverFault } from "../../shared/upstream/post-receiver.ts";
import { replaceRole } from "../invariants/random-policy.ts";
import type { ReceiverMode } from "../support/event-receiver.ts";
import { openSession, type SessionOptions } from "../support/session.ts";
import { lookNow, makeSecret, Receiver, STAGE, subscribe } from "./receiver.ts";
import { storeDeal } from "./records.ts";

const open = (options: Partial<SessionOptions> = {}) =>
  openSession({ server: "crm", lane: "stateless", ...options });

describe("a receiver that does not want deliveries, or is none", () => {
  it.each<[ReceiverMode, string]>([
    ["wrong", "challenge_failed"],
    ["plain", "challenge_failed"],
    ["204", "challenge_failed"],
    ["404", "http_4xx"],
    ["redirects", "http_4xx"],
    ["500", "http_5xx"],
    ["endless", "challenge_failed"],
  ])(
    "that answers the challenge in the mode %s is refused with %s, and gets nothing",
    async (mode, reason) => {
      const receiver = new Receiver(mode);
      const as = `host-${mode}`;
      const { error } = await subscribe(await open({ as }), receiver);
      expect(error).toMatchObject({ code: -32027, data: { reason } });
      expect(JSON.stringify(error)).not.toContain("guess");
      await storeDeal();
      await lookNow(`user_${as}`);
      expect(await receiver.all()).toHaveLength(1);
    },
  );

  it("that does not answer, or byte by byte, is left after five seconds", async () => {
    const session = await open({ as: "slow" });
    const answers = await Promise.all(
      (["never", "drips"] as const).map((mode) => subscribe(session, new Receiver(mode))),
    );
    expect(answers.map(({ error }) => error?.data)).toEqual([{ reason: "timeout" }, { reason: "timeout" }]);
  });

  it("is not sent on by its redirect, at any later message", async () => {
    const receiver = new Receiver();
    const session = await open({ as: "redi" });
    await subscribe(session, receiver);
    await receiver.set("redirects");
    await storeDeal();
    await lookNow("user_redi");
    await receiver.attempts(1);
    const stolen = new Receiver();
    Object.assign(stolen, { name: "stolen" });
    expect(await stolen.all()).toEqual([]);
    const { deliveryStatus } = (await subscribe(session, receiver)).result;
    expect(deliveryStatus).toMatchObject({ lastError: "http_4xx" });
  });

  it("is asked at most ten times a minute by one person's apps", async () => {
    const session = await open({ as: "many" });
    const answers = [];
    for (let time = 0; time < 11; time += 1) answers.push(await subscribe(session, new Receiver("404")));
    expect(answers.filter(({ error }) => error?.code === -32027)).toHaveLength(10);
    expect(answers.at(-1)?.error).toMatchObject({ code: -32025, data: { limit: "verifications", max: 10 } });
  });
});

describe("an address of a receiver", () => {
  const deployed = { ENVIRONMENT: "production", PUBLIC_URL: "https://gate.example.com" } as const;

  it.each([
    "http://hooks.example.com/a",
    "https://10.0.0.1/",
    "https://[::1]/",
    "https://2130706433/",
    "https://0x7f.1/",
    "https://localhost/",
    "https://metadata.google.internal/",
    "https://printer.local/",
    "https://intranet/",
    "https://user:pass@hooks.example.com/",
    "https://hooks.example.com/#a",
    "https://gate.example.com/mcp",
    "http://127.0.0.1:9999/",
    "ftp://hooks.example.com/",
    `https://${"a".repeat(2_048)}.example.com/`,
    "no address",
  ])("is refused by a deployment: %s", (address) => {
    expect(findReceiverFault(deployed as never, address)).not.toBeNull();
  });

  it("with a public name and https is taken", () => {
    expect(findReceiverFault(deployed as never, "https://hooks.example.com:8443/a?b=c")).toBeNull();
  });

  it("is refused before anything is asked, as a fault of the request", async () => {
    const session = await open({ as: "addr" });
    for (const url of ["https://10.0.0.1/", "http://hooks.example.com/", "mailto:a@b.c"]) {
      const delivery = { mode: "webhook", url, secret: makeSecret() };
      expect((await session.request("events/subscribe", { name: STAGE, delivery })).error?.code).toBe(-32602);
    }
  });
});

describe("a subscription is refused", () => {
  it.each(["", "whsec_", "secret", makeSecret(23), makeSecret(65), "whsec_!!!!", makeSecret().slice(0, -1)])(
    "with the secret %s",
    async (secret) => {
      const receiver = new Receiver();
      receiver.secret = secret;
      const { error } = await subscribe(await open({ as: "sec" }), receiver);
      // Base64 without its padding is the same secret.
      expect(error?.code).toBe(secret.length > 48 && secret.length < 60 ? undefined : -32602);
      if (secret.length > 10) expect(JSON.stringify(error ?? {})).not.toContain(secret);
    },
  );

  it("for another way of delivery, an unknown event and a role without it, each with its own code", async () => {
    const session = await open({ as: "codes", role: "editor" });
    const receiver = new Receiver();
    const push = { ...receiver.delivery, mode: "push" };
    expect((await session.request("events/subscribe", { name: STAGE, delivery: push })).error).toMatchObject({
      code: -32026,
      data: { feature: "deliveryMode", value: "push" },
    });
    expect((await subscribe(session, receiver, { name: "crm_none" })).error?.code).toBe(-32023);
    replaceRole("editor", { denied_events: ["*"] });
    expect((await subscribe(session, receiver)).error?.code).toBe(-32024);
    expect(await receiver.all()).toEqual([]);
  });
});
