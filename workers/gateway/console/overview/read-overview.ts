import { readCountLag } from "../../../audit-log/figures/count-records.ts";
import type { Dimension } from "../../../audit-log/figures/grains.ts";
import {
  type CallCounts,
  type MemberCounts,
  type ReasonCount,
  readMembers,
  readReasons,
  readSeries,
  sumCounts,
} from "../../../audit-log/figures/read-figures.ts";
import { type Inspection, inspectParts } from "../../health/health.ts";
import { nameApps, namePeople } from "../names.ts";
import { labelStart, type Span } from "./spans.ts";

/** Members in each table, and lines of each list of reasons. */
const MOST = 10;

/** One line of a table: a member under the name that people know it by. */
export interface NamedMember extends MemberCounts {
  name: string;
}

/** What waits for a person, by kind; and how far the counts are behind the trail. */
export interface Waiting {
  approvals: number;
  /** Definitions of MCP servers that are new or changed. */
  definitions: number;
  deadLetters: number;
  requests: number;
  /** Milliseconds since the newest checkpoint; `null` without one. */
  checkpointAgeMs: number | null;
  countLag: { records: number; ms: number };
}

/** Everything on the overview. */
export interface Overview {
  span: Span;
  series: readonly { label: string; counts: CallCounts }[];
  sum: CallCounts;
  sumEarlier: CallCounts;
  members: Readonly<Record<Dimension, readonly NamedMember[]>>;
  reasons: readonly ReasonCount[];
  waiting: Waiting;
  parts: Inspection;
}

// The newest checkpoint is the one with the largest number.
const WAITING = `
  SELECT (SELECT count(*) FROM approval WHERE state = 'pending' AND expires_at > ?1) AS approvals,
         (SELECT count(*) FROM connection_definition WHERE state = 'waiting') AS definitions,
         (SELECT count(*) FROM dead_letter) AS letters,
         (SELECT count(*) FROM admin_request WHERE done_at IS NULL) AS requests,
         (SELECT body ->> '$.at' FROM audit_checkpoint ORDER BY number DESC LIMIT 1) AS checkpoint`;

/** Reads the overview for a span. Figures come from counts, so its cost does not grow with the trail. */
export async function readOverview(env: Env, span: Span, now: number): Promise<Overview> {
  const database = env.PLATFORM_DB;
  const read = (dimension: Dimension) => readMembers(database, dimension, span.whole, MOST);
  const [series, before, servers, operations, people, apps, reasons, waiting, parts] = await Promise.all([
    readSeries(database, span.period),
    readSeries(database, span.earlier),
    read("server"),
    read("operation"),
    read("person"),
    read("app"),
    readReasons(database, ["denial", "rule", "error", "approval", "sign_in"], span.whole, 6 * MOST),
    readWaiting(database, now),
    inspectParts(env),
  ]);
  const [personNames, appNames] = await Promise.all([
    namePeople(
      database,
      people.map(({ member }) => member),
    ),
    nameApps(
      env,
      apps.map(({ member }) => member),
    ),
  ]);
  const name = (members: readonly MemberCounts[], nameOf: (member: string) => string | undefined) =>
    members.map((counts) => ({ ...counts, name: nameOf(counts.member) ?? counts.member }));
  const columnOf = (at: number) => span.starts.findLast((start) => start <= at);
  const byStart = Map.groupBy(series, ({ at }) => columnOf(at));
  return {
    span,
    series: span.starts.map((at) => ({
      label: labelStart(at, span),
      counts: sumCounts(byStart.get(at) ?? []),
    })),
    sum: sumCounts(series),
    sumEarlier: sumCounts(before),
    members: {
      server: name(servers, () => undefined),
      operation: name(operations, (member) => member.split(" ").at(-1)),
      person: name(people, (member) => personNames.get(member)),
      app: name(apps, (member) => appNames.get(member)),
    },
    reasons,
    waiting,
    parts,
  };
}

async function readWaiting(database: D1Database, now: number): Promise<Waiting> {
  const [row, countLag] = await Promise.all([
    database.prepare(WAITING).bind(now).first<{
      approvals: number;
      definitions: number;
      letters: number;
      requests: number;
      checkpoint: number | null;
    }>(),
    readCountLag(database, now),
  ]);
  const checkpoint = row?.checkpoint ?? null;
  return {
    approvals: row?.approvals ?? 0,
    definitions: row?.definitions ?? 0,
    deadLetters: row?.letters ?? 0,
    requests: row?.requests ?? 0,
    checkpointAgeMs: checkpoint === null ? null : Math.max(now - checkpoint, 0),
    countLag,
  };
}
