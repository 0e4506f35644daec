import type { ConnectionEntry } from "../../../shared/connections/entry.ts";
import { parseRevision } from "../../../shared/connections/revision.ts";
import { describeSource, hasSecret, secretSourceOf } from "../../../shared/connections/secret-source.ts";
import {
  type ConnectionState,
  connectionGate,
  countShards,
} from "../../../shared/objects/connection-gate.ts";
import { policyInForce } from "../../../shared/policy/current.ts";
import { readRevision } from "../../../shared/server/read-revision.ts";
import { publishedServers } from "../../published-servers.ts";

/** A published connection with the state of each of its objects. */
export interface PublishedState extends Pick<ConnectionEntry, "kind" | "title" | "owner"> {
  name: string;
  allow_privileged_role: boolean;
  /** Where its secret comes from; `null` if it has none. */
  secret: string | null;
  objects: ConnectionState[];
}

/** The state of every published connection. Asks its objects, not the other systems. */
export async function readStates(env: Env): Promise<PublishedState[]> {
  const { revisions } = await policyInForce(env);
  return await Promise.all(
    publishedServers.choose(revisions).map(async (name) => {
      const { entry } = parseRevision(name, await readRevision(env, String(revisions.get(name))));
      const shards = Array.from({ length: countShards(entry) }, (_, shard) =>
        connectionGate(env, name, shard, entry.location).state(),
      );
      const { kind, title, owner } = entry;
      const allow_privileged_role = "allow_privileged_role" in entry && entry.allow_privileged_role;
      const secret = hasSecret(entry) ? describeSource(secretSourceOf(name, entry)) : null;
      const objects = await Promise.all(shards);
      return { name, kind, title, owner, allow_privileged_role, secret, objects };
    }),
  );
}

/** What `/ready` says of connections. None of them makes Gatehouse unready: the others and all servers go on. */
export function describeStates(states: readonly PublishedState[]): object {
  if (states.length === 0) return {};
  const connections = states.map(({ name, objects }) => {
    const broken = objects.find(({ breaker }) => breaker !== "closed");
    const times = objects.flatMap(({ lastMs }) => lastMs ?? []);
    const last = objects
      .flatMap(({ lastFailure }) => lastFailure ?? [])
      .sort((one, other) => other.at - one.at)[0];
    return {
      name,
      breaker: broken?.breaker ?? "closed",
      ...(times.length > 0 && { ms: Math.max(...times) }),
      ...(last && { last_failure: new Date(last.at).toISOString(), failure: last.message }),
    };
  });
  return { connections };
}
