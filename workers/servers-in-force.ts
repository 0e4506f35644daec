import { policyInForce } from "../shared/policy/current.ts";
import type { ServerDefinition } from "../shared/server/define.ts";
import { publishedServers } from "./published-servers.ts";
import { listServers } from "./servers.ts";

/**
 * The servers of the registry, then those that the publication in force brings. One that cannot be opened now
 * is left out; while the publication is unknown, those of the registry stay.
 */
export async function serversInForce(env: Env): Promise<readonly ServerDefinition[]> {
  const registered = listServers();
  const policy = await policyInForce(env).catch(() => null);
  const names = policy === null ? [] : publishedServers.choose(policy.revisions);
  if (policy === null || names.length === 0) return registered;
  const opened = await Promise.all(
    names.map((name) =>
      publishedServers.open(env, name, String(policy.revisions.get(name))).catch(() => null),
    ),
  );
  return [...registered, ...opened.filter((server) => server !== null)];
}
