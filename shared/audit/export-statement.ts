import { z } from "zod";
import { canonicalize } from "../encoding/canonical-json.ts";
import { isSignedBy, keyIdOf, type SigningKey } from "./checkpoint.ts";

/** What a deployment signs about a file that it has exported. Its bytes are its canonical JSON (RFC 8785). */
export interface ExportStatement {
  version: 1;
  /** Prevents a signature of another kind of statement from verifying as this one. */
  purpose: "export";
  environment: string;
  /** Milliseconds since the epoch. */
  at: number;
  /** The span of the file, both ends inclusive, in milliseconds since the epoch. */
  from: number;
  to: number;
  records: number;
  /** SHA-256 of the file, 64 hex digits. */
  sha256: string;
  /** Ed25519 public key (RFC 8032), 32 bytes in base64url. */
  publicKey: string;
}

const SIGNED = z.strictObject({
  statement: z.strictObject({
    version: z.literal(1),
    purpose: z.literal("export"),
    environment: z.string(),
    at: z.number(),
    from: z.number(),
    to: z.number(),
    records: z.int(),
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
    publicKey: z.string(),
  }),
  signature: z.string(),
});

/** The name of the file with the statement about a file. */
export function statementNameOf(file: string): string {
  return `${file}.signed.json`;
}

/** Signs a statement. Returns the text of its file. */
export async function signExport(
  key: SigningKey,
  about: Omit<ExportStatement, "version" | "purpose" | "publicKey">,
): Promise<string> {
  const statement: ExportStatement = { version: 1, purpose: "export", ...about, publicKey: key.publicKey };
  const signature = await key.sign(canonicalize(statement));
  return `${JSON.stringify({ statement, signature }, null, 2)}\n`;
}

/**
 * Compares a file with the statement about it.
 *
 * @param text - of the statement's file
 * @param sha256 - of the file that it is about
 * @param trusted - ids of the keys that may have signed; an empty list accepts any key
 * @returns the statement and the id of its key, or why it does not hold
 */
export async function checkStatement(
  text: string,
  sha256: string,
  trusted: readonly string[],
): Promise<{ statement: ExportStatement; keyId: string } | { fault: string }> {
  const read = parse(text);
  if (read === null) return { fault: "The statement about the file cannot be read." };
  const { statement, signature } = read;
  const keyId = keyIdOf(statement.publicKey);
  if (!(await isSignedBy(statement.publicKey, canonicalize(statement), signature)))
    return { fault: "The signature about the file is not genuine." };
  if (trusted.length > 0 && !trusted.includes(keyId))
    return { fault: `The file is signed with the key ${keyId}, which was not named.` };
  if (statement.sha256 !== sha256) return { fault: "The file is not the one that was signed." };
  return { statement, keyId };
}

function parse(text: string) {
  try {
    return SIGNED.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
