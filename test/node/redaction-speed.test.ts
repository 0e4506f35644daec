import { describe, expect, it } from "vitest";
import { findSensitive } from "../../shared/redact/find-sensitive.ts";

/** A million characters that repeatedly begin a pattern and never finish it. */
const HOSTILE = {
  "one run of digits": "1",
  "digits one by one": "1 ",
  "digits with dashes": "4-",
  "groups of four digits": "4111 ",
  "the beginning of an IBAN": "DE89 ",
  "the beginning of a telephone number": "+1 ",
  "groups of two digits": "06 ",
  "at signs": "a@",
  "local parts of full length": `${"a".repeat(64)}@`,
  "domains without end": `a@${"a".repeat(60)}.`,
  "one label after the other": "a.",
  "private keys without an end": "-----BEGIN PRIVATE KEY-----",
  "halves of a token": "eyJaaaaaaaaa.",
  "names of passwords": "password is ",
  "names of variables": "a_",
  "passwords in addresses": "://a:",
} as const;

// In Node, because a Worker's clock stands still while it computes.
describe("the search for sensitive data", () => {
  it.each(Object.entries(HOSTILE))("takes linear time on %s", (_name, part) => {
    const measure = (length: number) => {
      const text = part.repeat(Math.ceil(length / part.length));
      const began = performance.now();
      findSensitive(text, ["pii", "secret"]);
      return performance.now() - began;
    };
    measure(100_000);
    // Quadratic time would be minutes.
    expect(measure(1_000_000)).toBeLessThan(4_000);
  });
});
