import { canonicalize, digestText } from "../encoding/canonical-json.ts";
import { isSignedBy, keyIdOf } from "./checkpoint.ts";
import type { Finding } from "./finding.ts";
import { NO_RECORD } from "./record.ts";

/** Common members of checkpoints and removals. */
interface Statement {
  number: number;
  previous: string;
  publicKey: string;
}

/** A signed statement with its line in the file. */
export interface Placed<Signed extends Statement> {
  line: number;
  statement: Signed;
  signature: string;
}

/**
 * Checks a series of signed statements: numbered without gaps, each linked to its predecessor, each signed.
 *
 * @param complete - whether the series must begin with number 1
 * @param trusted - ids of the keys that may have signed; an empty list accepts any key
 */
export async function verifyStatements(
  about: "checkpoint" | "removal",
  series: readonly Placed<Statement>[],
  complete: boolean,
  trusted: readonly string[],
): Promise<Finding[]> {
  const findings: Finding[] = [];
  let before: Statement | undefined;
  const report = (placed: Placed<Statement>, kind: Finding["kind"], text: string, number?: number) =>
    findings.push({
      line: placed.line,
      kind,
      about,
      chain: null,
      sequence: number ?? placed.statement.number,
      text,
    });
  for (const placed of series) {
    const { statement } = placed;
    const expected = before ? before.number + 1 : complete ? 1 : statement.number;
    if (statement.number > expected) report(placed, "missing", "is not there", expected);
    else if (statement.number < expected)
      report(placed, "reordered", `stands after ${about} ${expected - 1}`);
    else if (!follows(statement, before)) {
      const text = before ? `does not follow the ${about} before it` : "says that something stood before it";
      report(placed, "edited", text);
    }
    const fault = await findSignatureFault(placed, trusted);
    if (fault !== null) report(placed, "edited", fault);
    before = statement;
  }
  return findings;
}

/**
 * The trusted keys and their successors. A checkpoint names a successor when a key is replaced; a trusted key
 * must have signed it.
 */
export async function followSuccession(
  checkpoints: readonly Placed<Statement & { successor?: string }>[],
  trusted: readonly string[],
): Promise<string[]> {
  const keys = [...trusted];
  if (keys.length === 0) return keys;
  for (const placed of checkpoints) {
    const { successor } = placed.statement;
    if (successor !== undefined && (await findSignatureFault(placed, keys)) === null) {
      keys.push(keyIdOf(successor));
    }
  }
  return keys;
}

/** The fault of a statement's signature, in words; `null` if it is valid. */
export async function findSignatureFault(
  { statement, signature }: Placed<Statement>,
  trusted: readonly string[],
): Promise<string | null> {
  const keyId = keyIdOf(statement.publicKey);
  if (trusted.length > 0 && !trusted.includes(keyId)) {
    return `is signed with the key ${keyId}, which is not trusted`;
  }
  if (await isSignedBy(statement.publicKey, canonicalize(statement), signature)) return null;
  return "does not have its signature";
}

function follows(statement: Statement, before: Statement | undefined): boolean {
  if (before) return statement.previous === digestText(canonicalize(before));
  return statement.number > 1 || statement.previous === NO_RECORD;
}
