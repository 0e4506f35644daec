import { mkdtemp, rm } from "node:fs/promises";
import http from "node:http";
import os from "node:os";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { startDatabaseServers } from "../databases/debian-servers.ts";
import { CommandFailure } from "../local/failure.ts";
import { pickPort } from "../local/port.ts";
import { parseWholeNumber } from "../local/whole-number.ts";
import { buildVariant } from "./calls/build.ts";
import { type Client, connectClient, type Target } from "./calls/client.ts";
import { signPeopleIn } from "./calls/people.ts";
import { type RunningWorker, startGateway } from "./calls/runtime.ts";
import { CONNECTED } from "./calls/variants.ts";
import { FAULTS, openBadServer, openMeter } from "./connections/bad-servers.ts";
import { BARE_PATH, type BareCall } from "./connections/bare-call.ts";
import { callFor, ms } from "./connections/call-for.ts";
import { compareTenth } from "./connections/compare-tenth.ts";
import { entryOf, fillServers, MANY, PASSWORD, putInForce } from "./connections/stand.ts";
import { readBench } from "./options.ts";

const HELP = `Measures connections on Debian's PostgreSQL, MariaDB and Redis: a guarded query through its tool against the bare driver
in the same object; what one failing system does to nine others; and what a million rows cost.

  npm run bench -- connections [--seconds 8] [--rounds 3]
`;

process.env.WRANGLER_LOG = "error";
process.env.WRANGLER_WRITE_LOGS = "false";

const KINDS = ["postgresql", "mysql", "redis"] as const;
const GOOD = Array.from({ length: 9 }, (_, index) => `good${index + 1}`);
const CLIENTS = 8;

const STATEMENTS = {
  postgresql: "SELECT id, name, country, joined FROM people WHERE id > $1 ORDER BY id LIMIT 20",
  mysql: "SELECT id, name, country, joined FROM people WHERE id > ? ORDER BY id LIMIT 20",
  redis: "person:7",
};

const { values } = readBench("connections");
if (values.help) console.log(HELP);
else
  await measure(
    parseWholeNumber("seconds", values.seconds, 60) * 1_000,
    parseWholeNumber("rounds", values.rounds, 20),
  );

async function measure(phaseMs: number, rounds: number): Promise<void> {
  const { postgresql, mariadb, redis } = await startDatabaseServers();
  if (postgresql === null || mariadb === null || redis === null) {
    throw new CommandFailure(
      "PostgreSQL, MariaDB or Redis is not installed.",
      "Install Debian's packages first.",
    );
  }
  await fillServers({ postgresql, mariadb, redis });
  const servers = { postgresql, mysql: mariadb, redis };
  const folder = await mkdtemp(path.join(os.tmpdir(), "gatehouse-connections-"));
  const port = await pickPort();
  const publicUrl = `http://localhost:${port}`;
  const { script, wasm } = await buildVariant(CONNECTED);
  const worker = await startGateway({ script, wasm, folder, publicUrl, port });
  const bad = await Promise.all(FAULTS.map(openBadServer));
  const meters = { postgresql: await openMeter(postgresql.port), mysql: await openMeter(mariadb.port) };
  try {
    const database = await worker.migrate();
    const small = { concurrent: 4 };
    await putInForce(
      database,
      {
        ...Object.fromEntries(KINDS.map((kind) => [kind, entryOf(kind, servers[kind])])),
        ...Object.fromEntries(
          [...GOOD, "tenth"].map((name) => [name, entryOf("postgresql", postgresql, postgresql.port, small)]),
        ),
        ...Object.fromEntries(
          FAULTS.map((fault, index) => [
            nameOf(fault),
            entryOf("postgresql", postgresql, bad[index]?.port, small),
          ]),
        ),
        largepostgresql: entryOf("postgresql", postgresql, meters.postgresql.port, {
          rows: 1_000,
          bytes: 1_000_000,
        }),
        largemysql: entryOf("mysql", mariadb, meters.mysql.port, { rows: 1_000, bytes: 1_000_000 }),
      },
      folder,
    );
    const [token = ""] = await signPeopleIn(database, `${publicUrl}/mcp`, 1);
    const at = (tool: string, given: Record<string, unknown>): Target => ({
      port,
      host: `localhost:${port}`,
      path: "/mcp",
      tool,
      token,
      arguments: given,
    });
    await compareDrivers(at, servers, phaseMs);
    await compareConnections(at, phaseMs, rounds);
    await measureManyRows(at, worker, meters);
  } finally {
    for (const server of [...bad, ...Object.values(meters)]) server.close();
    await worker.stop();
    await rm(folder, { recursive: true, force: true });
  }
  process.exit();
}

