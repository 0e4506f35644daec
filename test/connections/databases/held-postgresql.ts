import { env } from "cloudflare:workers";
import pg from "pg";
import { connectionEntry } from "../../../shared/connections/entry.ts";
import type { ConnectionRequest, ConnectionTarget } from "../../../shared/objects/connection-gate.ts";
import { writeSecret } from "../../../workers/connections/vault.ts";
import { until } from "../../support/until.ts";
import { asPostgresqlOwner, SERVERS } from "./servers.ts";

/** A connection with the rights of the server's owner, to a database of its own with an empty table `notes`. */
export async function prepareHeld(name: string, concurrent: number): Promise<ConnectionTarget> {
  const { host, port, user, password } = SERVERS.postgresql as NonNullable<typeof SERVERS.postgresql>;
  const database = `held_${name}`;
  await asPostgresqlOwner("postgres", `DROP DATABASE IF EXISTS ${database}`, `CREATE DATABASE ${database}`);
  await asPostgresqlOwner(database, "CREATE TABLE notes (text text)");
  await writeSecret(env, name, password, Date.now());
  const entry = connectionEntry.parse({
    ...{ kind: "postgresql", title: "Held", description: "Notes.", owner: "x", allow_privileged_role: true },
    reach: { host, port, user, tls: "off", database },
    expose: { tables: ["public.*"] },
    limits: { seconds: 20, concurrent },
  });
  return { name, revision: "first", entry };
}

/** A request that runs one statement. */
export function reading(sql: string, id: string = crypto.randomUUID()): ConnectionRequest {
  const args = { sql, values: [], rows: 10, bytes: 10_000 };
  return {
    ...{ id, operation: "query", arguments: args, identity: {}, timeoutMs: 20_000 },
    ...{ repeatable: true, note: "gatehouse test" },
  };
}

/** A request that writes one note. */
export function writing(text: string, id: string = crypto.randomUUID()): ConnectionRequest {
  const request = reading(`INSERT INTO notes VALUES ('${text}')`, id);
  return { ...request, operation: "write", repeatable: false };
}

/** Waits while the server's owner holds the lock with this number. */
export const waitingFor = (lock: number) => `SELECT pg_advisory_xact_lock_shared(${lock})::text AS locked`;

/** Decides when statements and sign-ins at one database of the server go on. */
export class Holder {
  readonly #outside: pg.Client;
  readonly #inside: pg.Client;
  readonly #database: string;

  private constructor(outside: pg.Client, inside: pg.Client, database: string) {
    this.#outside = outside;
    this.#inside = inside;
    this.#database = database;
  }

  static async open({ name }: ConnectionTarget): Promise<Holder> {
    const database = `held_${name}`;
    return new Holder(await connectTo("postgres"), await connectTo(database), database);
  }

  async lock(number: number): Promise<void> {
    await this.#inside.query("SELECT pg_advisory_lock($1)", [number]);
  }

  async unlock(number: number): Promise<void> {
    await this.#inside.query("SELECT pg_advisory_unlock($1)", [number]);
  }

  /** A session that is new has to look its first function up here. */
  async holdNewSessions(): Promise<void> {
    await this.#inside.query("BEGIN; LOCK TABLE pg_proc IN ACCESS EXCLUSIVE MODE");
  }

  async letNewSessions(): Promise<void> {
    await this.#inside.query("COMMIT");
  }

  /** A database that is renamed waits with sign-ins, once nothing else uses it. */
  async holdSignIns(): Promise<void> {
    await this.#inside.end();
    await this.#outside.query(`BEGIN; ALTER DATABASE ${this.#database} RENAME TO ${this.#database}_renamed`);
  }

  async letSignIn(): Promise<void> {
    await this.#outside.query("ROLLBACK");
  }

  /** How many statements wait for a lock of ours. */
  async statements(lock: number): Promise<number> {
    return await this.#count(`pg_locks WHERE locktype = 'advisory' AND objid = ${lock} AND NOT granted`);
  }

  async newSessions(): Promise<number> {
    return await this.#count("pg_locks WHERE relation = 'pg_proc'::regclass AND NOT granted");
  }

  async signIns(): Promise<number> {
    return await this.#count("pg_locks WHERE classid = 'pg_database'::regclass AND NOT granted");
  }

  /** How many sessions Gatehouse has at the database, with those that just open. */
  async sessions(): Promise<number> {
    return await this.#count(
      `pg_stat_activity WHERE datname = '${this.#database}' AND application_name = 'gatehouse'`,
    );
  }

  /** How many sessions at the database run nothing. */
  async idle(): Promise<number> {
    return await this.#count(
      `pg_stat_activity WHERE datname = '${this.#database}' AND state = 'idle' AND application_name = 'gatehouse'`,
    );
  }

  /** Waits until `look` finds at least this many. */
  async until(look: () => Promise<number>, least: number): Promise<void> {
    await until(async () => {
      const found = await look();
      if (found < least) throw new Error(`${found} of ${least} wait.`);
    });
  }

  async notes(): Promise<unknown[]> {
    const [rows] = await asPostgresqlOwner(this.#database, "SELECT text FROM notes");
    return (rows as { text: string }[]).map(({ text }) => text);
  }

  async close(): Promise<void> {
    await Promise.all([this.#inside.end(), this.#outside.end()]);
  }

  async #count(from: string): Promise<number> {
    const { rows } = await this.#outside.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${from}`);
    return rows[0]?.n ?? 0;
  }
}

async function connectTo(database: string): Promise<pg.Client> {
  const client = new pg.Client({ ...SERVERS.postgresql, database });
  client.on("error", () => {});
  await client.connect();
  return client;
}
