import { adminSecretsStore } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { type ConnectionTarget, connectionGate } from "../../../shared/objects/connection-gate.ts";
import { readSecret, resealSecrets, writeSecret } from "../../../workers/connections/vault.ts";
import { publishConnections } from "../../support/publish-connections.ts";
import { until } from "../../support/until.ts";
import { command } from "../mcp/gateway.ts";
import { Holder, prepareHeld, reading, waitingFor } from "./held-postgresql.ts";
import { asPostgresqlOwner, SERVERS } from "./servers.ts";

const PASSWORD = SERVERS.postgresql?.password ?? "";

describe.skipIf(SERVERS.postgresql === null)("a changed password", () => {
  let target: ConnectionTarget;
  let holder: Holder;
  const gate = connectionGate(env, "rotated", 0);
  const countOpen = async () => (await gate.state()).open;
  const with4 = (revision: string): ConnectionTarget => {
    const limits = { ...target.entry.limits, concurrent: 4 };
    return { ...target, revision, entry: { ...target.entry, limits } };
  };

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

  it("begins reads that run once more, each in a session of its own, and is no outage", async () => {
    const wide = with4("wide");
    await holder.lock(7);
    const reads = Array.from({ length: 4 }, () => gate.run(wide, reading(waitingFor(7))));
    await holder.until(() => holder.statements(7), 4);
    await gate.closeSessions();
    expect(await countOpen()).toBe(0);
    // The server ends the former statements by its time limit, and holds them back as long as the others.
    await holder.until(() => holder.statements(7), 8);
    await holder.unlock(7);
    expect(await Promise.all(reads)).toMatchObject(reads.map(() => ({ ok: true })));
    expect(await gate.state()).toMatchObject({ open: 4, breaker: "closed", lastFailure: null });
  });

  it("keeps no answer of a read that it met, and ends one whose time is over in a sentence", async () => {
    const cache = { key: "kept", freshMs: 60_000, staleMs: 0 };
    await holder.lock(9);
    const read = { ...reading(waitingFor(9)), cache };
    const asked = gate.run(target, read);
    await holder.until(() => holder.statements(9), 1);
    await gate.closeSessions();
    await holder.until(() => holder.statements(9), 2);
    await holder.unlock(9);
    expect(await asked).toMatchObject({ ok: true });
    expect(await gate.run(target, { ...read, id: crypto.randomUUID() })).not.toHaveProperty("cached");
    await holder.lock(9);
    const late = gate.run(target, { ...reading(waitingFor(9)), timeoutMs: 700 });
    await holder.until(() => holder.statements(9), 1);
    await gate.closeSessions();
    expect(await late).toMatchObject({ ok: false, failure: { code: "timeout" } });
    await holder.unlock(9);
    expect(await gate.state()).toMatchObject({ breaker: "closed" });
  });

  it("waits for a write that runs, and other calls wait with it", async () => {
    const wide = with4("waits");
    await holder.lock(8);
    const text = "(SELECT 'w' || pg_advisory_xact_lock_shared(8)::text)";
    const insert = { ...reading(`INSERT INTO notes ${text}`), operation: "write", repeatable: false };
    const write = gate.run(wide, insert);
    await holder.until(() => holder.statements(8), 1);
    await gate.closeSessions();
    const late = { ...reading("SELECT 1"), timeoutMs: 100 };
    expect(await gate.run(wide, late)).toMatchObject({
      ok: false,
      failure: { code: "unavailable", retryAfter: 5, message: expect.stringContaining("was changed") },
    });
    const next = gate.run(wide, reading("SELECT count(*)::int AS n FROM notes"));
    await holder.unlock(8);
    expect(await write).toMatchObject({ ok: true, value: { changed: 1 } });
    expect(await next).toMatchObject({ ok: true, value: { rows: [[1]] } });
    expect(await gate.state()).toMatchObject({ open: 1, breaker: "closed" });
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

/** A binding of Secrets Store, as the runtime emulates it on this machine. */
const BINDING = (env as unknown as { HELD_PASSWORD: SecretsStoreSecret }).HELD_PASSWORD;

describe.skipIf(SERVERS.postgresql === null)("a secret of Secrets Store", () => {
  let target: ConnectionTarget;
  let id = "";
  const gate = connectionGate(env, "bound", 0);
  const change = async (value: string) => {
    using admin = adminSecretsStore(BINDING);
    id = id === "" ? await admin.create(value) : await admin.update(value, id);
  };
  const run = () => gate.run(target, reading("SELECT pg_backend_pid() AS pid"));

  beforeAll(async () => {
    const { name, revision, entry } = await prepareHeld("bound", 1);
    const own = "DO $$ BEGIN CREATE ROLE test_bound LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$";
    await asPostgresqlOwner("postgres", own, "ALTER ROLE test_bound PASSWORD 'first-of-bound'");
    const reach = { ...entry.reach, user: "test_bound" };
    const secret = { secrets_store: "HELD_PASSWORD" };
    target = { name, revision, entry: { ...entry, reach, secret } as ConnectionTarget["entry"] };
    // The vault is not asked for it.
    await writeSecret(env, "bound", "of the vault", Date.now());
  });

  it("opens a session, and a changed one ends its socket before the next call", async () => {
    expect(await run()).toMatchObject({
      ok: false,
      failure: {
        code: "unavailable",
        message: "Secrets Store gives no secret of Held behind the binding HELD_PASSWORD.",
      },
    });
    await change("first-of-bound");
    const [first, again] = [await run(), await run()];
    expect(first).toMatchObject({ ok: true });
    expect(again).toEqual(first);
    await asPostgresqlOwner("postgres", "ALTER ROLE test_bound PASSWORD 'second-of-bound'");
    await change("second-of-bound");
    const changed = await run();
    expect(changed).toMatchObject({ ok: true });
    expect(changed).not.toEqual(first);
    await change("not the password");
    expect(await run()).toMatchObject({
      ok: false,
      failure: { message: "Held refuses the account of this connection." },
    });
    expect((await gate.state()).open).toBe(0);
  });

  it("is refused in one sentence where the binding is missing or is no secret", async () => {
    for (const secrets_store of ["NOT_BOUND", "CONNECTION_SECRETS_KEY"]) {
      const entry = { ...target.entry, secret: { secrets_store } };
      const { failure } = await command({
        ...{ command: "test", connection: "bound", entry, secret: null },
      });
      expect(failure).toMatchObject({
        message: `The secret of Held is not bound to this deployment: the binding ${secrets_store} is missing.`,
        action: expect.stringContaining("[[secrets_store_secrets]]"),
      });
    }
  });

  it("is refused in one sentence where the binding is of another kind", async () => {
    for (const secrets_store of ["OAUTH_KV", "CONNECTION_POOL", "AUDIT_SEGMENTS"]) {
      const entry = { ...target.entry, secret: { secrets_store } };
      const { failure } = await command({
        ...{ command: "test", connection: "bound", entry, secret: null },
      });
      expect(failure).toMatchObject({
        message: `The binding ${secrets_store} of the secret of Held is none of Secrets Store.`,
      });
    }
  });

  it("does not go to an address that no published connection with it has, and the state names its source", async () => {
    await publishConnections({ bound: target.entry });
    const elsewhere = { ...target.entry, reach: { ...target.entry.reach, host: "127.0.0.2" } };
    const { failure } = await command({
      ...{ command: "test", connection: "another", entry: elsewhere, secret: null },
    });
    expect(failure.message).toMatch(/^The secret "HELD_PASSWORD" belongs to 127\.0\.0\.1:\d+/);
    const { connections } = await command({ command: "status" });
    expect(connections[0]).toMatchObject({ name: "bound", secret: "Secrets Store (HELD_PASSWORD)" });
    expect(JSON.stringify(connections)).not.toContain("of-bound");
  });
});

describe.skipIf(SERVERS.postgresql === null)("an account that gains a right after its publication", () => {
  const MINUTE = 60_000;
  const gate = connectionGate(env, "gained", 0);
  let target: ConnectionTarget;
  const run = () => gate.run(target, reading("SELECT pg_backend_pid() AS pid"));
  const later = (minutes: number) => vi.setSystemTime(Date.now() + minutes * MINUTE);
  const refused = {
    ok: false,
    failure: {
      code: "unavailable",
      message: "Held is not used at present: its account may do more than read.",
      action: expect.stringContaining("doctor"),
    },
  };

  beforeAll(async () => {
    const { name, entry } = await prepareHeld("gained", 1);
    await asPostgresqlOwner(
      "held_gained",
      "DO $$ BEGIN CREATE ROLE test_gained LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
      `ALTER ROLE test_gained NOSUPERUSER PASSWORD '${PASSWORD}'`,
      "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
      "GRANT SELECT ON notes TO test_gained",
    );
    await writeSecret(env, "gained", PASSWORD, Date.now());
    const reach = { ...entry.reach, user: "test_gained" };
    const reads = { ...entry, reach, allow_privileged_role: false } as ConnectionTarget["entry"];
    target = { name, revision: "published", entry: reads };
  });

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["Date"] });
  });

  afterEach(async () => {
    vi.useRealTimers();
    await asPostgresqlOwner("held_gained", "REVOKE INSERT ON notes FROM test_gained");
    await gate.closeSessions();
  });

  it("serves no call from its next session on, and is looked at again every minute", async () => {
    await asPostgresqlOwner("held_gained", "GRANT INSERT ON notes TO test_gained");
    expect(await run()).toMatchObject(refused);
    expect((await gate.state()).lastFailure?.message).toBe(refused.failure.message);
    await asPostgresqlOwner("held_gained", "REVOKE INSERT ON notes FROM test_gained");
    expect(await run()).toMatchObject(refused);
    later(1.1);
    expect(await run()).toMatchObject({ ok: true });
  });

  it("ends sessions in use within a quarter of an hour, without a look at each call", async () => {
    const [first, again] = [await run(), await run()];
    expect(first).toMatchObject({ ok: true });
    await asPostgresqlOwner("held_gained", "GRANT INSERT ON notes TO test_gained");
    // The look of this session counts.
    expect(again).toEqual(first);
    expect(await run()).toEqual(first);
    later(16);
    await until(async () => expect(await run()).toMatchObject(refused));
    expect((await gate.state()).open).toBe(0);
  });

  it("is used where the entry says that it may be", async () => {
    await asPostgresqlOwner("held_gained", "GRANT INSERT ON notes TO test_gained");
    const entry = { ...target.entry, allow_privileged_role: true } as ConnectionTarget["entry"];
    const allowed = { ...target, revision: "allowed", entry };
    expect(await gate.run(allowed, reading("SELECT 1"))).toMatchObject({ ok: true });
  });
});
