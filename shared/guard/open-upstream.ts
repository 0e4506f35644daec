import type { Subject } from "../call/subject.ts";
import { openUpstream } from "../upstream/open-upstream.ts";
import type { RequestContext } from "./request-context.ts";

/** {@link openUpstream} for a request context. */
export function upstreamOf(
  { env, identity, traceId }: Pick<RequestContext, "env" | "identity" | "traceId">,
  { name }: Pick<Subject, "name">,
  signal: AbortSignal,
): typeof fetch {
  return openUpstream({ env, name, traceId, tokenId: identity.tokenId, signal });
}
