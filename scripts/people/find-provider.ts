import { readPublished, readState } from "../../shared/policy/changes/published.ts";
import { compileSignIn, providerOfEmail } from "../../shared/policy/sign-in/sign-in.ts";
import type { PlatformDatabase } from "../platform/database.ts";

/**
 * What a person with this address signs in with, by the policy in force; `null` for a password. Where passwords are
 * refused and no provider has the domain, single sign-on in general.
 */
export async function findProviderTitle(database: PlatformDatabase, email: string): Promise<string | null> {
  const { document } = await readPublished(database, (await readState(database)).version);
  const rules = compileSignIn(document.sign_in);
  const provider = providerOfEmail(rules, email);
  if (provider !== null) return rules.providers.get(provider)?.title ?? provider;
  return rules.passwordAllowed ? null : "single sign-on";
}
