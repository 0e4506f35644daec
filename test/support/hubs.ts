import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { shardName } from "../../shared/objects/change-gate.ts";
import { SHARDS } from "../../shared/objects/shards.ts";

const named = (name: string) => env.CHANGE_HUB.get(env.CHANGE_HUB.idFromName(name));

/** The object that holds a person's subscriptions to a topic. */
export function hubOf(topic: string, userId: string): DurableObjectStub {
  return named(shardName(topic, userId));
}

/** The topic's own object, and its shards. */
export function hubsOf(topic: string): DurableObjectStub[] {
  const names = Array.from({ length: SHARDS.changes }, (_, shard) => `${topic}#${shard}`);
  return [topic, ...names].map(named);
}

/** Number of sessions subscribed at one object. */
export function countListeners(hub: DurableObjectStub): Promise<number> {
  return runInDurableObject(
    hub,
    (_hub, { storage }) =>
      storage.sql.exec<{ total: number }>("SELECT count(*) AS total FROM listeners").one().total,
  );
}

/** Number of sessions subscribed to a topic. */
export async function countSessions(topic: string): Promise<number> {
  const counts = await Promise.all(hubsOf(topic).map(countListeners));
  return counts.reduce((sum, count) => sum + count, 0);
}
