import { readFile } from "node:fs/promises";
import path from "node:path";
import { text as readStream } from "node:stream/consumers";
import { upgrade } from "@scalar/openapi-upgrader";
import { parse } from "yaml";
import { isRecord } from "../../../shared/encoding/is-record.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import { findAddressFault } from "../../../shared/upstream/outside-address.ts";
import { CommandFailure } from "../../local/failure.ts";
import type { Part } from "./local-references.ts";

/** Most bytes of a document: GitHub's has 13 MB. */
const MOST_BYTES = 32_000_000;

/** Most values of a document, and levels: a YAML file of some KB can stand for billions. */
const MOST_VALUES = 4_000_000;
const MOST_LEVELS = 200;

/** Copies that all aliases of a YAML document may make. */
const MOST_ALIASES = 100;

/** Milliseconds to fetch a document. */
const PATIENCE_MS = 60_000;

/** Reads the text of a document: an https address, `-` for standard input, or a file. */
export async function readDocumentText(source: string, folder: string): Promise<string> {
  if (source === "-") return bound(source, await readStream(process.stdin));
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(source)) return await fetchText(source);
  const place = path.resolve(folder, source);
  return bound(
    source,
    await readFile(place, "utf8").catch(() => {
      throw new CommandFailure(
        `The document ${source} cannot be read.`,
        "Check the path; it starts at the file of connections.",
      );
    }),
  );
}

/** Only public addresses over https; a redirect is followed once its target has passed the same rule. */
async function fetchText(source: string): Promise<string> {
  let next = source;
  for (let followed = 0; followed < 4; followed += 1) {
    const url = URL.parse(next);
    if (url === null) throw notFetched("an address that is none", "no request can be sent there");
    const fault = url.protocol === "https:" ? findAddressFault(url) : "it is not https";
    if (fault !== null || url.username + url.password !== "")
      throw notFetched(url.host, fault ?? "the address holds a password");
    const response = await fetch(url, { redirect: "manual", signal: AbortSignal.timeout(PATIENCE_MS) }).catch(
      () => {
        throw new CommandFailure(
          `The document cannot be fetched from ${url.host}.`,
          "Save it to a file, and name the file.",
        );
      },
    );
    const location = response.headers.get("location");
    if (response.status >= 300 && response.status < 400 && location !== null) {
      next = URL.parse(location, url)?.href ?? "";
      continue;
    }
    if (!response.ok || response.body === null)
      throw new CommandFailure(
        `${url.host} answers with status ${response.status}.`,
        "Check the address of the document.",
      );
    return await readBounded(source, response.body);
  }
  throw new CommandFailure(
    "The address of the document redirects without an end.",
    "Name the address that it ends at.",
  );
}

function notFetched(place: string, why: string): CommandFailure {
  return new CommandFailure(
    `The document was not fetched from ${place}: ${why}.`,
    "Save it to a file, and name the file.",
  );
}

async function readBounded(source: string, body: ReadableStream<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of body) {
    bytes += part.byteLength;
    if (bytes > MOST_BYTES) break;
    parts.push(part);
  }
  return bound(source, Buffer.concat(parts).toString("utf8"), bytes);
}

function bound(source: string, text: string, bytes = Buffer.byteLength(text)): string {
  if (bytes <= MOST_BYTES) return text;
  throw new CommandFailure(
    `The document ${source} has more than ${MOST_BYTES / 1_000_000} MB.`,
    "Cut what is not needed out of it.",
  );
}

/**
 * Parses a document of OpenAPI 2.0 to 3.1, JSON or YAML, and brings it to 3.1. Throws {@link CommandFailure}
 * for what is none, and for YAML that unfolds to more than a document has.
 */
export function parseDocument(source: string, text: string): Part {
  const raw = parseText(source, text);
  requireSize(source, raw);
  if (!isRecord(raw) || (typeof raw.openapi !== "string" && raw.swagger !== "2.0")) {
    throw new CommandFailure(
      `${source} is no OpenAPI document: it has neither \`openapi\` nor \`swagger: "2.0"\`.`,
      "Name the description of the API, not its page.",
    );
  }
  try {
    return upgrade(raw as Parameters<typeof upgrade>[0], "3.1") as unknown as Part;
  } catch (cause) {
    throw new CommandFailure(`${source} cannot be brought to OpenAPI 3.1.`, "Check it with a linter.", cause);
  }
}

function parseText(source: string, text: string): JsonValue {
  try {
    if (/^\s*\{/.test(text)) return JSON.parse(text) as JsonValue;
  } catch {
    // YAML in flow style begins alike.
  }
  try {
    return parse(text, { maxAliasCount: MOST_ALIASES, merge: true, logLevel: "silent" }) as JsonValue;
  } catch (failure) {
    const why = failure instanceof Error ? (failure.message.split("\n")[0] ?? "") : "";
    throw new CommandFailure(`${source} is neither JSON nor YAML: ${why}`, "Check the file.");
  }
}

/** Aliases share one value in memory, and each use counts: what is copied later is bounded too. */
function requireSize(source: string, document: JsonValue): void {
  let values = 0;
  const visit = (value: JsonValue, level: number): void => {
    values += 1;
    if (values > MOST_VALUES || level > MOST_LEVELS)
      throw new CommandFailure(
        `${source} holds too many or too deep values.`,
        "Cut what is not needed out of it.",
      );
    if (typeof value === "object" && value !== null)
      for (const inner of Object.values(value)) visit(inner as JsonValue, level + 1);
  };
  visit(document, 0);
}
