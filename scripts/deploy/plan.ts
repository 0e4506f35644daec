import { readKeyVersion } from "../../shared/auth/keyring.ts";
import { isJurisdiction, isLocation, JURISDICTIONS, LOCATIONS } from "../../shared/objects/placement.ts";
import { M3 } from "../../workers/knowledge/vectors/models.ts";
import { environmentFlag } from "../local/project.ts";
import type { DeploymentTarget } from "./target.ts";

/** What the account already has. */
export interface AccountState {
  /** Whether this Worker was deployed before. */
  workerExists: boolean;
  /** Names and jurisdictions of the databases; `""` is none. */
  databases: readonly { name: string; jurisdiction: string }[];
  buckets: readonly string[];
  queues: readonly string[];
  /** Vectorize indexes of the target, and whether they can be narrowed to collections. */
  vectorIndexes: readonly { name: string; narrowed: boolean }[];
  /** Names of the Worker's secrets. */
  secrets: readonly string[];
  /** Titles and ids of KV namespaces. */
  namespaces: readonly { title: string; id: string }[];
}

/** An account that has nothing yet; a rehearsal assumes it. */
export const FRESH_ACCOUNT: AccountState = {
  workerExists: false,
  databases: [],
  buckets: [],
  queues: [],
  vectorIndexes: [],
  secrets: [],
  namespaces: [],
};

/**
 * One step. Steps run in order, the first failure ends the deployment, and a finished step is never repeated.
 */
export interface Step {
  title: string;
  action:
    | {
        kind: "wrangler";
        args: readonly string[];
        /** Secrets to make and to upload with this step. */
        newSecrets: readonly string[];
        /** Prints wrangler's output only when it fails: it would advise to paste ids that are not needed. */
        quiet: boolean;
      }
    /** Repeats a request until the version that this deployment uploaded answers as ready. */
    | { kind: "probe"; url: string };
  /** What state things are in when this step fails, and what helps. */
  onFailure: string;
}

const NOTHING_LIVE_CHANGED =
  "Nothing that is live has changed. Run the same command again once that is solved.";

const WITHOUT_VECTORS =
  "To deploy without search by meaning, remove the environment's ai and vectorize tables from wrangler.toml.";

/**
 * Orders a deployment from what the account already has. The order is the same for a fresh account and for an
 * update: what the Worker needs exists and is migrated before its new version serves, so that no request ever
 * meets a missing table. That asks one thing of migrations: the version that is live must be able to run on the new
 * schema. Databases are created by name; wrangler connects bindings without an id to the database of that name.
 *
 * @param rotate - secrets that get an additional new key, which signs from this deployment on
 */
export function planDeployment(
  target: DeploymentTarget,
  state: AccountState,
  rotate: readonly string[] = [],
): Step[] {
  const flag = environmentFlag(target.environment);
  const newSecrets = target.secrets.flatMap((name) => {
    const versions = state.secrets.flatMap((secret) => readKeyVersion(name, secret) ?? []);
    if (versions.length === 0) return [name];
    return rotate.includes(name) ? [`${name}_${Math.max(...versions) + 1}`] : [];
  });
  const run = (title: string, args: string[], onFailure: string, secrets: string[] = []): Step => ({
    title,
    action: {
      kind: "wrangler",
      args: [...args, flag],
      newSecrets: secrets,
      quiet: args.includes("create") || args.includes("create-metadata-index"),
    },
    onFailure,
  });
  const deploying =
    target.domain === null
      ? `Deploy the Worker ${target.worker}`
      : `Deploy the Worker ${target.worker} at ${target.domain}; a DNS record of that name is replaced`;
  const placement = listPlacementFlags(target);
  const queues = target.queues.filter((name) => !state.queues.includes(name));
  const buckets = target.buckets.filter((name) => !state.buckets.includes(name));
  const databases = target.databases.filter(({ name }) =>
    state.databases.every((found) => found.name !== name),
  );
  const indexes = target.vectorIndexes.map((name) => ({
    name,
    found: state.vectorIndexes.find((index) => index.name === name),
  }));
  return [
    ...queues.map((name) =>
      run(`Create the queue ${name}`, ["queues", "create", name], NOTHING_LIVE_CHANGED),
    ),
    ...buckets.map((name) =>
      run(
        `Create the bucket ${name}`,
        ["r2", "bucket", "create", name, ...placement, "--update-config=false"],
        `${NOTHING_LIVE_CHANGED} R2 has to be switched on once for an account, in its dashboard.`,
      ),
    ),
    ...indexes
      .filter(({ found }) => found === undefined)
      .map(({ name }) =>
        run(
          `Create the vector index ${name}`,
          [
            ...["vectorize", "create", name, `--dimensions=${M3.dimensions}`, "--metric=cosine"],
            "--update-config=false",
          ],
          `${NOTHING_LIVE_CHANGED} ${WITHOUT_VECTORS}`,
        ),
      ),
    // Vectors that were stored before are not narrowed by it: it is made before the first one.
    ...indexes
      .filter(({ found }) => !found?.narrowed)
      .map(({ name }) =>
        run(
          `Let ${name} be narrowed to collections`,
          ["vectorize", "create-metadata-index", name, "--propertyName=collection", "--type=number"],
          `${NOTHING_LIVE_CHANGED} ${WITHOUT_VECTORS}`,
        ),
      ),
    ...databases.map(({ name }) =>
      run(
        `Create the database ${name}`,
        ["d1", "create", name, ...placement, "--update-config=false"],
        NOTHING_LIVE_CHANGED,
      ),
    ),
    ...target.databases.map(({ binding, name }) =>
      run(
        `Migrate ${name}`,
        ["d1", "migrations", "apply", binding, "--remote"],
        `The failed migration was rolled back; those before it stay. The live Worker is unchanged. Correct the file and run the same command again. To return to an earlier moment: npx wrangler d1 time-travel restore ${name} --timestamp <time>`,
      ),
    ),
    run(
      newSecrets.length === 0 ? deploying : `${deploying}, with new random secrets: ${newSecrets.join(", ")}`,
      target.domain === null ? ["deploy"] : ["deploy", "--domain", target.domain],
      `${
        state.workerExists
          ? "The databases are migrated. Unless wrangler says «Uploaded» above, the version that was live still serves."
          : "The databases are ready. Unless wrangler says «Uploaded» above, no Worker serves yet."
      } ${describeAddress(target)} Run the same command again once that is solved.`,
      newSecrets,
    ),
    {
      title: "Wait until the new version is ready",
      action: { kind: "probe", url: `${target.publicUrl}/ready` },
      onFailure: `The new version is deployed but does not answer as ready. ${target.publicUrl}/ready names the version that answers and the failing part; a new domain may need some minutes. To go back to the version before: npx wrangler rollback ${flag}`,
    },
  ];
}

