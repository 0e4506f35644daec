import { z } from "zod";
import { clickhouseEntry } from "./kinds/clickhouse.ts";
import { kafkaEntry } from "./kinds/kafka.ts";
import { type McpEntry, mcpEntry } from "./kinds/mcp.ts";
import { mongodbEntry } from "./kinds/mongodb.ts";
import { mysqlEntry } from "./kinds/mysql.ts";
import { type OpenapiEntry, openapiEntry } from "./kinds/openapi.ts";
import { opensearchEntry } from "./kinds/opensearch.ts";
import { oracleEntry } from "./kinds/oracle.ts";
import { postgresqlEntry } from "./kinds/postgresql.ts";
import { redisEntry } from "./kinds/redis.ts";
import type { ExchangedAuth } from "./kinds/token-exchange.ts";

/** One connection as `connections.yaml` and a published revision describe it. */
export const connectionEntry = z.discriminatedUnion("kind", [
  postgresqlEntry,
  mysqlEntry,
  clickhouseEntry,
  oracleEntry,
  redisEntry,
  opensearchEntry,
  mongodbEntry,
  kafkaEntry,
  mcpEntry,
  openapiEntry,
]);

/** {@link connectionEntry}, parsed: every default is filled in. */
export type ConnectionEntry = z.output<typeof connectionEntry>;

/** The kinds of systems that can be connected. */
export const CONNECTION_KINDS = connectionEntry.options.map(({ shape }) => shape.kind.value);

/** Whether the tools of a connection are definitions that an administrator reviews before they are published. */
export function isReviewed({ kind }: Pick<ConnectionEntry, "kind">): boolean {
  return kind === "mcp";
}

/** An entry of a connection at which each person has an account of their own. */
export type PersonalEntry = McpEntry | OpenapiEntry;

/** Whether each person has an account of their own at a connection. */
export function isPersonal(entry: ConnectionEntry): entry is PersonalEntry {
  return (entry.kind === "mcp" || entry.kind === "openapi") && entry.auth.type === "per_person";
}

/** An entry of a connection that is asked with a token of each caller, for an assertion of Gatehouse (RFC 8693). */
export type ExchangedEntry = PersonalEntry & { auth: ExchangedAuth };

/** Whether a connection is asked with a token of each caller, for an assertion of Gatehouse. */
export function isExchanged(entry: ConnectionEntry): entry is ExchangedEntry {
  return (entry.kind === "mcp" || entry.kind === "openapi") && entry.auth.type === "token_exchange";
}

/** Names that a connection cannot have: they are those of built-in servers, tools and paths. */
const RESERVED_NAMES: readonly string[] = [
  "analytics",
  "crm",
  "knowledge",
  "context",
  "gatehouse",
  "search",
  "fetch",
  "server",
  "tasks",
  "tools",
  "mcp",
  // Every object of JavaScript has it.
  "constructor",
];

/** A connection's name: its URL is `/mcp/<name>`, its tools begin with `<name>_`, its scopes with `<name>:`. */
export const connectionName = z
  .string()
  .regex(/^[a-z][a-z0-9]{1,23}$/, "must be one lower-case word of 2 to 24 letters and digits")
  .refine((name) => !RESERVED_NAMES.includes(name), "is a name that Gatehouse uses itself");

/** The file `connections.yaml`. */
export const connectionsDocument = z.strictObject({
  connections: z.record(connectionName, connectionEntry).describe("Connections by name."),
});

/** {@link connectionsDocument}, parsed. */
export type ConnectionsDocument = z.output<typeof connectionsDocument>;
