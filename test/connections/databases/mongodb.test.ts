import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { connectionEntry } from "../../../shared/connections/entry.ts";
import { connectionGate } from "../../../shared/objects/connection-gate.ts";
import { openToViewers, PASSWORD, publishConnections } from "../../support/publish-connections.ts";
import { LANES, openSession } from "../../support/session.ts";

const { mongodb: port } = (env as unknown as { TEST_DOUBLES: { mongodb: number } }).TEST_DOUBLES;

const ENTRY = connectionEntry.parse({
  kind: "mongodb",
  title: "Orders",
  description: "Orders of the web shop.",
  owner: "shop@people.example",
  reach: { host: "127.0.0.1", port, tls: "off", database: "shop", user: "reader" },
  expose: { collections: ["ord*"] },
  classes: { "orders/customer.email": "pii" },
});

describe("a MongoDB connection, against a double of its wire protocol", () => {
  beforeAll(async () => {
    await publishConnections({ orders: ENTRY });
    await openToViewers("orders");
  });

  describe.each(LANES)("on the %s lane", (lane) => {
    const open = (role: string) =>
      openSession({ server: "orders", lane, as: `user-${role}`, role, scopes: ["orders:read"] });

    it("gives two roles the same document, each with what it may see", async () => {
      const search = { collection: "orders", filter: { status: "open" }, sort: { total: -1 } };
      const all = await (await open("admin")).call("orders_find", search);
      expect(all.error ?? all.data).toMatchObject({
        documents: [{ status: "open", customer: { email: "ann@people.example" } }],
      });
      const less = await (await open("viewer")).call("orders_find", search);
      expect(less.data).toMatchObject({
        documents: [{ status: "open", customer: { name: "Ann" } }],
        cut: false,
      });
      expect(JSON.stringify(less)).not.toContain("ann@people.example");
    });

    it("shows collections and fields, and refuses what is not exposed or not for the role", async () => {
      const session = await open("viewer");
      const { data } = await session.call("orders_search_objects", { collection: "orders" });
      expect(data.collections[0].fields).toEqual(
        expect.arrayContaining(["status string", "customer.email string, not for your role"]),
      );
      for (const [tool, args, code] of [
        ["orders_find", { collection: "secrets" }, "invalid_input"],
        ["orders_find", { collection: "orders", filter: { "customer.email": "a" } }, "forbidden"],
        ["orders_find", { collection: "orders", sort: { "customer.email": 1 } }, "forbidden"],
        ["orders_find", { collection: "orders", fields: ["customer.email"] }, "forbidden"],
        ["orders_count", { collection: "orders", by: "customer.email" }, "forbidden"],
        ["orders_count", { collection: "orders", filter: { $where: "1" } }, "forbidden"],
        ["orders_aggregate", { collection: "orders", pipeline: [{ $out: "x" }] }, "forbidden"],
        [
          "orders_aggregate",
          { collection: "orders", pipeline: [{ $project: { a: "$$ROOT" } }] },
          "forbidden",
        ],
      ] as const) {
        expect((await session.call(tool, args)).error, JSON.stringify(args)).toMatchObject({ code });
      }
    });
  });

  it("is tested with the account that the entry names", async () => {
    const gate = connectionGate(env, "orders", 0);
    const target = { name: "orders", revision: "", entry: ENTRY };
    expect(await gate.probe(target, PASSWORD)).toMatchObject({
      ok: true,
      report: { server: "MongoDB 8.0.4", excess: [], exposed: ["orders"], mistakes: [] },
    });
    expect(await gate.probe(target, "wrong")).toMatchObject({
      ok: false,
      failure: { message: "Orders refuses the account of this connection." },
    });
    const away = { ...target, entry: { ...ENTRY, reach: { ...ENTRY.reach, port: 1 } } } as typeof target;
    expect(await gate.probe(away, PASSWORD)).toMatchObject({
      ok: false,
      failure: { message: "Nothing answers at 127.0.0.1:1." },
    });
  });
});
