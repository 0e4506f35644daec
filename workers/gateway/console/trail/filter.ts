/** Decisions on a call, as the trail names them. */
export const DECISIONS = {
  allow: "Allowed",
  deny: "Denied",
  scope: "Permission missing",
  mfa: "Second factor missing",
} as const;

/** How a call ended, as the search names it. */
export const STATUSES = {
  ok: "Done",
  failed: "Failed",
  denied: "Denied",
  limited: "Over a limit",
  waiting: "Asked, or waits for approval",
  unknown: "Not known",
} as const;

/** What calls are searched for. Empty texts and `null` mean any. Times are milliseconds since the epoch. */
export interface CallFilter {
  /** User id. */
  person: string;
  /** Client id, or id of an API key. */
  app: string;
  /** Name of a tool, resource or prompt. */
  name: string;
  decision: string;
  status: string;
  trace: string;
  from: number | null;
  /** Excluded. */
  to: number | null;
}

/** A place in the list of calls, newest first. */
export interface CallPlace {
  at: number;
  id: number;
}

const TEXT_LENGTH = 254;

/** Reads the filter of an address. What is not understood counts as empty. */
export function readFilter(query: (name: string) => string | undefined): CallFilter {
  const text = (name: string) => (query(name) ?? "").trim().slice(0, TEXT_LENGTH);
  const choice = (name: string, choices: object) => (Object.hasOwn(choices, text(name)) ? text(name) : "");
  return {
    person: text("person"),
    app: text("app"),
    name: text("name"),
    decision: choice("decision", DECISIONS),
    status: choice("status", STATUSES),
    trace: /^[0-9a-f]{32}$/i.test(text("trace")) ? text("trace").toLowerCase() : "",
    from: readTime(text("from")),
    to: readTime(text("to")),
  };
}

/** The filter as part of an address, without what is empty. */
export function writeFilter(filter: CallFilter): URLSearchParams {
  const { from, to, ...texts } = filter;
  const times = { from: from === null ? "" : writeTime(from), to: to === null ? "" : writeTime(to) };
  return new URLSearchParams(Object.entries({ ...texts, ...times }).filter(([, value]) => value !== ""));
}

/** A time as a form field has it: to the minute, in UTC. */
export function writeTime(at: number): string {
  return new Date(at).toISOString().slice(0, 16);
}

/** Reads `<at>.<id>`; `null` for anything else. */
export function readPlace(text: string | undefined): CallPlace | null {
  const [, at, id] = /^(\d{1,15})\.(\d{1,15})$/.exec(text ?? "") ?? [];
  return at === undefined || id === undefined ? null : { at: Number(at), id: Number(id) };
}

/** A date (its midnight), or a time to the minute or second; both UTC. */
function readTime(text: string): number | null {
  if (!/^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?)?$/.test(text)) return null;
  const at = Date.parse(text.length === 10 ? `${text}T00:00:00Z` : `${text}Z`);
  return Number.isNaN(at) ? null : at;
}
