import { readFileSync } from "node:fs";
import path from "node:path";
import { expect } from "vitest";
import { ROOT } from "../../../scripts/local/root.ts";
import type { Desk, Task } from "./task.ts";

/** The source of a handbook article. */
const readSource = (file: string) =>
  readFileSync(path.join(ROOT, "scripts/seed/articles", `${file}.md`), "utf8");

/** A question with its answer in one article: a passage cites it, and the cited section contains the fact. */
function answeredBy(ask: string, query: string, file: string, fact: string): Task {
  return {
    ask,
    async solve({ call }) {
      expect(readSource(file), "the article as written").toContain(fact);
      const { passages } = await call("knowledge_search_passages", {
        query,
        limit: 3,
        collection: "handbook",
      });
      const texts: string[] = [];
      for (const { citation } of passages as { citation: string }[]) {
        texts.push(String((await call("fetch", { id: citation })).text));
      }
      expect(
        texts.find((text) => text.includes(fact)),
        `${query}: ${fact}`,
      ).toBeDefined();
    },
  };
}

async function findArticle({ call }: Desk, query: string): Promise<string> {
  const { results } = await call("search", { query, limit: 3 });
  return results[0].id;
}

/** Questions of people about the handbook. */
export const KNOWLEDGE_QUESTIONS: readonly Task[] = [
  answeredBy(
    "Who approves a discount of 25 %? Say where that stands.",
    "who approves a discount above 20 %",
    "pricing-and-discounts",
    "the deal desk, by 16:00",
  ),
  answeredBy(
    "How long do we keep applications of people we did not hire?",
    "how long are applications of people we did not hire kept",
    "data-retention",
    "6 months",
  ),
  answeredBy(
    "A customer wants 3,000 EUR back after two months: who decides?",
    "refund after 30 days who decides",
    "refund-policy",
    "the support lead",
  ),
  answeredBy("My laptop is gone. Whom do I call?", "lost laptop", "security-contacts", "extension 4444"),
  answeredBy(
    "How many days of holiday do I have?",
    "holidays days a year",
    "working-hours-and-leave",
    "30 days a year",
  ),
  answeredBy("What may a hotel in Paris cost?", "hotel limit per night", "travel-and-expenses", "220 EUR"),
  answeredBy(
    "Most customers cannot work. What do I do first?",
    "declare an incident severity",
    "incident-process",
    "status page within 15 minutes",
  ),
  answeredBy(
    "How long is parental leave?",
    "parental leave",
    "working-hours-and-leave",
    "16 weeks on full pay",
  ),
  {
    ask: "What is in the handbook?",
    async solve({ call, rows }) {
      const { collections } = await call("knowledge_list_collections");
      const handbook = (collections as { slug: string; articles: number }[]).find(
        ({ slug }) => slug === "handbook",
      );
      const { articles } = await call("knowledge_list_articles", { collection: "handbook", limit: 100 });
      const [fact] = await rows(
        "KNOWLEDGE_DB",
        `SELECT count(*) AS n FROM articles JOIN collections ON collections.id = collection_id WHERE collections.slug = 'handbook'`,
      );
      expect([handbook?.articles, articles.length]).toEqual([fact?.n, fact?.n]);
    },
  },
  {
    ask: "Write down how we lend projectors; then correct it; then take the correction back.",
    async solve({ call, lane }) {
      const title = `Lending projectors (${lane})`;
      const body = "# Lending projectors\n\nAsk the front desk.\n";
      const saved = await call("knowledge_save_article", { title, body, collection: "handbook" });
      const changed = await call("knowledge_update_article", {
        id: saved.id,
        expected_version: saved.version,
        body: body.replace("front desk", "facility team"),
        change_note: "The desk moved.",
      });
      const { versions } = await call("knowledge_get_history", { id: saved.id });
      expect(versions.map(({ version }: { version: number }) => version)).toEqual([2, 1]);
      await call("knowledge_restore_version", {
        id: saved.id,
        version: 1,
        expected_version: changed.version,
      });
      expect((await call("fetch", { id: saved.id })).text).toContain("front desk");
    },
  },
  {
    ask: "Nobody could tell me where the bicycle cellar is. Let the writers know.",
    async solve(desk) {
      const question = `Where is the bicycle cellar (${desk.lane})?`;
      await desk.call("knowledge_give_feedback", { verdict: "missing", question, collection: "handbook" });
      expect(JSON.stringify(await desk.call("knowledge_list_gaps"))).toContain(question);
      const id = await findArticle(desk, "travel and expenses");
      expect(await desk.call("knowledge_give_feedback", { verdict: "useful", id })).toMatchObject({
        noted: expect.anything(),
      });
    },
  },
];
