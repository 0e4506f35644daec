import path from "node:path";
import { type EnvironmentName, listSecretNames, readEnvironment } from "../local/project.ts";
import { ROOT } from "../local/root.ts";

/** What a deployment goes to, as `wrangler.toml` describes it. */
export interface DeploymentTarget {
  environment: EnvironmentName;
  /** The Worker's name in the account. */
  worker: string;
  publicUrl: string;
  /** The host of `publicUrl` if it is a domain of the account; `null` at workers.dev. */
  domain: string | null;
  /** Region hint and jurisdiction of stored data; `""` leaves them to Cloudflare. */
  location: string;
  jurisdiction: string;
  compatibilityDate: string;
  compatibilityFlags: readonly string[];
  databases: readonly { binding: string; name: string }[];
  /** R2 buckets. */
  buckets: readonly string[];
  /** The jurisdictions of the R2 bindings; a bucket is found only in its own. */
  bucketJurisdictions: readonly string[];
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
    domain: readDomain(String(config.vars.PUBLIC_URL ?? "")),
    location: String(config.vars.DATA_LOCATION ?? ""),
    jurisdiction: String(config.vars.DATA_JURISDICTION ?? ""),
    compatibilityDate: config.compatibility_date ?? "",
    compatibilityFlags: config.compatibility_flags,
    databases: config.d1_databases.map(({ binding, database_name }) => ({
      binding,
      name: database_name ?? binding,
    })),
    buckets: config.r2_buckets.map(({ binding, bucket_name }) => String(bucket_name ?? binding)),
    bucketJurisdictions: config.r2_buckets.map(({ jurisdiction }) => jurisdiction ?? ""),
    vectorIndexes: config.vectorize.map(({ binding, index_name }) => String(index_name ?? binding)),
    queues: [...new Set([...produced, ...consumed])],
    namespaces: config.kv_namespaces
      .filter(({ id }) => id === undefined)
      .map(({ binding }) => `${worker}-${binding.toLowerCase().replaceAll("_", "-")}`),
    secrets: listSecretNames(),
  };
}

/** The custom domain of an address; `null` for one below workers.dev, which needs none. */
export function readDomain(publicUrl: string): string | null {
  const host = URL.parse(publicUrl)?.hostname ?? "";
  return host === "" || host.endsWith(".workers.dev") ? null : host;
}
