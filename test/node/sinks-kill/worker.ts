import { feedSinks } from "../../../workers/audit-log/feed-sinks.ts";

const STORE = `
  WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
  INSERT INTO audit_record (chain, sequence, hash, body, salt, event)
  SELECT 'user_killed', old.last + i, printf('%064x', old.last + i),
         json_object('version', 2, 'chain', 'user_killed', 'sequence', old.last + i, 'at', ?2 + i * 1000, 'type', 'sign_out'),
         's', '{"type":"sign_out"}'
    FROM n, (SELECT ifnull(max(sequence), 0) AS last FROM audit_record) AS old`;

/** Stores records, if told so, and feeds the sinks at a moment. */
export default {
  async fetch(request, env) {
    const { searchParams } = new URL(request.url);
    const at = Number(searchParams.get("at"));
    Date.now = () => at;
    const count = Number(searchParams.get("store") ?? 0);
    if (count > 0) await env.PLATFORM_DB.prepare(STORE).bind(count, at).run();
    await feedSinks(env);
    const { results } = await env.PLATFORM_DB.prepare(
      "SELECT name, through FROM audit_sink ORDER BY name",
    ).all();
    const stored = await env.PLATFORM_DB.prepare("SELECT count(*) AS n FROM audit_record").first<number>("n");
    return Response.json({ places: results, stored });
  },
} satisfies ExportedHandler<Env>;
