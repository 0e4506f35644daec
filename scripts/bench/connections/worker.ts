import { Redis } from "ioredis";
import { createConnection } from "mysql2/promise";
import pg from "pg";
import worker, { ConnectionPool as PlainPool } from "../../../workers/index.ts";
import { BARE_PATH, type BareCall } from "./bare-call.ts";

/** As many as the guarded object opens. */
const SESSIONS = 4;

type Ask = (call: BareCall) => Promise<unknown>;

/** The object of a connection, which also asks the drivers with nothing around them. */
export class ConnectionPool extends PlainPool {
  readonly #idle: Ask[] = [];
  readonly #waiting: ((ask: Ask) => void)[] = [];
  #opened = 0;

  async bare(call: BareCall): Promise<string> {
    const ask = await this.#take(call);
    try {
      return JSON.stringify(await ask(call));
    } finally {
      const next = this.#waiting.shift();
      if (next) next(ask);
      else this.#idle.push(ask);
    }
  }

  async #take(call: BareCall): Promise<Ask> {
    const idle = this.#idle.pop();
    if (idle) return idle;
    if (this.#opened < SESSIONS) {
      this.#opened += 1;
      return await openBare(call);
    }
    return await new Promise((resolve) => this.#waiting.push(resolve));
  }
}

async function openBare({ kind, reach }: BareCall): Promise<Ask> {
  if (kind === "postgresql") {
    const client = new pg.Client(reach);
    client.on("error", () => {});
    await client.connect();
    return async ({ sql, values }) => (await client.query(sql, values)).rows;
  }
  if (kind === "mysql") {
    const options = { ...reach, disableEval: true };
    const connection = await createConnection(options as Parameters<typeof createConnection>[0]);
    return async ({ sql, values }) => (await connection.execute(sql, values))[0];
  }
  const { host, port, password, user } = reach;
  const client = new Redis({
    host,
    port,
    password,
    username: user,
    lazyConnect: true,
    enableReadyCheck: false,
  });
  client.on("error", () => {});
  await client.connect();
  return ({ sql }) => client.hgetall(sql);
}

export * from "../../../workers/index.ts";

/** The guarded Worker with a path to the bare drivers. */
export default {
  ...worker,
  async fetch(request: Request, bindings: Env, ctx: ExecutionContext): Promise<Response> {
    if (new URL(request.url).pathname !== BARE_PATH) return await worker.fetch(request, bindings, ctx);
    const call = await request.json<BareCall>();
    const objects = bindings.CONNECTION_POOL as unknown as DurableObjectNamespace<ConnectionPool>;
    const object = objects.get(objects.idFromName(`bare-${call.kind}:${call.shard}`));
    return new Response(await object.bare(call));
  },
};
