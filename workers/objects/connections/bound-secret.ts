import { secretSourceOf } from "../../../shared/connections/secret-source.ts";
import { digestText } from "../../../shared/encoding/canonical-json.ts";
import type { ConnectionTarget } from "../../../shared/objects/connection-gate.ts";
import { NoSecret, openSecret } from "../../connections/secret.ts";

/**
 * Notices that a secret of Secrets Store has another value than when it was last read. The vault tells the objects of a
 * connection about a change; a store outside does not, so that it is read before each call.
 */
export class BoundSecret {
  /** Of the value that was read last; `null` if there was none, `undefined` before it was read. */
  #digest: string | null | undefined;

  /**
   * @param mostMs - milliseconds that are left for it
   * @param onChange - called before the next session is opened, and if there is no secret any more
   */
  async check(
    env: Env,
    { name, entry }: ConnectionTarget,
    mostMs: number,
    onChange: () => Promise<void>,
  ): Promise<void> {
    const source = secretSourceOf(name, entry);
    if ("vault" in source) return;
    const found = await openSecret(env, source, entry.title, mostMs).catch((failure: unknown) => {
      // A read that failed or was late says nothing about the value, with which requests may run at this moment.
      if (!(failure instanceof NoSecret)) throw failure;
      return failure;
    });
    const digest = typeof found === "string" ? digestText(found) : null;
    // What a check read that ran at the same moment counts: each value is compared with the one before it.
    const before = this.#digest;
    this.#digest = digest;
    if (before !== undefined && before !== digest) await onChange();
    if (found instanceof NoSecret) throw found;
  }
}
