import { env, exports } from "cloudflare:workers";
import { compileDocument } from "../../../scripts/connections/openapi/compile-document.ts";
import { storeDefinitions } from "../../../shared/connections/definition-store.ts";
import { type ExchangedEntry, isExchanged } from "../../../shared/connections/entry.ts";
import { openapiEntry } from "../../../shared/connections/kinds/openapi.ts";
import { writeRevision } from "../../../shared/connections/revision.ts";
import { accountGate } from "../../../shared/objects/account-gate.ts";
import { storeCatalogues } from "../../../shared/policy/changes/publications.ts";
import { publishCatalogues } from "../../support/publish.ts";
import { addPerson } from "../../support/token.ts";
import { command, HOST, mcpEntryOf, type Reviewed, takeChanges } from "./gateway.ts";

/** Where an authorization server that trusts Gatehouse is, with its MCP server and API; see `serveExchange`. */
export const trust = (name: string) => `http://${HOST}/trust-${name}`;

/** Changes how one of them behaves. */
export const control = (name: string, change: object, path = "control") =>
  fetch(`${trust(name)}/${path}`, { method: "POST", body: JSON.stringify(change) });

/** What happened there. */
export const stats = async (name: string) =>
  (await fetch(`${trust(name)}/stats`)).json<{
    asked: Record<string, string>[];
    assertions: { claims: Record<string, unknown>; header: Record<string, unknown> }[];
    refused: string[];
    tokens: string[];
    seen: string[];
  }>();

/** The key set that Gatehouse publishes. */
export const keySet = async () =>
  (await exports.default.fetch(new URL("/.well-known/jwks.json", env.PUBLIC_URL))).json<{
    keys: Record<string, string>[];
  }>();

/** Has these authorization servers trust Gatehouse. */
export async function trustGatehouse(...names: string[]): Promise<void> {
  const set = await keySet();
  for (const name of names) await control(name, { issuer: env.PUBLIC_URL, set }, "keys");
}

/** How a connection gets its tokens. */
export const authOf = (name: string, more: object = {}) => ({
  type: "token_exchange",
  token_endpoint: `${trust(name)}/token`,
  issuer: trust(name),
  ...more,
});

/** The entry of an MCP server behind it. */
export const mcpOf = (name: string, more: object = {}) =>
  exchanged(mcpEntryOf(`/trust-${name}/mcp`, { title: "Trusting", auth: authOf(name, more) }));

/** The entry of an HTTP API behind it. */
export const apiOf = (name: string, more: object = {}) =>
  exchanged(
    openapiEntry.parse({
      kind: "openapi",
      title: "Trusting",
      description: "Data of each person.",
      owner: "team@people.example",
      document: "trusting.yaml",
      reach: { url: `${trust(name)}/api`, check: "/me" },
      auth: authOf(name, more),
    }),
  );

function exchanged(entry: ReturnType<typeof mcpEntryOf>): ExchangedEntry {
  if (!isExchanged(entry)) throw new TypeError("The entry exchanges no tokens.");
  return entry;
}

const DOCUMENT = {
  openapi: "3.1.0",
  info: { title: "Trusting", version: "1" },
  paths: {
    "/me": { get: { operationId: "whoami", responses: {} } },
    "/away": { get: { operationId: "away", responses: {} } },
  },
};

/** Publishes these connections and no others; of MCP servers what they offer to an administrator. */
export async function publishExchanged(entries: Record<string, ExchangedEntry>): Promise<void> {
  const person = await addPerson({ name: "zoe", role: "admin" });
  const documents: Record<string, string> = {};
  for (const [name, entry] of Object.entries(entries)) {
    if (entry.kind === "openapi") {
      const { operations } = compileDocument(name, DOCUMENT, entry);
      const digests = await storeDefinitions(env.PLATFORM_DB, operations, Date.now());
      documents[name] = writeRevision(name, entry, digests);
      continue;
    }
    const asked = { connection: name, entry };
    const { items } = await command<{ items: Reviewed[] }>({ command: "review", ...asked, person });
    const digests = items.map(({ digest }) => digest);
    await command({ command: "approve", connection: name, digests, by: "tests" });
    const { definitions } = await command<{ definitions: string[] }>({ command: "prepare", ...asked });
    documents[name] = writeRevision(name, entry, definitions);
  }
  await publishCatalogues(storeCatalogues(documents, Date.now()));
  await takeChanges();
}

/** Asks a person's object for a token, as a call does. */
export function exchange(
  connection: string,
  person: string,
  { entry = mcpOf(connection), role = "admin", refused = null as string | null } = {},
) {
  const caller = { sub: person, role, isKey: false };
  return accountGate(env, connection, person).exchange({ connection, person, entry, caller }, refused);
}
