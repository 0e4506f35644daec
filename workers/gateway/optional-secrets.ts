/** Worker secrets that switch something on, an example of each family. */
export const OPTIONAL_SECRETS = ["SCIM_TOKEN", "SSO_NAME_SECRET"] as const;

/** The client secret of a provider of single sign-on: the name of its Worker secret, and its value or `null`. */
export function readProviderSecret(env: Env, provider: string): { name: string; value: string | null } {
  const name = `SSO_${provider.toUpperCase()}_SECRET`;
  return { name, value: readSecret(env, name) };
}

/** The value of an optional secret; `null` when it is not set. An empty one counts as not set, as in wrangler. */
export function readSecret(env: Env, name: string): string | null {
  const value = (env as unknown as Record<string, unknown>)[name];
  return typeof value === "string" && value !== "" ? value : null;
}
