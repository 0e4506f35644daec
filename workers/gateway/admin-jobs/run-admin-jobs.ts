import { z } from "zod";
import { ADMINISTRATION, type AdminEvent } from "../../../shared/audit/record.ts";
import { publishRights } from "../../../shared/objects/change-gate.ts";
import { principalGate } from "../../../shared/objects/principal-gate.ts";
import { taskGate } from "../../../shared/objects/task.ts";

import { log } from "../../../shared/observe/log.ts";
import { redriveDeadLetters } from "../../audit-log/redrive.ts";
import { makeLettersDue } from "../../audit-log/sinks/letters.ts";
import { forgetWrites } from "../../connections/write-keys.ts";
import { endSecrets } from "../keys/own-keys.ts";
import { tellFactorsRemoved } from "../mail/tell-factors-removed.ts";
import { followTeams } from "../teams/follow-teams.ts";
import {
  type AdminRequest,
  closeRequest,
  noteFailure,
  readMarked,
  readOpenLinks,
  readOpenOf,
  readOpenRequests,
  takeLink,
} from "./admin-request.ts";
import { collectPerson } from "./collect-person.ts";
import { endAccounts, endExchanged, endGrants, erasePerson, keptBy } from "./erase-person.ts";
import { type LinkOutcome, NotSentYet, sendAskedLink } from "./send-links.ts";

/** Requests that are read together. */
const AT_ONCE = 50;
/**
 * What one run may take: D1 takes 1,000 queries of an invocation, which alerts, checkpoints and other scheduled work need
 * too. An import makes a request for each of its people.
 */
const BUDGET = { ms: 60_000, queries: 400 } as const;
/** What one run may take of links: tries, each with eight queries of D1 at most and a message. Runs begin every minute. */
export const LINK_RUN = { ms: 45_000, links: 120 } as const;
/** Outcome of a request for a link that another run, page or command is carrying out. */
const UNDER_WAY = "under way";
/** Most queries that a request of a kind makes here, roughly; of the others few. */
const QUERIES: Readonly<Record<string, number>> = { data_export: 40, erasure: 80, redrive: 80 };
/** Most dead letters that one request delivers again. */
const LETTERS = 1_000;

const CHANGE = z.object({
  change: z.enum([
    "added",
    "role",
    "disabled",
    "enabled",
    "removed",
    "second_factor_reset",
    "password_link",
    "identity_removed",
  ]),
  oldRole: z.string().nullable(),
  newRole: z.string().nullable(),
});
const KEY_CHANGE = z.object({
  change: z.enum(["created", "rotated", "revoked"]),
  keyId: z.string(),
  ended: z.array(z.string()),
});
const TEAM_CHANGE = z.object({
  change: z.enum(["member_added", "member_removed"]),
  member: z.string().nullable(),
});
const HOLD = z.object({ held: z.boolean(), reason: z.string() });

/** Announcements that are on their way. Each waits for its turn at the hub, which merges those that wait together. */
type Announcements = Promise<void>[];

type CarryOut = (env: Env, request: AdminRequest, announced: Announcements) => Promise<unknown>;

