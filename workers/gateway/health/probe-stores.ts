import { segmentKey } from "../../../shared/audit/segment.ts";

/**
 * Required tables of each database, by its binding; a test compares them with the migrations. Full-text
 * tables are listed by the name under which they are queried.
 */
export const REQUIRED_TABLES: Readonly<Record<string, readonly string[]>> = {
  ANALYTICS_DB: [
    "calendar",
    "country_profiles",
    "daily_channels",
    "daily_people",
    "daily_products",
    "daily_totals",
    "dimension_members",
    "events",
    "hourly_totals",
    "sources",
    "us_employment",
    "us_unemployment",
  ],
  CRM_DB: [
    "activities",
    "bulk_plans",
    "change_rows",
    "changes",
    "companies",
    "companies_fts",
    "companies_phones",
    "companies_terms",
    "companies_words",
    "contacts",
    "contacts_fts",
    "contacts_names_fts",
    "contacts_phones",
    "contacts_terms",
    "contacts_words",
    "counter_kinds",
    "deal_counters",
    "deal_stage_history",
    "deals",
    "deals_fts",
    "deals_terms",
    "deals_words",
    "idempotency_keys",
    "kept_export_parts",
    "kept_exports",
    "owners",
    "plan_parts",
    "plans",
    "preconditions",
    "record_versions",
    "tasks",
    "unfolded",
  ],
  KNOWLEDGE_DB: [
    "article_tags",
    "article_versions",
    "articles",
    "collections",
    "feedback",
    "media",
    "passages",
    "passages_index",
    "passages_terms",
    "passages_words",
    "vector_indexes",
  ],
  PLATFORM_DB: [
    "access_key",
    "access_key_secret",
    "account",
    "admin_request",
    "alert",
    "alert_delivery",
    "alert_silence",
    "approval",
    "attempt_counter",
    "audit_checkpoint",
    "audit_cut",
    "audit_last_use",
    "audit_origin",
    "audit_part",
    "audit_record",
    "audit_removal",
    "audit_segment",
    "audit_sink",
    "audit_sink_letter",
    "audit_span",
    "audit_swept",
    "call_entry",
    "call_figure",
    "catalogue_revision",
    "catalogue_set",
    "connection_definition",
    "connection_secret",
    "connection_ticket",
    "connection_write",
    "dead_letter",
    "definition_part",
    "early_outcome",
    "erased_person",
    "federated_identity",
    "figure_days",
    "figure_place",
    "file_ticket",
    "fresh_factor",
    "known_country",
    "known_use",
    "legal_hold",
    "open_call",
    "open_session",
    "open_subscription",
    "open_task",
    "passkey",
    "password_link",
    "person_account",
    "policy_draft",
    "policy_publication",
    "policy_version",
    "reason_figure",
    "registered_client",
    "scim_due",
    "scim_group",
    "scim_member",
    "scim_removed",
    "scim_user",
    "session",
    "standing_approval",
    "team",
    "team_member",
    "trace_block",
    "trail_call",
    "trail_word",
    "twoFactor",
    "user",
    "verification",
  ],
};

/** Number of stored files to check: the newest, and as many from a random position. */
const FILES = 3;

/**
 * Reads a row of every required table and returns the size of the database in bytes. Throws if a table is missing or
 * its first page is unreadable; later pages are not read, because that would read the whole database.
 */
export async function readTables(binding: string, database: D1Database): Promise<number> {
  const tables = REQUIRED_TABLES[binding] ?? ["sqlite_schema"];
  const readings = tables.map((table) => database.prepare(`SELECT * FROM "${table}" LIMIT 1`));
  return (await database.batch(readings))[0]?.meta.size_after ?? 0;
}

/**
 * Checks that the store of pictures and recordings has some of the files that the database lists. Throws if
 * one is missing.
 */
export async function requireMedia(database: D1Database, bucket: R2Bucket): Promise<void> {
  const [newest, others] = await database.batch<{ hash: string }>([
    database.prepare(`SELECT hash FROM media ORDER BY id DESC LIMIT ${FILES}`),
    database.prepare(
      `SELECT hash FROM media WHERE id >= abs(random()) % (SELECT max(id) + 1 FROM media) ORDER BY id LIMIT ${FILES}`,
    ),
  ]);
  const hashes = new Set([...(newest?.results ?? []), ...(others?.results ?? [])].map(({ hash }) => hash));
  // The store is probed even without any files.
  const asked = hashes.size > 0 ? [...hashes] : ["readiness-probe"];
  const found = await Promise.all(asked.map((hash) => bucket.head(hash)));
  const gone = asked.filter((_hash, index) => hashes.size > 0 && found[index] === null);
  if (gone.length > 0)
    throw new Error(`${gone.length} of ${asked.length} kept files are not there: ${gone[0]}`);
}

/** Checks that the newest segment of the trail is in its bucket. Throws if it is missing. */
export async function requireSegment({
  PLATFORM_DB,
  AUDIT_SEGMENTS,
}: Pick<Env, "PLATFORM_DB" | "AUDIT_SEGMENTS">): Promise<void> {
  const digest = await PLATFORM_DB.prepare(
    "SELECT digest FROM audit_segment ORDER BY through DESC LIMIT 1",
  ).first<string>("digest");
  const found = await AUDIT_SEGMENTS.head(segmentKey(digest ?? "readiness-probe"));
  if (digest !== null && found === null) throw new Error(`The newest segment is not there: ${digest}`);
}
