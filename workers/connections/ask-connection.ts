import type { CachedAnswer } from "../../shared/call/cached-answer.ts";
import type { MaskRules } from "../../shared/call/mask-rules.ts";
import type { PrincipalIdentity } from "../../shared/call/principal.ts";
import { ToolError } from "../../shared/call/tool-error.ts";
import { cacheKeyOf } from "../../shared/connections/cache-key.ts";
import type { CacheRule } from "../../shared/connections/kinds/common.ts";
import type { JsonValue } from "../../shared/encoding/json.ts";
import {
  type CacheRequest,
  type ConnectionFailure,
  type ConnectionTarget,
  connectionGate,
  countShards,
  type WriteKey,
} from "../../shared/objects/connection-gate.ts";
import { currentTrace } from "../../shared/observe/trace.ts";

/** What a call knows that a request to a connection needs. */
export interface CallLimits {
  signal: AbortSignal;
  /** Milliseconds until the call's deadline. */
  timeLeft(): number;
}

/** What a call knows that shows a catalogue, which usually is some seconds old. */
export interface CatalogueLimits extends CallLimits {
  fromCache(cached: CachedAnswer): void;
}

/** What a call knows that a read needs which may be answered from a cache. */
export interface ReadLimits extends CatalogueLimits {
  publication: number;
}

/** Lets the answer of an operation be given again to a caller to whom the same rules apply. */
export interface OperationCache {
  rule: CacheRule;
  tool: string;
  masks: MaskRules;
  call: ReadLimits;
}

/** One operation of a connector. */
export interface Operation {
  name: string;
  arguments: Readonly<Record<string, JsonValue>>;
  /** Settings of the session that say who is calling. */
  settings?: Readonly<Record<string, string>>;
  repeatable: boolean;
  /** Without it the other system is asked, always. */
  cache?: OperationCache | undefined;
  /** For a write that the caller may ask for again. */
  once?: WriteKey | undefined;
}

let turn = 0;

/**
 * Sends one operation to an object of the connection. Cancels it at the other system when the caller hangs up.
 * Throws {@link ToolError} in our own words.
 */
export async function askConnection(
  env: Env,
  target: ConnectionTarget,
  operation: Operation,
  principal: PrincipalIdentity,
  { signal, timeLeft }: CallLimits,
): Promise<JsonValue> {
  const id = crypto.randomUUID();
  const cache = cacheRequestOf(target, operation, principal);
  const gate = connectionGate(
    env,
    target.name,
    target.session ?? chooseShard(target, cache),
    target.entry.location,
  );
  const cancel = () => void gate.cancel(id).catch(() => {});
  signal.addEventListener("abort", cancel, { once: true });
  try {
    const answer = await gate.run(target, {
      id,
      operation: operation.name,
      arguments: operation.arguments,
      identity: operation.settings ?? {},
      timeoutMs: Math.max(1, timeLeft()),
      repeatable: operation.repeatable,
      note: `gatehouse user=${principal.userId} trace=${currentTrace()?.id ?? ""}`,
      ...(cache && { cache }),
      ...(operation.once && { once: operation.once }),
    });
    if (!answer.ok) throw toError(answer.failure);
    if (answer.cached) operation.cache?.call.fromCache(answer.cached);
    return answer.value;
  } finally {
    // What was read before a change is not given after it, whatever became of the change.
    if (!operation.repeatable && keepsAnswers(target)) await forgetAnswers(env, target);
    signal.removeEventListener("abort", cancel);
  }
}

function cacheRequestOf(
  { name, revision }: ConnectionTarget,
  operation: Operation,
  { userId, role }: PrincipalIdentity,
): CacheRequest | undefined {
  if (operation.cache === undefined) return undefined;
  const { rule, tool, masks, call } = operation.cache;
  const key = cacheKeyOf({
    ...{ connection: name, revision, publication: call.publication },
    ...{ person: userId, role, masks, tool },
    ...{ operation: operation.name, arguments: operation.arguments, identity: operation.settings ?? {} },
  });
  return { key, freshMs: rule.fresh * 1_000, staleMs: rule.stale * 1_000 };
}

/** A kept answer is in one object. All else goes in turn: chance would fill the queue of one while another is idle. */
function chooseShard({ entry }: ConnectionTarget, cache: CacheRequest | undefined): number {
  if (cache !== undefined) return Number.parseInt(cache.key.slice(0, 8), 16) % countShards(entry);
  turn += 1;
  return turn % countShards(entry);
}

function keepsAnswers({ entry }: ConnectionTarget): boolean {
  const queries = "queries" in entry ? Object.values(entry.queries) : [];
  return [entry, ...queries].some((one) => "cache" in one && one.cache !== undefined);
}

async function forgetAnswers(env: Env, { name, entry }: ConnectionTarget): Promise<void> {
  const shards = Array.from({ length: countShards(entry) }, (_, shard) =>
    connectionGate(env, name, shard, entry.location).forgetAnswers(),
  );
  await Promise.allSettled(shards);
}

/** The error of a call, with the failure that it comes from. */
class RefusedCall extends ToolError {
  readonly failure: ConnectionFailure;

  constructor(failure: ConnectionFailure) {
    const { code, message, action, retryAfter } = failure;
    super(code === "account_needed" ? "forbidden" : code, message, {
      ...(action !== undefined && { suggestedAction: action }),
      ...(retryAfter !== undefined && { retryAfter }),
    });
    this.failure = failure;
  }
}

/** A failure of a connection as the error of a call. */
export function toError(failure: ConnectionFailure): ToolError {
  return new RefusedCall(failure);
}

/** The failure that an error of {@link askConnection} comes from; `null` for any other error. */
export function failureOf(error: unknown): ConnectionFailure | null {
  return error instanceof RefusedCall ? error.failure : null;
}
