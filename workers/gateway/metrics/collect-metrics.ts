import { readCountLag } from "../../audit-log/figures/count-records.ts";
import { BOUNDS_MS, ENDINGS } from "../../audit-log/figures/grains.ts";
import {
  type MemberCounts,
  readMembers,
  readReasons,
  sumCounts,
} from "../../audit-log/figures/read-figures.ts";
import { inspectParts } from "../health/health.ts";
import { type Labels, type Metric, writeHistogram } from "./exposition.ts";

/** Tools, resources and prompts with labels of their own; what is beyond is counted together as `other`. */
const MOST_OPERATIONS = 1_000;

/** Label values of every other metric. */
const MOST_REASONS = 200;

/** From the beginning on. */
const EVER = { grain: "total", from: 0, to: Number.MAX_SAFE_INTEGER } as const;

const METHODS: Readonly<Record<string, string>> = {
  tool: "tools/call",
  resource: "resources/read",
  prompt: "prompts/get",
  event: "events",
};

const NAME_LABELS: Readonly<Record<string, string>> = {
  tool: "gen_ai_tool_name",
  prompt: "gen_ai_prompt_name",
  event: "gatehouse_event",
};

const WAITING = `
  SELECT (SELECT count(*) FROM approval WHERE state = 'pending' AND expires_at > ?1) AS approvals,
         (SELECT count(*) FROM dead_letter) AS letters,
         (SELECT body ->> '$.at' FROM audit_checkpoint ORDER BY number DESC LIMIT 1) AS checkpoint`;

/**
 * Everything that `/metrics` says. Counters are read from the counts of the trail, so they survive deployments and are the
 * same in every isolate; labels are names that Gatehouse defines, never a person, an app or an argument.
 */
export async function collectMetrics(env: Env, now: number): Promise<Metric[]> {
  const database = env.PLATFORM_DB;
  const [operations, reasons, lag, parts, waiting] = await Promise.all([
    readMembers(database, "operation", EVER, 10 * MOST_OPERATIONS),
    readReasons(database, ["error", "denial", "approval", "sign_in"], EVER, MOST_REASONS),
    readCountLag(database, now),
    inspectParts(env),
    database
      .prepare(WAITING)
      .bind(now)
      .first<{ approvals: number; letters: number; checkpoint: number | null }>(),
  ]);
  const named = boundOperations(operations).map((counts) => ({
    counts,
    labels: labelOperation(counts.member),
  }));
  const ofReason = (kind: string, label: string) =>
    reasons.flatMap(({ kind: own, name, count }) =>
      own === kind ? [{ labels: { [label]: name }, value: count }] : [],
    );
  const seconds = (ms: number) => Math.round(ms) / 1_000;
  const gauge = (name: string, help: string, value: number | null): Metric => ({
    name,
    type: "gauge",
    help,
    samples: value === null ? [] : [{ labels: {}, value }],
  });
  return [
    {
      name: "mcp_server_operation_duration_seconds",
      type: "histogram",
      help: "Duration of calls that ran to an end, done or failed.",
      samples: named.flatMap(({ counts, labels }) =>
        writeHistogram(
          labels,
          BOUNDS_MS.map((bound) => bound / 1_000),
          counts.buckets,
          seconds(counts.duration_ms),
        ),
      ),
    },
    {
      name: "gatehouse_calls_total",
      type: "counter",
      help: "Calls by how they ended.",
      samples: named.flatMap(({ counts, labels }) =>
        ENDINGS.map((ending) => ({ labels: { ...labels, ending }, value: counts[ending] })),
      ),
    },
    {
      name: "gatehouse_calls_begun_total",
      type: "counter",
      help: "Calls that were asked for.",
      samples: named.map(({ counts, labels }) => ({ labels, value: counts.calls })),
    },
    {
      name: "gatehouse_call_errors_total",
      type: "counter",
      help: "Calls that did not end well, by error code.",
      samples: ofReason("error", "error_type"),
    },
    {
      name: "gatehouse_denials_total",
      type: "counter",
      help: "Refused calls by what was missing.",
      samples: ofReason("denial", "decision"),
    },
    {
      name: "gatehouse_approval_steps_total",
      type: "counter",
      help: "Steps of approvals.",
      samples: ofReason("approval", "step"),
    },
    {
      name: "gatehouse_sign_ins_total",
      type: "counter",
      help: "Attempts to sign in.",
      samples: ofReason("sign_in", "result"),
    },
    gauge("gatehouse_approvals_waiting", "Requests that wait for a decision.", waiting?.approvals ?? null),
    gauge(
      "gatehouse_dead_letters",
      "Messages of the trail that could not be stored.",
      waiting?.letters ?? null,
    ),
    gauge(
      "gatehouse_queue_oldest_record_seconds",
      "Age of the oldest record that is overdue in the database; 0 when none is.",
      parts.late === null ? 0 : seconds(Math.max(now - parts.late.at, 0)),
    ),
    gauge(
      "gatehouse_figures_lag_seconds",
      "Age of the oldest stored record that is not counted.",
      seconds(lag.ms),
    ),
    gauge(
      "gatehouse_checkpoint_age_seconds",
      "Time since the newest signed checkpoint of the trail.",
      waiting?.checkpoint == null ? null : seconds(Math.max(now - waiting.checkpoint, 0)),
    ),
    {
      name: "gatehouse_part_up",
      type: "gauge",
      help: "Whether a part answers, as in /ready.",
      samples: parts.checks.map(({ name, ok }) => ({ labels: { part: name }, value: ok ? 1 : 0 })),
    },
    ...describeSinks(parts.lags),
    ...describeConnections(parts.states),
  ];
}

