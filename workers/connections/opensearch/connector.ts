import type { OpensearchEntry } from "../../../shared/connections/kinds/opensearch.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import type {
  ConnectionReport,
  ConnectionRequest,
  ConnectionTarget,
} from "../../../shared/objects/connection-gate.ts";
import { type Connector, OPEN_MS, PartialAnswer, type Session } from "../connector.ts";
import { type Credential, type ObjectMemory, openCredential } from "../http/credential.ts";
import { readSearchCatalogue } from "./catalogue.ts";
import { explainSearch, SearchError } from "./errors.ts";
import { inspectSearch, type ServerIdentity } from "./inspect.ts";
import { type SearchOperation, searchOperation } from "./operation.ts";
import { boundSearch, readJson } from "./read-answer.ts";

/** Documents up to which the server counts what matches. */
const COUNTED = 10_000;

/** Connects to OpenSearch and Elasticsearch over HTTP: each search is one request, bounded by the server. */
export const opensearch: Connector = {
  async open(_env, target, secret, memory, timeoutMs) {
    return await SearchSession.open(target, secret, memory, timeoutMs);
  },
  explain: explainSearch,
};

class SearchSession implements Session {
  readonly signsEachRequest = true;
  readonly #base: string;
  readonly #credential: Credential;
  #identity: ServerIdentity = { product: "OpenSearch", version: "" };
  #usable = true;
  #running: AbortController | null = null;

  private constructor({ name, entry }: ConnectionTarget, secret: string | null, memory: ObjectMemory) {
    const { reach, auth, title } = entry as OpensearchEntry;
    const host = reach.host.includes(":") ? `[${reach.host}]` : reach.host;
    const origin = new URL(`${reach.tls === "required" ? "https" : "http"}://${host}:${reach.port ?? 9200}`)
      .origin;
    this.#base = `${origin}${reach.path ?? ""}`;
    this.#credential = openCredential({ name, title, auth, origin }, secret, memory);
  }

  /** Asks once which product and version it is. */
  static async open(
    target: ConnectionTarget,
    secret: string | null,
    memory: ObjectMemory,
    timeoutMs = OPEN_MS,
  ): Promise<SearchSession> {
    const session = new SearchSession(target, secret, memory);
    const { status, body } = await session.#send("GET", "/", undefined, timeoutMs);
    if (status !== 200 && status !== 403) throw new SearchError(status, body);
    const { version } = (body ?? {}) as { version?: { distribution?: string; number?: string } };
    // An account without rights on the cluster gets no name; so far this has been one of OpenSearch.
    if (status === 200 && version?.number === undefined)
      throw new Error("The answer is not one of such a server.");
    session.#identity = {
      product: status === 200 && version?.distribution !== "opensearch" ? "Elasticsearch" : "OpenSearch",
      version: version?.number ?? "",
    };
    return session;
  }

  isUsable(): boolean {
    return this.#usable;
  }

  async run(
    { entry }: ConnectionTarget,
    request: ConnectionRequest,
    timeoutMs: number,
  ): Promise<JsonValue | PartialAnswer> {
    const operation = searchOperation.parse({ operation: request.operation, ...request.arguments });
    if (operation.operation === "catalogue")
      return (await this.#catalogue(entry as OpensearchEntry, timeoutMs)).sources as unknown as JsonValue;
    const { product } = this.#identity;
    const path = operation.indices.map(encodeURIComponent).join(",");
    // OpenSearch ends a search after this time; Elasticsearch has `timeout` alone, and ends what no client waits for.
    const end = product === "OpenSearch" ? `&cancel_after_time_interval=${timeoutMs}ms` : "";
    const { status, body } = await this.#send(
      "POST",
      `/${path}/_search?ignore_unavailable=false&allow_no_indices=false${end}`,
      withBounds(operation, entry as OpensearchEntry, timeoutMs),
      timeoutMs + 1_000,
      request.note,
    );
    if (status !== 200) throw new SearchError(status, body);
    const answer = boundSearch(body, operation.bytes);
    const value = answer as unknown as JsonValue;
    return answer.complete ? value : new PartialAnswer(value);
  }

  async inspect({ entry }: ConnectionTarget): Promise<ConnectionReport> {
    const timeoutMs = entry.limits.seconds * 1_000;
    const catalogue = await this.#catalogue(entry as OpensearchEntry, timeoutMs);
    return await inspectSearch(
      (method, path, body) => this.#send(method, path, body, timeoutMs),
      entry as OpensearchEntry,
      this.#identity,
      catalogue,
    );
  }

  /** The server ends a search whose client has gone. */
  async cancel(): Promise<void> {
    this.#running?.abort();
  }

  close(): void {
    this.#usable = false;
    this.#running?.abort();
  }

  async #catalogue(entry: OpensearchEntry, timeoutMs: number) {
    return await readSearchCatalogue(async (path) => {
      const { status, body } = await this.#send("GET", path, undefined, timeoutMs);
      if (status === 200) return body;
      // Nothing has such a name, or the server knows no data streams.
      if (status === 404 || status === 400 || (status === 403 && path.startsWith("/_data_stream")))
        return null;
      throw new SearchError(status, body);
    }, entry);
  }

  async #send(
    method: string,
    path: string,
    body: JsonValue | undefined,
    timeoutMs: number,
    note?: string,
  ): Promise<{ status: number; body: JsonValue }> {
    const running = new AbortController();
    this.#running = running;
    const timer = setTimeout(() => running.abort(), timeoutMs);
    const headers = new Headers({ accept: "application/json" });
    if (body !== undefined) headers.set("content-type", "application/json");
    // Shown in the server's list of tasks and its log of slow searches.
    if (note !== undefined) headers.set("x-opaque-id", note);
    try {
      const response = await this.#credential.send(
        fetch,
        new URL(`${this.#base}${path}`),
        {
          method,
          headers,
          ...(body !== undefined && { body: JSON.stringify(body) }),
          // A redirect would take the password to another host.
          redirect: "manual",
          signal: running.signal,
        },
        false,
      );
      return { status: response.status, body: await readJson(response) };
    } finally {
      clearTimeout(timer);
      this.#running = null;
    }
  }
}

/** The body with what bounds it at the server. Nothing of the caller's has these names. */
function withBounds(
  { body, rows, from }: SearchOperation,
  { documents_per_shard }: OpensearchEntry,
  timeoutMs: number,
): JsonValue {
  return {
    ...body,
    size: rows,
    from,
    timeout: `${timeoutMs}ms`,
    terminate_after: documents_per_shard,
    track_total_hits: COUNTED,
  };
}
