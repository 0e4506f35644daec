import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { connectionEntry } from "../../shared/connections/entry.ts";
import type { JsonValue } from "../../shared/encoding/json.ts";
import type { ConnectionRequest, ConnectionTarget } from "../../shared/objects/connection-gate.ts";
import type { SessionCaller } from "../../workers/connections/connector.ts";
import { opensearch } from "../../workers/connections/opensearch/connector.ts";

const servers: Server[] = [];

/** A session of OpenSearch tells the server nothing of its caller but the note. */
const CALLER = {} as SessionCaller;

/** Ends the doubles of a test. */
export function closeDoubles(): void {
  for (const server of servers.splice(0)) server.close();
}

/** What the double was asked. */
export interface Asked {
  request: string;
  body: JsonValue;
  headers: Record<string, unknown>;
}

const IDENTITIES = {
  opensearch: { version: { distribution: "opensearch", number: "2.19.3" } },
  elasticsearch: { version: { number: "8.17.0", build_flavor: "default" } },
};

/** Status and body by a part of method and path. */
export type Answers = Readonly<Record<string, readonly [number, JsonValue | string]>>;

/** A server that answers as OpenSearch and Elasticsearch document it: status and body by method and path. */
export async function serve(product: keyof typeof IDENTITIES, answers: Answers, entryOf: object = {}) {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    const line = `${request.method} ${decodeURIComponent(request.url ?? "")}`;
    asked.push({ request: line, body: text === "" ? null : JSON.parse(text), headers: request.headers });
    const found = Object.entries(answers).find(([part]) => line.includes(part))?.[1];
    const [status, body] = found ?? (line === "GET /" ? [200, IDENTITIES[product]] : [403, { error: {} }]);
    const location = { location: "http://127.0.0.1:1/elsewhere" };
    response
      .writeHead(status, status === 302 ? location : {})
      .end(typeof body === "string" ? body : JSON.stringify(body));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const entry = connectionEntry.parse({
    kind: "opensearch",
    title: "Orders",
    description: "Orders of the web shop.",
    owner: "shop@people.example",
    reach: { host: "127.0.0.1", port, tls: "off" },
    auth: { type: "basic", user: "reader" },
    expose: { indices: ["orders*", "logs"], except: ["orders-private"] },
    ...entryOf,
  });
  const target: ConnectionTarget = { name: "orders", revision: "r", entry };
  const session = await opensearch.open({} as Env, target, "a password", new Map());
  const run = (operation: string, args: Record<string, JsonValue> = {}) =>
    session.run(target, requestOf(operation, args), 3_000, CALLER);
  return { asked, target, session, run };
}

function requestOf(operation: string, args: Record<string, JsonValue>): ConnectionRequest {
  const note = "gatehouse user=u trace=t";
  return { id: "1", operation, arguments: args, identity: {}, timeoutMs: 3_000, repeatable: true, note };
}
