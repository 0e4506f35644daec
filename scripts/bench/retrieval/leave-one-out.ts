import path from "node:path";
import { type RankingWeights, WEIGHTS } from "../../../workers/knowledge/search/ranking-weights.ts";
import { searchArticles } from "../../../workers/knowledge/store/search-passages.ts";
import { applyMigrations, readMigrations } from "../../local/migrate.ts";
import { readEnvironment } from "../../local/project.ts";
import { loadDocumentation } from "./documentation.ts";
import { type JudgedSet, measureRanker } from "./judged-set.ts";
import { openNodeD1 } from "./node-d1.ts";
import { openPlainBm25 } from "./plain-bm25.ts";
import { loadStandardCollection } from "./standard-collection.ts";

/**
 * Changes to one step each; `product` changes none. What a collection's row says was chosen without looking
 * at it.
 */
const VARIANTS: Readonly<Record<string, Partial<RankingWeights>>> = {
  product: {},
  "later saturation": { k1: 1.6 },
  "less for length": { b: 0.6 },
  "title 3": { fields: { title: 3, heading: 2.5, body: 1, tags: 2 } },
  "every word once": { repetition: 0 },
  "no neighbouring words": { pair: 0 },
  "neighbouring words 0.2": { pair: 0.2 },
  "no feedback": { feedback: { ...WEIGHTS.feedback, questionShare: 1 } },
  "feedback of 5 passages": { feedback: { ...WEIGHTS.feedback, passages: 5 } },
  "feedback of half": { feedback: { ...WEIGHTS.feedback, questionShare: 0.5 } },
  "no pseudo-length": { feedback: { ...WEIGHTS.feedback, pseudoLength: 0 } },
  "no similar passages": { neighbours: { ...WEIGHTS.neighbours, share: 0 } },
  "similar passages 0.2": { neighbours: { ...WEIGHTS.neighbours, share: 0.2 } },
};

interface Measured {
  ndcg: number;
  recall: number;
}

interface Collection {
  name: string;
  plain: Measured;
  variants: Map<string, Measured>;
}

/**
 * Prints, for each collection, the figures of the variant that is best on the other ones, next to plain
 * BM25's; and what each variant gives on the mean of all. `documentation` is measured with the product's
 * weights alone.
 */
export async function reportLeaveOneOut(folders: readonly string[]): Promise<void> {
  const collections: Collection[] = [];
  for (const folder of folders) {
    collections.push(await measureCollection(folder));
  }
  console.log("left out      chosen on the others        nDCG@10  plain  ratio   recall@20  plain  ratio");
  for (const left of collections) {
    const others = collections.filter((collection) => collection !== left);
    const [name = "product"] = rankVariants(others);
    const found = left.variants.get(name) ?? left.plain;
    const ndcg = formatRatio(found.ndcg, left.plain.ndcg);
    console.log(
      `${left.name.padEnd(13)} ${name.padEnd(27)} ${ndcg}   ${formatRatio(found.recall, left.plain.recall)}`,
    );
  }
  console.log("\nmean over plain BM25, nDCG@10 and recall@20");
  for (const name of rankVariants(collections)) {
    const means = (["ndcg", "recall"] as const).map((figure) =>
      meanRatio(collections, name, figure).toFixed(3),
    );
    console.log(`${name.padEnd(27)} ${means.join("  ")}`);
  }
  await withDocumentation(async (db, set) => {
    const { ndcg, recall } = await measureRanker(set, rankWith(db, WEIGHTS));
    console.log(`\n${set.title}: nDCG@10 ${ndcg.toFixed(4)}, recall@20 ${recall.toFixed(4)}`);
  });
}

async function measureCollection(folder: string): Promise<Collection> {
  const { db, close } = await openDatabase();
  try {
    const set = await loadStandardCollection(db, folder);
    const plain = await measureRanker(set, await openPlainBm25(db));
    const variants = new Map<string, Measured>();
    for (const [name, change] of Object.entries(VARIANTS)) {
      variants.set(name, await measureRanker(set, rankWith(db, { ...WEIGHTS, ...change })));
    }
    return { name: path.basename(folder), plain, variants };
  } finally {
    close();
  }
}

async function withDocumentation(use: (db: D1Database, set: JudgedSet) => Promise<void>): Promise<void> {
  const { db, close } = await openDatabase();
  try {
    await use(db, await loadDocumentation(db));
  } finally {
    close();
  }
}

async function openDatabase(): Promise<ReturnType<typeof openNodeD1>> {
  const knowledge = readEnvironment("local").d1_databases.find(({ binding }) => binding === "KNOWLEDGE_DB");
  const opened = openNodeD1();
  await applyMigrations(opened.db, await readMigrations(knowledge?.migrations_dir ?? ""));
  return opened;
}

function rankWith(db: D1Database, weights: RankingWeights) {
  return async (question: string, limit: number) => {
    const { hits } = await searchArticles(db, { question, limit }, { hidden: [], weights });
    return hits.map(({ slug }) => slug);
  };
}

/** Best first, by the mean of both figures over plain BM25's. */
function rankVariants(collections: readonly Collection[]): string[] {
  const worth = (name: string) =>
    meanRatio(collections, name, "ndcg") + meanRatio(collections, name, "recall");
  return Object.keys(VARIANTS).sort((a, b) => worth(b) - worth(a));
}

function meanRatio(collections: readonly Collection[], name: string, figure: keyof Measured): number {
  const ratios = collections.map(
    ({ plain, variants }) => (variants.get(name)?.[figure] ?? 0) / plain[figure],
  );
  return ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length;
}

function formatRatio(found: number, plain: number): string {
  return `${found.toFixed(4)}  ${plain.toFixed(4)}  ${(found / plain).toFixed(3)}`;
}
