import type { ConnectionAttempt } from "../audit/record.ts";
import type { CachedAnswer } from "../call/cached-answer.ts";
import type { LogLevel } from "../call/log-level.ts";
import type { ConnectionEntry } from "../connections/entry.ts";
import type { JsonValue } from "../encoding/json.ts";
import { isTracing, startSpan } from "../observe/spans.ts";
import { writeTraceparent } from "../observe/trace.ts";
import { openObject } from "./open-object.ts";

/** What the client of a call can be asked: the person in a form or on a page, their model, and the app's folders. */
export type Asks = Readonly<Record<"form" | "url" | "model" | "folders", boolean>>;

/** Asks nothing: no client is there. */
export const ASKS_NOTHING: Asks = { form: false, url: false, model: false, folders: false };

/** The caller as an assertion names them at another system; see `exchangedAuth`. */
export interface NamedCaller {
  /** The user's id, or that of the API key. */
  sub: string;
  /** A token that was exchanged under another role counts no more. */
  role: string;
  /** Of a key no address and no name are said: they are its owner's. */
  isKey: boolean;
}

/** A connection as one call or command uses it. */
export interface ConnectionTarget {
  name: string;
  /** SHA-256 of the published revision; `""` for an entry that is not published, which is tested only. */
  revision: string;
  entry: ConnectionEntry;
  /** For kinds with sessions per person: whose session it is, and what the person's client can be asked. */
  session?: { person: string; asks: Asks; caller?: NamedCaller };
}

/** A question of the other system, for the client of the call. */
export interface ForeignQuestion {
  method: "elicitation/create" | "sampling/createMessage" | "roots/list";
  params: Readonly<Record<string, JsonValue>>;
  /** Name of the question among those of its call. */
  key?: string;
}

/**
 * What became of a {@link ForeignQuestion}: the client's answer, or the call has ended without one. `resumes`:
 * the client comes back with the answer in a call of its own.
 */
export type ForeignAnswer = { kind: "answer"; value: JsonValue } | { kind: "left"; resumes: boolean };

/** The call on whose behalf a request runs, as the other system can reach it meanwhile. */
export interface ConnectionCaller {
  /** Resolves when it is with the client: what is not awaited may come after the answer. */
  progress(done: number, total: number | undefined, message: string | undefined): Promise<void>;
  log(level: LogLevel, data: JsonValue): Promise<void>;
  ask(question: ForeignQuestion): Promise<ForeignAnswer>;
  /** The other system tried something that was refused. */
  refused(attempt: ConnectionAttempt): Promise<void>;
}

/** Lets the answer of a request be given again; see `cacheKeyOf`. */
export interface CacheRequest {
  key: string;
  /** Milliseconds for which it is fresh, and for which it is stale after that. */
  freshMs: number;
  staleMs: number;
}

/** Names a write that runs once for its person, however often it is asked for. */
export interface WriteKey {
  person: string;
  tool: string;
  /** As the caller chose it. */
  key: string;
  /** SHA-256 of the arguments. */
  digest: string;
  /** SHA-256 of where it runs and of its statement: what was done elsewhere, or by another one, is no outcome of this. */
  state: string;
}

/** What a call asks of the other system. `kind` decides which connector reads it. */
export interface ConnectionRequest {
  /** Names this request in {@link ConnectionGate.cancel}. */
  id: string;
  /** The operation of the connector, such as `query`. */
  operation: string;
  arguments: Readonly<Record<string, JsonValue>>;
  /** Settings that tell the other system who is calling. */
  identity: Readonly<Record<string, string>>;
  /** Milliseconds until the caller's deadline. */
  timeoutMs: number;
  /** Whether the operation may be repeated after a lost connection. */
  repeatable: boolean;
  /** The span that the object's own spans are below, while spans are recorded (W3C Trace Context). */
  traceparent?: string;
  /** Goes with the statement as a comment: user and trace. */
  note: string;
  /** Without it the other system is asked, always. */
  cache?: CacheRequest;
  /** A write with a key is not carried out again: its first outcome is given. */
  once?: WriteKey;
  /** For kinds that ask over HTTP: trace and token of the call, and what a call with answers is resumed by. */
  call?: { traceId: string; tokenId: string; resumes: string };
}

/** Result of a request. A failure is a value: its words are ours, and errors lose their type between objects. */
export type ConnectionAnswer =
  | {
      ok: true;
      value: JsonValue;
      /** Set if it was kept. */
      cached?: CachedAnswer;
      /** False for a part of an answer, which a cache must not hold. */
      keep?: false;
    }
  | { ok: false; failure: ConnectionFailure };

/** Why a request has no result, in our own words. */
export interface ConnectionFailure {
  code:
    | "invalid_input"
    | "forbidden"
    | "not_found"
    | "conflict"
    | "timeout"
    | "unavailable"
    /** It may have been carried out, and must not be repeated unseen. */
    | "outcome_unknown"
    | "cancelled"
    | "result_too_large"
    /** The person has to connect an account first. */
    | "account_needed"
    /** The client lacks what the other system wants to ask; see `needs`. */
    | "client_unsupported";
  message: string;
  /** The caller's next step. */
  action?: string;
  /** Seconds. */
  retryAfter?: number;
  /** What the other system tried, if the request failed for that. */
  attempt?: ConnectionAttempt;
  /** False if nothing was sent to the other system. */
  sent?: false;
  /** What the client would have to answer. */
  needs?: ForeignQuestion["method"];
}

