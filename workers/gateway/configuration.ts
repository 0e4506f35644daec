import {
  KEY_NAMES,
  type KeyName,
  type Keyring,
  type KeyringProblem,
  readKeyring,
} from "../../shared/auth/keyring.ts";
import { isJurisdiction, JURISDICTIONS } from "../../shared/objects/placement.ts";
import { findBadOrigins } from "./mcp/origins.ts";
import { isLoopbackHost } from "./oauth/loopback-host.ts";

/**
 * A configuration fault that must be fixed before Gatehouse serves requests: one sentence that names the
 * command.
 */
export interface ConfigurationProblem {
  /** The variable, secret or binding. */
  name: string;
  message: string;
}

/** The demonstration secrets of `[env.local.vars]` begin with this; they are printed in the repository. */
const LOCAL_SECRET_PREFIX = "local-only-";

/**
 * Every fault of the Worker's configuration; an empty list means that it may serve. Pure: checks shapes only
 * and uses no binding. Never repeats a secret's value.
 *
 * @param agentBindings - the Durable Object bindings that the registry of servers names
 * @param databases - the D1 bindings that its servers name
 */
export function checkConfiguration(
  env: Readonly<Record<string, unknown>>,
  agentBindings: readonly string[],
  databases: readonly string[],
): ConfigurationProblem[] {
  const objects = [
    ...agentBindings,
    "GATEWAY_AGENT",
    "PRINCIPAL",
    "GRANT_STORE",
    "TOOL_LIMITER",
    "CHANGE_HUB",
    "TASK_RUNNER",
    "CONNECTION_POOL",
    "PERSON_ACCOUNT",
    "EVENT_DELIVERIES",
    "ATTEMPTS",
  ];
  return [
    ...checkPublicUrl(env),
    ...checkOrigins(env),
    ...checkJurisdiction(env),
    ...checkKeys(env),
    ...["PLATFORM_DB", ...databases].flatMap((name) =>
      checkBinding(env, name, "prepare", "D1 database", "[[d1_databases]]"),
    ),
    ...checkBinding(env, "OAUTH_KV", "get", "KV namespace", "[[kv_namespaces]]"),
    ...["MEDIA", "AUDIT_SEGMENTS"].flatMap((name) =>
      checkBinding(env, name, "head", "R2 bucket", "[[r2_buckets]]"),
    ),
    ...objects.flatMap((name) =>
      checkBinding(env, name, "idFromName", "Durable Object namespace", "[[durable_objects.bindings]]"),
    ),
    ...checkBinding(env, "CALL_QUEUE", "send", "Queue", "[[queues.producers]]"),
  ];
}

function checkPublicUrl(env: Readonly<Record<string, unknown>>): ConfigurationProblem[] {
  const name = "PUBLIC_URL";
  const how = "set it under [vars] in wrangler.toml and run: npm run deploy";
  const value = env[name];
  if (typeof value !== "string" || value === "") {
    return [{ name, message: `PUBLIC_URL is missing; ${how}` }];
  }
  const url = URL.parse(value);
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:") || url.origin !== value) {
    return [
      {
        name,
        message: `PUBLIC_URL must be an origin such as https://gatehouse.example.com, without a path, a trailing slash or capitals; ${how}`,
      },
    ];
  }
  const loopback = isLoopbackHost(url.hostname);
  if (url.protocol === "http:" && !loopback) {
    return [{ name, message: `PUBLIC_URL must use https, except on this machine's own address; ${how}` }];
  }
  if (env.ENVIRONMENT === "local" && !loopback) {
    return [
      {
        name: "ENVIRONMENT",
        message:
          'ENVIRONMENT "local" carries demonstration secrets and may only run at a loopback address such as http://localhost:8787; deploy with: npm run deploy -- --env staging',
      },
    ];
  }
  return [];
}

function checkOrigins({
  ALLOWED_ORIGINS: setting,
}: Readonly<Record<string, unknown>>): ConfigurationProblem[] {
  const name = "ALLOWED_ORIGINS";
  const bad = typeof setting === "string" ? findBadOrigins(setting) : [];
  if (bad.length === 0) return [];
  return [
    {
      name,
      message: `ALLOWED_ORIGINS names ${bad.join(", ").slice(0, 200)}, which is no origin such as https://app.example; correct it under [vars] in wrangler.toml and run: npm run deploy`,
    },
  ];
}

/** Objects of another jurisdiction are new and empty, so an unknown value is refused. */
function checkJurisdiction({ DATA_JURISDICTION: setting = "" }: Readonly<Record<string, unknown>>) {
  if (setting === "" || (typeof setting === "string" && isJurisdiction(setting))) return [];
  const message = `DATA_JURISDICTION must be empty or one of ${JURISDICTIONS.join(", ")}; correct it under [vars] in wrangler.toml and run: npm run deploy`;
  return [{ name: "DATA_JURISDICTION", message }];
}

function checkKeys(env: Readonly<Record<string, unknown>>): ConfigurationProblem[] {
  const flag = env.ENVIRONMENT === "staging" ? " --env staging" : "";
  const problems = new Map<KeyName, KeyringProblem>();
  const purposes = new Map<string, KeyName>();
  for (const name of KEY_NAMES) {
    const read = readKeyring(env, name);
    const problem = "text" in read ? read : findUnsafeKey(env, name, read, purposes);
    if (problem) problems.set(name, problem);
  }
  return [...problems].map(([name, { secretName, text }]) => ({
    name,
    message: `Secret ${secretName} ${text}; set it with: npx wrangler secret put ${secretName}${flag}`,
  }));
}

/** A key that is public in the repository, or that serves a second purpose. */
function findUnsafeKey(
  env: Readonly<Record<string, unknown>>,
  name: KeyName,
  keyring: Keyring,
  purposes: Map<string, KeyName>,
): KeyringProblem | null {
  for (const { secret } of keyring) {
    if (secret.startsWith(LOCAL_SECRET_PREFIX) && env.ENVIRONMENT !== "local") {
      return { secretName: name, text: "is the public demonstration value" };
    }
    const other = purposes.get(secret);
    if (other !== undefined && other !== name) {
      return { secretName: name, text: `holds a key of ${other} too; every purpose needs a key of its own` };
    }
    purposes.set(secret, name);
  }
  return null;
}

function checkBinding(
  env: Readonly<Record<string, unknown>>,
  name: string,
  method: string,
  kind: string,
  stanza: string,
): ConfigurationProblem[] {
  const binding = env[name];
  const present =
    typeof binding === "object" &&
    binding !== null &&
    typeof (binding as Record<string, unknown>)[method] === "function";
  if (present) return [];
  return [
    {
      name,
      message: `${kind} ${name} is not bound; add it under ${stanza} in wrangler.toml and run: npm run deploy`,
    },
  ];
}
