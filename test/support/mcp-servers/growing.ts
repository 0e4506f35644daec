import { randomUUID } from "node:crypto";
import type http from "node:http";
import {
  McpServer as LegacyServer,
  ResourceTemplate as LegacyTemplate,
} from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { createMcpHandler, McpServer, ResourceTemplate } from "@modelcontextprotocol/server";
import { serveFetch } from "./serve-fetch.ts";

/** What a server has at the moment. */
interface State {
  /** Names of its tools that only read, each with its description; its resources and prompts have the same names. */
  things: Map<string, string>;
  note: string;
  hasTemplate: boolean;
}

const text = (value: string) => ({ content: [{ type: "text" as const, text: value }] });

/** What the official SDKs of both generations have in common. */
type Registrar = Pick<McpServer, "registerTool" | "registerResource" | "registerPrompt">;

function offerThing(server: Registrar, state: State, name: string): void {
  const description = state.things.get(name) ?? "";
  server.registerTool(name, { description, annotations: { readOnlyHint: true } }, async () => text(name));
  const uri = `notes://${name}`;
  server.registerResource(name, uri, { mimeType: "text/plain" }, async () => ({
    contents: [{ uri, mimeType: "text/plain", text: `${name}: ${state.note}` }],
  }));
  server.registerPrompt(name, { description: "Asks." }, () => ({
    messages: [{ role: "user", content: { type: "text", text: name } }],
  }));
}

const KINDS = ["tools", "resources", "prompts"] as const;

/** What a change says of itself. */
const TOLD: Record<string, readonly (typeof KINDS)[number][]> = {
  grow: KINDS,
  draft: ["resources"],
  reword: ["tools"],
  write: [],
};

/** Tools by which a test changes the server; `tell` says to its clients which of its lists have changed. */
function offerChanges(
  server: Registrar,
  state: State,
  tell: (kind: (typeof KINDS)[number], extra: never) => Promise<void>,
): void {
  const changes = {
    grow: () => void state.things.set("fresh", "Is new."),
    draft: () => {
      state.hasTemplate = true;
    },
    reword: () => void state.things.set("look", "Looks twice."),
    write: () => {
      state.note = randomUUID();
    },
  };
  for (const [name, change] of Object.entries(changes)) {
    const config = { description: `Does ${name}.`, annotations: { destructiveHint: false } };
    server.registerTool(name, config, (async (extra: never) => {
      change();
      for (const kind of TOLD[name] ?? []) await tell(kind, extra);
      return text(name);
    }) as never);
  }
}

/** A template of resources that no list names. */
const DRAFT: [string, { list: undefined }] = ["notes://draft/{id}", { list: undefined }];

/** A server of 2025 without sessions, which says in the stream of the call that its lists have changed. */
function serveLegacy(state: State): http.RequestListener {
  return (request, response) => {
    void (async () => {
      const server = new LegacyServer({ name: "growing", version: "1" });
      for (const name of state.things.keys()) offerThing(server as never, state, name);
      if (state.hasTemplate)
        server.registerResource("draft", new LegacyTemplate(...DRAFT), {}, async () => ({ contents: [] }));
      offerChanges(server as never, state, async (kind, extra) => {
        const { sendNotification } = extra as { sendNotification(one: object): Promise<void> };
        await sendNotification({ method: `notifications/${kind}/list_changed` });
      });
      const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined } as never);
      await server.connect(transport as never);
      await transport.handleRequest(request, response);
    })();
  };
}

/** A server of 2026-07-28, which says to its listeners that its lists have changed. */
function serveModern(state: State): http.RequestListener {
  const handler = createMcpHandler(
    () => {
      const server = new McpServer({ name: "growing", version: "1" });
      for (const name of state.things.keys()) offerThing(server, state, name);
      if (state.hasTemplate)
        server.registerResource("draft", new ResourceTemplate(...DRAFT), {}, async () => ({ contents: [] }));
      offerChanges(server, state, async (kind) => handler.notify[`${kind}Changed`]());
      return server;
    },
    { legacy: "reject" },
  );
  return serveFetch((request) => handler.fetch(request));
}

/** Servers whose lists change while they run: `/growing/<name>/legacy` and `/growing/<name>/modern`, each with its own. */
export function serveGrowing(): http.RequestListener {
  const servers = new Map<string, http.RequestListener>();
  return (request, response) => {
    const path = request.url ?? "";
    const state = { things: new Map([["look", "Looks."]]), note: "first", hasTemplate: false };
    const server = servers.get(path) ?? (path.endsWith("/legacy") ? serveLegacy(state) : serveModern(state));
    servers.set(path, server);
    server(request, response);
  };
}
