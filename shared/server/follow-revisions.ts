import { logFailure } from "../observe/log.ts";
import type { Catalogue, Revisions } from "./catalogue.ts";
import { checkDefinitions, type Definitions, type ServerDefinition } from "./define.ts";

/** Cached catalogues per URL: the current, the previous, and one for a roll-back. */
const KEPT = 3;

/**
 * Makes a URL's catalogue follow the revisions in force. Builds a catalogue once per isolate and set of
 * revisions. A server whose revision cannot be read or has a mistake is left out with an error in the log and
 * tried again with the next request; the other servers stay.
 */
export function followRevisions(
  servers: readonly ServerDefinition[],
  build: (discovered: ReadonlyMap<string, Definitions>, at: Catalogue["at"]) => Catalogue,
): Catalogue["at"] {
  const discovering = servers.filter(({ discover }) => discover !== undefined);
  const kept = new Map<string, Catalogue>();
  return async function at(this: Catalogue, env: Env, revisions: Revisions): Promise<Catalogue> {
    if (discovering.length === 0) return this;
    const wanted = discovering.map((server) => [server, revisions.get(server.name)] as const);
    const key = wanted.map(([server, revision]) => `${server.name}@${revision ?? ""}`).join(" ");
    const known = kept.get(key);
    if (known) return known;
    const found = await Promise.all(
      wanted.map(
        async ([server, revision]) => [server.name, await discoverOrLog(env, server, revision)] as const,
      ),
    );
    const discovered = new Map(found.flatMap(([server, items]) => (items ? [[server, items]] : [])));
    const catalogue = build(discovered, at);
    if (found.every(([, items]) => items !== null)) {
      kept.set(key, catalogue);
      const [oldest] = kept.keys();
      if (kept.size > KEPT && oldest !== undefined) kept.delete(oldest);
    }
    return catalogue;
  };
}

const NOTHING: Definitions = { tools: [], resources: [], prompts: [] };

/** `null` if the revision cannot be used now. A server without a revision has only its own definitions. */
async function discoverOrLog(
  env: Env,
  server: ServerDefinition,
  revision: string | undefined,
): Promise<Definitions | null> {
  if (revision === undefined || !server.discover) return NOTHING;
  try {
    const found = await server.discover(env, revision);
    checkDefinitions(server, found);
    return found;
  } catch (failure) {
    logFailure("catalogue_not_discovered", failure, { server: server.name, revision });
    return null;
  }
}
