import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type ConnectionTarget, connectionGate } from "../../../shared/objects/connection-gate.ts";
import { writeSecret } from "../../../workers/connections/vault.ts";
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
