import { findByEmail } from "../../shared/people/statements.ts";
import { RIGHT_NAMES } from "../../shared/policy/console.ts";
import { CommandFailure } from "../local/failure.ts";
import { ENVIRONMENTS } from "../local/project.ts";
import { openPlatformDatabase } from "../platform/database.ts";
import { judge, type PolicyQuestion } from "./cases.ts";
import type { Loaded } from "./files.ts";
import type { FieldPath } from "./read-policy.ts";

/** A question on the command line, as text. */
export interface ExplainFlags {
  role?: string | undefined;
  user?: string | undefined;
  env: string;
  state?: string | undefined;
  tool?: string | undefined;
  resource?: string | undefined;
  prompt?: string | undefined;
  /** A right in the console. */
  console?: string | undefined;
  /** JSON. */
  args?: string | undefined;
  /** Separated by spaces. */
  scopes?: string | undefined;
  country?: string | undefined;
  ip?: string | undefined;
  at?: string | undefined;
  /** Minutes since the second factor; no second factor if undefined. */
  "mfa-age"?: string | undefined;
}

/** Explains the policy's decision on one call: the deciding rule, its place and its reason. */
export async function explain(loaded: Loaded, flags: ExplainFlags): Promise<string> {
  const { read, known } = loaded;
  if (read.policy === null) throw new TypeError("A policy with mistakes cannot be explained.");
  const role = flags.user === undefined ? flags.role : await findRole(flags.user, flags);
  if (role === undefined)
    throw new CommandFailure("--role or --user is missing.", "See: npm run policy -- --help");
  const decision = judge(read.policy, known, toQuestion(role, flags));
  if (typeof decision === "string") throw new CommandFailure(decision, "See: npm run policy -- --help");
  const place = toPath(loaded, decision.rule);
  const { file, line } = read.locate(place, "");
  const where = place.length > 0 ? ` (${file}:${line})` : "";
  return `${decision.kind}\n  role    ${role}\n  rule    ${decision.rule}${where}\n  because ${decision.reason}`;
}

function toQuestion(role: string, flags: ExplainFlags): PolicyQuestion {
  const { tool, resource, prompt, country, ip } = flags;
  const at = flags.at ?? new Date().toISOString();
  if (Number.isNaN(Date.parse(at)))
    throw new CommandFailure("--at is no time.", "Write 2026-11-21T09:30:00Z.");
  const age = flags["mfa-age"];
  if (age !== undefined && !(age.trim() !== "" && Number(age) >= 0)) {
    throw new CommandFailure(`--mfa-age ${age} is no number of minutes.`, "Write --mfa-age 10.");
  }
  const right = RIGHT_NAMES.find((name) => name === flags.console);
  if (flags.console !== undefined && right === undefined) {
    throw new CommandFailure(
      `The console has no right "${flags.console}".`,
      `The rights are ${RIGHT_NAMES.join(", ")}.`,
    );
  }
  const given = { tool, resource, prompt, console: right, country, ip };
  return {
    role,
    at,
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
    ...(age !== undefined && { mfa_age: Number(age) }),
    ...(flags.args !== undefined && { args: readArguments(flags.args) }),
    ...(flags.scopes !== undefined && { scopes: flags.scopes.split(" ").filter(Boolean) }),
  };
}

function readArguments(text: string): NonNullable<PolicyQuestion["args"]> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return value as NonNullable<PolicyQuestion["args"]>;
    }
  } catch {
    // Reported below, together with the other invalid forms.
  }
  throw new CommandFailure("--args is not a JSON object.", `Write it in single quotes: '{"stage":"won"}'.`);
}

async function findRole(email: string, { env, state }: ExplainFlags): Promise<string> {
  const environment = ENVIRONMENTS.find((name) => name === env);
  if (environment === undefined) {
    throw new CommandFailure(
      `--env must be one of ${ENVIRONMENTS.join(", ")}.`,
      "See: npm run policy -- --help",
    );
  }
  const [person] = await openPlatformDatabase(environment, state).query(findByEmail(email.toLowerCase()));
  if (person !== undefined) return String(person.role);
  throw new CommandFailure(`No person has the address ${email}.`, "List the people: npm run people -- list");
}

/** The path in the file of a rule's id. Named entries are found by their position. */
function toPath({ read }: Loaded, rule: string): FieldPath {
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
