import { afterEach, describe, expect, it } from "vitest";
import { type Answers, closeDoubles, serve } from "./search-double.ts";

afterEach(closeDoubles);

describe("the account of OpenSearch or Elasticsearch, against a double of their HTTP interface", () => {
  it("asks Elasticsearch what the account may do", async () => {
    const { session, target } = await serve("elasticsearch", {
      "GET /orders*": [404, {}],
      "GET /_data_stream": [404, {}],
      _has_privileges: [
        200,
        {
          cluster: { manage: false },
          index: { "orders*": { write: true, manage: false }, logs: { write: false } },
        },
      ],
    });
    const report = await session.inspect(target);
    expect(report.server).toBe("Elasticsearch 8.17.0");
    expect(report.excess.map(({ what }) => what)).toEqual(["write on orders*"]);
  });

  it("asks what the account may do with each exposed index", async () => {
    const mappings = Object.fromEntries(["orders-1", "orders-2"].map((name) => [name, { mappings: {} }]));
    const exposed = {
      "GET /orders*,logs/_mapping": [200, mappings],
      "GET /orders*,logs/_alias": [200, { "orders-1": { aliases: {} }, "orders-2": { aliases: {} } }],
    } as unknown as Answers;
    const open = await serve("opensearch", { ...exposed, "DELETE /orders-2/_doc/": [409, {}] });
    const { excess } = await open.session.inspect(open.target);
    expect(excess.map(({ what }) => what)).toEqual(["write documents of orders-2"]);
    const elastic = await serve("elasticsearch", {
      ...exposed,
      _has_privileges: [
        200,
        { cluster: {}, index: { "orders*": { write: false }, "orders-2": { write: true } } },
      ],
    });
    const report = await elastic.session.inspect(elastic.target);
    expect(report.excess.map(({ what }) => what)).toEqual(["write on orders-2"]);
    const question = elastic.asked.find(({ request }) => request.includes("_has_privileges"))?.body;
    expect(question).toMatchObject({ index: [{ names: ["orders*", "logs", "orders-1", "orders-2"] }] });
  });

  it.each([
    ["an account that only reads", {}, []],
    [
      "one that writes documents and deletes scripts",
      { "DELETE /orders-v2/_doc/": [409, {}], "DELETE /_scripts/": [404, {}] },
      ["write documents of orders-v2", "delete stored scripts"],
    ],
    [
      "a server without accounts",
      { "DELETE /": [404, {}], "PUT /": [200, {}] },
      [
        "write documents of orders-v2",
        "change the mapping of orders-v2",
        "delete indices named orders-v2…",
        "delete indices",
        "change settings of the cluster",
        "delete stored scripts",
        "delete ingest pipelines",
        "delete snapshot repositories",
      ],
    ],
  ] as const)(
    "finds out what OpenSearch lets an account do, without changing anything: %s",
    async (_who, more, expected) => {
      const { session, target, asked } = await serve("opensearch", {
        "GET /orders*,logs/_mapping": [
          200,
          { "orders-v2": { mappings: { properties: { email: { type: "keyword" } } } } },
        ],
        "GET /orders*,logs/_alias": [200, { "orders-v2": { aliases: {} } }],
        ...(more as unknown as Answers),
      });
      const report = await session.inspect(target);
      expect(report.excess.map(({ what }) => what)).toEqual(expected);
      expect(report.proposals).toEqual({ "orders-v2/email": "pii" });
      expect(report.mistakes).toEqual([expect.stringContaining('expose.indices: "logs" matches nothing')]);
      for (const { request, body } of asked.filter(
        ({ request: line }) => !/^GET|^POST .*_search$/.test(line),
      )) {
        if (request.startsWith("PUT"))
          expect(JSON.stringify(body)).toMatch(
            /^\{"(properties":\{\}|transient":\{"gatehouse\.[^"]+":null\})\}$/,
          );
        else
          expect(request).toMatch(
            /^DELETE \/.*gatehouse-probe-[0-9a-f-]{36}(\?if_seq_no=9007199254740991&.*)?$/,
          );
      }
    },
  );

  it("proposes classes by values of some documents where names say nothing", async () => {
    const documents = [
      { reach_by: "ann@people.example", said: ["hello"], about: { at: ["bob@people.example"] } },
      { reach_by: "bob@people.example", said: "hi", about: {} },
    ];
    const text = { type: "text" };
    const properties = { reach_by: text, said: text, about: { properties: { at: text } } };
    const { session, target, asked } = await serve("opensearch", {
      "GET /orders*,logs/_mapping": [200, { "orders-v2": { mappings: { properties } } }],
      "GET /orders*,logs/_alias": [200, { "orders-v2": { aliases: {} } }],
      "POST /orders-v2/_search": [200, { hits: { hits: documents.map((source) => ({ _source: source })) } }],
    });
    const { proposals } = await session.inspect(target);
    expect(proposals).toEqual({ "orders-v2/reach_by": "pii", "orders-v2/about.at": "pii" });
    const search = asked.find(({ request }) => request.startsWith("POST"))?.body;
    expect(search).toMatchObject({ size: 20, timeout: "500ms" });
  });
});
