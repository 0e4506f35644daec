import { isEncoded } from "../../../shared/mcp/http/content-headers.ts";
import { cutText, findHalfCharacter } from "../../../shared/text/well-formed.ts";
import { isAcceptableRedirect, isUnfitRedirect } from "./redirects.ts";

/** Required members of a registration: an empty one is an error, not an absent member. */
const REQUIRED = ["redirect_uris"];

/** A registration for the OAuth library, or the error response. */
type Registration = { request: Request; response?: undefined } | { request?: undefined; response: Response };

/**
 * Reads a registration (RFC 7591 §2) before the library does. Drops optional members that are empty or
 * `null`, which libraries write for unset members. Drops redirect addresses that this server never uses,
 * because clients also list those they need elsewhere; the response names the registered ones.
 */
export async function readRegistration(request: Request): Promise<Registration> {
  if (isEncoded(request.headers)) return refuse("invalid_request", "Send the body without compression.", 415);
  const sent = await readObject(request);
  // The library refuses a body that is not a JSON object.
  if (sent === null) return { request };
  const broken = findHalfCharacter(sent.metadata);
  if (broken !== null) return refuse("invalid_client_metadata", "A text contains a lone surrogate.");
  const metadata = Object.fromEntries(
    Object.entries(sent.metadata).filter(([name, value]) => REQUIRED.includes(name) || !isEmpty(value)),
  );
  const fault = findRedirectFault(metadata.redirect_uris);
  if (fault !== null) return refuse("invalid_redirect_uri", fault);
  metadata.redirect_uris = (metadata.redirect_uris as string[]).filter((one) => isAcceptableRedirect(one));
  const headers = new Headers(request.headers);
  headers.delete("content-length");
  return {
    request: new Request(request.url, { method: "POST", headers, body: JSON.stringify(metadata) }),
  };
}

async function readObject(request: Request): Promise<{ metadata: Record<string, unknown> } | null> {
  try {
    const metadata: unknown = await request.clone().json();
    const isObject = typeof metadata === "object" && metadata !== null && !Array.isArray(metadata);
    return isObject ? { metadata: metadata as Record<string, unknown> } : null;
  } catch {
    return null;
  }
}

function isEmpty(value: unknown): boolean {
  if (value === null) return true;
  if (typeof value === "string") return value.trim() === "";
  return Array.isArray(value) && value.length === 0;
}

function findRedirectFault(redirects: unknown): string | null {
  if (!Array.isArray(redirects) || redirects.length === 0)
    return "redirect_uris must name at least one address.";
  if (!redirects.every((redirect) => typeof redirect === "string"))
    return "redirect_uris must hold texts only.";
  const unfit = redirects.find(isUnfitRedirect);
  if (unfit !== undefined) return `Invalid redirect URI: ${cutText(JSON.stringify(unfit), 200)}`;
  if (redirects.some((redirect) => isAcceptableRedirect(redirect))) return null;
  return "No address in redirect_uris can be used: https, http on this machine, or the scheme of an app (RFC 8252).";
}

function refuse(error: string, description: string, status = 400): Registration {
  const body = { error, error_description: description };
  return { response: Response.json(body, { status, headers: { "Cache-Control": "no-store" } }) };
}
