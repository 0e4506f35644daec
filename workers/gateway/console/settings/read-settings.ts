import { KEY_NAMES, readKeyring } from "../../../../shared/auth/keyring.ts";
import type { Policy } from "../../../../shared/policy/compile.ts";
import { listOptionalSecrets, readSecret } from "../../optional-secrets.ts";

/** Variables whose value the page shows. Everything else that is a text may be a secret. */
const SHOWN = [
  "ENVIRONMENT",
  "PUBLIC_URL",
  "LEGACY_SSE",
  "D1_REPLICAS",
  "ALLOWED_ORIGINS",
  "PLAIN_HTTP_UPSTREAMS",
  "DATA_LOCATION",
  "DATA_JURISDICTION",
  "LOG_LEVEL",
  "LOG_SAMPLE",
  "RERANK_MODEL",
] as const;

/** One line of the page. */
export interface Setting {
  name: string;
  /** What it is set to, or what is known of it; never a secret. */
  text: string;
  isSet: boolean;
}

/** What is configured. */
export interface Settings {
  variables: Setting[];
  secrets: Setting[];
  bindings: Setting[];
  policy: Setting[];
}

/** Reads what is configured: of secrets only whether they are there, and the number of the newest key. */
export function readSettings(env: Env, policy: Policy): Settings {
  const all: Readonly<Record<string, unknown>> = { ...env };
  const variables = SHOWN.map((name) => {
    const value = typeof all[name] === "string" ? all[name] : "";
    return { name, text: value === "" ? "empty" : value, isSet: value !== "" };
  });
  const keys = KEY_NAMES.map((name): Setting => {
    const keyring = readKeyring(all, name);
    if ("text" in keyring) return { name, text: keyring.text, isSet: false };
    const count = keyring.length === 1 ? "one key" : `${keyring.length} keys`;
    return { name, text: `${count}, the newest is version ${keyring[0].version}`, isSet: true };
  });
  const optional = listOptionalSecrets(policy.signIn.providers.keys()).map((name): Setting => {
    const isSet = readSecret(env, name) !== null;
    return { name, text: isSet ? "set" : "not set", isSet };
  });
  const bindings = Object.entries(all)
    .filter(([, value]) => typeof value === "object" && value !== null)
    .map(([name]) => ({ name, text: "bound", isSet: true }))
    .sort((one, other) => (one.name < other.name ? -1 : 1));
  return {
    variables,
    secrets: [...keys, ...optional],
    bindings,
    policy: [
      { name: "Version in force", text: `${policy.version}, ${policy.digest.slice(0, 16)}`, isSet: true },
      { name: "Roles", text: [...policy.roles.keys()].join(", "), isSet: true },
      ...Object.entries(policy.retention).map(([name, value]) => ({
        name: `retention.${name}`,
        text: String(value),
        isSet: true,
      })),
    ],
  };
}
