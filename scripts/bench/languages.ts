import { ensureCollection } from "../../workers/knowledge/store/collections.ts";
import { searchArticles } from "../../workers/knowledge/store/search-passages.ts";
import { insertArticle } from "../../workers/knowledge/store/write-articles.ts";
import { openLocalDatabases } from "../local/databases.ts";
import { reportFailure } from "../local/failure.ts";
import { applyMigrations, readMigrations } from "../local/migrate.ts";
import { ARTICLES, QUERIES } from "./languages/queries.ts";
import { answers, SEGMENTATIONS } from "./languages/segmentations.ts";

try {
  await run();
} catch (failure) {
  process.exitCode = reportFailure(failure);
}

/**
 * Prints the share of labelled queries that find their article, by script: for search itself, and for ways to
 * segment words.
 */
async function run(): Promise<void> {
  const databases = await openLocalDatabases(null);
  try {
    const database = databases.all.find(({ binding }) => binding === "KNOWLEDGE_DB");
    if (!database) throw new Error("KNOWLEDGE_DB is not configured.");
    await applyMigrations(database.connection, await readMigrations(database.migrationsFolder));
    const db = database.connection;
    await saveArticles(db);
    const found = new Map<string, boolean>();
    for (const [title, query] of QUERIES) {
      const { hits } = await searchArticles(db, { question: query, limit: 5 }, { hidden: [] });
      found.set(
        `${title} ${query}`,
        hits.some((hit) => hit.title === title),
      );
    }
    const textOf = (title: string) => {
      const article = ARTICLES.find((known) => known.title === title);
      return `${article?.title} ${article?.body}`;
    };
    const columns = [
      { name: "search", holds: (title: string, query: string) => found.get(`${title} ${query}`) === true },
      ...SEGMENTATIONS.map((way) => ({
        name: way.name,
        holds: (title: string, query: string) => answers(way, textOf(title), query),
      })),
    ];
    const scripts = [...new Set(QUERIES.map(([, , script]) => script)), "all"];
    console.log(`Recall of ${QUERIES.length} queries over ${ARTICLES.length} articles, five results each\n`);
    console.table(
      Object.fromEntries(
        scripts.map((script) => {
          const asked = QUERIES.filter(([, , of]) => script === "all" || of === script);
          const shares = columns.map(({ name, holds }) => {
            const hits = asked.filter(([title, query]) => holds(title, query)).length;
            return [name, `${hits} of ${asked.length}`];
          });
          return [script, Object.fromEntries(shares)];
        }),
      ),
    );
    const missed = QUERIES.filter(([title, query]) => !found.get(`${title} ${query}`));
    for (const [title, query] of missed) console.log(`not found: ${query} (${title})`);
    if (missed.length > 0) process.exitCode = 1;
  } finally {
    await databases.close();
  }
}

async function saveArticles(db: D1Database): Promise<void> {
  const author = { id: "bench", name: "Bench" };
  const now = new Date();
  const collectionId = await ensureCollection(db, { slug: "languages", title: "Languages" }, author, now);
  if (collectionId === null) throw new Error("The bench's collection could not be created.");
  for (const { title, body } of ARTICLES)
    await insertArticle(db, { collectionId, title, body, tags: [] }, author, now);
}
