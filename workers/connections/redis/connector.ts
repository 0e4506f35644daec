import type { Redis } from "ioredis";
import { z } from "zod";
import type { RedisEntry } from "../../../shared/connections/kinds/redis.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import type {
  ConnectionFailure,
  ConnectionReport,
  ConnectionRequest,
  ConnectionTarget,
} from "../../../shared/objects/connection-gate.ts";
import { type Connector, OPEN_MS, RefusedRequest, type Session } from "../connector.ts";
import { openOrClose } from "../open-or-close.ts";
import { AnswerMeter } from "./answer-meter.ts";
import { readKey, refuseSize, scanKeys, tailStream } from "./read-keys.ts";

/** Connects to Redis and Valkey with the driver `ioredis`. */
export const redis: Connector = {
  async open(_env, { entry }, secret, _memory, timeoutMs) {
    const { Redis: Client } = await import("ioredis");
    const { reach } = entry as RedisEntry;
    const client = new Client({
      host: reach.host,
      port: reach.port ?? 6379,
      username: reach.user,
      ...(secret !== null && { password: secret }),
      db: reach.database,
      ...(reach.tls === "required" && { tls: {} }),
      // What the meter reads.
      protocol: 2,
      lazyConnect: true,
      enableReadyCheck: false,
      maxRetriesPerRequest: 0,
      retryStrategy: () => null,
      connectTimeout: OPEN_MS,
    });
    const meter = new AnswerMeter(refuseSize);
    meterSocket(client, meter);
    const session = new RedisSession(client, meter);
    let cause: unknown;
    client.on("error", (failure) => {
      cause ??= failure;
    });
    // The driver rejects with "Connection is closed" and tells the cause as an event.
    const connect = () => client.connect().catch((failure: unknown) => Promise.reject(cause ?? failure));
    await openOrClose(connect, () => session.close(), timeoutMs);
    return session;
  },
  explain,
};

/** Lets `meter` watch the socket that the driver opens, before the driver reads from it. */
function meterSocket(client: Redis, meter: AnswerMeter): void {
  const { connector } = client as unknown as {
    connector: { connect(...given: unknown[]): Promise<Parameters<AnswerMeter["watch"]>[0]> };
  };
  const connect = connector.connect.bind(connector);
  connector.connect = async (...given) => {
    const stream = await connect(...given);
    meter.watch(stream);
    return stream;
  };
}

/** What a session of Redis does. */
const redisOperation = z.discriminatedUnion("operation", [
  z.object({ operation: z.literal("get"), key: z.string(), field: z.string().nullable(), rows: z.int() }),
  z.object({ operation: z.literal("scan"), prefix: z.string(), cursor: z.string(), rows: z.int() }),
  z.object({ operation: z.literal("stream"), key: z.string(), before: z.string(), rows: z.int() }),
]);

class RedisSession implements Session {
  readonly #client: Redis;
  readonly #meter: AnswerMeter;
  #usable = true;

  constructor(client: Redis, meter: AnswerMeter) {
    this.#client = client;
    this.#meter = meter;
  }

  isUsable(): boolean {
    // The driver learns of an ended socket later.
    return this.#usable && this.#meter.cause === null && this.#client.status === "ready";
  }

  async run({ entry }: ConnectionTarget, request: ConnectionRequest): Promise<JsonValue> {
    const operation = redisOperation.parse({ operation: request.operation, ...request.arguments });
    const { expose, limits } = entry as RedisEntry;
    const bounds = { rows: Math.min(operation.rows, limits.rows), bytes: limits.bytes };
    // The tools have checked it too; the object that holds the socket does not rely on them.
    const key = operation.operation === "scan" ? operation.prefix : operation.key;
    if (!expose.prefixes.some((prefix) => key.startsWith(prefix))) {
      throw new RefusedRequest({ code: "forbidden", message: "This connection does not expose that key." });
    }
    return await this.#metered(() => this.#read(operation, bounds));
  }

