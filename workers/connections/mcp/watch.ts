import { digestDefinition } from "../../../shared/connections/definitions.ts";
import type { ConnectionTarget } from "../../../shared/objects/connection-gate.ts";
import { log, logFailure } from "../../../shared/observe/log.ts";
import { RefusedRequest } from "../connector.ts";
import { openExposure } from "../review/expose.ts";
import { storeFound } from "../review/found.ts";
import { describeListed, type Listed } from "./definitions.ts";

/** Milliseconds between two looks, whatever the server says of changes. */
const PAUSE_MS = 60_000;

/** Milliseconds between two looks at what the server lists now: before a call that depends on it, and otherwise. */
const FRESH_MS = { off: 60_000, keep: 10 * 60_000 } as const;

/** Notices that the other side changed a definition. What was approved stays in force whatever it finds. */
export class DefinitionWatch {
  readonly #env: Env;
  readonly #target: ConnectionTarget;
  readonly #list: () => Promise<Listed>;
  #seen: ReadonlyMap<string, string> = new Map();
  #seenAt = 0;
  #lookedAt = 0;
  #looking: Promise<void> | undefined;

  constructor(env: Env, target: ConnectionTarget, list: () => Promise<Listed>) {
    this.#env = env;
    this.#target = target;
    this.#list = list;
  }

  /** The server says that its list changed: the next call looks again, at most once a minute. */
  forget(): void {
    this.#seenAt = 0;
  }

  /**
   * Before a call: with `off`, refuses a tool whose definition is not the approved one any more; with `keep`,
   * looks now and then while calls go on.
   */
  async check(tool: string, approved: string, onChange: "keep" | "off"): Promise<void> {
    const now = Date.now();
    const isOld = now - this.#seenAt > FRESH_MS[onChange] && now - this.#lookedAt > PAUSE_MS;
    if (isOld) this.#looking ??= this.#look().finally(() => (this.#looking = undefined));
    if (onChange === "keep") {
      this.#looking?.catch((failure: unknown) =>
        logFailure("definitions_not_read", failure, { connection: this.#target.name }),
      );
      return;
    }
    await this.#looking;
    if (this.#seen.get(tool) === approved) return;
    throw new RefusedRequest({
      code: "unavailable",
      message: `This tool changed at ${this.#target.entry.title} and is off until it is reviewed.`,
      action: `Ask an administrator: npm run connections -- review ${this.#target.name}`,
      attempt: "changed_tool",
    });
  }

  async #look(): Promise<void> {
    // Before the list is read: a change that comes meanwhile is looked at again.
    const at = Date.now();
    this.#lookedAt = at;
    const { definitions: listed } = describeListed(await this.#list());
    const definitions = listed.filter(openExposure(this.#target.entry));
    this.#seen = new Map(
      definitions.flatMap((one) => (one.type === "tool" ? [[one.name, digestDefinition(one)] as const] : [])),
    );
    this.#seenAt = at;
    const { name, revision } = this.#target;
    // An unpublished entry is under test.
    if (revision === "") return;
    const fresh = await storeFound(this.#env.PLATFORM_DB, name, definitions, at);
    if (fresh.length > 0) log("warn", "definitions_changed", { connection: name, count: fresh.length });
  }
}
