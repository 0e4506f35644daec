import { CimdFetchError } from "@cloudflare/workers-oauth-provider";
import { textFromBase64 } from "../../../shared/encoding/base64.ts";
import { findAddressFault } from "../../../shared/upstream/outside-address.ts";

/**
 * Why a client's metadata document must not be fetched; `null` if it may be, or if the id is not an address.
 * Checked before any fetch, because a request can name a client without a sign-in.
 */
function findClientFault(clientId: string): string | null {
  return /^https:/i.test(clientId.trim()) ? findAddressFault(clientId) : null;
}

/** Throws a {@link CimdFetchError}, as for a document that cannot be fetched. */
export function requirePublicClient(clientId: string): void {
  const fault = findClientFault(clientId);
  if (fault !== null) throw new CimdFetchError(clientId, new Error(`The address is not allowed: ${fault}.`));
}

/**
 * The error response to a token request whose client has a forbidden address; `null` to continue. A client
 * names itself in the form (RFC 6749 §2.3.1), in the header, or in an assertion (RFC 7523 §3).
 */
export async function refusePrivateClient(request: Request): Promise<Response | null> {
  if (request.method !== "POST") return null;
  // Read as bytes: the platform warns about a form that is read as text.
  const form = new URLSearchParams(new TextDecoder().decode(await request.clone().arrayBuffer()));
  const named = [
    ...form.getAll("client_id"),
    readBasicUser(request.headers.get("authorization")),
    ...form.getAll("client_assertion").flatMap(readIssuers),
  ];
  if (named.every((clientId) => findClientFault(clientId) === null)) return null;
  const description =
    "This client_id is not a public address, so the client's metadata document is not fetched";
  return Response.json(
    { error: "invalid_client", error_description: description },
    { status: 400, headers: { "Cache-Control": "no-store" } },
  );
}

function readBasicUser(header: string | null): string {
  const encoded = /^basic +([\w+/=-]+)$/i.exec(header ?? "")?.[1];
  if (encoded === undefined) return "";
  try {
    return decodeURIComponent((atob(encoded).split(":")[0] ?? "").replaceAll("+", " "));
  } catch {
    return "";
  }
}

/** `iss` and `sub` of an unverified JSON Web Token. */
function readIssuers(assertion: string): string[] {
  try {
    const payload = textFromBase64(assertion.split(".")[1] ?? "");
    const { iss, sub } = JSON.parse(payload) as { iss?: unknown; sub?: unknown };
    return [String(iss), String(sub)];
  } catch {
    return [];
  }
}