type At = (tool: string, given: Record<string, unknown>) => Target;
type Servers = Record<(typeof KINDS)[number], { host: string; port: number }>;

/** One client, then eight: the guarded tool and the bare driver in turn. */
async function compareDrivers(at: At, servers: Servers, phaseMs: number): Promise<void> {
  console.log(
    "| kind | what | p50 | p95 | calls a second, one client | calls a second, eight |\n|---|---|---|---|---|---|",
  );
  for (const kind of KINDS) {
    const target =
      kind === "redis"
        ? at("redis_get_key", { key: STATEMENTS.redis })
        : at(`${kind}_query`, { sql: STATEMENTS[kind], parameters: [500] });
    const guarded = await Promise.all(
      Array.from({ length: CLIENTS }, () => connectClient("stateless", target)),
    );
    const bare = Array.from({ length: CLIENTS }, (_, index) =>
      bareClient(target.port, kind, servers[kind], index % 2),
    );
    for (const [what, clients] of [
      ["guarded tool", guarded],
      ["bare driver", bare],
    ] as const) {
      await callFor(clients, phaseMs / 4);
      const alone = await callFor(clients.slice(0, 1), phaseMs);
      const together = await callFor(clients, phaseMs);
      const rate = (times: number[]) => ((times.length / phaseMs) * 1_000).toFixed(0);
      console.log(
        `| ${kind} | ${what} | ${ms(alone, 0.5)} | ${ms(alone, 0.95)} | ${rate(alone)} | ${rate(together)} |`,
      );
    }
    for (const client of [...guarded, ...bare]) client.close();
  }
}

function bareClient(
  port: number,
  kind: BareCall["kind"],
  { host, port: to }: Servers[BareCall["kind"]],
  shard: number,
): Client {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const database = kind === "mysql" ? "bench" : "postgres";
  const reach = { host, port: to, user: "reader", password: PASSWORD, database };
  const call: BareCall = { kind, shard, reach, sql: STATEMENTS[kind], values: kind === "redis" ? [] : [500] };
  const body = JSON.stringify(call);
  return {
    call: () =>
      new Promise((resolve, reject) => {
        const request = http.request(
          { host: "127.0.0.1", port, path: BARE_PATH, method: "POST", agent },
          (response) => {
            response.resume();
            response.once("end", () =>
              response.statusCode === 200
                ? resolve()
                : reject(new Error(`The driver was answered with ${response.statusCode}.`)),
            );
          },
        );
        request.once("error", reject);
        request.end(body);
      }),
    close: () => agent.destroy(),
  };
}

/** Nine connections at one pace, with the tenth healthy or failing. */
async function compareConnections(at: At, phaseMs: number, rounds: number): Promise<void> {
  const statement = { sql: STATEMENTS.postgresql, parameters: [500] };
  const open = (name: string) => connectClient("stateless", at(`${name}_query`, statement));
  const nine = await Promise.all(GOOD.map(open));
  const pair = async (state: string, name: string) => ({
    state,
    clients: [await open(name), await open(name)],
  });
  const healthy = await pair("healthy", "tenth");
  const failing = await Promise.all(FAULTS.map((fault) => pair(fault, nameOf(fault))));
  await compareTenth("the tenth connection", { nine, healthy, failing }, { phaseMs, rounds });
}

/** What reaches the object, and what its process holds, for a statement that has a million rows. */
async function measureManyRows(
  at: At,
  worker: RunningWorker,
  meters: Record<"postgresql" | "mysql", { read(): number }>,
): Promise<void> {
  console.log(
    "\n| a statement of 1,000,000 rows | bytes from the server | growth of the process, at most |\n|---|---|---|",
  );
  for (const kind of ["postgresql", "mysql"] as const) {
    const client = await connectClient(
      "stateless",
      at(`large${kind}_query`, { sql: "SELECT id, filler FROM many", limit: 1_000 }),
    );
    await client.call();
    meters[kind].read();
    const before = (await worker.readMemory()) ?? 0;
    let most = before;
    let running = true;
    const looking = (async () => {
      while (running) {
        most = Math.max(most, (await worker.readMemory()) ?? 0);
        await wait(10);
      }
    })();
    const calls = 10;
    for (let call = 0; call < calls; call += 1) await client.call();
    running = false;
    await looking;
    const bytes = meters[kind].read() / calls;
    console.log(
      `| ${kind} (${((MANY * 110) / 1e6).toFixed(0)} MB in all) | ${(bytes / 1_000).toFixed(0)} KB | ${((most - before) / 1e6).toFixed(1)} MB |`,
    );
    client.close();
  }
}

function nameOf(fault: string): string {
  return `bad${fault.replaceAll(" ", "")}`;
}
