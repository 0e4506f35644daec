import type { PrincipalIdentity } from "../call/principal.ts";
import type { Subject } from "../call/subject.ts";
import { decide } from "../guard/decide.ts";
import { isRefusal, recordDenial } from "../guard/record-denial.ts";
import { traceIdOf } from "../observe/trace.ts";
import type { Policy } from "../policy/compile.ts";
import type { Decision } from "../policy/decide.ts";
import type { Catalogue } from "../server/catalogue.ts";
import { followCall } from "../server/search/forwarded-call.ts";

/** Methods that read an event. Ending a subscription needs no right to it. */
const EVENT_READS: ReadonlySet<string> = new Set(["events/poll", "events/subscribe", "events/stream"]);

/** One authenticated request. */
export interface Caller {
  identity: PrincipalIdentity;
  /** The policy in force. */
  policy: Policy;
  /** Expiry of the token, in Unix seconds. */
  expiresAt: number | undefined;
  env: Env;
  ctx: ExecutionContext;
}

/** Parameters that are read before the message is validated: each may be anything. */
export interface Params {
  name?: unknown;
  uri?: unknown;
  arguments?: unknown;
  _meta?: Record<string, unknown> | null;
}

/** The tool, prompt or resource of a message, and the policy's decision about it. */
interface Target {
  subject: Subject;
  decision: Decision;
  args: Readonly<Record<string, unknown>>;
}

/** Finds the target of a message; `undefined` if it names none or an unknown one. */
export function findTarget(
  body: Record<string, unknown>,
  catalogue: Catalogue,
  { identity, policy }: Caller,
): Target | undefined {
  const params = (body.params ?? {}) as Params;
  const isCall = body.method === "tools/call" && typeof params.name === "string";
  const called = isCall ? findCalled(catalogue, String(params.name), params.arguments) : undefined;
  const entry =
    body.method === "tools/call" && typeof params.name === "string"
      ? called?.entry
      : body.method === "prompts/get" && typeof params.name === "string"
        ? catalogue.prompts.get(params.name)
        : EVENT_READS.has(String(body.method)) && typeof params.name === "string"
          ? catalogue.events.get(params.name)
          : body.method === "resources/read" && typeof params.uri === "string"
            ? (catalogue.resources.get(params.uri) ?? matchTemplate(catalogue, params.uri))
            : undefined;
  if (!entry) return undefined;
  const { subject } = entry;
  const args = body.method === "resources/read" ? { uri: params.uri } : (called?.args ?? params.arguments);
  const named = typeof args === "object" && args !== null ? { ...args } : {};
  return { subject, decision: decide(policy, identity, subject), args: named };
}

/** The tool that a call runs, which a tool that calls others names in its arguments. */
function findCalled({ tools }: Catalogue, name: string, args: unknown) {
  const given = typeof args === "object" && args !== null ? (args as Record<string, unknown>) : {};
  const called = followCall({ tools }, name, given);
  return called !== undefined && "entry" in called
    ? { entry: called.entry, args: called.args ?? {} }
    : undefined;
}

/** Records the refusal of a message with a missing scope, which reaches neither session nor guard. */
export function recordMissingScope(
  request: Request,
  { subject, decision, args }: Target,
  { identity, policy, env, ctx }: Caller,
  legacy: boolean,
): void {
  if (!isRefusal(decision)) return;
  const origin = {
    env,
    identity,
    policy,
    lane: legacy ? ("sessionful" as const) : ("stateless" as const),
    // The session's seal is not opened yet, so the client's session id is unverified.
    sessionId: null,
    traceId: traceIdOf(request.headers),
    waitUntil: (promise: Promise<unknown>) => ctx.waitUntil(promise),
  };
  recordDenial(origin, subject, args, decision);
}

function matchTemplate(catalogue: Catalogue, uri: string) {
  return catalogue.templates.find((template) => template.matcher.match(uri) !== null);
}

/** The scopes that must be granted together with one, so that a challenge names all of them. */
export function baselines(catalogue: Catalogue, scope: string): string[] {
  const server = catalogue.servers.find((candidate) => scope in candidate.scopes);
  return server && server.baseline !== scope ? [server.baseline] : [];
}