const CARRY_OUT: Readonly<Record<string, CarryOut>> = {
  async person_change(env, request, announced) {
    const userId = requireUser(request);
    const change = CHANGE.parse(request.detail);
    // A person who was just added has no session, and no stream that could be told.
    if (change.change !== "added") {
      // First, so that the person's next call in any session reads the database again.
      await keptBy(env, userId).forgetPerson();
      await endExchanged(env, userId);
      if (changesHands(request)) await endHolder(env, userId, request.by, announced);
      announced.push(publishRights(env, { userId }));
    }
    await recordAct(env, request, { type: "person_change", userId, ...change, by: request.by });
    await followTeams(env);
    // Last, because a request that is repeated would send it again.
    if (change.change === "second_factor_reset") {
      await tellFactorsRemoved(env, userId, `second_factor_reset ${request.id}`);
    }
    return {};
  },
  async team_change(env, request) {
    const userId = requireUser(request);
    await recordAct(env, request, {
      type: "team_change",
      userId,
      ...TEAM_CHANGE.parse(request.detail),
      by: request.by,
    });
    await followTeams(env);
    return {};
  },
  async key_change(env, request, announced) {
    const userId = requireUser(request);
    const { change, keyId, ended } = KEY_CHANGE.parse(request.detail);
    // First, so that the next call of an open session is refused, whatever isolates remember.
    if (change === "revoked") {
      await keptBy(env, userId).revokeGrant(keyId);
      await endExchanged(env, userId);
    }
    await endSecrets(env, userId, ended);
    announced.push(publishRights(env, { userId }));
    await recordAct(env, request, { type: "person_key_change", userId, change, keyId, by: request.by });
    return {};
  },
  link_mail: sendAskedLink,
  async hold(env, request) {
    const { userId, by, detail } = request;
    await recordAct(env, request, { type: "hold", userId, ...HOLD.parse(detail), by });
    return {};
  },
  async data_export(env, request) {
    const userId = requireUser(request);
    // Recorded before any data is handed out.
    await recordAct(env, request, { type: "data_export", userId, by: request.by });
    return collectPerson(env, userId);
  },
  async erasure(env, request) {
    const userId = requireUser(request);
    const outcome = await erasePerson(env, userId, request.id, request.by);
    if (outcome.erased) {
      await recordAct(env, request, { type: "erasure", userId, removed: outcome.removed, by: request.by });
    }
    return outcome;
  },
  async redrive(env, request) {
    const outcome = await redriveDeadLetters(env, LETTERS);
    await makeLettersDue(env.PLATFORM_DB);
    await recordAct(env, request, { type: "redrive", ...outcome, by: request.by });
    return outcome;
  },
};

/**
 * Executes administrators' requests, oldest first, within a budget of time and queries; links have runs of their own
 * ({@link runLinks}). Each is closed only when done and is safe to repeat, so the next run repeats an aborted one and goes on.
 * A failing request does not stop the others.
 */
export async function runAdminJobs(env: Env): Promise<void> {
  const announced: Announcements = [];
  const ends = Date.now() + BUDGET.ms;
  let [left, last] = [BUDGET.queries as number, 0];
  const isSpent = () => left <= 0 || Date.now() >= ends;
  while (!isSpent()) {
    const requests = await readOpenRequests(env.PLATFORM_DB, AT_ONCE, last);
    for (const request of requests) {
      if (isSpent()) break;
      left -= countQueries(request);
      await runAdminJob(env, request, announced);
    }
    if (requests.length < AT_ONCE) break;
    last = requests.at(-1)?.id ?? last;
  }
  await Promise.all(announced);
}

/**
 * Sends links that were asked for, one after the other, each once: as many as one run may take, so that those of an import
 * follow within minutes. Where the provider asks to wait, the run waits if that ends within it, and tries that message once
 * more; a second refusal in a row and any other failure of the provider end it. The next run goes on, after a restart too.
 *
 * @param wait - milliseconds
 */
export async function runLinks(
  env: Env,
  wait: (ms: number) => Promise<void> = (ms) => scheduler.wait(ms),
): Promise<void> {
  const ends = Date.now() + LINK_RUN.ms;
  let left: number = LINK_RUN.links;
  /** Whether the run goes on; `again`: with the same request, after a pause. */
  const send = async (request: AdminRequest): Promise<boolean | "again"> => {
    left -= 1;
    if (left < 0 || Date.now() >= ends) return false;
    const { done, outcome } = await runAdminJob(env, request, []);
    if (done || outcome === UNDER_WAY) return true;
    const until = outcome instanceof NotSentYet ? outcome.outcome.until : undefined;
    if (until === undefined || until >= ends) return false;
    await wait(Math.max(0, until - Date.now()));
    return "again";
  };
  for (const request of await readOpenLinks(env.PLATFORM_DB, LINK_RUN.links, Date.now())) {
    const first = await send(request);
    if (!first || (first === "again" && (await send(request)) !== true)) return;
  }
}

