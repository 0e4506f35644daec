import { env } from "cloudflare:workers";
import { canonicalize, digestText } from "../../shared/encoding/canonical-json.ts";
import { type Publication, putInForce, READ_STATE } from "../../shared/policy/changes/publications.ts";
import bundled from "../../shared/policy/policy.json" with { type: "json" };
import { type PolicyDocument, policyDocument } from "../../shared/policy/schema.ts";

/** The bundled policy with limits that tests do not reach, changed by `change`. */
export function changePolicy(change: (document: PolicyDocument) => void): PolicyDocument {
  const document = policyDocument.parse(structuredClone(bundled));
  const most = 1_000_000;
  document.limits = {
    calls_per_client: most,
    calls_per_costly_tool: most,
    calls_per_user: most,
    concurrent_calls: most,
    units_per_day: most,
    costly_units: 1,
  };
  change(document);
  return document;
}

/** The first read of the publishing command. */
export async function readState() {
  const row = await env.PLATFORM_DB.prepare(READ_STATE).first<{
    publication: number;
    newest: number;
    version: number;
  }>();
  return row ?? { publication: 0, newest: 1, version: 1 };
}

/** Publishes any text as a new version, as the command does. Returns its number. */
export async function publishText(text: string, seen = readState()): Promise<number> {
  const { publication, newest, version: replaced } = await seen;
  const version = newest + 1;
  await run(toPublication(publication, replaced, version, digestText(text)), text);
  return version;
}

/** Publishes the bundled policy with a change. Returns the number of the version. */
export function publish(change: (document: PolicyDocument) => void): Promise<number> {
  return publishText(canonicalize(changePolicy(change)));
}

/** Puts a version in force again. */
export async function goBackTo(version: number): Promise<void> {
  const { publication, version: replaced } = await readState();
  const row = await env.PLATFORM_DB.prepare("SELECT digest FROM policy_version WHERE number = ?")
    .bind(version)
    .first<{ digest: string }>();
  await run(toPublication(publication, replaced, version, row?.digest ?? null));
}

/** Puts catalogue revisions in force with the policy that is in force: stored ones, or those of a publication. */
export async function publishCatalogues(
  catalogues: { sql: string; digest: string } | { of: number },
): Promise<void> {
  const { publication, version } = await readState();
  if ("sql" in catalogues) {
    const stored = catalogues.sql.split(";\n").map((text) => env.PLATFORM_DB.prepare(text.replace(/;$/, "")));
    await env.PLATFORM_DB.batch(stored);
  }
  const row = await env.PLATFORM_DB.prepare("SELECT digest FROM policy_publication WHERE id = ?")
    .bind(publication)
    .first<{ digest: string | null }>();
  const named = "sql" in catalogues ? { digest: catalogues.digest } : catalogues;
  await run({ ...toPublication(publication, version, version, row?.digest ?? null), catalogues: named });
}

function toPublication(after: number, replaced: number, version: number, digest: string | null): Publication {
  return { after, replaced, version, digest, at: Date.now(), by: "tests", note: "it's; a note" };
}

/** Runs a file of statements as `wrangler d1 execute --file` does: all of them or none. */
async function run(publication: Publication, document?: string): Promise<void> {
  const statements = putInForce(publication, document)
    .split(";\n")
    .map((text) => env.PLATFORM_DB.prepare(text.replace(/;$/, "")));
  await env.PLATFORM_DB.batch(statements);
}
