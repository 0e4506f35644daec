import { READ_LABELS, type ReadLabel } from "../../call/flow-labels.ts";
import { RIGHT_NAMES } from "../console.ts";
import type { Decision } from "../decide.ts";
import { judge, type PolicyQuestion } from "./cases.ts";
import type { Known } from "./known.ts";
import type { FieldPath, ReadPolicy } from "./read-policy.ts";

/** A question as a person writes it: every value is text. */
export interface WrittenQuestion {
  tool?: string | undefined;
  resource?: string | undefined;
  prompt?: string | undefined;
  /** A right in the console. */
  console?: string | undefined;
  /** JSON. */
  args?: string | undefined;
  /** Separated by spaces. */
  scopes?: string | undefined;
  /** What the session has read before, separated by spaces or commas. */
  session?: string | undefined;
  country?: string | undefined;
  ip?: string | undefined;
  at?: string | undefined;
  /** Minutes since the second factor; no second factor if undefined. */
  "mfa-age"?: string | undefined;
}

/** A value of a question that cannot be read: which, what is wrong, and how to write it. */
export interface WrongValue {
  field: keyof WrittenQuestion;
  message: string;
  advice: string;
}

/** A decision on one call: the deciding rule, its place in the file and its reason. */
export interface Explained {
  decision: Decision;
  role: string;
  /** What the tool, resource or prompt does to the flow of information: `reads private`, `sends outside`. */
  labels: readonly string[];
  /** Line of the rule in the file; `null` when no line decides. */
  line: number | null;
}

/** Explains the policy's decision on one call. Returns a sentence when the question names nothing known. */
export function explain(read: ReadPolicy, known: Known, question: PolicyQuestion): Explained | string {
  if (read.policy === null) throw new TypeError("A policy with mistakes cannot be explained.");
  const decision = judge(read.policy, known, question);
  if (typeof decision === "string") return decision;
  const place = toPath(read, decision.rule);
  return {
    decision,
    role: question.role,
    labels: labelsOf(known, question),
    line: place.length > 0 ? read.locate(place, "").line : null,
  };
}

function labelsOf({ subjects }: Known, question: PolicyQuestion): string[] {
  const found = subjects.find(({ kind, name }) => kind !== "event" && question[kind] === name);
  return [
    ...(found?.reads ?? []).map((label) => `reads ${label}`),
    ...(found?.sends === "outside" ? ["sends outside"] : []),
  ];
}

/** Reads a question about people of `role`. `now` in milliseconds since the epoch is its time when it names none. */
export function readQuestion(
  role: string,
  written: WrittenQuestion,
  now: number,
): { question: PolicyQuestion } | { wrong: WrongValue } {
  const wrong = (field: WrongValue["field"], message: string, advice: string) => ({
    wrong: { field, message, advice },
  });
  const { tool, resource, prompt, country, ip } = written;
  const at = written.at ?? new Date(now).toISOString();
  if (Number.isNaN(Date.parse(at))) return wrong("at", "is no time", "Write 2026-11-21T09:30:00Z.");
  const age = written["mfa-age"];
  if (age !== undefined && !(age.trim() !== "" && Number(age) >= 0)) {
    return wrong("mfa-age", "is no number of minutes", "Write 10 for ten minutes.");
  }
  const right = RIGHT_NAMES.find((name) => name === written.console);
  if (written.console !== undefined && right === undefined) {
    return wrong("console", "is no right in the console", `The rights are ${RIGHT_NAMES.join(", ")}.`);
  }
  const args = written.args === undefined ? undefined : readArguments(written.args);
  if (args === null) return wrong("args", "is not a JSON object", `Write it like {"stage":"won"}.`);
  const session = written.session?.split(/[\s,]+/).filter(Boolean) ?? [];
  const strange = session.find((word) => !READ_LABELS.includes(word as ReadLabel));
  if (strange !== undefined)
    return wrong("session", `names "${strange}", which no tool reads`, `Write ${READ_LABELS.join(",")}.`);
  const given = { tool, resource, prompt, console: right, country, ip };
  return {
    question: {
      role,
      at,
      ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
      ...(age !== undefined && { mfa_age: Number(age) }),
      ...(args !== undefined && { args }),
      ...(session.length > 0 && { session: session as ReadLabel[] }),
      ...(written.scopes !== undefined && { scopes: written.scopes.split(" ").filter(Boolean) }),
    },
  };
}

function readArguments(text: string): NonNullable<PolicyQuestion["args"]> | null {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return value as NonNullable<PolicyQuestion["args"]>;
    }
  } catch {
    // Reported together with the other invalid forms.
  }
  return null;
}

/** The path in the file of a rule's id. Named entries are found by their position. */
function toPath(read: ReadPolicy, rule: string): FieldPath {
  const keys: (string | number)[] = rule
    .split(/[.[\]]+/)
    .filter(Boolean)
    .map((key) => (/^\d+$/.test(key) ? Number(key) : key));
  const [top, role, list, name] = keys;
  if (top !== "roles") return [];
  const rules = read.value?.roles[String(role)];
  if (rules === undefined || typeof name !== "string") return keys;
  if (list !== "conditions" && list !== "require_approval") return keys;
  const index = (rules[list] ?? []).findIndex((entry) => typeof entry !== "string" && entry.name === name);
  return ["roles", String(role), list, index];
}
