import type { Context } from "hono";
import { ANONYMOUS_CHAIN, type ClientEvent, type PageEvent } from "../../shared/audit/record.ts";
import { principalGate } from "../../shared/objects/principal-gate.ts";

import { log } from "../../shared/observe/log.ts";

type GatewayContext = Context<{ Bindings: Env }>;
/** An event without its origin, which is read from the request. */
type WithoutOrigin<Event> = Event extends unknown ? Omit<Event, "ip" | "country"> : never;

/** Writes what a person did on the pages into their chain. Durable when it returns. */
export function recordEvent<E extends { Bindings: Env }>(
  c: Context<E>,
  userId: string,
  event: WithoutOrigin<PageEvent>,
): Promise<void> {
  return record(c.env, c.req.raw, userId, event);
}

/** Writes an app's action at the OAuth endpoints to a chain. Durable when it returns. */
export function recordClientEvent(
  env: Env,
  request: Request,
  chain: string,
  event: WithoutOrigin<ClientEvent>,
): Promise<void> {
  return record(env, request, chain, event);
}

async function record(
  env: Env,
  request: Request,
  chain: string,
  event: WithoutOrigin<PageEvent | ClientEvent>,
): Promise<void> {
  const ip = request.headers.get("CF-Connecting-IP");
  const country = typeof request.cf?.country === "string" ? request.cf.country : null;
  await principalGate(env, chain).record(chain, { ip, country, ...event } as PageEvent | ClientEvent);
}

/**
 * Records a sign-in attempt in the chain of the user with that address. The typed address is never stored:
 * attempts for unknown addresses go to the anonymous chain. A failed attempt is recorded after the response,
 * because the lookup's duration would reveal which addresses exist.
 */
export async function recordSignIn(c: GatewayContext, email: string, succeeded: boolean): Promise<void> {
  const recorded = findChain(c.env.PLATFORM_DB, email).then((chain) =>
    recordEvent(c, chain, { type: "sign_in", succeeded }),
  );
  if (succeeded) return recorded;
  c.executionCtx.waitUntil(
    recorded.catch((failure: unknown) => log("error", "sign_in_not_recorded", { error: String(failure) })),
  );
}

/** Records that a user gave the correct password and now has to give a second factor. */
export async function recordChallenge(c: GatewayContext, email: string): Promise<void> {
  const chain = await findChain(c.env.PLATFORM_DB, email);
  await recordEvent(c, chain, { type: "second_factor", step: "asked" });
}

async function findChain(database: D1Database, email: string): Promise<string> {
  const person = await database
    .prepare(`SELECT "id" FROM "user" WHERE "email" = ?`)
    .bind(email)
    .first<{ id: string }>();
  return person?.id ?? ANONYMOUS_CHAIN;
}
