import { secretSourceOf } from "../../../shared/connections/secret-source.ts";
import { digestText } from "../../../shared/encoding/canonical-json.ts";
import type { ConnectionTarget } from "../../../shared/objects/connection-gate.ts";
import { openSecret } from "../../connections/secret.ts";
import { within } from "./within.ts";

/** Milliseconds that Secrets Store may take. */
const PATIENCE_MS = 5_000;

/**
 * Notices that a secret of Secrets Store has another value than when it was last read. The vault tells the objects of a
 * connection about a change; a store outside does not, so that it is read before each call.
 */
export class BoundSecret {
  #digest: string | null = null;

  /**
   * @param onChange - called before the next session is opened, and if there is no secret any more
   */
  async check(env: Env, { name, entry }: ConnectionTarget, onChange: () => Promise<void>): Promise<void> {
    const source = secretSourceOf(name, entry);
    if ("vault" in source) return;
    const before = this.#digest;
    this.#digest = null;
    try {
      const text = await within(() => openSecret(env, source, entry.title), PATIENCE_MS);
      this.#digest = digestText(text ?? "");
    } finally {
      if (before !== null && before !== this.#digest) await onChange();
    }
  }
}
