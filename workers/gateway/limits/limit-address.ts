import type { Context, MiddlewareHandler } from "hono";
import { refuse } from "../failures.tsx";
import { admitAttempt } from "./attempts.ts";
import { countedAddress } from "./counted-address.ts";

type GatewayContext = Context<{ Bindings: Env }>;

/** A rate limit per address. */
export interface AddressLimit {
  /** Name of the counter. */
  what: string;
  limit: number;
  windowMs: number;
}

/** Responds 429 with `Retry-After` (RFC 6585 §4) in OAuth's error format (RFC 6749 §5.2) above the limit. */
export function limitPrograms(rule: AddressLimit, description: string): MiddlewareHandler<{ Bindings: Env }> {
  return async (c, next) => {
    const retryAfter = await secondsToWait(c, rule);
    if (retryAfter === 0) return await next();
    c.header("Retry-After", String(retryAfter));
    return c.json({ error: "temporarily_unavailable", error_description: description }, 429);
  };
}

const CONNECTING = {
  message: "Too many apps are being connected from this address right now.",
  action: "Wait a minute, then start connecting again from the app.",
};

/** {@link limitPrograms} with a page instead of an OAuth error; `words` are its sentences. */
export function limitVisitors(
  rule: AddressLimit,
  words: { message: string; action: string } = CONNECTING,
): MiddlewareHandler<{ Bindings: Env }> {
  return async (c, next) => {
    const retryAfter = await secondsToWait(c, rule);
    if (retryAfter === 0) return await next();
    return await refuse(c, {
      status: 429,
      code: "rate_limited",
      title: "Too many requests",
      ...words,
      retryAfter,
    });
  };
}

async function secondsToWait(c: GatewayContext, { what, limit, windowMs }: AddressLimit): Promise<number> {
  const subject = `${what}|${countedAddress(c.req.raw.headers)}`;
  const admission = await admitAttempt(c.env, [{ subject, limit, windowMs }], Date.now());
  return admission.admitted ? 0 : admission.retryAfter;
}
