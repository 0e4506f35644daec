import { logFailure } from "../observe/log.ts";
import type { Catalogue, PublishedServers, Revisions } from "./catalogue.ts";
import { loaderOf } from "./code/loader.ts";
import { checkDefinitions, type Definitions, type ServerDefinition } from "./define.ts";

/** Cached catalogues per URL: the current, the previous, and one for a roll-back. */
const KEPT = 3;

/** Where the servers of a URL come from. */
export interface FollowedServers {
  /** Those of the registry. */
  registered: readonly ServerDefinition[];
  published: PublishedServers;
}

/** A server as it is at one revision. */
interface Part {
  server: ServerDefinition;
  /** Its definitions besides its own. */
  discovered?: Definitions;
}

/**
 * Makes a URL's catalogue follow the revisions in force. Builds a catalogue once per isolate and set of
 * revisions. A server whose revision cannot be read or has a mistake is left out with an error in the log and
 * tried again with the next request; one that does not fit to the others is left out; the other servers stay.
 *
 * @param build - builds the catalogue of these servers, with their further definitions by server name
 */
export function followRevisions(
  { registered, published }: FollowedServers,
  build: (
    servers: readonly ServerDefinition[],
    discovered: ReadonlyMap<string, Definitions>,
    at: Catalogue["at"],
    runsCode: boolean,
  ) => Catalogue,
): Catalogue["at"] {
  const discovering = registered.filter(({ discover }) => discover !== undefined);
  const kept = new Map<string, Catalogue>();
  return async function at(this: Catalogue, env: Env, revisions: Revisions): Promise<Catalogue> {
    const added = published.choose(revisions);
    // The same in every request: a binding of the deployment.
    const runsCode = loaderOf(env) !== undefined;
    const key = [
      ...(runsCode ? ["code"] : []),
      ...[...discovering.map(({ name }) => name), ...added].map(
        (name) => `${name}@${revisions.get(name) ?? ""}`,
      ),
    ].join(" ");
    if (key === "" && this.servers.length === registered.length) return this;
    const known = kept.get(key);
    if (known) return known;
    const parts = await Promise.all([
      ...discovering.map((server) => discoverOrLog(env, server, revisions.get(server.name))),
      ...added.map((name) => openOrLog(env, published, name, String(revisions.get(name)))),
    ]);
    const found = parts.filter((part) => part !== null);
    const buildOf = (chosen: readonly Part[]) => {
      const discovered = new Map(
        chosen.flatMap(({ server, discovered: items }) => (items ? [[server.name, items]] : [])),
      );
      const opened = chosen.map(({ server }) => server).filter((server) => !registered.includes(server));
      return build([...registered, ...opened], discovered, at, runsCode);
    };
    const catalogue = buildUsable(found, buildOf, revisions);
    if (found.length === parts.length) {
      kept.set(key, catalogue);
      const [oldest] = kept.keys();
      if (kept.size > KEPT && oldest !== undefined) kept.delete(oldest);
    }
    return catalogue;
  };
}

/**
 * The catalogue of these parts. If they do not fit together, such as two servers that define one name, those that do
 * not fit to the earlier ones are left out: one connection must not end the others.
 */
function buildUsable(
  parts: readonly Part[],
  build: (parts: readonly Part[]) => Catalogue,
  revisions: Revisions,
): Catalogue {
  try {
    return build(parts);
  } catch {
    // Once per isolate and set of revisions, so each step may build a whole catalogue.
    let fitting: readonly Part[] = [];
    let catalogue = build(fitting);
    for (const part of parts) {
      try {
        catalogue = build([...fitting, part]);
        fitting = [...fitting, part];
      } catch (failure) {
        logUnusable(part.server.name, String(revisions.get(part.server.name)), failure);
      }
    }
    return catalogue;
  }
}

/** `null` if the revision cannot be used now. A server without a revision has only its own definitions. */
async function discoverOrLog(
  env: Env,
  server: ServerDefinition,
  revision: string | undefined,
): Promise<Part | null> {
  if (revision === undefined || !server.discover) return { server };
  try {
    const discovered = await server.discover(env, revision);
    checkDefinitions(server, discovered);
    return { server, discovered };
  } catch (failure) {
    return logUnusable(server.name, revision, failure);
  }
}

async function openOrLog(
  env: Env,
  published: PublishedServers,
  name: string,
  revision: string,
): Promise<Part | null> {
  try {
    return { server: await published.open(env, name, revision) };
  } catch (failure) {
    return logUnusable(name, revision, failure);
  }
}

function logUnusable(server: string, revision: string, failure: unknown): null {
  logFailure("catalogue_not_discovered", failure, { server, revision });
  return null;
}
