import { type CachedAnswer, describeCached, olderOf } from "../../call/cached-answer.ts";
import { labelsOf, type ReadLabel } from "../../call/flow-labels.ts";
import { originMeta } from "../../call/origin-labels.ts";
import type { Subject } from "../../call/subject.ts";
import type { JsonValue } from "../../encoding/json.ts";
import { principalGate } from "../../objects/principal-gate.ts";
import { memoryRules } from "../../policy/flow/information-flow.ts";
import type { CallContext } from "../../server/define.ts";
import type { RequestContext } from "../request-context.ts";

/** Where the data of an answer comes from, as far as it is known. */
export interface Origins {
  reads: Set<ReadLabel>;
  cached?: CachedAnswer;
}

/** What is known before the call: the labels of its definition. */
export function originsOf({ reads }: Pick<Subject, "reads">): Origins {
  return { reads: new Set(reads) };
}

/** The context of a call, which also adds to `origins` what the call finds out about its data. */
export function noteOrigins<Context extends Pick<CallContext, "meets" | "fromCache">>(
  context: Context,
  origins: Origins,
): Context {
  return {
    ...context,
    meets(labels) {
      for (const label of labels) origins.reads.add(label);
      context.meets(labels);
    },
    fromCache(cached) {
      origins.cached = olderOf(origins.cached, cached);
      context.fromCache(cached);
    },
  };
}

/** What a result says of its origins: `_meta`, and a block for the model if a part of it is stale. */
export function describeOrigins(
  { reads, cached }: Origins,
  now = Date.now(),
): { meta: { _meta?: Record<string, JsonValue> }; blocks: { type: "text"; text: string }[] } {
  const meta = originMeta(reads);
  if (cached === undefined) return { meta, blocks: [] };
  const said = describeCached(cached, now);
  const blocks = said.sentence === null ? [] : [{ type: "text" as const, text: said.sentence }];
  return { meta: { _meta: { ...meta._meta, ...said.meta } }, blocks };
}

/** Where the data of an answer comes from that gives what earlier or other calls have read: all that the session has met. */
export async function recalledOrigins(
  { env, identity, policy }: Pick<RequestContext, "env" | "identity" | "policy">,
  { recalls }: Pick<Subject, "recalls">,
): Promise<ReadLabel[]> {
  if (!recalls) return [];
  const rules = memoryRules(policy.informationFlow);
  return labelsOf(await principalGate(env, identity.userId).readMet(identity.clientId, rules));
}
