import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { type ConnectionEntry, connectionEntry } from "../../shared/connections/entry.ts";
import { findElsewhere } from "../../workers/gateway/connections/secret-address.ts";
import { publishConnections } from "../support/publish-connections.ts";

const KINDS = {
  postgresql: { reach: { database: "d", user: "u" }, expose: { tables: ["d.*"] }, ports: [5432, 5432] },
  mysql: { reach: { database: "d", user: "u" }, expose: { tables: ["d.*"] }, ports: [3306, 3306] },
  clickhouse: { reach: { database: "d", user: "u" }, expose: { tables: ["d.*"] }, ports: [8443, 8123] },
  redis: { reach: { user: "u" }, expose: { prefixes: ["p:"] }, ports: [6379, 6379] },
} as const;

type Kind = keyof typeof KINDS;

function entryOf(kind: Kind, reach: Record<string, unknown>): ConnectionEntry {
  const { reach: own, expose } = KINDS[kind];
  return connectionEntry.parse({
    ...{ kind, title: "Vaulted", description: "Data.", owner: "x", expose },
    reach: { host: "db.people.example", ...own, ...reach },
  });
}

describe.each(Object.keys(KINDS) as Kind[])("the password of a published %s connection", (kind) => {
  const [secure, plain] = KINDS[kind].ports;
  const find = (reach: Record<string, unknown>) => findElsewhere(env, "vaulted", entryOf(kind, reach));

  it("does not go unencrypted to where it goes with TLS", async () => {
    await publishConnections({ vaulted: entryOf(kind, { port: 7000 }) });
    expect(await find({ port: 7000, tls: "off" })).toMatchObject({
      attempt: "other_address",
      message:
        'The secret "vaulted" belongs to db.people.example:7000; the file names db.people.example:7000 without TLS, which does not get it.',
    });
    expect(await find({ port: 7000 })).toBeNull();
  });

  it("goes with TLS to where it goes unencrypted", async () => {
    await publishConnections({ vaulted: entryOf(kind, { port: 7000, tls: "off" }) });
    expect(await find({ port: 7000 })).toBeNull();
    expect(await find({ port: 7001 })).toMatchObject({ attempt: "other_address" });
  });

  it("goes to the same address with its usual port or without one, and the words name the port", async () => {
    await publishConnections({ vaulted: entryOf(kind, {}) });
    expect(await find({ port: secure, host: "DB.people.example" })).toBeNull();
    const refused = await find({ host: "other.people.example", tls: "off" });
    expect(refused?.message).toContain(`other.people.example:${plain} without TLS`);
    expect(refused?.message).toContain(`belongs to db.people.example:${secure};`);
  });
});
