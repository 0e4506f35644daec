import { type Answer, at, describe } from "./answer.ts";

/**
 * Calls a tool, prints the call and a description of its answer by `show`, and returns the answer. Throws on
 * an error.
 */
export type Call = (
  tool: string,
  args: Record<string, unknown>,
  show: (answer: Answer) => string,
) => Promise<Answer>;

/** One part of the scenario, at one MCP URL. */
export interface Scene {
  /** `/mcp` or `/mcp/<server>`. */
  path: string;
  title: string;
  /** Left out where Gatehouse does not serve the URL. */
  isOptional?: true;
  play(call: Call, protocol: string): Promise<void>;
}

/**
 * The scenario: a sales person prepares a customer review. Each scene uses results of earlier calls of the
 * same session, as a model does.
 */
export const SCENES: readonly Scene[] = [
  {
    path: "/mcp/analytics",
    title: "How is the business doing?",
    async play(call) {
      await call("analytics_list_metrics", { search: "revenue" }, (answer) =>
        describe(answer, "metrics", "name"),
      );
      await call(
        "analytics_regional_metrics",
        { metrics: ["revenue", "orders"] },
        (answer) =>
          `${at(answer, "period")}: ${at(answer, "rows", 0, 0)} leads with revenue ${at(answer, "rows", 0, 1)} ${at(answer, "units", "revenue")}`,
      );
      await call(
        "analytics_compare",
        { metric: "revenue", by: "region" },
        (answer) =>
          `revenue changed by ${at(answer, "change_percent")} %, most of it in ${at(answer, "contributions", 0, "member")}`,
      );
      await call(
        "analytics_sql",
        { sql: "SELECT count(*) AS events FROM events" },
        (answer) => `${at(answer, "rows", 0, 0)} events in the database`,
      );
    },
  },
  {
    path: "/mcp/crm",
    title: "Which large deals are forgotten?",
    async play(call, protocol) {
      const deals = await call(
        "crm_list_deals",
        { min_amount: 100_000, untouched_for_days: 30, limit: 3 },
        (answer) =>
          `${at(answer, "totals", "deals")} deals over 100,000 untouched for 30 days; largest: ${at(answer, "deals", 0, "name")}`,
      );
      const customer = await call(
        "crm_get_customer",
        { customer: at(deals, "deals", 0, "company_id") },
        (answer) =>
          `${at(answer, "company", "name")}: health ${at(answer, "health", "status")}, ${at(answer, "people_total")} people, ${at(answer, "open_deals_total")} open deals`,
      );
      const contact = String(at(customer, "people", 0, "id"));
      await call(
        "crm_log_activity",
        {
          kind: "note",
          subject: "Preparing the review (written by npm run demo)",
          contact_id: contact,
          // The same key on every run: a repeated demo repeats the call and not the note.
          idempotency_key: `gatehouse-demo-${protocol}-${contact}`,
        },
        (answer) => (at(answer, "replayed") === true ? "was logged by an earlier demo" : "note logged"),
      );
    },
  },
  {
    path: "/mcp/knowledge",
    title: "What do our rules say?",
    async play(call) {
      const found = await call("search", { query: "discount approval" }, (answer) =>
        describe(answer, "results", "title"),
      );
      await call(
        "fetch",
        { id: at(found, "results", 0, "id") },
        (answer) => `"${at(answer, "title")}", ${String(at(answer, "text")).length} characters`,
      );
      await call("knowledge_search_passages", { query: "who approves a discount", limit: 3 }, (answer) =>
        describe(answer, "passages", "citation"),
      );
    },
  },
  {
    path: "/mcp/demoshop",
    title: "What does the shop's own database say?",
    isOptional: true,
    async play(call) {
      await call("demoshop_search_objects", { words: "orders" }, (answer) =>
        describe(answer, "tables", "table"),
      );
      await call(
        "demoshop_query",
        {
          sql: "SELECT c.country, sum(o.total) AS revenue FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.status <> $1 GROUP BY c.country ORDER BY revenue DESC",
          parameters: ["cancelled"],
        },
        (answer) => `${at(answer, "rows", 0, 0)} leads with ${at(answer, "rows", 0, 1)} EUR`,
      );
      await call(
        "demoshop_best_sellers",
        { days: 90 },
        (answer) => `${at(answer, "rows", 0, 0)} sells best, ${at(answer, "rows", 0, 2)} pieces in 90 days`,
      );
    },
  },
  {
    path: "/mcp",
    title: "Everything at one door, with a memory",
    async play(call) {
      await call(
        "context_set",
        { defaults: { region: "Europe" }, note: "Preparing the customer review" },
        (answer) => `from now on region = ${at(answer, "defaults", "region")}`,
      );
      await call(
        "crm_list_deals",
        { limit: 2 },
        (answer) => `${at(answer, "totals", "deals")} open deals in Europe, without saying Europe again`,
      );
      await call(
        "analytics_query",
        { metrics: ["revenue"], dimensions: ["country"], limit: 3 },
        (answer) => `best country in Europe: ${at(answer, "rows", 0, 0)}`,
      );
      await call("context_get", {}, (answer) => `remembers the note "${at(answer, "notes", 0)}"`);
      await call("context_clear", {}, () => "forgotten");
    },
  },
];
