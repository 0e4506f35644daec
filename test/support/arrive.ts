import { env } from "cloudflare:workers";
import { PASSWORD_HASH, signIn, type TestBrowser } from "./oauth.ts";
import { addPerson } from "./token.ts";

/** Adds a person who can sign in, and signs in. */
export async function arrive(name: string): Promise<TestBrowser> {
  const id = await addPerson({ name, role: "admin" });
  await env.PLATFORM_DB.prepare(
    `INSERT INTO "account" ("id", "accountId", "providerId", "userId", "password", "createdAt", "updatedAt")
     VALUES (?1, ?2, 'credential', ?2, ?3, ?4, ?4) ON CONFLICT DO NOTHING`,
  )
    .bind(`account-${name}`, id, PASSWORD_HASH, new Date().toISOString())
    .run();
  return await signIn({ email: `${name}@people.example` });
}
