import { crc32 } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  createKeyId,
  createSecret,
  isKeyId,
  isWellFormedKey,
  looksLikeKey,
} from "../../shared/auth/access-key.ts";
import { KEY_PATTERN } from "../../shared/call/key-pattern.ts";
import { digestText } from "../../shared/encoding/canonical-json.ts";
import { keyRequest, splitList } from "../../shared/people/key-request.ts";
import { findKeyLimit } from "../../shared/policy/key-limits.ts";
import { secrets } from "../../shared/redact/secrets.ts";

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

describe("the text of a key", () => {
  it("has the published form and a checksum, and no two are equal", () => {
    const keys = Array.from({ length: 200 }, () => createSecret());
    for (const { text, digest, hint } of keys) {
      expect(text).toMatch(new RegExp(`^${KEY_PATTERN}$`));
      expect(isWellFormedKey(text)).toBe(true);
      expect(looksLikeKey(text)).toBe(true);
      expect(digest).toBe(digestText(text));
      expect(text).toContain(`gatehouse_key_${hint}`);
    }
    expect(new Set(keys.map(({ text }) => text)).size).toBe(200);
  });

  it("ends with the CRC-32 of its secret in base 62, as a scanner computes it", () => {
    const { text } = createSecret();
    const [secret, checksum] = [text.slice(14, 57), text.slice(57)];
    const value = [...checksum].reduce((sum, digit) => sum * 62 + DIGITS.indexOf(digit), 0);
    expect(value).toBe(crc32(secret));
  });

  it("with any one character changed is no key", () => {
    fc.assert(
      fc.property(fc.nat({ max: 48 }), fc.constantFrom(...DIGITS), (at, digit) => {
        const { text } = createSecret();
        const place = 14 + at;
        if (text[place] === digit) return;
        expect(isWellFormedKey(`${text.slice(0, place)}${digit}${text.slice(place + 1)}`)).toBe(false);
      }),
    );
  });

  it("is not the id of a key, and an id is neither a client of OAuth nor a grant", () => {
    expect(isKeyId(createKeyId())).toBe(true);
    for (const other of ["", "app_0123456789abcdef01234567", "key_", "key_XYZ", createSecret().text]) {
      expect(isKeyId(other)).toBe(false);
    }
  });

  it("is found by the detectors of secrets wherever it stands in a text", () => {
    fc.assert(
      fc.property(fc.constantFrom("", "key: ", "?access_token=", "Bearer ", "/", '{"k":"'), (before) => {
        const { text } = createSecret();
        const found = secrets.flatMap((detector) => [...detector.find(`${before}${text}"`)]);
        expect(
          found.some(([start, end]) => start <= before.length && end >= before.length + text.length),
        ).toBe(true);
      }),
    );
  });
});

describe("what narrows a key", () => {
  const limits = (parts: object) => ({ tools: [], networks: [], endsAt: 0, credential: "", ...parts });

  it("lets everything through when nothing is named", () => {
    expect(findKeyLimit(limits({}), { ip: null }, "crm_delete_contact", false)).toBeNull();
  });

  it("covers tools by glob, but never leaves the caller's own session memory out", () => {
    const key = limits({ tools: ["crm_get_*", "crm_search"] });
    expect(findKeyLimit(key, { ip: null }, "crm_get_customer", false)).toBeNull();
    expect(findKeyLimit(key, { ip: null }, "crm_delete_contact", false)?.rule).toBe("key.tools");
    expect(findKeyLimit(key, { ip: null }, "session_context", true)).toBeNull();
  });

  it("has no network for an unknown address, and compares IPv4 in IPv6 form", () => {
    const key = limits({ networks: ["203.0.113.0/24"] });
    expect(findKeyLimit(key, { ip: "203.0.113.9" }, "crm_search", false)).toBeNull();
    expect(findKeyLimit(key, { ip: "::ffff:203.0.113.9" }, "crm_search", true)).toBeNull();
    for (const ip of [null, "", "203.0.114.9", "2001:db8::1", "nonsense"]) {
      expect(findKeyLimit(key, { ip }, "crm_search", true)?.rule, String(ip)).toBe("key.networks");
    }
  });

  it("needs one of its certificates, or any that is verified", () => {
    const [first, second] = ["a".repeat(64), "b".repeat(64)];
    const ruleOf = (certificates: string[], certificate?: string) =>
      findKeyLimit(
        limits({ certificates }),
        { ip: null, ...(certificate !== undefined && { certificate }) },
        "crm_search",
        true,
      )?.rule;
    expect([ruleOf([first], first), ruleOf(["required"], second), ruleOf([])]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    const refused = [ruleOf([first], second), ruleOf([first]), ruleOf(["required"])];
    expect(refused).toEqual(Array.from({ length: 3 }, () => "key.certificates"));
  });
});

describe("a request for a key", () => {
  const valid = {
    name: "Job",
    scopes: ["crm:read"],
    resources: ["/mcp"],
    tools: [],
    networks: [],
    days: "90",
  };

  it.each([
    { days: "0" },
    { days: "366" },
    { days: "1.5" },
    { days: "" },
    { days: "many" },
    { name: " " },
    { name: "a\nb" },
    { name: "x".repeat(81) },
    { scopes: [] },
    { resources: [] },
    { tools: ["a b"] },
    { tools: ["'; DROP TABLE access_key; --"] },
    { networks: ["203.0.113.1"] },
    { networks: ["203.0.113.0/33"] },
    { networks: ["everywhere"] },
  ])("with %j is refused", (change) => {
    expect(keyRequest.safeParse(valid).success).toBe(true);
    expect(keyRequest.safeParse({ ...valid, ...change }).success).toBe(false);
  });

  it("takes lists that are separated by lines, spaces or commas", () => {
    expect(splitList(" a\n b,\tc ,, \r\n")).toEqual(["a", "b", "c"]);
  });
});
