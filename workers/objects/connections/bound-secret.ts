import { secretSourceOf } from "../../../shared/connections/secret-source.ts";
import { digestText } from "../../../shared/encoding/canonical-json.ts";
import type { ConnectionTarget } from "../../../shared/objects/connection-gate.ts";
import { openSecret } from "../../connections/secret.ts";

/**
 * Notices that a secret of Secrets Store has another value than when it was last read. The vault tells the objects of a
 * connection about a change; a store outside does not, so that it is read before each call.
 */
export class BoundSecret {
  /** Of the value that was read last; `null` if it could not be read, `undefined` before it was. */
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
    let digest: string | null = null;
    try {
      digest = digestText((await openSecret(env, source, entry.title, mostMs)) ?? "");
    } finally {
      // What a check read that ran at the same moment counts: each value is compared with the one before it.
      const before = this.#digest;
      this.#digest = digest;
      if (before !== undefined && before !== digest) await onChange();
    }
  }
}