/** By name, so that a new tool never moves another one out of its own labels. */
function boundOperations(operations: readonly MemberCounts[]): MemberCounts[] {
  const sorted = [...operations].sort((one, other) => (one.member < other.member ? -1 : 1));
  const rest = sorted.slice(MOST_OPERATIONS);
  if (rest.length === 0) return sorted;
  return [...sorted.slice(0, MOST_OPERATIONS), { ...sumCounts(rest), member: "other other other" }];
}

function labelOperation(member: string): Labels {
  const [kind = "", server = "", name = ""] = member.split(" ");
  return {
    mcp_method_name: METHODS[kind] ?? kind,
    gatehouse_server: server,
    [NAME_LABELS[kind] ?? "mcp_resource_name"]: name,
  };
}

type Inspected = Awaited<ReturnType<typeof inspectParts>>;

function describeSinks(lags: Inspected["lags"]): Metric[] {
  return [
    {
      name: "gatehouse_audit_sink_lag_seconds",
      type: "gauge",
      help: "Age of the oldest record that a copy of the trail does not have.",
      samples: lags.map(({ name, lagMs }) => ({ labels: { sink: name }, value: Math.round(lagMs) / 1_000 })),
    },
    {
      name: "gatehouse_audit_sink_failures",
      type: "gauge",
      help: "Tries in a row that failed to write a copy of the trail.",
      samples: lags.map(({ name, failures }) => ({ labels: { sink: name }, value: failures })),
    },
    {
      name: "gatehouse_audit_sink_refused_records",
      type: "gauge",
      help: "Records that the receiver of a copy of the trail calls invalid.",
      samples: lags.map(({ name, refused }) => ({ labels: { sink: name }, value: refused })),
    },
  ];
}

function describeConnections(states: Inspected["states"]): Metric[] {
  const sum = (read: (object: Inspected["states"][number]["objects"][number]) => number) =>
    states.map(({ name, objects }) => ({
      labels: { connection: name },
      value: objects.reduce((total, object) => total + read(object), 0),
    }));
  return [
    {
      name: "gatehouse_connection_breakers_open",
      type: "gauge",
      help: "Objects of a connection whose breaker is not closed.",
      samples: sum(({ breaker }) => (breaker === "closed" ? 0 : 1)),
    },
    {
      name: "gatehouse_connection_sockets",
      type: "gauge",
      help: "Open sockets to the other system.",
      samples: sum(({ open }) => open),
    },
    {
      name: "gatehouse_connection_requests_waiting",
      type: "gauge",
      help: "Requests that wait for a socket.",
      samples: sum(({ waiting }) => waiting),
    },
  ];
}
