import { expect } from "vitest";
import { measureDistance } from "../../../shared/text/edit-distance.ts";
import type { Answer } from "./open-clients.ts";
import { type Desk, dayAgo, type Row } from "./task.ts";

/** A typical wrong call of a model, and the correction that its error shows. */
export interface WrongCall {
  mistake: string;
  tool: string;
  args(desk: Desk): Promise<Record<string, unknown>> | Record<string, unknown>;
  code: string;
  /** The right call, derived only from the wrong one and the text of the error. */
  follow(desk: Desk, error: NonNullable<Answer["error"]>, args: Record<string, unknown>): Promise<void>;
}

/** Words of an error's text that could be names. */
function wordsOf({ message, suggested_action }: NonNullable<Answer["error"]>): string[] {
  return `${message} ${suggested_action}`.match(/[\w./-]*\w/g) ?? [];
}

/**
 * The word of an error that is most similar to the given one, and differs from it. Of `table.column`, the
 * column.
 */
function closest(error: NonNullable<Answer["error"]>, written: string): string {
  const candidates = wordsOf(error).filter((word) => word.length > 2 && word !== written);
  const ranked = candidates
    .map((word): [number, string] => [measureDistance(written, word.split(".").at(-1) ?? ""), word])
    .sort(([a], [b]) => a - b);
  const best = ranked[0]?.[1];
  if (best === undefined) throw new Error(`No name in: ${error.suggested_action}`);
  return best;
}

/** The tool that the error recommends. */
function namedTool(error: NonNullable<Answer["error"]>): string {
  const tool = wordsOf(error).find(
    (word) => /^(crm|analytics|knowledge|context)_/.test(word) || word === "search",
  );
  if (tool === undefined) throw new Error(`No tool in: ${error.suggested_action}`);
  return tool;
}

const anyDeal = async ({ rows }: Desk) =>
  (await rows("CRM_DB", "SELECT * FROM deals WHERE closed_at IS NULL ORDER BY id LIMIT 1"))[0] as Row;

