import { titleOfSignIn } from "../../shared/people/invite.ts";
import { readPublished, readState } from "../../shared/policy/changes/published.ts";
import type { PolicyDocument } from "../../shared/policy/schema.ts";
import { compileSignIn, type SignInRules } from "../../shared/policy/sign-in/sign-in.ts";
import { CommandFailure } from "../local/failure.ts";
import type { PlatformDatabase } from "../platform/database.ts";

/** The document of the policy in force. */
export async function readPolicyInForce(database: PlatformDatabase): Promise<PolicyDocument> {
  return (await readPublished(database, (await readState(database)).version)).document;
}

/** How people sign in, by the policy in force. */
export async function readSignInRules(database: PlatformDatabase): Promise<SignInRules> {
  return compileSignIn((await readPolicyInForce(database)).sign_in);
}

/** What a person with this address signs in with, by the policy in force; `null` for a password. */
async function findProviderTitle(database: PlatformDatabase, email: string): Promise<string | null> {
  return titleOfSignIn(await readSignInRules(database), email);
}

/** Refuses to give a password with which this person could not sign in. */
export async function refuseForPassword(database: PlatformDatabase, address: string): Promise<void> {
  const title = await findProviderTitle(database, address);
  if (title === null) return;
  throw new CommandFailure(
    `${address} signs in with ${title}, not with a password.`,
    "To add the person without one: npm run people -- invite",
  );
}
