import { ADMINISTRATION, type ConnectionAttempt } from "../../../shared/audit/record.ts";
import { storeDefinitions } from "../../../shared/connections/definition-store.ts";
import type { Definition } from "../../../shared/connections/definitions.ts";
import { canonicalize, digestText } from "../../../shared/encoding/canonical-json.ts";
import { connectionGate } from "../../../shared/objects/connection-gate.ts";
import { principalGate } from "../../../shared/objects/principal-gate.ts";
import type { LeftOut } from "../../connections/mcp/definitions.ts";
import { compareFound, type ReviewItem, type TakenNames } from "../../connections/review/compare.ts";
import { openExposure } from "../../connections/review/expose.ts";
import {
  approveDefinitions,
  listFound,
  refuseDefinitions,
  storeFound,
  withdrawDefinitions,
} from "../../connections/review/found.ts";
import { serversInForce } from "../../servers-in-force.ts";
import type { CommandOf } from "./review-commands.ts";
import { findElsewhere } from "./secret-address.ts";
import { sessionFor } from "./session-for.ts";

/** Asks the other system what it offers, keeps it, and says how it differs from what was approved. */
export async function review(
  env: Env,
  { connection, entry, person: named, new_address }: CommandOf<"review">,
): Promise<object> {
  const elsewhere = new_address ? null : await findElsewhere(env, connection, entry);
  if (elsewhere !== null) {
    await recordAttempt(env, connection, "other_address");
    return { ok: false, failure: elsewhere };
  }
  const at = Date.now();
  const own = await sessionFor(env, entry, named);
  const gate = connectionGate(env, connection, own.session ?? 0, entry.location);
  const answer = await gate.run(
    { name: connection, revision: "", entry, ...own },
    {
      id: crypto.randomUUID(),
      operation: "discover",
      arguments: {},
      identity: {},
      timeoutMs: 60_000,
      repeatable: true,
      note: "",
    },
  );
  if (!answer.ok) {
    const { attempt } = answer.failure;
    if (attempt !== undefined) await recordAttempt(env, connection, attempt);
    return { ok: false, failure: answer.failure };
  }
  const { definitions, leftOut } = answer.value as unknown as {
    definitions: Definition[];
    leftOut: LeftOut[];
  };
  const exposed = definitions.filter(openExposure(entry));
  await storeFound(env.PLATFORM_DB, connection, exposed, at);
  const items = compareFound(
    connection,
    await listFound(env.PLATFORM_DB, connection),
    at,
    await takenNames(env, connection),
  );
  return { ok: true, items: items.map(shorten), leftOut };
}

/** Long schemas stay in the database: a review shows digests, texts and what differs. */
function shorten({ definition, changes, ...item }: ReviewItem): object {
  const cut = (value: unknown) => {
    const text = JSON.stringify(value) ?? "";
    return text.length <= 2_000 ? value : `${text.slice(0, 2_000)}…`;
  };
  const { title, description, annotations, inputSchema } = definition as Record<string, unknown>;
  const { properties } = (inputSchema ?? {}) as { properties?: object };
  return {
    ...item,
    title,
    description: cut(description),
    annotations,
    arguments: Object.keys(properties ?? {}).slice(0, 50),
    changes: changes.map(({ path, before, after }) => ({ path, before: cut(before), after: cut(after) })),
  };
}

/** What was offered when the other system was last asked, against what is approved. Asks no other system. */
export async function readItems(env: Env, connection: string): Promise<ReviewItem[]> {
  const found = await listFound(env.PLATFORM_DB, connection);
  const newest = Math.max(0, ...found.map(({ seenAt }) => seenAt));
  return compareFound(connection, found, newest, await takenNames(env, connection));
}

