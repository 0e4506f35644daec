import type { Document, MongoClient } from "mongodb";
import type { MongodbEntry } from "../../../shared/connections/kinds/mongodb.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import type {
  ConnectionReport,
  ConnectionRequest,
  ConnectionTarget,
  Inspected,
} from "../../../shared/objects/connection-gate.ts";
import { type Connector, RefusedRequest, type Session, withoutPassword } from "../connector.ts";
import { budgetOf, openOrClose } from "../open-or-close.ts";
import type { SharedClient } from "../shared-client.ts";
import { fromBson, toBson } from "./bson-values.ts";
import { readMongodbCatalogue } from "./catalogue.ts";
import { shareClient } from "./client.ts";
import { explainMongodb } from "./errors.ts";
import { inspectMongodb } from "./inspect.ts";
import { type AnsweredDocuments, mongodbOperation } from "./operation.ts";

/** Documents of one batch: the driver keeps a batch until it is read, and the server ends one at 16 MB. */
const BATCH = 16;

const encoder = new TextEncoder();

/** Connects to MongoDB with its own driver. */
export const mongodb: Connector = {
  async open(_env, target, secret, memory, timeoutMs) {
    if (secret === null) throw new RefusedRequest(withoutPassword(target.entry.title));
    const left = budgetOf(timeoutMs);
    const shared = await shareClient(target.entry as MongodbEntry, secret, memory, left());
    const connect = () => connectOnce(shared.client);
    await shared.run(() => openOrClose(connect, () => shared.release(), left()));
    return new MongodbSession(shared);
  },
  explain: explainMongodb,
};

/** Connects, or rejects as soon as the server cannot be reached: the driver looks again until its time is over. */
async function connectOnce(client: MongoClient): Promise<void> {
  const { promise: unreachable, reject } = Promise.withResolvers<never>();
  const fail = ({ failure }: { failure: Error }) => reject(failure);
  client.once("serverHeartbeatFailed", fail);
  try {
    await Promise.race([client.connect(), unreachable]);
  } finally {
    client.off("serverHeartbeatFailed", fail);
  }
}

class MongodbSession implements Session {
  readonly #shared: SharedClient<MongoClient>;
  #usable = true;
  #running: AbortController | null = null;

  constructor(shared: SharedClient<MongoClient>) {
    this.#shared = shared;
  }

  isUsable(): boolean {
    return this.#usable && this.#shared.isOpen;
  }

  async run(target: ConnectionTarget, request: ConnectionRequest, timeoutMs: number): Promise<JsonValue> {
    return await this.#shared.run(() => this.#run(target, request, timeoutMs));
  }

  async #run({ entry }: ConnectionTarget, request: ConnectionRequest, timeoutMs: number): Promise<JsonValue> {
    const operation = mongodbOperation.parse({ operation: request.operation, ...request.arguments });
    const { reach } = entry as MongodbEntry;
    const database = this.#shared.client.db(reach.database);
    if (operation.operation === "catalogue")
      return (await readMongodbCatalogue(database, entry as MongodbEntry, timeoutMs)) as unknown as JsonValue;
    const bson = await import("mongodb");
    const running = new AbortController();
    this.#running = running;
    // The driver has no other way to end a wait; the server ends its work after the same time.
    const timer = setTimeout(() => running.abort(), timeoutMs + 500);
    const { collection, rows, bytes } = operation;
    const stages = operation.stages.map((stage) => toBson(stage, bson) as Document);
    const cursor = database.collection(collection).aggregate([...stages, { $limit: rows + 1 }], {
      maxTimeMS: timeoutMs,
      batchSize: Math.min(BATCH, rows + 1),
      allowDiskUse: false,
      comment: request.note,
      signal: running.signal,
    });
    try {
      return (await readDocuments(cursor, { rows, bytes })) as unknown as JsonValue;
    } finally {
      clearTimeout(timer);
      this.#running = null;
      await cursor.close().catch(() => {});
    }
  }

  async inspect({ entry }: ConnectionTarget, what?: Inspected): Promise<ConnectionReport> {
    const { client } = this.#shared;
    return await this.#shared.run(() =>
      inspectMongodb(client, entry as MongodbEntry, entry.limits.seconds * 1_000, what),
    );
  }

  /** Closes the socket of the running request; the server ends what no client waits for. */
  async cancel(): Promise<void> {
    this.#running?.abort();
  }

  close(): void {
    if (!this.#usable) return;
    this.#usable = false;
    this.#running?.abort();
    this.#shared.release();
  }
}

/** Documents until a bound is reached; the rest is not fetched. */
async function readDocuments(
  cursor: AsyncIterable<Document>,
  { rows, bytes }: { rows: number; bytes: number },
): Promise<AnsweredDocuments> {
  const documents: AnsweredDocuments["documents"] = [];
  let left = bytes;
  for await (const found of cursor) {
    const document = fromBson(found) as AnsweredDocuments["documents"][number];
    left -= encoder.encode(JSON.stringify(document)).length;
    // One document is always taken: without it the caller would not learn what is too large.
    if (documents.length >= rows || (left < 0 && documents.length > 0)) return { documents, cut: true };
    documents.push(document);
  }
  return { documents, cut: false };
}
