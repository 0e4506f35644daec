import { expect, it } from "vitest";
import type { PrincipalIdentity } from "../../shared/call/principal.ts";
import { connectionEntry } from "../../shared/connections/entry.ts";
import type { NamedQuery } from "../../shared/connections/kinds/sql.ts";
import { type SqlEntry, SqlHandle } from "../../workers/connections/sql/handle.ts";

const QUERY = { sql: "DELETE FROM notes", effect: "delete", parameters: {} } as unknown as NamedQuery;

const BINDING = {
  host: "a.hyperdrive.local",
  connectionString: "postgres://",
  database: "shop",
  user: "app",
};

/** The state of a key, with an entry that reaches its database as `reach` says, and a binding. */
function stateOf(reach: object, binding?: object): string | undefined {
  const entry = connectionEntry.parse({
    ...{
      kind: "postgresql",
      title: "Shop",
      description: "Shop.",
      owner: "x",
      expose: { tables: ["public.*"] },
    },
    reach,
  }) as SqlEntry;
  const handle = new SqlHandle({
    ...{ env: { SHOP_DB: binding } as unknown as Env, name: "shop", revision: "r", entry },
    principal: { userId: "ann" } as PrincipalIdentity,
    masks: { fields: { public: "show", internal: "show", pii: "show", secret: "show" }, text: [] },
  });
  return handle.keyOf("shop_clear", QUERY, { idempotency_key: "key-of-a-place" })?.state;
}

it("a key of a write is that of another place once its Hyperdrive leads to another database or account", () => {
  const reach = { hyperdrive: "SHOP_DB" };
  const first = stateOf(reach, BINDING);
  expect(stateOf(reach, { ...BINDING, host: "b.hyperdrive.local" })).toBe(first);
  expect(stateOf(reach, { ...BINDING, database: "copy" })).not.toBe(first);
  expect(stateOf(reach, { ...BINDING, user: "other" })).not.toBe(first);
  expect(stateOf(reach)).not.toBe(first);
});

it("a key of a write is that of another place once its address, port, database or account is changed", () => {
  const reach = { host: "db.example.com", port: 5432, tls: "required", database: "shop", user: "app" };
  const states = [
    {},
    { host: "db2.example.com" },
    { port: 5433 },
    { database: "copy" },
    { user: "other" },
  ].map((change) => stateOf({ ...reach, ...change }));
  expect(new Set(states).size).toBe(states.length);
  expect(stateOf(reach)).toBe(states[0]);
});
