import { CimdFetchError } from "@cloudflare/workers-oauth-provider";
import { findAddressFault } from "../../../shared/upstream/outside-address.ts";

/**
 * Why the description of a client is not fetched; `null` where it may be, or where the id is no address. Before
 * anything is fetched: whoever names a client need not have signed in.
 */
function findClientFault(clientId: string): string | null {
  return /^https:/i.test(clientId.trim()) ? findAddressFault(clientId) : null;
}

/** Throws a {@link CimdFetchError}, as for a description that cannot be fetched. */
export function requirePublicClient(clientId: string): void {
  const fault = findClientFault(clientId);
  if (fault !== null) throw new CimdFetchError(clientId, new Error(`The address is not asked: ${fault}.`));
}

/**
 * The refusal of a token request whose client is at an address that is not asked; `null` to go on. A client says who it
 * is in the form (RFC 6749 §2.3.1), in the header, or in an assertion (RFC 7523 §3).
 */
export async function refusePrivateClient(request: Request): Promise<Response | null> {
  if (request.method !== "POST") return null;
  // As bytes: the platform takes a form that is read as text for a mistake and warns.
  const form = new URLSearchParams(new TextDecoder().decode(await request.clone().arrayBuffer()));
  const named = [
    ...form.getAll("client_id"),
    readBasicUser(request.headers.get("authorization")),
    ...form.getAll("client_assertion").flatMap(readIssuers),
  ];
  if (named.every((clientId) => findClientFault(clientId) === null)) return null;
  const description = "This client_id is no public address, so the client's description is not fetched";
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

/** `iss` and `sub` of a JSON Web Token that nobody has verified. */
function readIssuers(assertion: string): string[] {
  try {
    const payload = (assertion.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
    const { iss, sub } = JSON.parse(atob(payload)) as { iss?: unknown; sub?: unknown };
    return [String(iss), String(sub)];
  } catch {
    return [];
  }
}
