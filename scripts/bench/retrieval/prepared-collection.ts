import type { Question } from "../../../workers/knowledge/search/build-match.ts";
import {
  type CountedPassage,
  countPassage,
  type PassageStems,
} from "../../../workers/knowledge/search/rank-passages.ts";
import type { RankingWeights } from "../../../workers/knowledge/search/ranking-weights.ts";
import { findNeighbours, type Neighbours } from "../../../workers/knowledge/search/smooth-scores.ts";
import { type FoundRow, findCandidates } from "../../../workers/knowledge/store/find-candidates.ts";
import {
  groupByArticle,
  type Hit,
  orderRows,
  rankAnew,
  readRows,
} from "../../../workers/knowledge/store/rank-rows.ts";
import { readWords } from "../../../workers/knowledge/store/search-passages.ts";
import { applyMigrations, readMigrations } from "../../local/migrate.ts";
import { readEnvironment } from "../../local/project.ts";
import { Figures, type Grades } from "../retrieval-measures.ts";
import { type JudgedSet, measureRanker } from "./judged-set.ts";
import { openNodeD1 } from "./node-d1.ts";
import { openPlainBm25 } from "./plain-bm25.ts";

/** The means of nDCG@10 and recall@20. */
export interface Measured {
  ndcg: number;
  recall: number;
}

/** A question whose first choice was made: what is the same whatever the weights. */
interface PreparedQuestion {
  question: Question;
  grades: Grades;
  rows: readonly FoundRow[];
  passages: readonly PassageStems[];
}

/** What depends on the weights of the fields alone. */
interface Counted {
  counted: readonly CountedPassage[];
  neighbours: readonly Neighbours[];
}

const MOST_NEIGHBOURS = 12;

/** A collection that is indexed and asked once, and then ranked by any weights through the product's own functions. */
export class PreparedCollection {
  readonly name: string;
  /** Figures of plain BM25. */
  readonly plain: Measured;
  readonly #db: D1Database;
  readonly #questions: readonly PreparedQuestion[];
  readonly #keys: ReadonlyMap<number, string>;
  readonly #counted = new Map<string, readonly Counted[]>();
  readonly #measured = new Map<string, Measured>();

  private constructor(
    name: string,
    plain: Measured,
    db: D1Database,
    questions: readonly PreparedQuestion[],
    keys: ReadonlyMap<number, string>,
  ) {
    this.name = name;
    this.plain = plain;
    this.#db = db;
    this.#questions = questions;
    this.#keys = keys;
  }

  /** Loads a judged set into a database in memory and makes the first choice for each of its questions. */
  static async prepare(
    name: string,
    load: (db: D1Database) => Promise<JudgedSet>,
  ): Promise<PreparedCollection> {
    const { db } = await openDatabase();
    const set = await load(db);
    const plain = await measureRanker(set, await openPlainBm25(db));
    const known = new Map<number, PassageStems>();
    const questions: PreparedQuestion[] = [];
    for (const { text, articles } of set.questions) {
      const question = await readWords(db, text);
      const rows = await findCandidates(db, question, { hidden: [] });
      for (const passage of readRows(rows.filter(({ id }) => !known.has(id)))) known.set(passage.id, passage);
      const passages = rows.flatMap(({ id, text: its }) => (its === null ? [] : (known.get(id) ?? [])));
      questions.push({ question, grades: articles, rows, passages });
    }
    const { results } = await db.prepare("SELECT id, slug FROM articles").all<{ id: number; slug: string }>();
    const keys = new Map(results.map(({ id, slug }) => [id, set.keyOf(slug)]));
    return new PreparedCollection(name, plain, db, questions, keys);
  }

  /** How well these weights rank. What was measured before is remembered. */
  async measure(weights: RankingWeights): Promise<Measured> {
    const key = JSON.stringify(weights);
    const before = this.#measured.get(key);
    if (before !== undefined) return before;
    const figures = new Figures();
    const counted = this.#countAll(weights);
    for (const [index, { question, grades, rows }] of this.#questions.entries()) {
      const { counted: passages = [], neighbours: all = [] } = counted[index] ?? {};
      const neighbours = all.map((nearest) => nearest.slice(0, weights.neighbours.count));
      const scores = await rankAnew(this.#db, question, { counted: passages, weights, neighbours });
      figures.add(this.#listKeys(groupByArticle(orderRows(rows, scores), weights)), grades);
    }
    const { ndcg, recall, questions } = figures;
    const measured = { ndcg: ndcg / questions, recall: recall / questions };
    this.#measured.set(key, measured);
    return measured;
  }

  #listKeys(hits: readonly Hit[]): string[] {
    return hits.slice(0, 20).map(({ articleId }) => this.#keys.get(articleId) ?? "");
  }

  #countAll(weights: RankingWeights): readonly Counted[] {
    const key = JSON.stringify(weights.fields);
    const before = this.#counted.get(key);
    if (before !== undefined) return before;
    const all = this.#questions.map(({ passages }) => {
      const counted = passages.map((passage) => countPassage(passage, weights));
      return { counted, neighbours: findNeighbours(counted, MOST_NEIGHBOURS) };
    });
    // A large collection keeps one way of counting in memory.
    this.#counted.clear();
    this.#counted.set(key, all);
    return all;
  }
}

async function openDatabase(): Promise<ReturnType<typeof openNodeD1>> {
  const knowledge = readEnvironment("local").d1_databases.find(({ binding }) => binding === "KNOWLEDGE_DB");
  const opened = openNodeD1();
  await applyMigrations(opened.db, await readMigrations(knowledge?.migrations_dir ?? ""));
  return opened;
}
