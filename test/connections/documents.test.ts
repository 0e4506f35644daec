import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { connectionEntry } from "../../shared/connections/entry.ts";
import type { JsonValue } from "../../shared/encoding/json.ts";
import { openToViewers, PASSWORD, publishConnections } from "../support/publish-connections.ts";
import { LANES, openSession } from "../support/session.ts";
import { MAPPING } from "./attempts/order-index.ts";

/** Searches that the cluster got. */
const searches: { path: string; body: Record<string, JsonValue>; authorization: string | null }[] = [];

const DOCUMENT = {
  status: "open",
  total: 12.5,
  customer: { name: "Ann", email: "ann@people.example", token: "t0p" },
  contacts: [{ email: "bob@people.example" }],
};

/** A cluster that answers as OpenSearch documents it, with one order. */
async function answer(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  if (pathname === "/") return Response.json({ version: { distribution: "opensearch", number: "2.19.3" } });
  if (pathname.endsWith("/_mapping"))
    return Response.json({ "orders-v2": { mappings: MAPPING }, "orders-private": { mappings: {} } });
  if (pathname.endsWith("/_alias")) return Response.json({ "orders-v2": { aliases: { orders: {} } } });
  if (!pathname.endsWith("/_search")) return Response.json({ error: {} }, { status: 404 });
  const body = await request.json<Record<string, JsonValue>>();
  searches.push({ path: pathname, body, authorization: request.headers.get("authorization") });
  const hits = [{ _index: "orders-v2", _id: "1", _score: 1.5, _source: DOCUMENT, sort: [12.5] }];
  const aggregations = body.aggs && { a: { buckets: [{ key: "open", doc_count: 1 }] } };
  return Response.json({
    timed_out: false,
    _shards: { failed: 0 },
    hits: { total: { value: 1, relation: "eq" }, hits },
    aggregations,
  });
}

const ENTRY = connectionEntry.parse({
  kind: "opensearch",
  allow_privileged_role: true,
  title: "Orders",
  description: "Orders of the web shop.",
  owner: "shop@people.example",
  reach: { host: "search.example" },
  auth: { type: "basic", user: "reader" },
  expose: { indices: ["orders*"], except: ["orders-private"] },
  classes: { "*email": "pii", "customer.token": "secret" },
});

beforeAll(async () => {
  const plain = globalThis.fetch;
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
    const request = new Request(input, init);
    return request.url.startsWith("https://search.example:9200/")
      ? answer(request)
      : await plain(input, init);
  });
  await publishConnections({ orders: ENTRY });
  await openToViewers("orders");
});

afterAll(() => {
  vi.restoreAllMocks();
});

describe.each(LANES)("An OpenSearch connection on the %s lane", (lane) => {
  const open = (role: string) =>
    openSession({ server: "orders", lane, as: `user-${role}`, role, scopes: ["orders:read"] });

  it("shows indices and fields, and which of them the role may not use", async () => {
    const session = await open("viewer");
    const { data } = await session.call("orders_search_objects", {});
    expect(data.indices.map(({ name }: { name: string }) => name)).toEqual(["orders", "orders-v2"]);
    const shown = await session.call("orders_search_objects", { index: "orders" });
    expect(shown.data.indices[0].fields).toEqual(
      expect.arrayContaining([
        "status keyword",
        "customer.email keyword, not for your role",
        "everything text, not for your role",
        "mail alias, not for your role",
      ]),
    );
    expect((await session.call("orders_search_objects", { index: "ordres" })).error).toMatchObject({
      code: "not_found",
      message: expect.stringContaining("Did you mean orders"),
    });
  });

  it("gives two roles the same document, each with what it may see", async () => {
    const search = { index: "orders", query: { term: { status: "open" } }, sort: ["total"] };
    const all = await (await open("admin")).call("orders_search", search);
    expect(all.data).toMatchObject({ total: 1, exact: true, complete: true });
    expect(all.data.hits[0].source.customer.email).toBe("ann@people.example");
    const less = await (await open("viewer")).call("orders_search", search);
    expect(less.data.hits[0].source).toMatchObject({
      status: "open",
      total: 12.5,
      customer: { name: "Ann" },
    });
    const text = JSON.stringify(less.data);
    for (const hidden of ["ann@people.example", "bob@people.example", "t0p"])
      expect(text).not.toContain(hidden);
    expect(searches.at(-1)).toMatchObject({
      path: "/orders/_search",
      authorization: `Basic ${btoa(`reader:${PASSWORD}`)}`,
      body: { size: 20, timeout: "10000ms", terminate_after: 10_000_000 },
    });
  });

  it("sends nothing of a search that names what a role may not see, or what is not exposed", async () => {
    const session = await open("viewer");
    const before = searches.length;
    for (const [args, code] of [
      [{ index: "orders", query: { prefix: { "customer.email": "a" } } }, "forbidden"],
      [{ index: "orders-v2", query: { match: { everything: "ann" } } }, "forbidden"],
      [{ index: "orders", aggs: { a: { terms: { field: "mail" } } } }, "forbidden"],
      [{ index: "orders", sort: ["customer.email"] }, "forbidden"],
      [{ index: "orders", highlight: ["customer.email"] }, "forbidden"],
      [{ index: "orders", fields: ["customer.email"] }, "forbidden"],
      [{ index: "orders-private" }, "invalid_input"],
      [{ index: "other:orders" }, "invalid_input"],
      [{ index: ".kibana" }, "invalid_input"],
      [{ index: "orders", query: { script: { script: "1" } } }, "forbidden"],
    ] as const) {
      expect((await session.call("orders_search", args)).error, JSON.stringify(args)).toMatchObject({ code });
    }
    expect(searches.length).toBe(before);
  });

  it("expands a wildcard to what is exposed, and aggregates without documents", async () => {
    const session = await open("admin");
    const aggs = { a: { terms: { field: "status" } } };
    const { data } = await session.call("orders_search", { index: "*", aggs, limit: 0 });
    expect(data.aggregations.a.buckets).toEqual([{ key: "open", doc_count: 1 }]);
    expect(searches.at(-1)).toMatchObject({ path: "/orders,orders-v2/_search", body: { size: 0, aggs } });
  });
});
