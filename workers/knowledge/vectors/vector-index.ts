import { cutText } from "../../../shared/text/well-formed.ts";
import type { CollectionScope } from "../store/access.ts";
import type { EmbeddingModel } from "./models.ts";

/** A passage to embed. `id` and `collection` are row ids. */
export interface EmbeddedPassage {
  id: number;
  collection: number;
  text: string;
}

/** A passage found by meaning: its row id, and the cosine of its angle to the query. */
export interface NearPassage {
  id: number;
  score: number;
}

/** Passages embedded per call; the model takes at most 100 texts. */
const EMBEDDED_PER_CALL = 50;
/** Number of passages per query. */
const NEAREST = 50;

/** One Vectorize index with its embedding model. */
export class VectorIndex {
  readonly model: EmbeddingModel;
  readonly #ai: Pick<Ai, "run">;
  readonly #index: Pick<Vectorize, "query" | "upsert">;

  constructor(model: EmbeddingModel, ai: Pick<Ai, "run">, index: Pick<Vectorize, "query" | "upsert">) {
    this.model = model;
    this.#ai = ai;
    this.#index = index;
  }

  /** The passages nearest to a query, best first, at most 50; without hidden collections. */
  async findNearest(question: string, scope: CollectionScope): Promise<NearPassage[]> {
    const [vector] = await this.#embed([this.model.questionPrefix + question]);
    if (!vector) return [];
    const filter =
      scope.only !== undefined
        ? { collection: { $eq: scope.only } }
        : scope.hidden.length > 0
          ? { collection: { $nin: [...scope.hidden] } }
          : undefined;
    const { matches } = await this.#index.query(vector, { topK: NEAREST, ...(filter && { filter }) });
    return matches
      .map(({ id, score }) => ({ id: Number(id), score }))
      .filter(({ id }) => Number.isSafeInteger(id));
  }

  /** Stores passages in the index; replaces existing ones. */
  async store(passages: readonly EmbeddedPassage[]): Promise<void> {
    for (let at = 0; at < passages.length; at += EMBEDDED_PER_CALL) {
      const part = passages.slice(at, at + EMBEDDED_PER_CALL);
      const vectors = await this.#embed(part.map(({ text }) => text));
      await this.#index.upsert(
        part.map(({ id, collection }, place) => ({
          id: String(id),
          values: vectors[place] ?? [],
          metadata: { collection },
        })),
      );
    }
  }

  async #embed(texts: readonly string[]): Promise<number[][]> {
    const { name, dimensions, maxText } = this.model;
    const answer = await this.#ai.run(name, { text: texts.map((text) => cutText(text, maxText)) });
    const vectors = "data" in answer ? answer.data : undefined;
    if (vectors?.length !== texts.length || vectors.some(({ length }) => length !== dimensions)) {
      throw new Error(`${name} did not give ${dimensions} numbers for each text.`);
    }
    return vectors;
  }
}
