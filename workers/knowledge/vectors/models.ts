/** An embedding model of Workers AI, with its vector index. */
export interface EmbeddingModel {
  name: "@cf/baai/bge-m3" | "@cf/baai/bge-base-en-v1.5";
  /** Number of dimensions of an embedding. */
  dimensions: number;
  /** Prefix of a query, as the model's authors require; passages have none. */
  questionPrefix: string;
  /** Maximum characters of a passage that the model reads. */
  maxText: number;
  /** The Vectorize binding. */
  binding: "KNOWLEDGE_VECTORS_M3" | "KNOWLEDGE_VECTORS";
  /** The column of `articles` with the version that the index holds. */
  column: "embedded_m3_version" | "embedded_version";
}

/** A hundred languages, 1,024 dimensions (https://developers.cloudflare.com/workers-ai/models/bge-m3/). */
export const M3: EmbeddingModel = {
  name: "@cf/baai/bge-m3",
  dimensions: 1_024,
  questionPrefix: "",
  maxText: 8_000,
  binding: "KNOWLEDGE_VECTORS_M3",
  column: "embedded_m3_version",
};

/**
 * English, 768 dimensions: the model of deployments before `bge-m3`. It answers until the other index is
 * complete.
 */
export const BASE_EN: EmbeddingModel = {
  name: "@cf/baai/bge-base-en-v1.5",
  dimensions: 768,
  questionPrefix: "Represent this sentence for searching relevant passages: ",
  maxText: 2_000,
  binding: "KNOWLEDGE_VECTORS",
  column: "embedded_version",
};
