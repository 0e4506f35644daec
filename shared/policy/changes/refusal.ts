/**
 * Why a policy cannot be read or published. `stale`: another one was published in the meantime. `unchanged`: exactly this
 * is in force. `unknown`: there is no such version or publication. `damaged`: the database has something else than was
 * published. `unreadable`: this release cannot read it. `too_large`, `mistaken`: the document itself.
 */
export type RefusalKind =
  | "stale"
  | "unchanged"
  | "unknown"
  | "damaged"
  | "unreadable"
  | "too_large"
  | "mistaken";

/** A policy is not read or published. The message is a sentence for the person who asked; nothing was changed. */
export class PolicyRefusal extends Error {
  readonly kind: RefusalKind;

  constructor(kind: RefusalKind, message: string) {
    super(message);
    this.name = "PolicyRefusal";
    this.kind = kind;
  }
}
