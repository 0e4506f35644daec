import type { ConnectionFailure, ConnectionTarget } from "../../../shared/objects/connection-gate.ts";

/** A refusal that OpenSearch or Elasticsearch answered. */
export class SearchError extends Error {
  readonly status: number;
  /** Types of the causes, such as `parsing_exception`, and what they say. */
  readonly reasons: readonly { type: string; reason: string }[];

  constructor(status: number, body: unknown) {
    super(`Status ${status}.`);
    this.name = "SearchError";
    this.status = status;
    this.reasons = readReasons(body);
  }
}

interface Cause {
  type?: unknown;
  reason?: unknown;
  root_cause?: unknown;
  caused_by?: unknown;
  failed_shards?: unknown;
}

function readReasons(body: unknown): { type: string; reason: string }[] {
  const found: { type: string; reason: string }[] = [];
  const visit = (value: unknown, level: number) => {
    if (typeof value !== "object" || value === null || level > 8 || found.length > 20) return;
    const cause = value as Cause;
    if (typeof cause.type === "string")
      found.push({ type: cause.type, reason: String(cause.reason ?? "").slice(0, 400) });
    for (const inner of [cause.root_cause, cause.caused_by, cause.failed_shards, cause.reason].flat())
      visit(inner, level + 1);
  };
  visit((body as { error?: unknown } | null)?.error, 0);
  return found;
}

/** What a refusal says, in our words; in the sequence in which they are tried. */
const SIGNS: readonly { sign: RegExp; message: string; action?: string }[] = [
  {
    sign: /fielddata is disabled|not optimi[sz]ed for operations|can't sort on text|No mapping found/i,
    message: "A field of type text cannot be sorted or aggregated.",
    action: "Use its keyword field (name.keyword), if it has one.",
  },
  {
    sign: /is not supported for aggregation|Expected numeric type|unsupported_aggregation/i,
    message: "An aggregation does not fit the type of its field.",
    action: "Check the types of the fields.",
  },
  {
    sign: /number_format|failed to parse date|parse_exception|For input string|mapper_parsing|Can't parse/i,
    message: "A value does not fit the type of its field, such as a date or a number.",
    action: "Check the types of the fields, and give a format for dates.",
  },
  {
    sign: /too_many_buckets|too_many_clauses|too many nested clauses/i,
    message: "The search makes more buckets or clauses than the server allows.",
    action: "Use a longer interval, fewer levels, or a narrower query.",
  },
  {
    sign: /Result window is too large|from \+ size/i,
    message: "The page is too far from the beginning.",
    action: "Sort by a field, and give the last sort values as `after`.",
  },
  {
    sign: /search_after|Sort must contain/i,
    message: "`after` must have one value for each field of `sort`.",
  },
  {
    sign: /buckets_path|No aggregation found|Invalid aggregation order|Invalid pipeline aggregation/i,
    message: "A path to another aggregation does not lead to one.",
  },
];

/** Our words for a refusal; `null` when the server is away or has no room. */
export function explainSearch(failure: unknown, { entry, name }: ConnectionTarget): ConnectionFailure | null {
  if (!(failure instanceof SearchError)) return null;
  const { status, reasons } = failure;
  const text = reasons.map(({ type, reason }) => `${type}: ${reason}`).join("\n");
  const isTimeout = /task_cancelled|time_exceeded|timed out|cancelled/i.test(text);
  if (isTimeout && status !== 401) {
    return {
      code: "timeout",
      message: `${entry.title} stopped the search after its time limit.`,
      action: "Narrow it with filters or a shorter period.",
    };
  }
  if (status === 401) {
    return {
      code: "unavailable",
      message: `${entry.title} refuses the account of this connection.`,
      action: "Ask its owner to set the password again.",
    };
  }
  if (status === 403) return { code: "forbidden", message: `The account of ${entry.title} may not do this.` };
  if (status === 404) {
    return {
      code: "not_found",
      message: "An index of the search is not there any more.",
      action: `Look the names up with ${name}_search_objects.`,
    };
  }
  const known = SIGNS.find(({ sign }) => sign.test(text));
  // Too many requests, no memory left, shards away. A search of one caller fails with 500 and says nothing of others.
  if (known === undefined && (status === 429 || status > 500)) return null;
  return {
    code: "invalid_input",
    message: known?.message ?? `${entry.title} does not accept the search (status ${status}).`,
    ...(known?.action !== undefined && { action: known.action }),
  };
}
