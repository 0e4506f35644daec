import { policyInForce } from "../../../shared/policy/current.ts";
import { findWorkloadAccount } from "../../../shared/policy/sign-in/workloads.ts";
import { toDisplayText } from "../../../shared/text/display-text.ts";
import { spendAssertion } from "../grants/spend-assertion.ts";
import { type FoundKey, findAccount } from "../keys/validate-key.ts";
import { keysOf } from "./issuer-keys.ts";
import { GrantRefused, notAccepted } from "./refused.ts";
import { readIssuer, verifyAssertion } from "./verify-assertion.ts";

/** Most seconds that a workload's token lives. Clusters give tokens for an hour, and renew them. */
const MOST_SECONDS = 24 * 60 * 60;
/** Most characters of a subject in the trail. */
const SUBJECT_LENGTH = 300;

/** A workload that comes in, and as which service account. */
export interface AdmittedWorkload {
  account: FoundKey;
  issuer: string;
  subject: string;
}

/**
 * The service account of a workload, by the token of an issuer that the policy trusts (RFC 7523): signature, issuer, our
 * address as its only audience, time, and the first rule whose claims fit. A token with a `jti` counts once, unless the
 * policy says that this issuer's are used until they end. Throws {@link GrantRefused}.
 */
export async function admitWorkload(env: Env, form: URLSearchParams): Promise<AdmittedWorkload> {
  const assertion = form.get("assertion") ?? "";
  const issuer = readIssuer(assertion);
  const { workloads } = (await policyInForce(env)).signIn;
  const trusted = workloads.get(issuer);
  if (trusted === undefined) throw notAccepted("issuer");
  const verified = await verifyAssertion(assertion, keysOf(issuer, trusted.keys), {
    issuer,
    audiences: [env.PUBLIC_URL],
    types: [],
    mostSeconds: MOST_SECONDS,
  });
  if ("fault" in verified) throw notAccepted(verified.fault, verified.cause);
  const { claims, id } = verified;
  if (claims.iat === undefined) throw notAccepted("iat");
  const accountId = findWorkloadAccount(trusted, claims);
  if (accountId === null) {
    throw new GrantRefused("unauthorized_client", "No rule of the policy fits this workload", "rules");
  }
  if ((form.get("client_id") ?? accountId) !== accountId) {
    throw new GrantRefused("unauthorized_client", "This workload is another service account", "client_id");
  }
  const [account] = await findAccount(env.PLATFORM_DB, accountId, Date.now());
  if (account?.proof !== "workload") {
    throw new GrantRefused(
      "unauthorized_client",
      "The service account of this workload is not active",
      "account",
    );
  }
  if (trusted.reuse !== "until_expiry") {
    if (id === null) throw notAccepted("jti");
    const isFirst = await spendAssertion(env, ["workload", issuer, id], claims.exp);
    if (!isFirst) throw notAccepted("replayed");
  }
  return { account, issuer, subject: toDisplayText(claims.sub, SUBJECT_LENGTH) };
}
