import type { Context } from "hono";
import { type PageEvent, STRANGERS } from "../../shared/audit/record.ts";
import { principalGate } from "../../shared/guard/admit.ts";
import { log } from "../../shared/observe/log.ts";

type GatewayContext = Context<{ Bindings: Env }>;
/** An event without where it came from, which is read from the request. */
type Happening = PageEvent extends infer Event
  ? Event extends PageEvent
    ? Omit<Event, "ip" | "country">
    : never
  : never;

/** Writes what a person did on the pages into their chain. Durable when it returns. */
export async function recordEvent(c: GatewayContext, userId: string, event: Happening): Promise<void> {
  const { cf } = c.req.raw;
  const ip = c.req.header("CF-Connecting-IP") ?? null;
  const country = typeof cf?.country === "string" ? cf.country : null;
  await principalGate(c.env, userId).record(userId, { ip, country, ...event } as PageEvent);
}

/**
 * Records a try to sign in, in the chain of whoever has the address. What was typed is never kept: a stranger's try
 * goes into one chain for all strangers. A failed try is recorded after its answer, because looking for the person
 * takes time that would tell which addresses exist.
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

async function findChain(database: D1Database, email: string): Promise<string> {
  const person = await database
    .prepare(`SELECT "id" FROM "user" WHERE "email" = ?`)
    .bind(email)
    .first<{ id: string }>();
  return person?.id ?? STRANGERS;
}