  async #metered<Value>(read: () => Promise<Value>): Promise<Value> {
    this.#meter.reset();
    try {
      return await read();
    } catch (failure) {
      // The driver tells of a closed socket alone.
      throw this.#meter.cause ?? failure;
    }
  }

  #read(operation: z.output<typeof redisOperation>, bounds: { rows: number; bytes: number }) {
    switch (operation.operation) {
      case "get":
        return readKey(this.#client, operation.key, operation.field, bounds);
      case "scan":
        return scanKeys(this.#client, operation.prefix, operation.cursor, bounds);
      case "stream":
        return tailStream(this.#client, operation.key, operation.before, bounds);
    }
  }

  async inspect({ entry }: ConnectionTarget): Promise<ConnectionReport> {
    const start = Date.now();
    await this.#metered(() => this.#client.ping());
    const ms = Date.now() - start;
    const { expose, reach } = entry as RedisEntry;
    const writes = await this.#metered(() => this.#findWrites(expose.prefixes));
    return {
      server: "Redis",
      ms,
      excess: writes.map((command) => ({
        what: `run ${command}`,
        remedy: `ACL SETUSER ${reach.user} -@all +@read +@connection +ping -@dangerous -keys`,
        blocking: true,
      })),
      exposed: expose.prefixes.map((prefix) => `${prefix}*`),
      proposals: {},
      mistakes: [],
    };
  }

  async cancel(): Promise<void> {
    // Every command is bounded and quick; closing the socket ends the wait.
    this.close();
  }

  /** The driver alone would wait for the end of what the server still sends. */
  close(): void {
    this.#usable = false;
    this.#client.disconnect();
    this.#client.stream?.destroy();
  }

  /**
   * What the account may do beyond reading. `ACL DRYRUN` is not for such an account, so commands are sent that
   * change nothing even where they are allowed: on a key that does not exist, or reading the server's settings.
   * Rights may be for keys of a pattern alone, so that those below each exposed prefix are tried, and the prefix itself as a key.
   */
  async #findWrites(prefixes: readonly string[]): Promise<string[]> {
    const name = `gatehouse:probe:${crypto.randomUUID()}`;
    const found = new Set<string>();
    const attempt = async ([command, ...given]: Probe, key: string) => {
      const parts = given.map((part) => (part === KEY ? key : part === MEMBER ? name : part));
      const failure = await this.#client.call(command, ...parts).then(
        () => null,
        (error: unknown) => error,
      );
      if (!(failure instanceof Error && failure.message.startsWith("NOPERM"))) found.add(command);
    };
    for (const probe of [...KEY_PROBES, ...PROBES]) await attempt(probe, name);
    for (const prefix of new Set(prefixes)) {
      for (const probe of KEY_PROBES) await attempt(probe, `${prefix}${name}`);
      for (const probe of MEMBER_PROBES) await attempt(probe, prefix);
    }
    return [...found];
  }
}

type Probe = readonly [string, ...string[]];

const KEY = "<key>";
const MEMBER = "<member>";

/** Commands that remove a member which no key has: they change nothing of a key that exists. */
const MEMBER_PROBES: readonly Probe[] = [
  ["HDEL", KEY, MEMBER],
  ["SREM", KEY, MEMBER],
  ["ZREM", KEY, MEMBER],
];

/** One command of each category of keys that a reading account must not have. */
const KEY_PROBES: readonly Probe[] = [
  ["SET", KEY, "", "XX"],
  ["DEL", KEY],
  ["EXPIRE", KEY, "1"],
  ["LPUSHX", KEY, "value"],
  ["XDEL", KEY, "0-1"],
  ...MEMBER_PROBES,
];

/** One command of each other category. */
const PROBES: readonly Probe[] = [
  ["PUBLISH", KEY, ""],
  ["EVAL", "return 1", "0"],
  ["SCRIPT", "EXISTS", KEY],
  ["CONFIG", "GET", "maxmemory"],
  ["ACL", "USERS"],
  ["MODULE", "LIST"],
  ["CLIENT", "LIST"],
  ["KEYS", KEY],
];

/** Our words for a reply error of Redis; `null` for a lost connection. */
function explain(failure: unknown, { entry }: ConnectionTarget): ConnectionFailure | null {
  const message = failure instanceof Error ? failure.message : "";
  if (/^(WRONGPASS|NOAUTH|ERR AUTH|ERR invalid password)/.test(message)) {
    return {
      code: "unavailable",
      message: `${entry.title} refuses the account of this connection.`,
      action: "Ask its owner to set the password again.",
    };
  }
  if (message.startsWith("NOPERM"))
    return { code: "forbidden", message: `The account of ${entry.title} may not read this key.` };
  if (message.startsWith("WRONGTYPE"))
    return { code: "invalid_input", message: "The key holds another type of value." };
  if (/^(LOADING|BUSY|CLUSTERDOWN|MASTERDOWN|MISCONF)/.test(message)) return null;
  return /^(ERR|MOVED|ASK)\b/.test(message)
    ? { code: "invalid_input", message: `${entry.title} refuses the command.` }
    : null;
}
