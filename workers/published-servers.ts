import { readDefinitions } from "../shared/connections/definition-store.ts";
import { parseRevision } from "../shared/connections/revision.ts";
import type { PublishedServers, Revisions } from "../shared/server/catalogue.ts";
import type { ServerDefinition } from "../shared/server/define.ts";
import { readRevision } from "../shared/server/read-revision.ts";
import { connectionServer } from "./connections/server.ts";
import { registry } from "./servers.ts";

/** Servers in an isolate: those in force, and those of a publication before or after. */
const KEPT = 200;

const opened = new Map<string, ServerDefinition>();

/** The servers that a publication brings besides the registry's: its connections. */
export const publishedServers: PublishedServers = {
  choose: namesIn,
  async open(env, name, revision) {
    const key = `${name}@${revision}`;
    const known = opened.get(key);
    if (known) return known;
    const { entry, definitions } = parseRevision(name, await readRevision(env, revision));
    const server = await connectionServer(name, entry, revision, await readDefinitions(env, definitions));
    opened.set(key, server);
    const [oldest] = opened.keys();
    if (opened.size > KEPT && oldest !== undefined) opened.delete(oldest);
    return server;
  },
};

/** {@link publishedServers} of one URL. */
export function publishedServersOf(name: string): PublishedServers {
  return {
    choose: (revisions) => namesIn(revisions).filter((candidate) => candidate === name),
    open: publishedServers.open,
  };
}

/** A server of the registry may have revisions too: those of its further definitions. */
function namesIn(revisions: Revisions): string[] {
  return [...revisions.keys()].filter((name) => !registry.some(({ server }) => server.name === name)).sort();
}
