/** A text's place in the request, and how well it answers the question. */
interface Ranked {
  id: number;
  score: number;
}

/** Most characters of a text that is sent: the model reads 512 tokens of question and text together. */
const MAX_TEXT = 2_000;

/**
 * A model of Workers AI that reads the question together with each of the best passages
 * (https://developers.cloudflare.com/workers-ai/models/bge-reranker-base/).
 */
export class Reranker {
  readonly #ai: Pick<Ai, "run">;
  readonly #model: string;

  constructor(ai: Pick<Ai, "run">, model: string) {
    this.#ai = ai;
    this.#model = model;
  }

  /** The places of the texts, best first. Throws for an answer that does not score each of them once. */
  async order(question: string, texts: readonly string[]): Promise<number[]> {
    const contexts = texts.map((text) => ({ text: text.slice(0, MAX_TEXT) }));
    // The model is a setting: its name is no constant that the types could know. The types leave `query` out.
    const run = this.#ai.run as (model: string, input: object) => Promise<{ response?: Ranked[] }>;
    const { response } = await run.call(this.#ai, this.#model, { query: question, contexts });
    const scored = new Map(response?.map(({ id, score }) => [id, score]));
    if (scored.size !== texts.length || texts.some((_, place) => !Number.isFinite(scored.get(place)))) {
      throw new Error(`${this.#model} did not score each text once.`);
    }
    return [...texts.keys()].sort((a, b) => (scored.get(b) ?? 0) - (scored.get(a) ?? 0));
  }
}
