import { cutText } from "../../../shared/text/well-formed.ts";
import type { CollectionScope } from "../store/access.ts";
import type { EmbeddingModel } from "./models.ts";

/** A passage to be found by meaning. `id` and `collection` are row ids. */
export interface EmbeddedPassage {
  id: number;
  collection: number;
  text: string;
}

/** A passage that was found by meaning: its row id, and the cosine of its angle to the question. */
export interface NearPassage {
  id: number;
  score: number;
}

/** Passages that one call embeds: the most texts that the model takes at a time are 100. */
const EMBEDDED_PER_CALL = 50;
/** Passages that a question gets. */
const NEAREST = 50;

/** One Vectorize index with the model that fills it. */
export class VectorIndex {
  readonly model: EmbeddingModel;
  readonly #ai: Pick<Ai, "run">;
  readonly #index: Pick<Vectorize, "query" | "upsert">;

  constructor(model: EmbeddingModel, ai: Pick<Ai, "run">, index: Pick<Vectorize, "query" | "upsert">) {
    this.model = model;
    this.#ai = ai;
    this.#index = index;
  }

  /** The passages nearest to a question, best first, at most 50; hidden collections are left out. */
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

  /** Puts passages into the index; those there are replaced. */
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
