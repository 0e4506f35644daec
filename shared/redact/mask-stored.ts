import { maskStrings } from "./mask-text.ts";

/**
 * Data that Gatehouse never stores, whatever the role: keys, tokens, passwords, and payment cards except
 * their last four digits (PCI DSS 3.5.1). Personal data is stored: a note about a customer needs the
 * customer.
 */
const NEVER_STORED = ["secret", "card"] as const;

/** A JSON value masked for storage in a session, a kept result or a request for approval. */
export function maskStored<Value>(value: Value): Value {
  return maskStrings(value, NEVER_STORED);
}
