import type { ConnectionAttempt } from "../../../shared/audit/record.ts";
import { elicitsOf } from "../../../shared/call/client-abilities.ts";
import { InputNeeded } from "../../../shared/call/input-needed.ts";
import type { MaskRules } from "../../../shared/call/mask-rules.ts";
import { readOrigins } from "../../../shared/call/origin-labels.ts";
import type { PrincipalIdentity } from "../../../shared/call/principal.ts";
import { ToolError } from "../../../shared/call/tool-error.ts";
import type { McpEntry } from "../../../shared/connections/kinds/mcp.ts";
import { canonicalize, digestText } from "../../../shared/encoding/canonical-json.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import {
  type ConnectionCaller,
  connectionGate,
  type ForeignAnswer,
  type ForeignQuestion,
} from "../../../shared/objects/connection-gate.ts";
import { currentTrace } from "../../../shared/observe/trace.ts";
import type { AskingContext, CallContext, ToolContext } from "../../../shared/server/define.ts";
import { AccountGuide } from "../accounts/lead-to-account.ts";
import { sessionOf } from "../accounts/session-of.ts";
import { toError } from "../ask-connection.ts";
import { recordRefusal } from "../record-refusal.ts";

/** What a client that answers a question is able to do. */
const ABILITIES = {
  "elicitation/create": "form",
  "sampling/createMessage": "model",
  "roots/list": "folders",
} as const;

/** What a handle needs to know of its connection. */
export interface McpPlace {
  env: Env;
  name: string;
  revision: string;
  entry: McpEntry;
  principal: PrincipalIdentity;
  masks: MaskRules;
}

/** One operation at the other system. */
export interface McpOperation {
  name: "call_tool" | "read_resource" | "get_prompt" | "complete";
  arguments: Readonly<Record<string, JsonValue>>;
  /** Whether it may run again after a lost connection. */
  repeatable: boolean;
}

/** An MCP connection, opened for one call of one person. */
export class McpHandle implements AsyncDisposable {
  readonly #place: McpPlace;
  readonly #cancelling: Promise<void>[] = [];
  readonly #guide: AccountGuide;

  constructor(place: McpPlace) {
    this.#place = place;
    this.#guide = new AccountGuide(place);
  }

  /** A call that its client cancelled has ended when the other system is told: the guard waits for this here. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#cancelling);
  }

  /**
   * Runs an operation in the person's session. Questions of the server go to the client of the call: `context`
   * of a tool or prompt has a way to put them. Throws {@link ToolError}, or {@link InputNeeded} when the client
   * has to come back with an answer.
   */
  async perform(
    operation: McpOperation,
    context: CallContext<McpHandle> & Partial<AskingContext<McpHandle> & ToolContext<McpHandle>>,
  ): Promise<JsonValue> {
    const { env, name, revision, entry, principal, masks } = this.#place;
    if (masks.fields[entry.data_class] !== "show") {
      throw new ToolError(
        "forbidden",
        `${entry.title} holds ${entry.data_class} data, which this role may not see.`,
      );
    }
    const { form, url } = elicitsOf(context.abilities);
    const { sampling, roots } = context.abilities ?? {};
    const asks = { form, url, model: sampling !== undefined, folders: roots !== undefined };
    const session = { person: principal.userId, ...sessionOf(entry, principal), asks };
    const target = { name, revision, entry, session };
    const id = crypto.randomUUID();
    const gate = connectionGate(env, name, { person: principal.userId }, entry.location);
    const cancel = () => void this.#cancelling.push(gate.cancel(id).catch(() => {}));
    context.signal.addEventListener("abort", cancel, { once: true });
    const leaving: { failure?: unknown } = {};
    const refused = new Set<ConnectionAttempt>();
    const given = operation.arguments as JsonValue;
    try {
      const answer = await gate.run(
        target,
        {
          id,
          operation: operation.name,
          arguments: operation.arguments,
          identity: {},
          timeoutMs: Math.max(1, context.timeLeft?.() ?? entry.limits.seconds * 1_000),
          repeatable: operation.repeatable,
          note: "",
          call: {
            traceId: currentTrace()?.id ?? id.replaceAll("-", ""),
            tokenId: principal.tokenId,
            resumes: digestText(canonicalize([principal.clientId, revision, operation.name, given])),
          },
        },
        callerOf(context, leaving, refused),
      );
      if (!answer.ok && answer.failure.attempt !== undefined) refused.add(answer.failure.attempt);
      if (leaving.failure !== undefined) throw leaving.failure;
      if (answer.ok) {
        context.meets(readOrigins(answer.value));
        return answer.value;
      }
      if (answer.failure.code === "account_needed") {
        await this.#guide.lead(context, answer.failure);
        return await this.perform(operation, context);
      }
      // Put to a client that cannot answer it, so that its lane says what the client lacks.
      if (answer.failure.needs !== undefined && !asks[ABILITIES[answer.failure.needs]])
        await context.relay?.({ method: answer.failure.needs, params: {} });
      throw toError(answer.failure);
    } finally {
      context.signal.removeEventListener("abort", cancel);
      for (const attempt of refused) await this.record(attempt);
    }
  }

  /** Records in the person's chain what the other system tried. Never rejects: the refusal stands without its record. */
  async record(attempt: ConnectionAttempt): Promise<void> {
    const { env, name, principal } = this.#place;
    await recordRefusal(env, name, principal.userId, attempt);
  }
}

/**
 * The call as the object of the connection reaches it. `leaving` gets what ends the call in place of an answer, `refused`
 * what the other system tried.
 */
function callerOf(
  context: Partial<Pick<ToolContext, "progress" | "log" | "relay">>,
  leaving: { failure?: unknown },
  refused: Set<ConnectionAttempt>,
): ConnectionCaller {
  return {
    refused: async (attempt) => void refused.add(attempt),
    progress: async (done, total, message) => context.progress?.(done, total, message),
    log: async (level, data) => context.log?.(level, data),
    async ask({ method, params, key = "question" }: ForeignQuestion): Promise<ForeignAnswer> {
      if (context.relay === undefined) return { kind: "left", resumes: false };
      try {
        return { kind: "answer", value: (await context.relay({ method, params, key })) as JsonValue };
      } catch (failure) {
        leaving.failure = failure;
        return { kind: "left", resumes: failure instanceof InputNeeded };
      }
    },
  };
}
