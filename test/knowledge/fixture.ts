import { env } from "cloudflare:workers";
import { KnowledgeStore } from "../../workers/knowledge/store.ts";

/** The time of every write of a test. */
export const NOON = new Date("2026-03-01T12:00:00Z");

/** A store that writes as the person "Robin". */
export function openTestStore(role = "admin"): KnowledgeStore {
  return new KnowledgeStore(env.KNOWLEDGE_DB, { id: "user-robin", name: "Robin" }, role);
}

const ARTICLES = [
  {
    title: "Refund policy",
    body: "# Refund policy\n\nCustomers get their money back within 30 days.\n\n## Chargebacks\n\nNever refund a payment in dispute at the bank.\n\n### Evidence\n\nSend the invoice to finance.\n\n## Outages\n\nCredit comes before a refund.\n",
    tags: ["returns"],
  },
  {
    title: "Incident process",
    body: "# Incident process\n\nDeclare early.\n\n## Severity\n\nSEV1 means that most customers cannot work.\n\n## On-call rota\n\nThe rota changes on Monday.\n",
    tags: [],
  },
  {
    title: "Travel and expenses",
    body: "# Travel and expenses\n\nTrains before planes.\n\n## Hotels\n\nUp to 160 euros a night. The hotel sends the invoice.\n",
    tags: ["reimbursement"],
  },
  {
    title: "Hibernation of sessions",
    body: "Idle sessions hibernate.\n\n## Waking\n\nA hibernated session wakes on the next message.\n",
    tags: [],
  },
] as const;

/** Fills two collections, `handbook` and `engineering`, with four short articles. */
export async function saveArticles(): Promise<void> {
  const store = openTestStore();
  await store.collections.ensure({ slug: "handbook", title: "Handbook", readers: null }, NOON);
  await store.collections.ensure({ slug: "engineering", title: "Engineering", readers: null }, NOON);
  for (const { title, body, tags } of ARTICLES) {
    const collection = title.startsWith("Hibernation") ? "engineering" : "handbook";
    await store.createArticle({ collection, title, body, tags }, NOON);
  }
}
