import { digestText } from "../../shared/encoding/canonical-json.ts";
import { splitStatements } from "../../shared/encoding/split-statements.ts";
import { addLink } from "../../shared/people/password-links.ts";
import { addPerson } from "../../shared/people/statements.ts";

/** People of the tests who have a link and no password, by what the link is used for. */
export const INVITED = {
  /** Opened and never used. */
  looked: { email: "looked@gatehouse.example", token: "a1".repeat(32) },
  /** Loses a passkey. */
  lost: { email: "lost@gatehouse.example", token: "c3".repeat(32) },
  /** Used by keyboard. */
  used: { email: "used@gatehouse.example", token: "b2".repeat(32) },
} as const;

/** The page of a link. */
export function pathOfLink(token: string): string {
  return `/password?link=${token}`;
}

/** Adds the people of {@link INVITED}. */
export async function seedInvited(database: D1Database): Promise<void> {
  for (const [id, { email, token }] of Object.entries(INVITED)) {
    const person = { id, accountId: `${id}-account`, email, name: "Grace Hopper", role: "viewer" };
    const link = { digest: digestText(token), kind: "invitation", by: "tests", at: Date.now() } as const;
    const added = addPerson({ ...person, passwordHash: null, at: new Date().toISOString() });
    const sql = splitStatements(`${added}\n${addLink(email, link)}`);
    await database.batch(sql.map((statement) => database.prepare(statement)));
  }
}
