import fs from "node:fs";
import { getPlatformProxy, unstable_splitSqlQuery } from "wrangler";

const n = Number(process.argv[2] ?? 2000);
const dir = `/tmp/crmscratch/state-${n}`;
fs.rmSync(dir, { recursive: true, force: true });
const p = await getPlatformProxy({ configPath: "/tmp/crmscratch/wrangler.toml", persist: { path: dir } });
const db = p.env.CRM_DB;
const { seedCrm } = await import("./seed/crm.ts");
for (const f of fs.readdirSync("migrations/crm").sort()) {
  const sql = fs.readFileSync("migrations/crm/" + f, "utf8");
  for (const s of splitSql(sql)) await db.prepare(s).run();
}
const t = performance.now();
await seedCrm(db, { asOf: new Date("2026-11-21T00:00:00Z"), contacts: n, report: console.log });
console.log("seed s", (performance.now() - t) / 1000);
for (const tb of ["owners", "companies", "contacts", "deals", "deal_stage_history", "activities", "tasks"])
  console.log(tb, await db.prepare(`select count(*) n from ${tb}`).first("n"));
if (n <= 5000) {
  console.log(
    (
      await db
        .prepare(
          "select first_name,last_name,email,p.phone,title,c.name,c.city,c.country from contacts p join companies c on c.id=p.company_id order by p.seq limit 12",
        )
        .all()
    ).results,
  );
  console.log(
    (
      await db
        .prepare(
          "select stage,count(*),sum(amount_cents)/100 s,max(amount_cents)/100 m, sum(amount_cents>=10000000) big from deals group by stage",
        )
        .all()
    ).results,
  );
  console.log(
    (
      await db
        .prepare(
          "select count(*) n from deals where closed_at is null and amount_cents>10000000 and last_activity_at <= '2026-10-22'",
        )
        .all()
    ).results,
  );
  console.log((await db.prepare("select name,count(*) n from owners group by 1").all()).results);
  console.log(
    (
      await db
        .prepare(
          "select count(*) n from deals where stage_since > last_activity_at or created_at > stage_since",
        )
        .all()
    ).results,
  );
}
await p.dispose();
function splitSql(sql) {
  const out = [];
  let cur = "",
    depth = false;
  for (const line of sql.split("\n")) {
    if (line.startsWith("--")) continue;
    cur += line + "\n";
    if (/\bBEGIN\s*$/.test(line)) depth = true;
    if (depth ? /^END;/.test(line) : /;\s*$/.test(line)) {
      out.push(cur);
      cur = "";
      depth = false;
    }
  }
  return out;
}