/** The mistakes. */
export const WRONG_CALLS: readonly WrongCall[] = [
  {
    mistake: "a metric that does not exist",
    tool: "analytics_query",
    args: () => ({ metrics: ["net_revenues_total"] }),
    code: "invalid_input",
    async follow({ call }, error, args) {
      const metric = closest(error, String((args.metrics as string[])[0]));
      expect(Object.keys((await call("analytics_query", { metrics: [metric] })).totals)).toEqual([metric]);
    },
  },
  {
    mistake: "an argument by the wrong name",
    tool: "analytics_query",
    args: () => ({ metric: "revenue" }),
    code: "invalid_input",
    async follow({ call }, error, args) {
      await call("analytics_query", { [closest(error, "metric")]: [args.metric] });
    },
  },
  {
    mistake: "a period in words of one's own",
    tool: "analytics_query",
    args: () => ({ metrics: ["revenue"], period: "the past 30 days or so" }),
    code: "invalid_input",
    async follow({ call }, error) {
      await call("analytics_query", { metrics: ["revenue"], period: closest(error, "past_30_days") });
    },
  },
  {
    mistake: "a member that does not exist",
    tool: "analytics_query",
    args: () => ({ metrics: ["revenue"], filters: { channel: "newsletters" } }),
    code: "invalid_input",
    async follow({ call }, error) {
      const channel = wordsOf(error).find((word) => word === "email");
      await call("analytics_query", { metrics: ["revenue"], filters: { channel } });
    },
  },
  {
    mistake: "a period too long for its grain",
    tool: "analytics_query",
    args: () => ({ metrics: ["revenue"], grain: "hour", period: "last_24_months" }),
    code: "result_too_large",
    async follow({ call }, error, args) {
      expect(error.suggested_action).toContain("coarser grain");
      await call("analytics_query", { ...args, grain: "month" });
    },
  },
  {
    mistake: "SQL that writes",
    tool: "analytics_sql",
    args: () => ({ sql: "UPDATE events SET amount_cents = 0" }),
    code: "invalid_input",
    async follow({ call }, error) {
      expect(error.suggested_action).toContain("SELECT");
      await call("analytics_sql", { sql: "SELECT count(*) AS n FROM events" });
    },
  },
  {
    mistake: "SQL with a column that does not exist",
    tool: "analytics_sql",
    args: () => ({ sql: "SELECT sum(amount_cent) AS usd FROM events" }),
    code: "invalid_input",
    async follow({ call }, error, args) {
      const column = closest(error, "amount_cent").replace("events.", "");
      await call("analytics_sql", { sql: String(args.sql).replace("amount_cent", column) });
    },
  },
  {
    mistake: "SQL over a table that does not exist",
    tool: "analytics_sql",
    args: () => ({ sql: "SELECT count(*) AS n FROM event" }),
    code: "invalid_input",
    async follow({ call }, error) {
      await call("analytics_sql", { sql: `SELECT count(*) AS n FROM ${closest(error, "event")}` });
    },
  },
  {
    mistake: "an unknown customer",
    tool: "crm_get_customer",
    args: async ({ rows }) => {
      const [company] = await rows("CRM_DB", "SELECT name FROM companies ORDER BY id LIMIT 1");
      return { customer: `${company?.name} Holding International` };
    },
    code: "not_found",
    async follow({ call }, error, args) {
      const query = String(args.customer).replace(" Holding International", "");
      const { companies } = await call(namedTool(error), { query });
      await call("crm_get_customer", { customer: companies[0].id });
    },
  },
  {
    mistake: "a stage that does not exist",
    tool: "crm_list_deals",
    args: () => ({ stage: ["negotiating"] }),
    code: "invalid_input",
    async follow({ call }, error) {
      await call("crm_list_deals", { stage: [closest(error, "negotiating")] });
    },
  },
  {
    mistake: "a region as another system calls it",
    tool: "crm_list_deals",
    args: () => ({ region: "EMEA" }),
    code: "not_found",
    async follow({ call }, error) {
      const region = wordsOf(error).find((word) => word === "Europe");
      expect((await call("crm_list_deals", { region })).totals.deals).toBeGreaterThan(0);
    },
  },
  {
    mistake: "an unknown owner",
    tool: "crm_get_pipeline",
    args: () => ({ owner: "Selma H." }),
    code: "not_found",
    async follow({ call }, error) {
      const { owners } = await call(namedTool(error));
      const owner = owners.find((row: Row) => String(row.owner).startsWith("Salma")).owner;
      await call("crm_get_pipeline", { owner });
    },
  },
  {
    mistake: "a version that is not the newest",
    tool: "crm_update_deal",
    args: async (desk) => {
      const deal = await anyDeal(desk);
      return { deal_id: deal.id, version: deal.version + 7, expected_close: dayAgo(-90) };
    },
    code: "conflict",
    async follow(desk, error, args) {
      const current = (await anyDeal(desk)).version;
      expect(wordsOf(error)).toContain(String(current));
      await desk.call("crm_update_deal", { ...args, version: current });
    },
  },
  {
    mistake: "a deal id that was made up",
    tool: "crm_move_deal",
    args: () => ({ deal_id: "deal_0001", version: 1, stage: "qualified" }),
    code: "not_found",
    async follow({ call }, error) {
      const { deals } = await call(namedTool(error), { limit: 1 });
      expect(deals[0]).toMatchObject({ id: expect.stringMatching(/^deal_/), version: expect.any(Number) });
    },
  },
  {
    mistake: "a stage skipped",
    tool: "crm_move_deal",
    args: async ({ rows }) => {
      const [deal] = await rows("CRM_DB", "SELECT * FROM deals WHERE stage = 'lead' ORDER BY id LIMIT 1");
      return { deal_id: deal?.id, version: deal?.version, stage: "negotiation" };
    },
    code: "invalid_input",
    async follow({ call }, error, args) {
      const stage = wordsOf(error).find((word) => word === "qualified");
      await call("crm_move_deal", { ...args, stage });
    },
  },
  {
    mistake: "a day in words",
    tool: "crm_create_task",
    args: async (desk) => ({
      title: `Call back (${desk.lane})`,
      due: "tomorrow",
      company_id: (await anyDeal(desk)).company_id,
    }),
    code: "invalid_input",
    async follow({ call }, error, args) {
      expect(error.message).toContain("YYYY-MM-DD");
      await call("crm_create_task", { ...args, due: dayAgo(-1) });
    },
  },
  {
    mistake: "a collection misspelt",
    tool: "knowledge_list_articles",
    args: () => ({ collection: "handbok" }),
    code: "not_found",
    async follow({ call }, error) {
      await call("knowledge_list_articles", { collection: closest(error, "handbok") });
    },
  },
  {
    mistake: "an article id misspelt",
    tool: "fetch",
    args: () => ({ id: "refund-polcy" }),
    code: "not_found",
    async follow({ call }, error, args) {
      const { results } = await call(namedTool(error), { query: String(args.id).replace("-", " ") });
      expect((await call("fetch", { id: results[0].id })).id).toBe("refund-policy");
    },
  },
  {
    mistake: "an update based on an old version of an article",
    tool: "knowledge_update_article",
    args: () => ({ id: "travel-and-expenses", expected_version: 9, tags: ["trips"], change_note: "Tags." }),
    code: "conflict",
    async follow({ call }, error, args) {
      const { metadata } = await call("fetch", { id: args.id });
      expect(wordsOf(error)).toContain(String(metadata.version));
      await call("knowledge_update_article", { ...args, expected_version: Number(metadata.version) });
    },
  },
  {
    mistake: "a session default that does not exist",
    tool: "context_set",
    args: () => ({ defaults: { regoin: "Europe" } }),
    code: "invalid_input",
    async follow({ call }, error) {
      await call("context_set", { defaults: { [closest(error, "regoin")]: "Europe" } });
      await call("context_clear");
    },
  },
  {
    mistake: "a handle that is not kept",
    tool: "context_get",
    args: () => ({ handle: "made-up" }),
    code: "not_found",
    async follow({ call }, error) {
      expect(error.suggested_action).toContain("Repeat the call");
      await call("context_get");
    },
  },
];