/** Flags of wrangler that place a new database or bucket. Cloudflare ignores a region next to a jurisdiction. */
function listPlacementFlags({ location, jurisdiction }: DeploymentTarget): string[] {
  if (jurisdiction !== "") return [`--jurisdiction=${jurisdiction}`];
  return location === "" ? [] : [`--location=${location}`];
}

/** Tells what the account must have for the address of a target. */
function describeAddress({ domain }: DeploymentTarget): string {
  return domain === null
    ? "An address at workers.dev needs the account's workers.dev subdomain, which is chosen once: https://dash.cloudflare.com/?to=/:account/workers/onboarding"
    : `${domain} must belong to a zone of this account: Cloudflare makes its DNS record and its certificate.`;
}

/**
 * Lists what makes a deployment impossible or unwise before its first step. Each text says what to do. A
 * first deployment that broke off after it had made its KV namespace must be told the namespace's id:
 * wrangler knows a namespace without an id only through a Worker that is deployed.
 */
export function findObstacles(target: DeploymentTarget, state: AccountState): string[] {
  const obstacles: string[] = [];
  const host = URL.parse(target.publicUrl)?.hostname ?? "";
  if (host === "" || host === "example.com" || host.endsWith(".example.com")) {
    obstacles.push(
      `PUBLIC_URL of ${target.environment} is "${target.publicUrl}". Set it in wrangler.toml to the address that people will use.`,
    );
  } else if (!target.publicUrl.startsWith("https://") || target.publicUrl.endsWith("/")) {
    obstacles.push(
      `PUBLIC_URL of ${target.environment} must begin with https:// and end without a slash: "${target.publicUrl}".`,
    );
  }
  obstacles.push(...findPlacementObstacles(target, state), ...findAddressObstacles(target));
  if (!state.workerExists) {
    for (const { title, id } of state.namespaces.filter((item) => target.namespaces.includes(item.title))) {
      obstacles.push(
        `An earlier first deployment broke off after it made the KV namespace ${title}. Add id = "${id}" to it in wrangler.toml.`,
      );
    }
  }
  return obstacles;
}

/** Data cannot move to another jurisdiction, and the objects of another one are new and empty. */
function findPlacementObstacles(target: DeploymentTarget, state: AccountState): string[] {
  const { environment, location, jurisdiction } = target;
  const name = `of ${environment} in wrangler.toml`;
  const obstacles: string[] = [];
  if (location !== "" && !isLocation(location))
    obstacles.push(`DATA_LOCATION ${name} is "${location}". It is one of ${LOCATIONS.join(", ")}, or empty.`);
  if (jurisdiction !== "" && !isJurisdiction(jurisdiction))
    obstacles.push(
      `DATA_JURISDICTION ${name} is "${jurisdiction}". It is one of ${JURISDICTIONS.join(", ")}, or empty.`,
    );
  if (target.bucketJurisdictions.some((bound) => bound !== jurisdiction))
    obstacles.push(
      `The r2_buckets ${name} must have ${jurisdiction === "" ? "no jurisdiction" : `jurisdiction = "${jurisdiction}"`}, as DATA_JURISDICTION says: a bucket is only found under its own.`,
    );
  for (const found of state.databases) {
    if (target.databases.every((own) => own.name !== found.name) || found.jurisdiction === jurisdiction)
      continue;
    obstacles.push(
      `The database ${found.name} was created ${found.jurisdiction === "" ? "without a jurisdiction" : `in the jurisdiction "${found.jurisdiction}"`}, and DATA_JURISDICTION ${name} says "${jurisdiction}". Data cannot move: set it back.`,
    );
  }
  return obstacles;
}

/** Cloudflare names an address at workers.dev after the Worker. */
function findAddressObstacles({ domain, publicUrl, worker, environment }: DeploymentTarget): string[] {
  const host = URL.parse(publicUrl)?.hostname ?? "";
  if (domain !== null || host === "") return [];
  const [name, subdomain, ...rest] = host.split(".");
  if (name === worker && subdomain !== undefined && rest.length === 2) return [];
  return [
    `PUBLIC_URL of ${environment} is "${publicUrl}", and Cloudflare serves this Worker at https://${worker}.<subdomain of the account>.workers.dev.`,
  ];
}

/** The command of a step as a person would type it. */
export function formatCommand(args: readonly string[]): string {
  return ["npx", "wrangler", ...args].join(" ");
}
