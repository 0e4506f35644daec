import { describe, expect, it } from "vitest";
import { readConnections } from "../../scripts/connections/files.ts";
import { formatMistake } from "../../shared/policy/changes/read-policy.ts";

const FILE = `connections:
  shop:
    kind: postgresql
    title: Shop
    description: Orders.
    owner: x
    reach: { host: db.example.com, port: 5432, database: shop, user: g }
    expose: { tables: ["public.*"] }
`;

/** The one mistake of a file in which a text is another. */
function mistakesWith(before: string, after: string): string[] {
  const text = FILE.replace(before, () => after);
  expect(text).not.toBe(FILE);
  const { value, mistakes } = readConnections("c.yaml", text);
  expect(value).toBeNull();
  return mistakes.map(formatMistake);
}

const host = "connections.shop.reach.host: must be a host name or an IP address";
const kinds =
  "There are: postgresql, mysql, clickhouse, oracle, redis, opensearch, mongodb, kafka, mcp, openapi";

describe("a file of connections", () => {
  it.each([
    [
      "an alias without an anchor",
      "owner: x",
      "owner: *team",
      '6: Not valid YAML: There is no anchor "team" in front of this alias.',
    ],
    [
      "a name that JavaScript keeps for itself",
      "  shop:",
      "  __proto__:",
      "2: Not valid YAML: __proto__ cannot be a name here.",
    ],
    [
      "a limit below such a name",
      "owner: x",
      "owner: x\n    limits: { __proto__: { rows: 1 } }",
      "7: Not valid YAML: __proto__ cannot be a name here.",
    ],
    [
      "the name of every object's maker",
      "  shop:",
      "  constructor:",
      "2 connections.constructor: is a name that Gatehouse uses itself",
    ],
    [
      "a name with capitals",
      "  shop:",
      "  Shop:",
      "2 connections.Shop: must be one lower-case word of 2 to 24 letters and digits",
    ],
    [
      "two connections of one name",
      "connections:",
      "connections:\n  shop: {}",
      "3: Not valid YAML: Map keys must be unique",
    ],
    [
      "a kind with capitals",
      "postgresql",
      "PostgreSQL",
      '3 connections.shop.kind: "PostgreSQL" is not a kind of connection. Did you mean "postgresql"?',
    ],
    ["no kind", "    kind: postgresql\n", "", `2 connections.shop.kind: is missing. ${kinds}`],
    ["an empty kind", "kind: postgresql", "kind:", `3 connections.shop.kind: is missing. ${kinds}`],
    ["a port within the host that reads like an IPv6 address", "db.example.com", "'db:5432'", `7 ${host}`],
    ["colons alone for a host", "db.example.com", "':::::'", `7 ${host}`],
    ["a host with a scheme", "db.example.com", "'postgres://db.example.com'", `7 ${host}`],
    ["a host with a password", "db.example.com", "'g:pw@db.example.com'", `7 ${host}`],
    ["the port 0", "5432", "0", "7 connections.shop.reach.port: must be at least 1"],
    ["the port 65536", "5432", "65536", "7 connections.shop.reach.port: must be at most 65535"],
    ["a port in quotes", "5432", "'5432'", "7 connections.shop.reach.port: must be a number"],
    [
      "two ways to reach it",
      "user: g",
      "user: g, hyperdrive: SHOP",
      "7 connections.shop.reach.hyperdrive: is not a field that a connection has here",
    ],
    [
      "a password for the name of a secret",
      "owner: x",
      "owner: x\n    secret: Hunter2!",
      "7 connections.shop.secret: must be a name in the vault, of lower-case letters, digits and hyphens",
    ],
    [
      "nothing that is exposed",
      '{ tables: ["public.*"] }',
      "",
      "8 connections.shop.expose: must be a map of fields",
    ],
    [
      "an empty list of tables",
      '["public.*"]',
      "[]",
      "8 connections.shop.expose.tables: must have at least 1 item",
    ],
    [
      "a megabyte of title",
      "title: Shop",
      `title: ${"x".repeat(1_000_000)}`,
      "4 connections.shop.title: must have at most 60 characters",
    ],
  ])("with %s is refused in one sentence with its line", (_what, before, after, said) => {
    expect(mistakesWith(before, after)).toEqual([`c.yaml:${said}`]);
  });

  it.each([
    ["a byte order mark", (text: string) => `\uFEFF${text}`],
    ["line ends of Windows", (text: string) => text.replaceAll("\n", "\r\n")],
    [
      "an anchor and its alias",
      (text: string) => text.replace("title: Shop", "title: &t Shop").replace("owner: x", "owner: *t"),
    ],
    ["an IPv6 address", (text: string) => text.replace("db.example.com", "'2001:db8::1'")],
    ["the IPv6 address of this machine", (text: string) => text.replace("db.example.com", "'::1'")],
    ["a whole IPv6 address", (text: string) => text.replace("db.example.com", "'2001:db8:0:0:0:0:0:1'")],
  ])("with %s is read", (_what, change) => {
    expect(readConnections("c.yaml", change(FILE)).mistakes).toEqual([]);
  });
});