function countQueries({ kind, detail }: AdminRequest): number {
  const added = kind === "person_change" && CHANGE.safeParse(detail).data?.change === "added";
  return QUERIES[kind] ?? (added ? 2 : 8);
}

/**
 * What became of a change that was to be carried out at once; `unknown`: no open request has its mark; `under way`: another
 * run is sending its message.
 */
export type CarriedOut = "in force" | "under way" | "unknown" | "failed";

/** Carries out the request with this mark: for who has just changed the platform database. A mark counts once. */
export async function runMarkedJob(env: Env, mark: string): Promise<CarriedOut> {
  const request = await readMarked(env.PLATFORM_DB, mark);
  if (request === undefined) return "unknown";
  const announced: Announcements = [];
  const { done, outcome } = await runAdminJob(env, request, announced);
  await Promise.all(announced);
  if (outcome === UNDER_WAY) return UNDER_WAY;
  return done ? "in force" : "failed";
}

/** Sends the link that was asked for under this mark; `null` where no open request has it, or it cannot be carried out. */
export async function sendMarkedLink(env: Env, mark: string): Promise<LinkOutcome | NotSentYet | null> {
  const request = await readMarked(env.PLATFORM_DB, mark);
  if (request?.kind !== "link_mail") return null;
  const { done, outcome } = await runAdminJob(env, request, []);
  return done ? (outcome as LinkOutcome) : outcome instanceof NotSentYet ? outcome : null;
}

/** Carries out one request and closes it. When that fails, which is the outcome, it is to be tried again. */
async function runAdminJob(
  env: Env,
  request: AdminRequest,
  announced: Announcements,
): Promise<{ done: boolean; outcome: unknown }> {
  const { id, kind } = request;
  // Until a link is taken, its request may be another sender's.
  let isOurs = kind !== "link_mail";
  try {
    const perform = Object.hasOwn(CARRY_OUT, kind) ? CARRY_OUT[kind] : undefined;
    if (!perform) throw new TypeError(`No job executes "${kind}".`);
    if (!isOurs) isOurs = await takeLink(env.PLATFORM_DB, id, Date.now());
    if (!isOurs) return { done: false, outcome: UNDER_WAY };
    const outcome = await perform(env, request, announced);
    await closeRequest(env.PLATFORM_DB, id, outcome);
    // While the request was open no call counted under this account. Those of its next holder do from now on.
    if (changesHands(request)) await keptBy(env, requireUser(request)).forgetPerson();
    log("info", "admin_request_done", { request: id, kind, by: request.by });
    return { done: true, outcome };
  } catch (failure) {
    log("error", "admin_request_failed", { request: id, kind, error: String(failure) });
    const why = failure instanceof NotSentYet ? failure.outcome : { failed: String(failure) };
    if (isOurs) await noteFailure(env.PLATFORM_DB, id, why);
    return { done: false, outcome: failure };
  }
}

/**
 * Ends what an account's former holder still has open: apps, accounts at connections, outcomes of writes, tasks, requests for
 * approval and standing ones, what is kept for apps, and the keys that are removed.
 */
async function endHolder(env: Env, userId: string, by: string, announced: Announcements): Promise<void> {
  await endGrants(env, userId);
  await endAccounts(env, userId);
  await forgetWrites(env.PLATFORM_DB, userId);
  await taskGate(env, userId).eraseKept();
  await keptBy(env, userId).endHolder(by);
  for (const request of await readOpenOf(env.PLATFORM_DB, "key_change", userId)) {
    await runAdminJob(env, request, announced);
  }
}

/** Whether an account changes hands with this request. */
function changesHands({ kind, detail }: AdminRequest): boolean {
  return kind === "person_change" && CHANGE.safeParse(detail).data?.change === "identity_removed";
}

function recordAct(env: Env, { id }: AdminRequest, event: AdminEvent): Promise<void> {
  return principalGate(env, ADMINISTRATION).recordOnce(ADMINISTRATION, `request ${id}`, event);
}

function requireUser({ userId, kind }: AdminRequest): string {
  if (userId === null) throw new TypeError(`A request "${kind}" needs a person.`);
  return userId;
}
