import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { maskStrings, maskText } from "../../shared/redact/mask-text.ts";

const all = (text: string) => maskText(text, ["pii", "secret"]);

describe("masking free text", () => {
  it.each([
    ["Write to jane.doe@acme.example, please.", "Write to j•••@acme.example, please."],
    ["Call +49 30 901820 or (212) 555-0167!", "Call •••20 or •••67!"],
    ["Card 4111 1111 1111 1111 12/27", "Card •••1111 12/27"],
    ["DE89 3704 0044 0532 0130 00 COBADEFF", "••• COBADEFF"],
    ["SSN 078-05-1120.", "SSN •••."],
    ["Key AKIAIOSFODNN7EXAMPLE in use", "Key ••• in use"],
    ["postgres://app:s3cr3tpass@db.internal/main", "postgres://app:•••@db.internal/main"],
    ["before -----BEGIN PRIVATE KEY-----\nMIIEvQ\n-----END PRIVATE KEY----- after", "before ••• after"],
  ])("keeps the surrounding text: %s", (text, masked) => {
    expect(all(text)).toBe(masked);
  });

  it.each([
    "Released on 2026-11-21 at 12:30:00 as version 10.12.2026-1.",
    "Install next@15.1.0 and see logo@2x.png.",
    "Order 4111111111111112 has 1234567890 items.",
    "trace 4bf92f3577b34da6a3ce929d0e0e4736, id 3f2504e0-4f89-41d3-9a0c-0305e82c3301",
    // From its second group on a valid account number of a bank in Andorra.
    "Order 00000000-ad37-66ea-bd14-5a76b1125842 was shipped.",
    "192.168.100.200:8080 answered in 0.0123456789 s",
    "Set API_KEY=your-api-key-here and token: <token>.",
    "con_7h2kq9x4m1c8v5b3n6t0",
  ])("does not change ordinary text: %s", (text) => {
    expect(all(text)).toBe(text);
  });

  it("keeps personal data in the mode for secrets only", () => {
    expect(maskText("jane@acme.example, password: hunter2x9Q", ["secret"])).toBe(
      "jane@acme.example, password: •••",
    );
  });

  it("masks a secret that has the form of a UUID, and a number next to one", () => {
    expect(all("password: 3f2504e0-4f89-41d3-9a0c-0305e82c3301")).toBe("password: •••");
    expect(all("3f2504e0-4f89-41d3-9a0c-0305e82c3301 DE89370400440532013000")).toBe(
      "3f2504e0-4f89-41d3-9a0c-0305e82c3301 •••",
    );
  });

  it("changes nothing when it is repeated", () => {
    const piece = fc.constantFrom(
      "jane@acme.example",
      "+49 30 901820",
      "4111 1111 1111 1111",
      "DE89370400440532013000",
      "078-05-1120",
      "AKIAIOSFODNN7EXAMPLE",
      "password: ",
      "hunter2x9Qz",
      "Bearer ",
      "tel ",
      " ",
      "-",
      ".",
      "12",
      "a",
      "\n",
      "://u:",
      "@",
      "+",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const once = all(pieces.join(""));
        expect(all(once)).toBe(once);
      }),
      { numRuns: 2_000 },
    );
  });

  it("does not change addresses and paths", () => {
    const value = {
      uri: "mailto:jane@acme.example",
      text: "jane@acme.example",
      rows: [["jane@acme.example"]],
    };
    expect(maskStrings(value, ["pii"])).toEqual({
      uri: value.uri,
      text: "j•••@acme.example",
      rows: [["j•••@acme.example"]],
    });
  });
});
