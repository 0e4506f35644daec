import type { Paging } from "../../../shared/connections/operations.ts";
import { isDeeperThan } from "../../../shared/encoding/depth.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import type { ConnectionFailure } from "../../../shared/objects/connection-gate.ts";
import { RefusedRequest } from "../connector.ts";
import { refusedCredential } from "../http/fetch-token.ts";
import { decodeText, mayHave, refuseHidden } from "./decode-text.ts";
import { findNextPage } from "./next-page.ts";
import type { HttpAnswer, HttpRequest } from "./operation.ts";
import { pickFields, valueAt } from "./pick-fields.ts";

/** Bytes of a file that the model gets, as Base64. */
const MOST_OF_FILE = 12_000;

/** Levels of an answer. */
const MOST_LEVELS = 60;

/** A body as it was received. */
export interface ReceivedBody {
  status: number;
  media: string;
  bytes: Uint8Array;
  link: string | null;
}

/** The answer of a successful request: rows and the next page, or one result, with the fields that are kept. */
export function readAnswer(
  { body, target, read, owner }: Pick<HttpRequest, "body" | "target" | "read" | "owner">,
  received: ReceivedBody,
  { title, origin, credential }: { title: string; origin: string; credential: string | null },
): HttpAnswer {
  const { status, link } = received;
  const { value: answer, isJson: isKnown } = parseBody(received, owner, title);
  const total = read.total === null ? null : countOf(valueAt(answer, read.total));
  const frame = { status, isJson: isKnown, cut: 0, total, isElsewhere: false, file: null };
  if (read.isGraphql) requireData(answer, title);
  if (read.failure !== null && valueAt(answer, read.failure.at) === false)
    throw describeRefusal(valueAt(answer, read.failure.reason), title);
  const result = (read.result === null ? undefined : valueAt(answer, read.result)) ?? answer;
  const rows = read.list === null ? undefined : rowsOf(answer, read.list, result);
  if (rows === undefined) return { ...frame, items: null, result: keep(result, read), next: null };
  const paging = read.paging as Paging | null;
  const sent = body !== null && "text" in body ? (tryJson(body.text) ?? null) : null;
  const page = { origin, credential, target, body: sent, answer, rows, link, before: read.before };
  const found = paging === null ? null : findNextPage(paging, page);
  const isElsewhere = found === "elsewhere";
  const next = isElsewhere ? null : found;
  return { ...frame, items: rows.map((row) => keep(row, read)), result: null, next, isElsewhere };
}

/** A list may come under its name or, as some systems do for one page, as the whole answer. */
function rowsOf(answer: JsonValue, list: string, result: JsonValue): readonly JsonValue[] | undefined {
  const found = valueAt(answer, list);
  return Array.isArray(found) ? found : Array.isArray(result) ? result : undefined;
}

/** OData 2.0 writes a number of rows as a text. */
function countOf(value: JsonValue | undefined): number | null {
  const count = typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : value;
  return typeof count === "number" ? count : null;
}

/** One after the other: a caller's field must not reach what the operator's fields leave out. */
function keep(value: JsonValue, { fields, chosen }: HttpRequest["read"]): JsonValue {
  const allowed = fields.length === 0 ? value : pickFields(value, fields);
  return chosen.length === 0 ? allowed : pickFields(allowed, chosen);
}

/** Whether a media type is JSON. */
export function isJson(media: string): boolean {
  return /\bjson\b/i.test(media);
}

/** Whether a media type is a text that a model reads. */
export function isText(media: string): boolean {
  return /^(?:text\/|application\/(?:[\w.-]+\+)?(?:xml|yaml|x-ndjson|javascript|sql))/i.test(media);
}

function parseBody(
  { bytes, media }: ReceivedBody,
  owner: HttpRequest["owner"],
  title: string,
): { value: JsonValue; isJson: boolean } {
  if (bytes.byteLength === 0) return { value: null, isJson: true };
  if (isJson(media) || (/^$|^text\/plain/i.test(media) && /^\s*[[{]/.test(decode(bytes.subarray(0, 20))))) {
    const value = tryJson(decode(bytes));
    if (value !== undefined && !isDeeperThan(value as object, MOST_LEVELS)) return { value, isJson: true };
    throw new RefusedRequest(unreadable(title));
  }
  const text = isText(media) ? decodeText(bytes, media) : null;
  if (text !== null) return { value: text, isJson: false };
  if (!mayHave(owner, false)) throw refuseHidden(title);
  const isSmall = bytes.byteLength <= MOST_OF_FILE;
  const file = { media_type: media.slice(0, 100) || "application/octet-stream", bytes: bytes.byteLength };
  const content = isSmall ? { base64: toBase64(bytes) } : { note: "The file is too large for an answer." };
  return { value: { ...file, ...content }, isJson: false };
}

/** GraphQL answers failures with status 200 (GraphQL over HTTP). */
function requireData(answer: JsonValue, title: string): void {
  const errors = valueAt(answer, "errors");
  const data = valueAt(answer, "data");
  if (!Array.isArray(errors) || errors.length === 0 || (data !== undefined && data !== null)) return;
  throw new RefusedRequest({
    code: "invalid_input",
    message: `${title} does not accept the arguments (GraphQL).`,
  });
}

/** The other system says within its answer that it does not take the credential; nothing has happened there. */
export class WrongCredential extends RefusedRequest {}

/** Words of systems that answer a wrong credential with status 200. */
const WRONG_CREDENTIAL =
  /^(?:invalid_auth|not_authed|token_(?:expired|revoked)|account_inactive|no_permission)$/;

/** Whether the answer to a check says that the credential is wrong although its status is 200, as Slack does. */
export function saysWrongCredential(bytes: Uint8Array): boolean {
  const answer = tryJson(decode(bytes)) ?? null;
  const reason = valueAt(answer, "error");
  return valueAt(answer, "ok") === false && typeof reason === "string" && WRONG_CREDENTIAL.test(reason);
}

/** A refusal within an answer: one word of the other system at most, such as `channel_not_found`. */
function describeRefusal(reason: JsonValue | undefined, title: string): RefusedRequest {
  const word = typeof reason === "string" && /^[a-z][a-z_]{1,40}$/.test(reason) ? reason : null;
  if (word !== null && WRONG_CREDENTIAL.test(word)) return new WrongCredential(refusedCredential(title));
  return new RefusedRequest({
    code: "invalid_input",
    message: `${title} does not accept the arguments${word === null ? "" : ` (${word})`}.`,
    action: "Correct them by the description of the tool; do not repeat the same call.",
  });
}

function unreadable(title: string): ConnectionFailure {
  return { code: "unavailable", message: `${title} answers with something that is no JSON.` };
}

/** `undefined` for what is no JSON. */
function tryJson(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}
