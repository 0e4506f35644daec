import { hashPassword } from "better-auth/crypto";

/** A demonstration user; exists in local databases only. */
export interface DemoPerson {
  /** Opaque and stable, so that other demonstration data can refer to it. */
  id: string;
  name: string;
  email: string;
  role: string;
}

/** One user per role. */
export const DEMO_PEOPLE: readonly DemoPerson[] = [
  { id: "demo-viewer", name: "Vera Lindqvist", email: "viewer@gatehouse.example", role: "viewer" },
  { id: "demo-analyst", name: "Anton Bakker", email: "analyst@gatehouse.example", role: "analyst" },
  { id: "demo-sales", name: "Salma Haddad", email: "sales@gatehouse.example", role: "sales" },
  { id: "demo-editor", name: "Edith Moreau", email: "editor@gatehouse.example", role: "editor" },
  { id: "demo-auditor", name: "Aude Laurent", email: "auditor@gatehouse.example", role: "auditor" },
  { id: "demo-approver", name: "Ines Ferreira", email: "approver@gatehouse.example", role: "approver" },
  { id: "demo-admin", name: "Adam Okafor", email: "admin@gatehouse.example", role: "admin" },
];

/** The password of every demonstration user. */
export const DEMO_PASSWORD = "gatehouse-demo-door";

/**
 * Adds the demonstration users to a local platform database. Existing users keep their password and role, so
 * a second run changes nothing. Returns the number of added users.
 */
export async function seedPeople(
  database: D1Database,
  options: { asOf: Date; report: (line: string) => void },
): Promise<number> {
  const at = options.asOf.toISOString();
  const password = await hashPassword(DEMO_PASSWORD);
  const results = await database.batch(
    DEMO_PEOPLE.flatMap((person) => [
      database
        .prepare(
          `INSERT OR IGNORE INTO "user" ("id", "name", "email", "emailVerified", "createdAt", "updatedAt", "role", "disabled")
           VALUES (?1, ?2, ?3, 1, ?4, ?4, ?5, 0)`,
        )
        .bind(person.id, person.name, person.email, at, person.role),
      database
        .prepare(
          `INSERT OR IGNORE INTO "account" ("id", "accountId", "providerId", "userId", "password", "createdAt", "updatedAt")
           VALUES (?1, ?2, 'credential', ?2, ?3, ?4, ?4)`,
        )
        .bind(`${person.id}-password`, person.id, password, at),
    ]),
  );
  const added = results.filter((result, index) => index % 2 === 0 && result.meta.changes > 0).length;
  options.report(added === 0 ? "Demo people are already there." : `Added ${added} demo people.`);
  return added;
}
