import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { CountingFront, FrontLook } from "../../../scripts/databases/counting-front.ts";
import { connectionEntry } from "../../../shared/connections/entry.ts";
import {
  type ConnectionRequest,
  type ConnectionTarget,
  connectionGate,
} from "../../../shared/objects/connection-gate.ts";
import { writeSecret } from "../../../workers/connections/vault.ts";
import type { HeldLook, HeldMongodb } from "../../support/mongodb-held.ts";
import { PASSWORD } from "../../support/publish-connections.ts";
import { until } from "../../support/until.ts";
import { asMariadbOwner, SERVERS } from "./servers.ts";

interface Doubles {
  counted: CountingFront | null;
  heldMongodb: HeldMongodb;
}

const { counted, heldMongodb } = (env as unknown as { TEST_DOUBLES: Doubles }).TEST_DOUBLES;

function requestOf(
  operation: string,
  args: ConnectionRequest["arguments"],
  id: string = crypto.randomUUID(),
): ConnectionRequest {
  return {
    ...{ id, operation, arguments: args, identity: {}, timeoutMs: 20_000 },
    ...{ repeatable: true, note: "gatehouse test" },
  };
}

async function ask<Look>(control: string, what: string): Promise<Look> {
  return await (await fetch(`${control}/${what}`)).json<Look>();
}

describe.skipIf(SERVERS.mariadb === null)("sockets of an object at MariaDB", () => {
  const gate = connectionGate(env, "counted", 0);
  const { control = "", port = 0 } = counted ?? {};
  const front = (what: string) => ask<FrontLook>(control, what);
  let target: ConnectionTarget;

  const reading = (sql: string, id?: string) =>
    requestOf("query", { sql, values: [], rows: 10, bytes: 10_000 }, id);
  const sleeping = async () => {
    const [rows] = await asMariadbOwner(
      "SELECT count(*) AS n FROM information_schema.processlist WHERE state = 'User sleep'",
    );
    return Number((rows as { n: number }[])[0]?.n);
  };

  beforeAll(async () => {
    const { user, password } = SERVERS.mariadb as NonNullable<typeof SERVERS.mariadb>;
    await asMariadbOwner("CREATE DATABASE IF NOT EXISTS counted");
    await writeSecret(env, "counted", password, Date.now());
    const entry = connectionEntry.parse({
      ...{ kind: "mysql", title: "Counted", description: "Numbers.", owner: "x" },
      reach: { host: "127.0.0.1", port, tls: "off", database: "counted", user },
      ...{ expose: { tables: ["counted.*"] }, allow_privileged_role: true },
      limits: { seconds: 20, concurrent: 4 },
    });
    target = { name: "counted", revision: "first", entry };
  });

  beforeEach(async () => {
    await gate.closeSessions();
    await until(async () => expect(await front("look")).toMatchObject({ open: 0 }));
    await front("look");
  });

  it("are five at most while calls are cancelled together and others open theirs", async () => {
    const ids = ["one", "two", "three", "four"];
    const calls = ids.map((id) => gate.run(target, reading("SELECT SLEEP(20)", id)));
    await until(async () => expect(await sleeping()).toBe(4));
    const later = Array.from({ length: 8 }, () => gate.run(target, reading("SELECT 1")));
    await front("hold");
    const cancelling = ids.map((id) => gate.cancel(id));
    // One cancel has its socket, and the others wait for it.
    await until(async () => expect(await front("counts")).toMatchObject({ open: 5, held: 1 }));
    await front("let");
    await Promise.all(cancelling);
    expect(await Promise.all(calls)).toMatchObject(ids.map(() => ({ ok: false })));
    expect(await Promise.all(later)).toMatchObject(later.map(() => ({ ok: true })));
    expect((await front("look")).most).toBe(5);
  });

  it("are five at most while statements end at the database of which enough rows were read", async () => {
    const sql = "SELECT a.seq FROM seq_1_to_100000 a, seq_1_to_1000 b";
    const calls = Array.from({ length: 20 }, () => gate.run(target, reading(sql)));
    expect(await Promise.all(calls)).toMatchObject(calls.map(() => ({ ok: true, value: { cut: true } })));
    const { most } = await front("look");
    expect(most).toBeGreaterThanOrEqual(4);
    expect(most).toBeLessThanOrEqual(5);
    await gate.closeSessions();
    // Closed at both ends: what is not read any more does not keep a socket.
    await until(async () => expect(await front("counts")).toMatchObject({ open: 0 }));
  });

  it("are five at most where reads are answered before their statements have ended, and others follow", async () => {
    const sql = "SELECT a.seq FROM seq_1_to_100000 a, seq_1_to_1000 b";
    // Each has its socket before the sockets that end the statements are held.
    expect(
      await Promise.all(Array.from({ length: 4 }, () => gate.run(target, reading("SELECT 1")))),
    ).toHaveLength(4);
    await front("hold");
    const answers = await Promise.all(Array.from({ length: 4 }, () => gate.run(target, reading(sql))));
    expect(answers).toMatchObject(answers.map(() => ({ ok: true, value: { cut: true } })));
    await until(async () => expect(await front("counts")).toMatchObject({ held: 1 }));
    const later = gate.run(target, reading("SELECT 1"));
    await front("let");
    expect(await later).toMatchObject({ ok: true });
    await until(async () => expect(await gate.state()).toMatchObject({ running: 0 }));
    expect((await front("look")).most).toBeLessThanOrEqual(5);
  });

  it("are five, and one of the object that tests, while the connection is tested under calls and cancels", async () => {
    const ids = ["one", "two", "three", "four"];
    const calls = ids.map((id) => gate.run(target, reading("SELECT SLEEP(20)", id)));
    await until(async () => expect(await sleeping()).toBe(4));
    await front("hold");
    const probes = ids.map(() => gate.probe(target, null));
    const cancelling = ids.map((id) => gate.cancel(id));
    await until(async () => expect(await front("counts")).toMatchObject({ open: 6, held: 2 }));
    await front("let");
    await Promise.all(cancelling);
    expect(await Promise.all(probes)).toMatchObject(probes.map(() => ({ ok: true })));
    await Promise.all(calls);
    expect((await front("look")).most).toBe(6);
  });

  it("are five at most while a changed password cuts reads, twice, and a cancel is on its way to one of them", async () => {
    const ids = ["one", "two", "three", "four"];
    const calls = ids.map((id) => gate.run(target, reading("SELECT SLEEP(3)", id)));
    await until(async () => expect(await sleeping()).toBe(4));
    await front("hold");
    const cancelling = gate.cancel("one");
    await until(async () => expect(await front("counts")).toMatchObject({ held: 1 }));
    await gate.closeSessions();
    await front("let");
    await cancelling;
    await gate.closeSessions();
    const [cancelled, ...others] = await Promise.all(calls);
    expect(cancelled).toMatchObject({ ok: false, failure: { code: "cancelled" } });
    expect(others).toMatchObject(others.map(() => ({ ok: true })));
    expect((await front("look")).most).toBeLessThanOrEqual(5);
    expect(await gate.state()).toMatchObject({ breaker: "closed", lastFailure: null });
  });
});