/** Approves waiting definitions by digest. One that shadows a name is refused for every administrator. */
export async function approve(env: Env, { connection, digests, all, by }: CommandOf<"approve">) {
  const now = Date.now();
  const wanted = (await readItems(env, connection))
    .filter((item) => digests.includes(item.digest) && item.status !== "gone")
    .map((item) => ({ ...item, refusal: item.refusal ?? (all ? findUnread(item) : null) }));
  const refused = wanted.filter(({ refusal }) => refusal !== null);
  const allowed = wanted.filter(({ refusal }) => refusal === null);
  const approved = await approveDefinitions(
    env.PLATFORM_DB,
    connection,
    allowed.map((item) => item.digest),
    { by, now },
  );
  // A renamed definition takes the place of its former self.
  const former = allowed.flatMap(({ type, formerly }) =>
    formerly === undefined ? [] : [{ type, name: formerly }],
  );
  if (former.length > 0) await withdrawDefinitions(env.PLATFORM_DB, connection, former, { by, now });
  await record(env, connection, "approved", by, approved);
  const attempts = new Set(
    refused.map(({ findings, refusal }) =>
      refusal === UNREAD && findings.length > 0 ? ("instructions" as const) : ("shadowing" as const),
    ),
  );
  for (const attempt of attempts) await recordAttempt(env, connection, attempt);
  return { approved, refused: refused.map(({ type, name, refusal }) => ({ type, name, refusal })) };
}

const UNREAD = "It reads like orders to a model: read it, and approve it by name.";

/** Why a definition is not approved together with all others. An approved one stays. */
function findUnread({ findings, status }: ReviewItem): string | null {
  return findings.length > 0 && status !== "approved" ? UNREAD : null;
}

/** Decides against waiting definitions: they wait no more, unless the other side changes them. */
export async function refuse(env: Env, { connection, digests, by }: CommandOf<"refuse">) {
  const refused = await refuseDefinitions(env.PLATFORM_DB, connection, digests, { by, now: Date.now() });
  await record(env, connection, "refused", by, refused);
  return { refused };
}

/** Takes approvals back; they count from the next publication. */
export async function withdraw(env: Env, { connection, names, by }: CommandOf<"withdraw">): Promise<object> {
  await withdrawDefinitions(env.PLATFORM_DB, connection, names, { by, now: Date.now() });
  await record(env, connection, "withdrawn", by, names);
  return { withdrawn: names.length };
}

/** Stores the approved definitions of a connection for a publication: the digests of their parts. */
export async function prepare(env: Env, { connection, entry }: CommandOf<"prepare">): Promise<object> {
  const found = await listFound(env.PLATFORM_DB, connection);
  const isExposed = openExposure(entry);
  const read = found.map(({ state, document }) => ({
    state,
    definition: JSON.parse(document) as Definition,
  }));
  const exposed = read.filter(({ definition }) => isExposed(definition));
  const approved = exposed.filter(({ state }) => state === "approved").map(({ definition }) => definition);
  const digests = await storeDefinitions(env.PLATFORM_DB, approved, Date.now());
  const waiting = exposed.filter(({ state }) => state === "waiting").length;
  return { definitions: digests, approved: approved.length, waiting };
}

/** Names of every other server, and those that tools of other connections have at their own servers. */
async function takenNames(env: Env, connection: string): Promise<TakenNames> {
  const servers = (await serversInForce(env)).filter(({ name }) => name !== connection);
  const names = servers.flatMap(({ tools, prompts }) => [...tools, ...prompts].map(({ name }) => name));
  const { results } = await env.PLATFORM_DB.prepare(
    "SELECT DISTINCT name FROM connection_definition WHERE connection <> ? AND type = 'tool' AND state = 'approved'",
  )
    .bind(connection)
    .all<{ name: string }>();
  return { names: new Set(names), atHome: new Set(results.map(({ name }) => name)) };
}

/** Another system tried something that a command refused. */
async function recordAttempt(env: Env, connection: string, attempt: ConnectionAttempt): Promise<void> {
  const event = { type: "connection_refusal", connection, attempt, traceId: null } as const;
  await principalGate(env, ADMINISTRATION).record(ADMINISTRATION, event);
}

async function record(
  env: Env,
  connection: string,
  decision: "approved" | "withdrawn" | "refused",
  by: string,
  definitions: readonly { type: string; name: string; digest?: string }[],
): Promise<void> {
  if (definitions.length === 0) return;
  const event = {
    type: "connection_review" as const,
    by,
    connection,
    decision,
    count: definitions.length,
    digest: digestText(
      canonicalize(definitions.map(({ type, name, digest: own = "" }) => [type, name, own])),
    ),
  };
  await principalGate(env, ADMINISTRATION).recordOnce(ADMINISTRATION, `review ${crypto.randomUUID()}`, event);
}
