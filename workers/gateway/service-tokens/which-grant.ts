import { textFromBase64 } from "../../../shared/encoding/base64.ts";

/** Grant type of an assertion (RFC 7523 §2.1). */
export const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/** Grant type of an account that proves itself (RFC 6749 §4.4). */
export const CLIENT_CREDENTIALS = "client_credentials";

/** Type of an assertion about a person, which the OAuth library takes. */
const ID_JAG = "oauth-id-jag+jwt";

/** How a service account asks for a token: by itself, or with the JSON Web Token of a trusted issuer. */
export type ServiceGrant = "account" | "workload";

/** The grant of a service account that a token request asks for; `null` for a request that the OAuth library answers. */
export function serviceGrantOf(form: URLSearchParams): ServiceGrant | null {
  const type = form.get("grant_type");
  if (type === CLIENT_CREDENTIALS) return "account";
  return type === JWT_BEARER && typeOf(form.get("assertion") ?? "") !== ID_JAG ? "workload" : null;
}

/** `typ` in the header of a JSON Web Token that is not verified yet; `null` if it cannot be read. */
function typeOf(assertion: string): unknown {
  try {
    return (JSON.parse(textFromBase64(assertion.split(".")[0] ?? "")) as { typ?: unknown } | null)?.typ;
  } catch {
    return null;
  }
}
