import { expect } from "vitest";
import type { Row, Task } from "./task.ts";

/** Questions of people that need several servers. */
export const JOINED_QUESTIONS: readonly Task[] = [
  {
    ask: "Prepare me for the call with our largest open customer.",
    async solve({ call, client, rows }) {
      const { deals } = await call("crm_list_deals", { limit: 1 });
      const [fact] = await rows(
        "CRM_DB",
        `SELECT companies.name FROM deals JOIN companies ON companies.id = company_id
          WHERE closed_at IS NULL ORDER BY amount_cents DESC, deals.seq DESC LIMIT 1`,
      );
      expect(deals[0].company).toBe(fact?.name);
      const brief = await client.prompt("crm_prepare_meeting", { customer: fact?.name });
      expect(brief).toContain(fact?.name);
      const profile = await call("crm_get_customer", { customer: deals[0].company_id });
      expect(profile.open_deals.map(({ id }: Row) => id)).toContain(deals[0].id);
      const { passages } = await call("knowledge_search_passages", {
        query: "discount approval",
        collection: "handbook",
        limit: 2,
      });
      expect(passages[0].citation).toContain("pricing-and-discount-approval");
    },
  },
  {
    ask: "From now on I only care about Europe. What is open there, and what do we sell?",
    async solve({ call, rows }) {
      await call("context_set", { defaults: { region: "Europe" }, note: "Europe only" });
      const { totals } = await call("crm_list_deals", { limit: 1 });
      const open = "SELECT count(*) AS n FROM deals WHERE closed_at IS NULL AND region = 'Europe'";
      expect([{ n: totals.deals }]).toEqual(await rows("CRM_DB", open));
      const answer = await call("analytics_query", {
        metrics: ["revenue"],
        dimensions: ["region"],
        period: "last_12_months",
      });
      expect(answer.rows.map(([region]: unknown[]) => region)).toEqual(["Europe"]);
      expect((await call("context_get")).notes).toContain("Europe only");
      await call("context_clear");
      expect((await call("context_get")).defaults).toEqual({});
    },
  },
  {
    ask: "Which of our customers' regions sells least, and which deals are open there?",
    async solve({ call, rows }) {
      const { rows: table } = await call("analytics_query", {
        metrics: ["revenue"],
        dimensions: ["region"],
        period: "last_12_months",
        order: "lowest",
        limit: 1,
      });
      const region = table[0][0];
      const { totals } = await call("crm_list_deals", { region, limit: 1 });
      const open = "SELECT count(*) AS n FROM deals WHERE closed_at IS NULL AND region = ?";
      expect([{ n: totals.deals }]).toEqual(await rows("CRM_DB", open, region));
    },
  },
  {
    ask: "Write me the review of the week.",
    async solve({ call, client }) {
      const brief = await client.prompt("analytics_review_week", {});
      expect(brief.length).toBeGreaterThan(200);
      const { metrics } = JSON.parse(await client.resource("analytics://metrics"));
      const named = metrics.map(({ name }: Row) => name);
      const answer = await call("analytics_regional_metrics", { period: "last_week" });
      for (const unit of Object.keys(answer.units)) expect(named).toContain(unit);
    },
  },
];