describe("sockets of an object at MongoDB whose password or place changes while calls run", () => {
  const { control, port } = heldMongodb;

  it("are five at most, and the calls run once more", async () => {
    await writeSecret(env, "held", PASSWORD, Date.now());
    const entry = connectionEntry.parse({
      ...{ kind: "mongodb", title: "Held", description: "Orders.", owner: "x" },
      reach: { host: "127.0.0.1", port, tls: "off", database: "shop", user: "reader" },
      ...{ expose: { collections: ["orders"] }, limits: { seconds: 20, concurrent: 4 } },
    });
    const target: ConnectionTarget = { name: "held", revision: "first", entry };
    const gate = connectionGate(env, "held", 0);
    const args = { collection: "orders", stages: [], rows: 5, bytes: 1_000 };
    const run = () => gate.run(target, requestOf("aggregate", args));
    await ask(control, "hold");
    const calls = Array.from({ length: 4 }, run);
    await until(async () => expect(await ask<HeldLook>(control, "look")).toMatchObject({ hanging: 4 }));
    await ask(control, "let");
    await writeSecret(env, "held", PASSWORD, Date.now());
    await gate.closeSessions();
    expect(await Promise.all([...calls, run(), run()])).toMatchObject(
      Array.from({ length: 6 }, () => ({ ok: true, value: { documents: [{ total: 1 }] } })),
    );
    expect((await ask<HeldLook>(control, "look")).most).toBe(5);
  });

  it("refuse calls of another place meanwhile, which is no outage, and serve them afterwards", async () => {
    await writeSecret(env, "moved", PASSWORD, Date.now());
    const entryAt = (database: string) =>
      connectionEntry.parse({
        ...{ kind: "mongodb", title: "Moved", description: "Orders.", owner: "x" },
        reach: { host: "127.0.0.1", port, tls: "off", database, user: "reader" },
        ...{ expose: { collections: ["orders"] }, limits: { seconds: 20, concurrent: 4 } },
      });
    const gate = connectionGate(env, "moved", 0);
    const request = (timeoutMs: number) => ({
      ...requestOf("aggregate", { collection: "orders", stages: [], rows: 5, bytes: 1_000 }),
      timeoutMs,
    });
    const runAt = (database: string, timeoutMs = 20_000) =>
      gate.run({ name: "moved", revision: database, entry: entryAt(database) }, request(timeoutMs));
    await ask(control, "hold");
    const former = runAt("shop");
    await until(async () => expect(await ask<HeldLook>(control, "look")).toMatchObject({ hanging: 1 }));
    await ask(control, "let");
    const refused = await Promise.all([1, 2, 3].map(() => runAt("shop2", 500)));
    const again = await Promise.all([1, 2, 3].map(() => runAt("shop2", 500)));
    expect([...refused, ...again]).toMatchObject(
      Array.from({ length: 6 }, () => ({
        ok: false,
        failure: { code: "unavailable", retryAfter: 5, sent: false },
      })),
    );
    expect(await gate.state()).toMatchObject({ breaker: "closed" });
    const waiting = runAt("shop2");
    await gate.closeSessions();
    expect(await waiting).toMatchObject({ ok: true });
    expect(await former).toMatchObject({ ok: true });
  });
});
