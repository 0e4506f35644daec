import type { ConnectionEntry } from "../../../shared/connections/entry.ts";
import type {
  ConnectionFailure,
  ConnectionReport,
  ConnectionTarget,
} from "../../../shared/objects/connection-gate.ts";
import { log } from "../../../shared/observe/log.ts";
import { RefusedRequest, type Session } from "../../connections/connector.ts";
import { within } from "./within.ts";

const MINUTE_MS = 60_000;

/**
 * Milliseconds for which a look at an account counts. Where the server does not say what an account may do, a look tries what
 * must be refused, and is rarer. Rights at an HTTP API or MCP server cannot be asked for.
 */
const COUNTS_MS: Readonly<Partial<Record<ConnectionEntry["kind"], number>>> = {
  postgresql: 15 * MINUTE_MS,
  mysql: 15 * MINUTE_MS,
  clickhouse: 15 * MINUTE_MS,
  oracle: 15 * MINUTE_MS,
  mongodb: 15 * MINUTE_MS,
  redis: 360 * MINUTE_MS,
  opensearch: 360 * MINUTE_MS,
  kafka: 360 * MINUTE_MS,
};

/** Milliseconds after which a refused account is looked at again. */
const REFUSED_MS = MINUTE_MS;

/** Milliseconds that a look may take. */
const PATIENCE_MS = 10_000;

/** What the last look found. Kept on disk: an object that is idle ends. */
interface Look {
  at: number;
  revision: string;
  refusal: ConnectionFailure | null;
}

const KEY = "account";

type Excess = ConnectionReport["excess"];

/**
 * Looks again at what the account of a published connection may do: an account that only read when it was published may have
 * gained a right since. While it may do more than read, no session serves a call.
 */
export class AccountWatch {
  readonly #storage: DurableObjectStorage;
  #look: Look | null | undefined;
  #running: Promise<void> | null = null;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
  }

  /** Throws {@link RefusedRequest} while the account is known to do more than read. */
  async requireReading(target: ConnectionTarget): Promise<void> {
    const look = await this.#last(target);
    if (look?.refusal && Date.now() - look.at < REFUSED_MS) throw new RefusedRequest(look.refusal);
  }

  /**
   * Looks at the account through a session that serves no call yet, if that is due. Throws {@link RefusedRequest} if it may do
   * more than read. A look that fails says nothing, and is repeated with the next session.
   */
  async check(target: ConnectionTarget, session: Session): Promise<void> {
    if (this.#running === null && !(await this.#isDue(target))) return;
    const inspect = async () => (await session.inspect(target, "account")).excess;
    this.#running ??= this.#inspect(target, inspect).finally(() => {
      this.#running = null;
    });
    await this.#running;
    await this.requireReading(target);
  }

  /**
   * Looks at the account, if that is due, while calls go on through sessions that are open.
   *
   * @param inspect - looks through a session of its own
   */
  async refresh(target: ConnectionTarget, inspect: () => Promise<Excess>): Promise<void> {
    // Asked again after the wait: another call may have begun.
    if (this.#running !== null || !(await this.#isDue(target)) || this.#running !== null) return;
    this.#running = this.#inspect(target, inspect).finally(() => {
      this.#running = null;
    });
    await this.#running;
    await this.requireReading(target);
  }

  /** The next session looks, whatever was found before: the system was away, or has another secret. */
  forget(): void {
    this.#look = null;
    void this.#storage.delete(KEY);
  }

  async #isDue(target: ConnectionTarget): Promise<boolean> {
    if (!isWatched(target)) return false;
    const look = await this.#last(target);
    const counts = look?.refusal ? REFUSED_MS : (COUNTS_MS[target.entry.kind] ?? 0);
    return look === null || Date.now() - look.at >= counts;
  }

  async #inspect({ name, revision, entry }: ConnectionTarget, inspect: () => Promise<Excess>): Promise<void> {
    try {
      const excess = await within(inspect, PATIENCE_MS);
      const found = excess.filter(({ blocking }) => blocking).map(({ what }) => what);
      const refusal = found.length === 0 ? null : refuse(entry.title);
      if (refusal !== null) log("error", "connection_account_privileged", { connection: name, may: found });
      this.#look = { at: Date.now(), revision, refusal };
      await this.#storage.put(KEY, this.#look);
    } catch (failure) {
      log("warn", "connection_account_unchecked", { connection: name, error: String(failure) });
    }
  }

  async #last({ revision }: ConnectionTarget): Promise<Look | null> {
    if (this.#look === undefined) this.#look = (await this.#storage.get<Look>(KEY)) ?? null;
    return this.#look?.revision === revision ? this.#look : null;
  }
}

/** An entry that is not published is tested, and one may say that its account does more. */
function isWatched({ revision, entry }: ConnectionTarget): boolean {
  const isAllowed = "allow_privileged_role" in entry && entry.allow_privileged_role;
  return revision !== "" && !isAllowed && COUNTS_MS[entry.kind] !== undefined;
}

/** For callers: what the account may do is for its owner alone. */
function refuse(title: string): ConnectionFailure {
  return {
    code: "unavailable",
    message: `${title} is not used at present: its account may do more than read.`,
    action:
      "Ask its owner to end that: npm run connections -- doctor <name>. It is looked at again every minute.",
    sent: false,
  };
}
