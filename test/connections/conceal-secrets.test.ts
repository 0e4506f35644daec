import { describe, expect, it } from "vitest";
import type { JsonValue } from "../../shared/encoding/json.ts";
import { concealSecrets } from "../../workers/connections/http/conceal-secrets.ts";
import { readContents, readToolResult } from "../../workers/connections/mcp/answer.ts";
import { PROTOCOL_NAMES } from "../../workers/connections/mcp/protocol-names.ts";

const PLACE = { connection: "things", title: "Things" };

describe("What identifies Gatehouse is concealed", () => {
  it.each<[string, JsonValue, string[], JsonValue]>([
    [
      "in texts",
      ["It is s3cret-key.", { a: "s3cret-key" }],
      ["s3cret-key"],
      ["It is [secret].", { a: "[secret]" }],
    ],
    ["as a number", { account_id: 10023456 }, ["10023456"], { account_id: "[secret]" }],
    [
      "as a number that JSON shortens",
      [12345678901234567890n.toString()].map(Number),
      ["12345678901234567890"],
      ["[secret]"],
    ],
    [
      "but not as a part of a number",
      { id: 1100234567, ratio: 0.10023456 },
      ["10023456"],
      { id: 1100234567, ratio: 0.10023456 },
    ],
    ["nor as a number with fewer digits", [1, 7], ["00000001"], [1, 7]],
    ["but not where JSON writes a line break like its first letter", "\nopqrstu", ["nopqrstu"], "\nopqrstu"],
    [
      "behind a line break",
      "a\nnew-secret \ttab-secret",
      ["new-secret", "tab-secret"],
      "a\n[secret] \t[secret]",
    ],
    ["although it looks like an escape", "\nnopqrstu \\nopqrstu", ["nopqrstu"], "\n[secret] \\[secret]"],
    ["with its quotes", { said: 'my "s3cret"\\key' }, ['"s3cret"\\key'], { said: "my [secret]" }],
    [
      "whole where another one begins it",
      "s3cret-key-of-all",
      ["s3cret-key", "s3cret-key-of-all"],
      "[secret]",
    ],
    ["in names", { "x-s3cret-key": 1, b: 2 }, ["s3cret-key"], { "x-[secret]": 1, b: 2 }],
    ["but not where it is short", { a: "1234567", b: 1234567 }, ["1234567"], { a: "1234567", b: 1234567 }],
  ])("%s", (_case, value, secrets, concealed) => {
    const before = structuredClone(value);
    expect(concealSecrets(value, secrets)).toEqual(concealed);
    expect(concealSecrets(value, secrets.toReversed())).toEqual(concealed);
    expect(value).toEqual(before);
  });

  it("and an answer without it is the same one", () => {
    const value = { rows: [{ a: "text" }, 1, null, true] };
    expect(concealSecrets(value, ["s3cret-key"])).toBe(value);
    expect(concealSecrets(undefined, ["s3cret-key"])).toBeUndefined();
  });

  it("and members of prototypes stay members", () => {
    const value = JSON.parse('{"__proto__":{"polluted":1},"a":"s3cret-key"}');
    const concealed = concealSecrets(value, ["s3cret-key"]);
    expect(JSON.stringify(concealed)).toBe('{"__proto__":{"polluted":1},"a":"[secret]"}');
  });

  it("in a value of any depth", () => {
    let value: unknown = "s3cret-key";
    for (let depth = 0; depth < 200_000; depth += 1) value = depth % 2 === 0 ? [value] : { a: value };
    let inner = concealSecrets(value, ["s3cret-key"]) as unknown;
    while (typeof inner === "object" && inner !== null) inner = Object.values(inner)[0];
    expect(inner).toBe("[secret]");
  });

  it("in an answer of the largest size with hundreds of thousands of values", () => {
    const rows = Array.from({ length: 300_000 }, (_, id) => ({ id: 10_000_000 + id, a: [] }));
    const concealed = concealSecrets(rows, ["10023456"]);
    expect(concealed.filter(({ id }) => id === ("[secret]" as never))).toHaveLength(1);
    expect(concealed[23_456]).toEqual({ id: "[secret]", a: [] });
  });
});

describe("The names of MCP stay although a secret is one of them:", () => {
  const resource = { uri: "things://a", mimeType: "text/plain", text: "my resource" };
  const result = {
    content: [
      { type: "resource", resource },
      { type: "resource_link", uri: "things://b", name: "b", description: "d" },
      { type: "text", text: "resource" },
    ],
    structuredContent: { "the resource of": "my resource" },
  };

  it.each(["resource", "contents", "structuredContent", "mimeType", "description", "resource_link"])(
    "%s",
    (secret) => {
      const { answer } = readToolResult(PLACE, concealSecrets(result, [secret], PROTOCOL_NAMES) as JsonValue);
      expect(answer.content).toHaveLength(3);
      expect(answer.structuredContent).toBeDefined();
      const read = concealSecrets({ contents: [resource] }, [secret], PROTOCOL_NAMES);
      expect(readContents(PLACE, read as JsonValue)).toHaveLength(1);
    },
  );

  it("and data next to them is concealed", () => {
    const { answer } = readToolResult(
      PLACE,
      concealSecrets(result, ["resource"], PROTOCOL_NAMES) as JsonValue,
    );
    expect(answer.content[2]).toEqual({ type: "text", text: "[secret]" });
    expect(answer.structuredContent).toEqual({ "the [secret] of": "my [secret]" });
  });
});
