import { maskStrings } from "./mask-text.ts";

/**
 * What no memory of Gatehouse keeps, whoever may see it: keys, tokens, passwords, and payment cards but for their last
 * four digits (PCI DSS 3.5.1). Personal data stays: a note about a customer is of no use without the customer.
 */
const NEVER_STORED = ["secret", "card"] as const;

/** A JSON value as it may be stored in a session, among kept results or with a request for approval. */
export function maskStored<Value>(value: Value): Value {
  return maskStrings(value, NEVER_STORED);
}
