import type { CollectionScope } from "../store/access.ts";
import { embedPending, forgetEmbeddings, hasPending } from "./embed-pending.ts";
import { BASE_EN, type EmbeddingModel, M3 } from "./models.ts";
import { Reranker } from "./reranker.ts";
import { type NearPassage, VectorIndex } from "./vector-index.ts";

/** Optional bindings of vector search; wrangler.toml has them for staging and production. */
interface VectorBindings {
  AI?: Pick<Ai, "run">;
  KNOWLEDGE_VECTORS_M3?: Pick<Vectorize, "query" | "upsert">;
  KNOWLEDGE_VECTORS?: Pick<Vectorize, "query" | "upsert">;
  /** A variable: the model that orders the best hits; empty for none. */
  RERANK_MODEL?: string;
}

/** Databases whose index of the model is known to be complete; a complete index stays complete. */
const complete = new WeakMap<D1Database, Set<string>>();

/** Finds passages by meaning, and keeps the vector index up to date. */
export class VectorSide {
  readonly #db: D1Database;
  /** The index that is updated. */
  readonly #current: VectorIndex;
  /** The index of the previous model, which answers until the current one has been complete once. */
  readonly #former: VectorIndex | undefined;
  /** Orders the best hits, where the environment names a model. */
  readonly reranker: Reranker | undefined;

  constructor(db: D1Database, current: VectorIndex, former?: VectorIndex, reranker?: Reranker) {
    this.reranker = reranker;
    this.#db = db;
    this.#current = current;
    this.#former = former;
  }

  /** The passages nearest to a query, best first. */
  async findNearest(question: string, scope: CollectionScope): Promise<NearPassage[]> {
    const switched = this.#former === undefined || (await this.#isComplete());
    return (switched ? this.#current : (this.#former ?? this.#current)).findNearest(question, scope);
  }

  /** Embeds the next pending articles, oldest first, and returns their number and whether any remain. */
  async embed(limit: number, now: Date): Promise<{ embedded: number; remaining: boolean }> {
    const embedded = await embedPending(this.#db, this.#current, limit);
    const remaining = await hasPending(this.#db, this.#current.model);
    if (!remaining && !(await this.#isComplete())) {
      await this.#db
        .prepare(
          "INSERT INTO vector_indexes (model, complete_at) VALUES (?1, ?2) ON CONFLICT (model) DO NOTHING",
        )
        .bind(this.#current.model.name, now.toISOString())
        .run();
    }
    return { embedded, remaining };
  }

  /** Marks every article as not embedded, for an index that was recreated. */
  async forget(): Promise<void> {
    await forgetEmbeddings(this.#db, this.#current.model);
  }

  async #isComplete(): Promise<boolean> {
    const { name } = this.#current.model;
    const known = complete.get(this.#db) ?? new Set<string>();
    complete.set(this.#db, known);
    if (known.has(name)) return true;
    const row = await this.#db
      .prepare("SELECT model FROM vector_indexes WHERE model = ?1")
      .bind(name)
      .first();
    if (row !== null) known.add(name);
    return row !== null;
  }
}

/** The vector search of an environment with the bindings, else `undefined`: then full text answers alone. */
export function openVectorSide(env: object, db: D1Database): VectorSide | undefined {
  // Generated types do not include optional bindings.
  const bindings = env as VectorBindings;
  const [current, former] = [M3, BASE_EN].flatMap((model) => openIndex(bindings, model) ?? []);
  const { AI, RERANK_MODEL } = bindings;
  const reranker = AI && RERANK_MODEL ? new Reranker(AI, RERANK_MODEL) : undefined;
  return current && new VectorSide(db, current, former, reranker);
}

function openIndex(bindings: VectorBindings, model: EmbeddingModel): VectorIndex | undefined {
  const index = bindings[model.binding];
  return bindings.AI && index ? new VectorIndex(model, bindings.AI, index) : undefined;
}
