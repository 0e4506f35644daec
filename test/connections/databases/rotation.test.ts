import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type ConnectionTarget, connectionGate } from "../../../shared/objects/connection-gate.ts";
import { readSecret, resealSecrets, writeSecret } from "../../../workers/connections/vault.ts";
import { publishConnections } from "../../support/publish-connections.ts";
import { command } from "../mcp/gateway.ts";
import { Holder, prepareHeld, reading } from "./held-postgresql.ts";
import { SERVERS } from "./servers.ts";

const PASSWORD = SERVERS.postgresql?.password ?? "";

describe.skipIf(SERVERS.postgresql === null)("a changed password", () => {
  let target: ConnectionTarget;
  let holder: Holder;
  const gate = connectionGate(env, "rotated", 0);
  const countOpen = async () => (await gate.state()).open;

  beforeAll(async () => {
    target = await prepareHeld("rotated", 1);
  });

  beforeEach(async () => {
    await gate.closeSessions();
    holder = await Holder.open(target);
  });

  afterEach(() => holder.close());

  it("ends the sockets of a published connection that the command does not name", async () => {
    const entry = { ...target.entry, secret: "shared" } as ConnectionTarget["entry"];
    await publishConnections({ rotated: entry }, PASSWORD);
    await writeSecret(env, "shared", PASSWORD, Date.now());
    expect(await gate.run({ ...target, entry }, reading("SELECT 1"))).toMatchObject({ ok: true });
    expect(await countOpen()).toBe(1);
    const asked = { command: "secret", name: "shared", secret: PASSWORD, by: "tests" };
    await command({ ...asked, connections: ["another"] });
    expect(await countOpen()).toBe(0);
  });

  it("is that of a session which was opening meanwhile", async () => {
    await holder.holdSignIns();
    const call = gate.run(target, reading("SELECT 1"));
    await holder.until(() => holder.signIns(), 1);
    // The former one still opens a session; with this one there is none.
    await writeSecret(env, "rotated", null, Date.now());
    await gate.closeSessions();
    await holder.letSignIn();
    expect(await call).toMatchObject({
      ok: false,
      failure: { message: "No password is stored for the account of Held." },
    });
    expect(await countOpen()).toBe(0);
    await writeSecret(env, "rotated", PASSWORD, Date.now());
    expect(await gate.run(target, reading("SELECT 1"))).toMatchObject({ ok: true });
  });
});

it("a rotation of the vault's keys seals every secret again: the former key opens none, and no row opens elsewhere", async () => {
  const [former, next] = ["former ", "next "].map((name) => name.trim().repeat(8)) as [string, string];
  const withKeys = (keys: object) => ({ ...env, ...keys }) as Env;
  const before = withKeys({ CONNECTION_SECRETS_KEY: former });
  const both = withKeys({ CONNECTION_SECRETS_KEY: former, CONNECTION_SECRETS_KEY_2: next });
  const after = withKeys({ CONNECTION_SECRETS_KEY: `2:${next}` });
  await writeSecret(before, "resealed", "of the shop", Date.now());
  await writeSecret(before, "removed", "of nothing", Date.now());
  await writeSecret(before, "removed", null, Date.now());
  expect(await readSecret(both, "resealed")).toEqual({ version: 1, text: "of the shop" });
  const others = (await resealSecrets(both)) - 1;
  // Those of other tests, which neither key opens, stay as they are.
  expect(await resealSecrets(both)).toBe(others);
  expect(await readSecret(after, "resealed")).toEqual({ version: 1, text: "of the shop" });
  expect(await readSecret(after, "removed")).toBeNull();
  await expect(readSecret(before, "resealed")).rejects.toThrow("set it again");
  await env.PLATFORM_DB.prepare(
    "INSERT INTO connection_secret (name, version, sealed, changed_at) SELECT 'copied', version, sealed, changed_at FROM connection_secret WHERE name = 'resealed'",
  ).run();
  await expect(readSecret(after, "copied")).rejects.toThrow("set it again");
});
