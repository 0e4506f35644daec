import { digestDefinition, MOST_OF_ONE } from "../../../shared/connections/definitions.ts";
import { foreignName } from "../../../shared/connections/foreign-names.ts";
import type { OpenapiEntry } from "../../../shared/connections/kinds/openapi.ts";
import type { HttpOperation } from "../../../shared/connections/operations.ts";
import { isRecord } from "../../../shared/encoding/is-record.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import { compileOperation, type FoundOperation } from "./compile-operation.ts";
import { type Part, resolvePart } from "./local-references.ts";
import { isSelected } from "./select-operation.ts";
import { Unusable } from "./unusable.ts";

const METHODS = ["get", "head", "post", "put", "patch", "delete"];

/** What a document gives: the operations that become tools, and those that cannot, with the reason. */
export interface Compiled {
  operations: HttpOperation[];
  refused: { name: string; reason: string }[];
  /** Operations that the entry does not select. */
  leftOut: number;
}

/** Makes the definitions of a document (OpenAPI 3.1) for an entry. An operation that cannot be used is named. */
export function compileDocument(connection: string, document: Part, entry: OpenapiEntry): Compiled {
  const compiled: Compiled = { operations: [], refused: [], leftOut: 0 };
  const names = new Map<string, string>();
  for (const [path, raw] of Object.entries((isRecord(document.paths) ? document.paths : {}) as Part)) {
    if (!path.startsWith("/")) continue;
    for (const method of METHODS) {
      const name = nameOf(document, raw, method, path);
      if (name === null) continue;
      try {
        const operation = compileOne(document, entry, { path, raw, method });
        if (operation === null) {
          compiled.leftOut += 1;
          continue;
        }
        const offered = foreignName(connection, operation.tool);
        const other = names.get(offered);
        if (other !== undefined)
          throw new Unusable(`would have the name of ${other}: give it another under \`operations\``);
        if (JSON.stringify(operation).length > MOST_OF_ONE) throw new Unusable("is too large");
        digestDefinition(operation);
        names.set(offered, operation.name);
        compiled.operations.push(operation);
      } catch (failure) {
        if (!(failure instanceof Unusable) && !(failure instanceof TypeError)) throw failure;
        const reason =
          failure instanceof Unusable ? failure.message : "is written in a way that OpenAPI does not know";
        compiled.refused.push({ name, reason });
      }
    }
  }
  return compiled;
}

/** The name under which an operation is reported; `null` if the path has none of this method. */
function nameOf(document: Part, raw: JsonValue, method: string, path: string): string | null {
  try {
    const operation = resolvePart(document, raw)[method];
    if (!isRecord(operation)) return null;
    const { operationId } = operation as Part;
    return typeof operationId === "string" && operationId !== ""
      ? operationId
      : `${method.toUpperCase()} ${path}`;
  } catch {
    return method === "get" ? `GET ${path}` : null;
  }
}

function compileOne(
  document: Part,
  entry: OpenapiEntry,
  { path, raw, method }: { path: string; raw: JsonValue; method: string },
): HttpOperation | null {
  const item = resolvePart(document, raw);
  const operation = resolvePart(document, item[method]);
  const operationId =
    typeof operation.operationId === "string" ? operation.operationId : `${method.toUpperCase()} ${path}`;
  const tags = Array.isArray(operation.tags) ? operation.tags.map(String) : [];
  if (!isSelected(entry, { tags, path, method, operationId })) return null;
  const base = baseOf(document, entry, operation.servers ?? item.servers);
  const found: FoundOperation = { method, path, operation, shared: item.parameters, base };
  return compileOperation(document, found, entry);
}

/**
 * The path of the address that an operation is behind. `servers` of an operation may add a path and never
 * change the origin, which the entry alone decides.
 */
function baseOf(document: Part, entry: OpenapiEntry, servers: JsonValue | undefined): string {
  const reach = new URL(entry.reach.url);
  const own = reach.pathname.replace(/\/+$/, "");
  const first = Array.isArray(servers) ? servers[0] : undefined;
  if (!isRecord(first) || typeof first.url !== "string" || first.url.includes("{")) return own;
  const url = URL.parse(first.url, reach);
  if (url === null || first.url === "/") return own;
  // Where the document itself begins is where the entry says, such as a mock or an installation of one's own.
  const [root] = Array.isArray(document.servers) ? document.servers : [];
  const main =
    isRecord(root) && typeof root.url === "string" ? URL.parse(root.url, reach)?.origin : url.origin;
  if (url.origin !== reach.origin && url.origin !== main)
    throw new Unusable(`is served at another address (${url.host})`);
  return url.pathname.replace(/\/+$/, "");
}
