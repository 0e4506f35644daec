import { CommandFailure } from "../local/failure.ts";
import { type ProcessResult, runWrangler } from "../local/process.ts";
import { environmentFlag } from "../local/project.ts";
import type { AccountState } from "./plan.ts";
import type { DeploymentTarget } from "./target.ts";

/**
 * Looks at what the account has of a target. Throws a {@link CommandFailure} when wrangler is not signed in
 * or an answer is not understood: a guess could replace a secret that is in use.
 */
export async function inspectAccount(target: DeploymentTarget): Promise<AccountState> {
  await requireSignIn();
  const [databases, namespaces, secrets, vectorIndexes, queues, buckets] = await Promise.all([
    readJson<{ name: string; jurisdiction?: string | null }[]>(["d1", "list", "--json"]),
    readJson<{ title: string; id: string }[]>(["kv", "namespace", "list"]),
    listSecrets(target),
    listVectorIndexes(target),
    Promise.all(target.queues.map(async (name) => ((await hasQueue(name)) ? [name] : []))),
    Promise.all(
      target.buckets.map(async (name) => ((await hasBucket(name, target.jurisdiction)) ? [name] : [])),
    ),
  ]);
  return {
    workerExists: secrets !== null,
    databases: databases.map(({ name, jurisdiction }) => ({ name, jurisdiction: jurisdiction ?? "" })),
    queues: queues.flat(),
    buckets: buckets.flat(),
    vectorIndexes,
    secrets: secrets ?? [],
    namespaces: namespaces.map(({ title, id }) => ({ title, id })),
  };
}

async function requireSignIn(): Promise<void> {
  const { code } = await runWrangler(["whoami", "--json"]);
  if (code === 0) return;
  throw new CommandFailure(
    "wrangler is not signed in to a Cloudflare account.",
    "Run: npx wrangler login — or, without a browser, set CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID.",
  );
}

/** Names of the Worker's secrets, or `null` when the Worker was never deployed. */
async function listSecrets(target: DeploymentTarget): Promise<string[] | null> {
  const args = ["secret", "list", "--format=json", environmentFlag(target.environment)];
  const result = await runWrangler(args);
  if (result.code !== 0 && /Worker ".*?".* not found/.test(result.stdout + result.stderr)) return null;
  return parseJson<{ name: string }[]>(args, result).map(({ name }) => name);
}

async function hasQueue(name: string): Promise<boolean> {
  const args = ["queues", "info", name];
  const result = await runWrangler(args);
  if (result.code === 0) return true;
  if (/does not exist/.test(result.stdout + result.stderr)) return false;
  throw failedLook(args, result);
}

async function hasBucket(name: string, jurisdiction: string): Promise<boolean> {
  const place = jurisdiction === "" ? [] : [`--jurisdiction=${jurisdiction}`];
  const args = ["r2", "bucket", "info", name, ...place, "--json"];
  const result = await runWrangler(args);
  if (result.code === 0) return true;
  if (/does not exist|10006/.test(result.stdout + result.stderr)) return false;
  throw failedLook(args, result);
}

/**
 * Those of the target that exist. An account without a wish for one is not asked: its token may not reach
 * Vectorize.
 */
async function listVectorIndexes(target: DeploymentTarget): Promise<AccountState["vectorIndexes"]> {
  if (target.vectorIndexes.length === 0) return [];
  const indexes = await readJson<{ name: string }[]>(["vectorize", "list", "--json"]);
  const wanted = indexes.filter(({ name }) => target.vectorIndexes.includes(name));
  return Promise.all(
    wanted.map(async ({ name }) => {
      const properties = await readJson<{ propertyName: string }[]>([
        ...["vectorize", "list-metadata-index", name, "--json"],
      ]);
      return { name, narrowed: properties.some(({ propertyName }) => propertyName === "collection") };
    }),
  );
}

async function readJson<T>(args: string[]): Promise<T> {
  return parseJson<T>(args, await runWrangler(args));
}

function parseJson<T>(args: readonly string[], result: ProcessResult): T {
  if (result.code !== 0) throw failedLook(args, result);
  try {
    return JSON.parse(result.stdout) as T;
  } catch {
    throw failedLook(args, result);
  }
}

function failedLook(args: readonly string[], { stdout, stderr }: ProcessResult): CommandFailure {
  return new CommandFailure(
    `Reading the account failed: npx wrangler ${args.join(" ")}`,
    "Nothing was changed. Solve wrangler's error, then run the same command again.",
    (stderr || stdout).trim(),
  );
}
