import type { CollectionScope } from "../store/access.ts";

/** The model that turns text into 768 numbers (Workers AI). Another model needs a new index and a reindex. */
const MODEL = "@cf/baai/bge-base-en-v1.5";
/** What the model's authors put before a question, and before nothing else. */
const QUESTION_PREFIX = "Represent this sentence for searching relevant passages: ";
/** Characters of a passage that the model can read: about 512 tokens. */
const MAX_TEXT = 2_000;

/**
 * The two optional bindings of meaning-based search. In wrangler.toml, per environment:
 *
 *     [ai]
 *     binding = "AI"
 *
 *     [[vectorize]]
 *     binding = "KNOWLEDGE_VECTORS"
 *     index_name = "gatehouse-knowledge"
 *
 * with the index made once: `wrangler vectorize create gatehouse-knowledge --preset @cf/baai/bge-base-en-v1.5` and
 * `wrangler vectorize create-metadata-index gatehouse-knowledge --property-name collection --type number`.
 */
interface VectorBindings {
  AI?: Pick<Ai, "run">;
  KNOWLEDGE_VECTORS?: Pick<Vectorize, "query" | "upsert">;
}

/** A passage to be found by meaning. `id` and `collection` are row ids. */
export interface EmbeddedPassage {
  id: number;
  collection: number;
  text: string;
}

/** Finds passages by meaning. */
export class VectorSide {
  readonly #ai: Pick<Ai, "run">;
  readonly #index: Pick<Vectorize, "query" | "upsert">;

  constructor({ AI, KNOWLEDGE_VECTORS }: Required<VectorBindings>) {
    this.#ai = AI;
    this.#index = KNOWLEDGE_VECTORS;
  }

  /** Row ids of the passages nearest to a question, best first, at most 50; hidden collections are left out. */
  async findNearest(question: string, scope: CollectionScope): Promise<number[]> {
    const [vector] = await this.#embed([QUESTION_PREFIX + question]);
    if (!vector) return [];
    const filter =
      scope.only !== undefined
        ? { collection: { $eq: scope.only } }
        : scope.hidden.length > 0
          ? { collection: { $nin: [...scope.hidden] } }
          : undefined;
    const { matches } = await this.#index.query(vector, { topK: 50, ...(filter && { filter }) });
    return matches.map(({ id }) => Number(id)).filter(Number.isSafeInteger);
  }

  /** Puts passages into the index; those there are replaced. */
  async store(passages: readonly EmbeddedPassage[]): Promise<void> {
    for (let at = 0; at < passages.length; at += 50) {
      const part = passages.slice(at, at + 50);
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
    const answer = await this.#ai.run(MODEL, { text: texts.map((text) => text.slice(0, MAX_TEXT)) });
    const vectors = "data" in answer ? answer.data : undefined;
    if (vectors?.length !== texts.length)
      throw new Error("The embedding model gave no vector for each text.");
    return vectors;
  }
}

/** The vector side of an environment that has both bindings, else `undefined`: then full text answers alone. */
export function openVectorSide(env: object): VectorSide | undefined {
  // Optional bindings are in no environment's generated types.
  const { AI, KNOWLEDGE_VECTORS } = env as VectorBindings;
  return AI && KNOWLEDGE_VECTORS ? new VectorSide({ AI, KNOWLEDGE_VECTORS }) : undefined;
}
