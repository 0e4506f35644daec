import { getPlatformProxy } from "wrangler";
const n = process.argv[2];
const p = await getPlatformProxy({ configPath: "/tmp/crmscratch/wrangler.toml", persist: { path: `/tmp/crmscratch/state-${n}` } });
const { openCrmStore } = await import("../workers/crm/store.ts");
const { describeCustomer } = await import("../workers/crm/customer.ts");
const { resolveCustomer } = await import("../workers/crm/resolve.ts");
const { summarizePipeline } = await import("../workers/crm/pipeline.ts");
const store = openCrmStore(p.env.CRM_DB);
const now = new Date("2026-11-21T12:00:00Z");
const cos = (await p.env.CRM_DB.prepare("select id,name from companies where seq % (select max(seq)/60 from companies) = 0 limit 50").all()).results;
const ppl = (await p.env.CRM_DB.prepare("select id,first_name f,last_name l,email from contacts where seq % (select max(seq)/60 from contacts) = 0 limit 50").all()).results;
const own = (await p.env.CRM_DB.prepare("select id from owners limit 20").all()).results;
const pick = (a, i) => a[i % a.length];
const jobs = {
  baseline: () => p.env.CRM_DB.prepare("select 1").all(),
  full_name: (i) => store.contacts.search({ text: `${pick(ppl,i).f} ${pick(ppl,i).l}`, facets: [], limit: 10 }),
  last_prefix: (i) => store.contacts.search({ text: pick(ppl,i).l.slice(0, 3), facets: [], limit: 10 }),
  one_letter: (i) => store.contacts.search({ text: "abcdefghijklmnop"[i % 16], facets: [], limit: 10 }),
  common: (i) => store.contacts.search({ text: ["group","and","inc","example","smith","sons"][i % 6], facets: [], limit: 10 }),
  two_common: (i) => store.contacts.search({ text: ["j smith","an group","example inc","a b"][i % 4], facets: [], limit: 10 }),
  email: (i) => store.contacts.search({ text: pick(ppl.filter(x=>x.email),i).email, facets: [], limit: 10 }),
  typo: (i) => { const l = pick(ppl,i).l; return store.contacts.search({ text: l.slice(0,3)+"x"+l.slice(3), facets: [], limit: 10 }); },
  company_people: (i) => store.contacts.search({ text: "", facets: [pick(cos,i).id], limit: 10 }),
  company_name: (i) => store.companies.search({ text: pick(cos,i).name, facets: [], limit: 10 }),
  customer360: async (i) => describeCustomer(store, await resolveCustomer(store, pick(cos,i).id), now),
  deals_cold: () => store.deals.list({ openOnly: true, minCents: 1e7, untouchedSince: "2026-10-22T12:00:00.000Z" }, "amount", 10),
  deals_untouched: () => store.deals.list({ openOnly: true }, "untouched", 10),
  deals_owner: (i) => store.deals.list({ openOnly: true, ownerId: pick(own,i).id }, "amount", 10),
  deals_region: (i) => store.deals.list({ openOnly: true, region: "Africa" }, "amount", 10),
  tasks_owner: (i) => store.tasks.listOpen({ ownerId: pick(own,i).id }, 10),
  pipeline: () => summarizePipeline(store, undefined, now),
  get_by_email: (i) => store.contacts.getByEmail(pick(ppl,i).email ?? "x"),
};
for (const [name, job] of Object.entries(jobs)) {
  const times = [];
  for (let i = 0; i < 44; i++) { const t = performance.now(); await job(i); if (i > 3) times.push(performance.now() - t); }
  times.sort((a, b) => a - b);
  console.log(name.padEnd(16), "p50", times[20].toFixed(1), "p95", times[37].toFixed(1), "max", times[39].toFixed(1));
}
await p.dispose();
