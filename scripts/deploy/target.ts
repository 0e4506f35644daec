import path from "node:path";
import { type EnvironmentName, listSecretNames, readEnvironment } from "../local/project.ts";
import { ROOT } from "../local/root.ts";

/** What a deployment goes to, as `wrangler.toml` describes it. */
export interface DeploymentTarget {
  environment: EnvironmentName;
  /** The Worker's name in the account. */
  worker: string;
  publicUrl: string;
  databases: readonly { binding: string; name: string }[];
  /** R2 buckets. */
  buckets: readonly string[];
  /** Vectorize indexes of the knowledge base. */
  vectorIndexes: readonly string[];
  /** Queues that are written to, read from, or take dead letters. */
  queues: readonly string[];
  /** KV namespaces without an id; wrangler creates them with the first deployment. */
  namespaces: readonly string[];
  secrets: readonly string[];
}

/** Reads a target from `wrangler.toml`. */
export function readTarget(environment: EnvironmentName): DeploymentTarget {
  const config = readEnvironment(environment);
  const worker = config.name ?? path.basename(ROOT);
  const consumed = (config.queues.consumers ?? []).flatMap(({ queue, dead_letter_queue }) => [
    queue,
    ...(dead_letter_queue === undefined ? [] : [dead_letter_queue]),
  ]);
  const produced = (config.queues.producers ?? []).map(({ queue }) => String(queue));
  return {
    environment,
    worker,
    publicUrl: String(config.vars.PUBLIC_URL ?? ""),
    databases: config.d1_databases.map(({ binding, database_name }) => ({
      binding,
      name: database_name ?? binding,
    })),
    buckets: config.r2_buckets.map(({ binding, bucket_name }) => String(bucket_name ?? binding)),
    vectorIndexes: config.vectorize.map(({ binding, index_name }) => String(index_name ?? binding)),
    queues: [...new Set([...produced, ...consumed])],
    namespaces: config.kv_namespaces
      .filter(({ id }) => id === undefined)
      .map(({ binding }) => `${worker}-${binding.toLowerCase().replaceAll("_", "-")}`),
    secrets: listSecretNames(),
  };
}
