import { describe, expect, it } from "vitest";
import { toLocalPath } from "../../workers/gateway/sign-in/local-path.ts";

const ORIGIN = "https://gatehouse.example.com";
const follow = (next: string | null) => toLocalPath(next, ORIGIN, "/account");

describe("the next parameter", () => {
  it.each(["/account", "/authorize?client_id=a%2Fb&state=1", "/a//b", "/%2F%2Fevil.example"])(
    "keeps the local path %s",
    (next) => {
      expect(follow(next)).toBe(next);
    },
  );

  it.each([
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "https://evil.example",
    "https:evil.example",
    "https:/evil.example",
    "javascript:alert(1)",
    "/\t/evil.example",
    "/\n/evil.example",
    "/.//evil.example",
    "/..//evil.example",
    "/a/..//evil.example",
    "/%2e//evil.example",
    "@evil.example",
    " //evil.example",
    "",
    null,
    `/${"a".repeat(9_000)}`,
  ])("drops %j", (next) => {
    expect(follow(next)).toBe("/account");
  });
});
