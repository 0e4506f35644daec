import type { JsonValue } from "../../../shared/encoding/json.ts";
import type { ConnectionFailure } from "../../../shared/objects/connection-gate.ts";
import { refusedCredential } from "../http/fetch-token.ts";
import { tooMany } from "../http/too-many.ts";

/**
 * Our words for a refusal of the other system; `null` for a status that says that it is away. Its text stays
 * there; which of the arguments it names is told, because those words are ours.
 */
export function refuseStatus(
  title: string,
  response: Pick<Response, "status" | "headers">,
  text: string,
  names: readonly string[],
): ConnectionFailure | null {
  const { status, headers } = response;
  const named = namedArguments(text, names);
  switch (status) {
    case 401:
      return refusedCredential(title);
    case 403:
      return isRateLimit(headers)
        ? tooMany(title, headers)
        : {
            code: "forbidden",
            message: `${title} does not allow this to the account of the connection (HTTP 403).`,
          };
    case 404:
    case 410:
      return { code: "not_found", message: `${title} has nothing at this place (HTTP ${status}).${named}` };
    case 409:
    case 412:
    case 423:
      return {
        code: "conflict",
        message: `${title} says that this conflicts with its present state (HTTP ${status}).${named}`,
        ...(status === 412 && { action: "It was changed meanwhile: read it again, and use its new ETag." }),
      };
    case 428:
      return {
        code: "invalid_input",
        message: `${title} changes this only with the ETag that it was read with (HTTP 428).`,
        action: "Read it, and give its ETag.",
      };
    case 502:
    case 503:
    case 504:
      return null;
    case 429:
      return tooMany(title, headers);
    default:
      // Arguments of one caller may be the cause, so the others go on.
      if (status >= 500 || status === 408 || status === 425)
        return {
          code: "unavailable",
          message: `${title} failed at this call (HTTP ${status}).`,
          action: "Check the arguments; if they are right, try again later.",
        };
      return {
        code: "invalid_input",
        message: `${title} does not accept the arguments (HTTP ${status}).${named}`,
        action: "Correct them by the description of the tool; do not repeat the same call.",
      };
  }
}

/** GitHub and others answer 403 when no calls are left. */
function isRateLimit(headers: Headers): boolean {
  return headers.get("x-ratelimit-remaining") === "0" || headers.has("retry-after");
}

/** Arguments of the call that the refusal names as whole words, at most five. */
function namedArguments(text: string, names: readonly string[]): string {
  const words = new Set(wordsOf(text));
  const found = names.filter((name) => name.length > 2 && words.has(name)).slice(0, 5);
  return found.length === 0 ? "" : ` It names: ${found.join(", ")}.`;
}

/** Names and values of a JSON refusal, without those of its own form; nothing for any other text. */
function wordsOf(text: string): string[] {
  try {
    return collect(JSON.parse(text) as JsonValue).flatMap((value) => value.match(/[A-Za-z0-9_.-]+/g) ?? []);
  } catch {
    return [];
  }
}

const FORM = new Set([
  "message",
  "error",
  "errors",
  "code",
  "status",
  "type",
  "title",
  "detail",
  "name",
  "description",
]);

function collect(value: JsonValue, level = 0): string[] {
  if (typeof value === "string") return FORM.has(value) ? [] : [value.slice(0, 2_000)];
  if (typeof value !== "object" || value === null || level > 6) return [];
  if (Array.isArray(value)) return value.slice(0, 50).flatMap((inner) => collect(inner, level + 1));
  return Object.entries(value).flatMap(([name, inner]) => [
    ...(FORM.has(name) ? [] : [name]),
    ...collect(inner as JsonValue, level + 1),
  ]);
}