/** State of one object of a connection. */
export interface ConnectionState {
  open: number;
  running: number;
  waiting: number;
  breaker: "closed" | "open" | "half_open";
  /** The last failure of the other system, in our own words; `null` if there was none. */
  lastFailure: { at: number; message: string } | null;
  /** Milliseconds of the last successful request; `null` before one. */
  lastMs: number | null;
}

/** Result of a test of a connection that need not be published. */
export interface ConnectionReport {
  /** Name and version of the other system. */
  server: string;
  /** Milliseconds from the first packet to the first answer. */
  ms: number;
  /** What the account may do beyond reading, each with the statement that ends it. */
  excess: readonly { what: string; remedy: string; blocking: boolean }[];
  /** Tables, prefixes or other objects that the entry exposes. */
  exposed: readonly string[];
  /** Classes proposed for columns without one, by column. */
  proposals: Readonly<Record<string, string>>;
  /** What in the entry does not fit the other system. */
  mistakes: readonly string[];
}

/** How much of a connection is looked at: what its account may do, or also how its entry fits the other system. */
export type Inspected = "account" | "all";

/** The rest of a report on an account alone. */
export const NOT_INSPECTED = { exposed: [], proposals: {}, mistakes: [] } as const;

/** What a test found, or why there is none. */
export type ProbeAnswer = { ok: true; report: ConnectionReport } | { ok: false; failure: ConnectionFailure };

/** What an authorization server has to trust, so that it gives tokens for assertions of Gatehouse. */
export interface ConnectionTrust {
  issuer: string;
  /** Address of the key set. */
  keys: string;
  key_ids: readonly string[];
  algorithm: string;
  audience: string;
  claims: readonly string[];
  token_endpoint: string;
  subject_token_type: string;
  /** Id and authentication method; `null` for no client. */
  client: string | null;
}

/** One of the objects that hold a connection's sockets. Implemented in `workers/objects/connections`. */
export interface ConnectionGate {
  /** @param caller - lives as long as the call; without it the other system cannot ask anything */
  run(
    target: ConnectionTarget,
    request: ConnectionRequest,
    caller?: ConnectionCaller,
  ): Promise<ConnectionAnswer>;
  /** Ends a running request at the other system. */
  cancel(id: string): Promise<void>;
  /** Tests a connection with a session of its own, one test at a time. `secret` replaces the one of the vault. */
  probe(target: ConnectionTarget, secret: string | null, what?: Inspected): Promise<ProbeAnswer>;
  /** Closes every session before the next request, and forgets answers; called when a secret was changed or removed. */
  closeSessions(): Promise<void>;
  /** Forgets every answer that it keeps; called when something was changed through the connection. */
  forgetAnswers(): Promise<void>;
  state(): Promise<ConnectionState>;
}

/** Most sessions of one object: the platform gives six sockets, and one is kept for cancelling. */
export const SESSIONS_PER_OBJECT = 4;

/** How many objects serve a connection. */
export function countShards({ limits }: ConnectionEntry): number {
  return Math.ceil(limits.concurrent / SESSIONS_PER_OBJECT);
}

/** How many calls one of these objects runs at a time: all of them together, the limit of the entry. */
export function shareOf(entry: ConnectionEntry, shard: number): number {
  const { concurrent } = entry.limits;
  const shards = countShards(entry);
  // An object that no call goes to any more serves the last ones.
  return Math.max(1, Math.floor(concurrent / shards) + (shard < concurrent % shards ? 1 : 0));
}

/**
 * One object of a connection: one of its shards, the one that tests it, or the one that holds a person's sessions.
 *
 * @param location - that of the entry. An object stays where it was made, so that each region has objects of its own.
 */
export function connectionGate(
  env: Env,
  name: string,
  place: number | "probe" | { person: string },
  location?: ConnectionEntry["location"],
): ConnectionGate {
  const part = typeof place === "object" ? `person:${place.person}` : place;
  const region = location === undefined ? "" : `@${location}`;
  const object = `${name}${region}:${part}`;
  const repeatable = ["cancel", "closeSessions", "forgetAnswers", "state"] as const;
  const gate = openObject<ConnectionGate>(env, env.CONNECTION_POOL, object, repeatable, location);
  return isTracing() ? traceGate(gate) : gate;
}

/** A gate whose requests are spans: they say which connection and which operation, never what was asked. */
function traceGate(gate: ConnectionGate): ConnectionGate {
  return {
    cancel: (id) => gate.cancel(id),
    probe: (target, secret, what) => gate.probe(target, secret, what),
    closeSessions: () => gate.closeSessions(),
    forgetAnswers: () => gate.forgetAnswers(),
    state: () => gate.state(),
    async run(target, request, caller) {
      const span = startSpan(`${request.operation} ${target.name}`, "client");
      if (span === null) return await gate.run(target, request, caller);
      span.set({
        "db.system.name": target.entry.kind,
        "db.operation.name": request.operation,
        "gatehouse.connection": target.name,
      });
      try {
        const answer = await gate.run(target, { ...request, traceparent: writeTraceparent(span.id) }, caller);
        span.end(answer.ok ? undefined : answer.failure.code);
        return answer;
      } catch (failure) {
        span.end("internal_error");
        throw failure;
      }
    },
  };
}
