import type { MongoClient } from "mongodb";
import type { MongodbEntry } from "../../../shared/connections/kinds/mongodb.ts";
import { digestText } from "../../../shared/encoding/canonical-json.ts";
import type { ConnectionTarget } from "../../../shared/objects/connection-gate.ts";
import { SESSIONS_PER_OBJECT } from "../../../shared/objects/connection-gate.ts";
import { OPEN_MS } from "../connector.ts";
import { boundMessages } from "./bound-messages.ts";

/** A client that the sessions of one object share, and how many do. */
export interface SharedClient {
  key: string;
  client: MongoClient;
  users: number;
}

/**
 * The driver's client for an entry and a password. All sessions of an object use one: each client has a socket more,
 * with which it watches the server, and the platform gives an object six.
 */
export async function shareClient(
  { name, revision, entry }: ConnectionTarget,
  secret: string,
  memory: Map<string, unknown>,
): Promise<SharedClient> {
  const key = `mongodb ${digestText(JSON.stringify([name, revision, entry, secret]))}`;
  const known = memory.get(key) as SharedClient | undefined;
  if (known !== undefined) {
    known.users += 1;
    return known;
  }
  const [{ MongoClient: Client }] = await Promise.all([import("mongodb"), boundMessages()]);
  const { reach } = entry as MongodbEntry;
  const host = reach.host.includes(":") ? `[${reach.host}]` : reach.host;
  const client = new Client(`mongodb://${host}:${reach.port ?? 27017}/`, {
    auth: { username: reach.user, password: secret },
    authSource: reach.auth_database,
    tls: reach.tls === "required",
    directConnection: true,
    maxPoolSize: SESSIONS_PER_OBJECT,
    minPoolSize: 0,
    // A stream of the server's state would take a socket of its own.
    serverMonitoringMode: "poll",
    heartbeatFrequencyMS: 30_000,
    serverSelectionTimeoutMS: OPEN_MS - 1_000,
    connectTimeoutMS: OPEN_MS - 1_000,
    retryReads: false,
    retryWrites: false,
    readPreference: "secondaryPreferred",
    useBigInt64: true,
    appName: "gatehouse",
  });
  const shared = { key, client, users: 1 };
  // Two sessions may open at the same moment: the second finds the first one's client.
  const other = memory.get(key) as SharedClient | undefined;
  if (other !== undefined) {
    other.users += 1;
    return other;
  }
  memory.set(key, shared);
  return shared;
}

/** Ends a session's use; the last one closes the sockets. */
export function releaseClient(shared: SharedClient, memory: Map<string, unknown>): void {
  shared.users -= 1;
  if (shared.users > 0) return;
  if (memory.get(shared.key) === shared) memory.delete(shared.key);
  void shared.client.close(true).catch(() => {});
}
