import { afterEach, describe, expect, it } from "vitest";
import { connectionEntry } from "../../shared/connections/entry.ts";
import type { JsonValue } from "../../shared/encoding/json.ts";
import { PartialAnswer } from "../../workers/connections/connector.ts";
import type { DocumentSource } from "../../workers/connections/documents/source.ts";
import { opensearch } from "../../workers/connections/opensearch/connector.ts";
import type { SearchAnswer } from "../../workers/connections/opensearch/operation.ts";
import { MAPPING } from "./attempts/order-index.ts";
import { type Asked, closeDoubles, serve } from "./search-double.ts";

afterEach(closeDoubles);

const SEARCH = {
  indices: ["orders", "logs"],
  body: { query: { match_all: {} } },
  rows: 2,
  from: 0,
  bytes: 10_000,
};

const hit = (id: string, source: JsonValue) => ({ _index: "orders-v2", _id: id, _score: 1, _source: source });

function answerOf(hits: JsonValue[], more: object = {}): JsonValue {
  const total = { value: 12, relation: "gte" };
  return { timed_out: false, _shards: { failed: 0 }, hits: { total, hits }, ...more } as unknown as JsonValue;
}

describe("a session with OpenSearch or Elasticsearch, against a double of their HTTP interface", () => {
  it.each(["opensearch", "elasticsearch"] as const)("bounds a search at the server (%s)", async (product) => {
    const { asked, run, target } = await serve(product, {
      _search: [200, answerOf([hit("1", { status: "a" })])],
    });
    expect(await run("search", SEARCH)).toMatchObject({
      total: { value: 12, isExact: false },
      hits: [{ id: "1", source: { status: "a" } }],
      complete: true,
      cut: false,
    });
    const { request, body, headers } = asked.at(-1) as Asked;
    expect(request).toContain("POST /orders,logs/_search?ignore_unavailable=false");
    expect(request.includes("cancel_after_time_interval=3000ms")).toBe(product === "opensearch");
    expect(body).toEqual({
      query: { match_all: {} },
      size: 2,
      from: 0,
      timeout: "3000ms",
      terminate_after: 10_000_000,
      track_total_hits: 10_000,
    });
    expect(headers).toMatchObject({
      authorization: `Basic ${btoa("reader:a password")}`,
      "x-opaque-id": "gatehouse user=u trace=t",
    });
    expect(target.entry.kind).toBe("opensearch");
  });

  it("keeps large numbers exact, and says that the server stopped early", async () => {
    const text = JSON.stringify(answerOf([hit("1", { id: "N" })], { terminated_early: true }));
    const { run } = await serve("opensearch", { _search: [200, text.replace('"N"', "9007199254740993")] });
    const answer = await run("search", SEARCH);
    // No cache keeps it.
    expect(answer).toBeInstanceOf(PartialAnswer);
    expect(answer).toMatchObject({
      value: { hits: [{ source: { id: "9007199254740993" } }], complete: false },
    });
  });

  it("leaves out documents above the bytes of an answer, and refuses aggregations and bodies above them", async () => {
    const large = hit("1", { text: "x".repeat(6_000) });
    const { run } = await serve("opensearch", { _search: [200, answerOf([large, large, large])] });
    const answer = (await run("search", SEARCH)) as unknown as SearchAnswer;
    expect([answer.hits.length, answer.cut]).toEqual([1, true]);
    const groups = { a: { buckets: [{ key: "x".repeat(20_000) }] } };
    for (const body of [answerOf([], { aggregations: groups }), "x".repeat(9_000_000)]) {
      const { run: again } = await serve("opensearch", { _search: [200, body] });
      await expect(again("search", SEARCH)).rejects.toThrow("too large");
    }
  });

  it("lists indices, aliases and data streams that are exposed, with what a field copies", async () => {
    const plain = { properties: { status: { type: "keyword" } } };
    const { run, asked } = await serve("opensearch", {
      _mapping: [
        200,
        {
          "orders-v2": { mappings: MAPPING },
          "orders-private": { mappings: plain },
          ".ds-logs-1": { mappings: plain },
        } as unknown as JsonValue,
      ],
      _alias: [
        200,
        { "orders-v2": { aliases: { orders: {}, everyone: {} } }, ".ds-logs-1": { aliases: {} } },
      ],
      _data_stream: [200, { data_streams: [{ name: "logs", indices: [{ index_name: ".ds-logs-1" }] }] }],
    });
    const sources = (await run("catalogue")) as unknown as DocumentSource[];
    expect(sources.map(({ name, kind, alsoKnownAs }) => [name, kind, alsoKnownAs])).toEqual([
      ["logs", "data stream", [".ds-logs-1"]],
      ["orders", "alias", ["orders-v2"]],
      ["orders-v2", "index", ["orders", "everyone"]],
    ]);
    const fields = new Map(sources.at(1)?.fields.map((field) => [field.path, field]));
    expect(fields.get("everything")?.from).toEqual(["customer.name", "customer.email"]);
    expect(fields.get("mail")).toMatchObject({ from: ["customer.email"], isOpaque: false });
    expect(fields.get("computed")).toMatchObject({ isOpaque: true });
    expect(asked.every(({ request }) => !request.includes("_cat"))).toBe(true);
  });

  it("offers no alias or data stream that has an excepted index, and says so", async () => {
    const plain = { mappings: { properties: { status: { type: "keyword" } } } };
    const { run, session, target } = await serve("elasticsearch", {
      _has_privileges: [200, {}],
      _mapping: [
        200,
        { "orders-1": plain, "orders-private": plain, ".ds-orders-s-1": plain, ".ds-logs-1": plain },
      ],
      _alias: [
        200,
        {
          "orders-1": { aliases: { "orders-all": {}, "orders-open": {} } },
          "orders-private": { aliases: { "orders-all": {} } },
          // Elasticsearch names the data stream, and not the indices behind it.
          "orders-s": { aliases: { "orders-now": {} } },
          "logs-app": { aliases: { logs: {} } },
        },
      ],
      "GET /_data_stream/orders*,logs": [
        200,
        {
          data_streams: [
            {
              name: "orders-s",
              indices: [{ index_name: ".ds-orders-s-1" }, { index_name: "orders-private" }],
            },
          ],
        },
      ],
      "GET /_data_stream/logs-app": [
        200,
        { data_streams: [{ name: "logs-app", indices: [{ index_name: ".ds-logs-1" }] }] },
      ],
    });
    const sources = (await run("catalogue")) as unknown as DocumentSource[];
    expect(
      sources.map(({ name, alsoKnownAs, fields }) => [name, alsoKnownAs, fields.map(({ path }) => path)]),
    ).toEqual([
      ["logs", ["logs-app", ".ds-logs-1"], ["_id", "status"]],
      ["orders-1", ["orders-all", "orders-open"], ["_id", "status"]],
      ["orders-open", ["orders-1"], ["_id", "status"]],
    ]);
    const { mistakes } = await session.inspect(target);
    expect(mistakes).toEqual([
      'expose.except: the alias "orders-all" is not offered, because "orders-private" is a member of it.',
      'expose.except: the alias "orders-now" is not offered, because "orders-private" is a member of it.',
      'expose.except: the data stream "orders-s" is not offered, because "orders-private" is a member of it.',
    ]);
  });

  it.each([
    [401, {}, "unavailable", /refuses the account/],
    [403, {}, "forbidden", /may not do this/],
    [
      404,
      { type: "index_not_found_exception", reason: "no such index [orders]" },
      "not_found",
      /not there any more/,
    ],
    [
      400,
      { type: "illegal_argument_exception", reason: "Fielddata is disabled on [note]" },
      "invalid_input",
      /text cannot be sorted/,
    ],
    [
      400,
      { type: "x", root_cause: [{ type: "number_format_exception", reason: "For input string" }] },
      "invalid_input",
      /does not fit the type/,
    ],
    [
      503,
      { type: "search_phase_execution_exception", caused_by: { type: "too_many_buckets_exception" } },
      "invalid_input",
      /more buckets/,
    ],
    [400, { type: "task_cancelled_exception", reason: "cancelled" }, "timeout", /time limit/],
    [500, { type: "other", reason: "host-17.internal failed" }, "invalid_input", /status 500/],
  ])("has words of ours for status %i", async (status, error, code, message) => {
    const { run, target } = await serve("opensearch", {
      _search: [status, { error } as unknown as JsonValue],
    });
    const failure = await run("search", SEARCH).catch((thrown: unknown) => thrown);
    const known = opensearch.explain(failure, target);
    expect(known).toMatchObject({ code, message: expect.stringMatching(message) });
    expect(JSON.stringify(known)).not.toContain("host-17");
  });

  it.each([429, 502, 503])("takes status %i for a server that is away", async (status) => {
    const { run, target } = await serve("opensearch", { _search: [status, { error: {} }] });
    const failure = await run("search", SEARCH).catch((thrown: unknown) => thrown);
    expect(opensearch.explain(failure, target)).toBeNull();
  });

  it("follows no redirect, and takes no other server for one of the kind", async () => {
    const { run } = await serve("opensearch", { _search: [302, {}] });
    await expect(run("search", SEARCH)).rejects.toThrow("302");
    await expect(serve("opensearch", { "GET /": [200, "<html>"] })).rejects.toThrow(
      "not one of such a server",
    );
  });
});

describe("an entry of OpenSearch", () => {
  const common = {
    kind: "opensearch",
    title: "Orders",
    description: "Orders.",
    owner: "x",
    reach: { host: "h" },
    auth: { type: "none" },
    expose: { indices: ["orders"] },
  };

  it.each([
    ["another cluster", { expose: { indices: ["remote:orders"] } }],
    ["date arithmetic", { expose: { indices: ["<orders-{now/d}>"] } }],
    ["an exclusion that the server reads", { expose: { indices: ["-orders"] } }],
    ["a list in one name", { expose: { indices: ["orders,secrets"] } }],
    ["an address", { expose: { indices: ["orders/_search"] } }],
    ["a sign-in that such servers do not have", { auth: { type: "query", name: "key" } }],
    ["no sign-in, unsaid", { auth: undefined }],
    ["a misspelt field", { expose: { indices: ["orders"], exept: ["x"] } }],
  ])("refuses %s", (_what, change) => {
    expect(connectionEntry.safeParse(common).success).toBe(true);
    expect(connectionEntry.safeParse({ ...common, ...change }).success).toBe(false);
  });
});
