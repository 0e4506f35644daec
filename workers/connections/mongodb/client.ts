import type { MongoClient } from "mongodb";
import type { MongodbEntry } from "../../../shared/connections/kinds/mongodb.ts";
import { digestText } from "../../../shared/encoding/canonical-json.ts";
import { SESSIONS_PER_OBJECT } from "../../../shared/objects/connection-gate.ts";
import { OPEN_MS } from "../connector.ts";
import { SharedClient } from "../shared-client.ts";
import { boundMessages } from "./bound-messages.ts";

/**
 * The driver's client for an entry and a password. All sessions of an object use one: each client has a socket more,
 * with which it watches the server, and the platform gives an object six.
 *
 * @param mostMs - milliseconds that it may wait for the end of a client for another place or password
 */
export async function shareClient(
  { reach }: MongodbEntry,
  secret: string,
  memory: Map<string, unknown>,
  mostMs: number,
): Promise<SharedClient<MongoClient>> {
  const [{ MongoClient: Client }] = await Promise.all([import("mongodb"), boundMessages()]);
  const host = reach.host.includes(":") ? `[${reach.host}]` : reach.host;
  const make = () => {
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
    return { client, close: () => closeClient(client) };
  };
  return await SharedClient.use(digestText(JSON.stringify([reach, secret])), make, memory, mostMs);
}

/** The part of the driver's client that is used. */
interface Topology {
  closeCheckedOutConnections(): void;
  close(): void;
}

/** The driver alone would first tell the server which cursors and sessions have ended, and wait for its answers. */
function closeClient(client: MongoClient): void {
  const { topology } = client as unknown as { topology?: Topology };
  topology?.closeCheckedOutConnections();
  topology?.close();
  void client.close().catch(() => {});
}
