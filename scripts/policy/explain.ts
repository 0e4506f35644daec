import { findByEmail } from "../../shared/people/statements.ts";
import { explain, readQuestion, type WrittenQuestion } from "../../shared/policy/changes/explain.ts";
import { CommandFailure } from "../local/failure.ts";
import { openPlatform, type Place } from "../platform/place.ts";
import type { Loaded } from "./files.ts";

/** A question on the command line, as text. */
export interface ExplainFlags extends WrittenQuestion, Place {
  role?: string | undefined;
  user?: string | undefined;
}

/** Explains the policy's decision on one call: the deciding rule, its place and its reason. */
export async function explainFlags({ read, known }: Loaded, flags: ExplainFlags): Promise<string> {
  const role = flags.user === undefined ? flags.role : await findRole(flags.user, flags);
  if (role === undefined)
    throw new CommandFailure("--role or --user is missing.", "See: npm run policy -- --help");
  const written = readQuestion(role, flags, Date.now());
  if ("wrong" in written) {
    const { field, message, advice } = written.wrong;
    throw new CommandFailure(`--${field} ${message}.`, advice);
  }
  const explained = explain(read, known, written.question);
  if (typeof explained === "string") throw new CommandFailure(explained, "See: npm run policy -- --help");
  const { decision, labels, line } = explained;
  const flow = labels.length > 0 ? `\n  labels  ${labels.join(", ")}` : "";
  const where = line === null ? "" : ` (${read.locate([], "").file}:${line})`;
  return `${decision.kind}\n  role    ${role}${flow}\n  rule    ${decision.rule}${where}\n  because ${decision.reason}`;
}

async function findRole(email: string, place: Place): Promise<string> {
  const [person] = await openPlatform(place).query(findByEmail(email.toLowerCase()));
  if (person !== undefined) return String(person.role);
  throw new CommandFailure(`No person has the address ${email}.`, "List the people: npm run people -- list");
}
