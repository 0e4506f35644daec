import { type CachedAnswer, readCached } from "../../call/cached-answer.ts";
import { ProtocolFault } from "../../call/protocol-fault.ts";
import { ToolError } from "../../call/tool-error.ts";
import type { JsonValue } from "../../encoding/json.ts";
import type { ToolOutcome } from "../../objects/program-gate.ts";
import type { OtherTools } from "../../server/define.ts";
import { cutText } from "../../text/well-formed.ts";
import type { ClientChannel, RequestContext } from "../request-context.ts";
import type { ShapedAnswer } from "../shape.ts";

/** Most characters of a failure that another system reports. */
const LONGEST_FAILURE = 2_000;

/** How the guard calls a tool. Its own failures come as {@link ToolError}. */
type TryTool = (
  ctx: RequestContext,
  name: string,
  args: Record<string, unknown>,
) => Promise<{ answer: ShapedAnswer | object } | ToolError>;

/**
 * The other tools for one that composes them. Each call is one of the same person and app, is decided, admitted, counted,
 * masked and recorded as itself, and has no client to ask: what needs a person gives `approval_required` with the address.
 *
 * @param fromCache - told of an answer that comes from a cache: the composing call's answer says so, too
 */
export function openOtherTools(
  ctx: RequestContext,
  tryTool: TryTool,
  fromCache: (cached: CachedAnswer) => void = () => {},
): OtherTools {
  return {
    async call(name, args, signal) {
      if (ctx.catalogue.tools.get(name)?.definition.composes)
        return fail("forbidden", `${name} cannot be called by code.`);
      const { continued: _, met: __, ...own } = ctx;
      const inner: RequestContext = {
        ...own,
        channel: QUIET,
        signal: AbortSignal.any([ctx.signal, signal]),
        retryAfter: () => {},
      };
      try {
        const ended = await tryTool(inner, name, { ...args });
        if (ended instanceof ToolError)
          return { ok: false, error: { ...ended.toBody(ctx.policy.signIn.contact).error } };
        const answer = ended.answer as ShapedAnswer;
        const cached = readCached(answer._meta);
        if (cached !== undefined) fromCache(cached);
        return answer.isError ? readFailure(answer) : { ok: true, value: toValue(answer) };
      } catch (failure) {
        if (failure instanceof ProtocolFault) return fail("not_found", failure.message);
        throw failure;
      }
    },
  };
}

/** For a tool that does not say that it composes others. */
export const NO_OTHERS: OtherTools = {
  call: () => Promise.reject(new TypeError("A tool that calls others says so in its definition: composes.")),
};

function toValue({ structuredContent, content }: ShapedAnswer): JsonValue {
  return structuredContent ?? { content: JSON.parse(JSON.stringify(content)) as JsonValue };
}

/** The words with which another system says that it failed. Whatever they look like, they are no error of the guard. */
function readFailure({ content }: ShapedAnswer): ToolOutcome {
  const text = content.map((block) => (block.type === "text" ? block.text : "")).join("\n");
  return fail("failed_elsewhere", cutText(text, LONGEST_FAILURE));
}

function fail(code: string, message: string): ToolOutcome {
  return { ok: false, error: { code, message } };
}

function cannotAsk(): Promise<never> {
  return Promise.reject(
    new ToolError("client_unsupported", "Code cannot ask a person. Make this call by itself."),
  );
}

/** A client that hears nothing and cannot be asked. */
const QUIET: ClientChannel = {
  progress() {},
  log() {},
  ask: cannotAsk,
  sample: cannotAsk,
  relay: cannotAsk,
  visit: cannotAsk,
  endVisit() {},
  release() {},
  tasks: false,
  abilities: {},
  elicits: { form: false, url: false },
  showsViews: false,
};
