import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { TestProject } from "vitest/node";
import { pickPort } from "../../scripts/local/port.ts";
import { prepareDatabases } from "../../scripts/local/prepare.ts";
import { startServer } from "../../scripts/local/server.ts";
import { seedPeople } from "../../scripts/seed/people.ts";
import { startMcpServers } from "../support/mcp-servers/start.ts";
import { seedInvited } from "./invited.ts";
import { seedOffered } from "./offered.ts";
import { seedWork } from "./standing-work.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Origin of the running Worker. */
    siteUrl: string;
    /** Its storage, for commands. */
    stateFolder: string;
    /** Host of the MCP servers of the tests, which it may ask over plain HTTP. */
    mcpHost: string;
  }
}

process.env.WRANGLER_SEND_METRICS = "false";
process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";

/**
 * Builds and starts the Worker on fresh storage with the demonstration people; stops and removes both at the
 * end.
 */
export default async function startSite(project: TestProject): Promise<() => Promise<void>> {
  const stateFolder = await mkdtemp(path.join(os.tmpdir(), "gatehouse-browser-"));
  await prepareDatabases({
    stateFolder,
    loaders: {
      PLATFORM_DB: {
        what: "demo people",
        options: "people=7",
        load: async (database, report) => {
          await seedPeople(database, { asOf: new Date(), report });
          await seedInvited(database);
          await seedOffered(database);
          await seedWork(database);
        },
      },
    },
    step: (_title, work) => work(() => undefined),
    note: () => undefined,
  });
  const { host } = await startMcpServers();
  const server = await startServer({
    port: await pickPort(),
    stateFolder,
    watch: false,
    vars: { PLAIN_HTTP_UPSTREAMS: host },
    onLine({ level, message }) {
      if (level === "error") console.error(message);
    },
  });
  project.provide("siteUrl", server.url);
  project.provide("stateFolder", stateFolder);
  project.provide("mcpHost", host);
  return async () => {
    await server.stop();
    await rm(stateFolder, { recursive: true, force: true });
  };
}
