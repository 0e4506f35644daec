import { env } from "cloudflare:workers";
import { createPerson, requestToken, signIn, type TestBrowser, type TestPerson } from "../support/oauth.ts";
import { claimsOf, makeSigner, type Signer, sign, withAssertion } from "./assertions.ts";
import { type MadeKey, makeKey } from "./make-key.ts";

export const CRM = `${env.PUBLIC_URL}/mcp/crm`;

/** A person with an account that has a secret, and one that has a public key. */
export interface Accounts {
  person: TestPerson;
  browser: TestBrowser;
  secret: MadeKey;
  signed: MadeKey;
  signer: Signer;
}

/** Signs a person in and makes both accounts. */
export async function settle(name: string, alg: Signer["alg"]): Promise<Accounts> {
  const person = await createPerson("sales", name);
  const browser = await signIn(person);
  const signer = await makeSigner(alg);
  const signed = await makeKey(browser, { proof: "public_key", publicKey: signer.pem });
  return { person, browser, secret: await makeKey(browser), signed, signer };
}

/** Asks for a token with the key as client secret. */
export const withSecret = ({ id, text }: MadeKey, fields: Record<string, string> = {}) =>
  requestToken({
    grant_type: "client_credentials",
    client_id: id,
    client_secret: text,
    resource: CRM,
    ...fields,
  });

/** Asks for a token with an assertion. */
export const bySignature = async ({ signed, signer }: Accounts, fields: Record<string, string> = {}) =>
  requestToken(withAssertion(await sign(signer, claimsOf(signed.id)), fields));
