import { z } from "zod";
import { CONNECTION_KINDS } from "../../shared/connections/entry.ts";
import { findNearMisses } from "../../shared/text/near-misses.ts";
import { CommandFailure } from "../local/failure.ts";
import { parseWholeNumber } from "../local/whole-number.ts";
import type { AddFlags } from "./add.ts";
import { type Ask, askForExchange, readAuth } from "./add-http.ts";

/** Asks for a system that is no HTTP API with a document: a database, a cluster, an MCP server. */
export async function askForSystem(
  name: string,
  flags: AddFlags,
  ask: Ask,
): Promise<Record<string, unknown>> {
  const kind = flags.kind ?? (await ask(`Kind (${CONNECTION_KINDS.join(", ")})`, "postgresql"));
  if (!(CONNECTION_KINDS as readonly string[]).includes(kind)) {
    const [nearest] = findNearMisses(kind.toLowerCase(), CONNECTION_KINDS);
    throw new CommandFailure(
      `"${kind}" is not a kind of connection.`,
      nearest === undefined ? `There are: ${CONNECTION_KINDS.join(", ")}.` : `Did you mean "${nearest}"?`,
    );
  }
  const title = flags.title ?? (await ask("Title for people", name.charAt(0).toUpperCase() + name.slice(1)));
  const description = flags.description ?? (await ask("What is in it, in one sentence", `Data of ${title}.`));
  const owner = flags.owner ?? (await ask("Owner (a team or an e-mail address)", "unknown"));
  const common = { kind, title, description, owner };
  if (flags.hyperdrive !== undefined) {
    return {
      ...common,
      reach: { hyperdrive: flags.hyperdrive },
      expose: { tables: split(flags.tables ?? "public.*") },
    };
  }
  if (kind === "mcp") return { ...common, ...(await askForServer(ask, flags)) };
  const host = flags.host ?? (await ask("Host", "127.0.0.1"));
  const reach = {
    host,
    ...(flags.port !== undefined && { port: parseWholeNumber("port", flags.port, 65_535) }),
    tls: flags.tls ?? (await ask("TLS (required, off)", isLoopback(host) ? "off" : "required")),
  };
  switch (kind) {
    case "redis": {
      const prefixes = split(flags.prefixes ?? (await ask("Prefixes of keys, with commas")));
      const user = flags.user ?? (await ask("ACL user", "default"));
      const database = Number(flags.database ?? "0");
      return { ...common, reach: { ...reach, user, database }, expose: { prefixes } };
    }
    case "opensearch": {
      const auth = readAuth(
        flags.auth ??
          (await ask("Authentication (none, basic:user, bearer, header:Authorization)", "basic:gatehouse")),
      );
      const indices = split(flags.expose ?? (await ask("Indices that may be searched, with commas")));
      return { ...common, reach, auth, expose: { indices } };
    }
    case "kafka": {
      const type =
        flags.auth ?? (await ask("Authentication (none, plain, scram-sha-256, scram-sha-512)", "none"));
      const auth =
        type === "none" ? { type } : { type, user: flags.user ?? (await ask("User", "gatehouse")) };
      const topics = split(flags.expose ?? (await ask("Topics that may be read, with commas")));
      return { ...common, reach, auth, expose: { topics } };
    }
    case "mongodb": {
      const database = flags.database ?? (await ask("Database"));
      const user = flags.user ?? (await ask("User", "gatehouse"));
      const collections = split(
        flags.expose ?? (await ask("Collections that may be read, with commas", "*")),
      );
      return { ...common, reach: { ...reach, database, user }, expose: { collections } };
    }
    case "oracle": {
      const service = flags.service ?? (await ask("Service name"));
      const user = flags.user ?? (await ask("User", "GATEHOUSE"));
      // The dictionary has names in upper case.
      const tables = split(flags.tables ?? (await ask("Tables that may be queried, such as SALES.*")));
      return { ...common, reach: { ...reach, service, user }, expose: { tables } };
    }
    default: {
      const database = flags.database ?? (await ask("Database"));
      const user = flags.user ?? (await ask("User", "gatehouse"));
      const usual = kind === "postgresql" ? "public.*" : `${database}.*`;
      const tables = split(flags.tables ?? (await ask("Tables that may be queried, with commas", usual)));
      return { ...common, reach: { ...reach, database, user }, expose: { tables } };
    }
  }
}

/** Address and authentication of an MCP server. */
async function askForServer(ask: Ask, flags: AddFlags): Promise<Record<string, unknown>> {
  const url = flags["web-address"] ?? (await ask("Address of its MCP endpoint (https)"));
  const type =
    flags.auth ?? (await ask("Authentication (none, bearer, per_person, token_exchange)", "bearer"));
  const auth = type === "token_exchange" ? await askForExchange(flags, ask) : { type };
  return { reach: { url }, auth };
}

function isLoopback(host: string): boolean {
  return z.enum(["127.0.0.1", "::1", "localhost"]).safeParse(host).success;
}

function split(text: string): string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}
