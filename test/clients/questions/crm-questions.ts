import { expect } from "vitest";
import { type Desk, dayAgo, type Row, type Task } from "./task.ts";

/** A company with people, open deals and tasks, the largest of its kind. */
async function pickCompany({ rows }: Desk): Promise<Row> {
  const [company] = await rows(
    "CRM_DB",
    `SELECT companies.* FROM companies
      WHERE EXISTS (SELECT 1 FROM deals WHERE company_id = companies.id AND closed_at IS NULL)
        AND EXISTS (SELECT 1 FROM contacts WHERE company_id = companies.id AND email IS NOT NULL)
        AND EXISTS (SELECT 1 FROM activities WHERE company_id = companies.id)
        AND (SELECT count(*) FROM companies AS other WHERE other.name = companies.name) = 1
      ORDER BY (SELECT count(*) FROM deals WHERE company_id = companies.id) DESC, id LIMIT 1`,
  );
  if (company === undefined) throw new Error("The data has no such company.");
  return company;
}

async function pickContact({ rows }: Desk, companyId: unknown): Promise<Row> {
  const sql = "SELECT * FROM contacts WHERE company_id = ? AND email IS NOT NULL ORDER BY id LIMIT 1";
  return (await rows("CRM_DB", sql, companyId))[0] as Row;
}

/** A contact of the tests, new on each lane. */
async function addContact({ call, lane }: Desk, company: Row, last_name: string): Promise<Row> {
  const email = `${last_name}.${lane}@tasks.example`.toLowerCase();
  const { contact } = await call("crm_create_contact", {
    first_name: "Tess",
    last_name,
    email,
    company_id: company.id,
  });
  return contact;
}

async function addDeal({ call, lane }: Desk, company: Row): Promise<Row> {
  const { deal } = await call("crm_create_deal", {
    name: `Task deal ${lane}`,
    company_id: company.id,
    amount: 12_000,
    expected_close: dayAgo(-60),
    stage: "qualified",
  });
  return deal;
}

const OPEN = "closed_at IS NULL";

/** Questions of people about customers and deals. */
export const CRM_QUESTIONS: readonly Task[] = [
  {
    ask: "Show me deals over $100K untouched for 30 days.",
    async solve({ call, rows }) {
      const { deals, totals } = await call("crm_list_deals", {
        min_amount: 100_000,
        untouched_for_days: 30,
        limit: 50,
      });
      const facts = await rows(
        "CRM_DB",
        `SELECT id, amount_cents FROM deals WHERE ${OPEN} AND amount_cents >= 10000000 AND last_activity_at <= ?
          ORDER BY amount_cents DESC, seq DESC`,
        new Date(Date.now() - 30 * 24 * 60 * 60_000).toISOString(),
      );
      expect(facts.length).toBeGreaterThan(0);
      expect(totals.deals).toBe(facts.length);
      expect(totals.amount).toBe(facts.reduce((sum, { amount_cents }) => sum + amount_cents, 0) / 100);
      expect(new Set(deals.map(({ id }: Row) => id))).toEqual(
        new Set(facts.slice(0, 50).map(({ id }) => id)),
      );
    },
  },
  {
    ask: "Give me the unified profile of this customer.",
    async solve(desk) {
      const company = await pickCompany(desk);
      const profile = await desk.call("crm_get_customer", { customer: company.name });
      const [fact] = await desk.rows(
        "CRM_DB",
        `SELECT (SELECT count(*) FROM contacts WHERE company_id = ?1) AS people,
                (SELECT count(*) FROM deals WHERE company_id = ?1 AND ${OPEN}) AS deals,
                (SELECT sum(amount_cents) / 100.0 FROM deals WHERE company_id = ?1 AND ${OPEN}) AS amount,
                (SELECT count(*) FROM tasks WHERE company_id = ?1 AND done_at IS NULL) AS tasks,
                (SELECT max(occurred_at) FROM activities WHERE company_id = ?1) AS last`,
        company.id,
      );
      expect(profile.company.id).toBe(company.id);
      expect([
        profile.people_total,
        profile.open_deals_total,
        profile.open_amount,
        profile.open_tasks_total,
      ]).toEqual([fact?.people, fact?.deals, fact?.amount, fact?.tasks]);
      expect(profile.recent_activities[0].date).toBe(String(fact?.last).slice(0, 10));
      expect(profile.health.reasons.length).toBeGreaterThan(0);
    },
  },
  {
    ask: "Who wrote to me from this address, and for whom do they work?",
    async solve(desk) {
      const company = await pickCompany(desk);
      const contact = await pickContact(desk, company.id);
      const profile = await desk.call("crm_get_customer", { customer: contact.email });
      expect([profile.contact.id, profile.company.id]).toEqual([contact.id, company.id]);
    },
  },
  {
    ask: "Find the person; I am not sure how the name is spelt.",
    async solve(desk) {
      const [contact] = await desk.rows(
        "CRM_DB",
        `SELECT * FROM contacts WHERE length(last_name) >= 8 AND last_name NOT GLOB '*[^A-Za-z]*'
          AND (SELECT count(*) FROM contacts AS other WHERE other.last_name = contacts.last_name) = 1 ORDER BY id LIMIT 1`,
      );
      const name = String(contact?.last_name);
      const misspelt = name.slice(0, 4) + name.slice(5);
      const { contacts } = await desk.call("crm_find_contacts", { query: misspelt });
      expect(contacts.map(({ id }: Row) => id)).toContain(contact?.id);
    },
  },
  {
    ask: "How full is the pipeline, and what is it worth weighted?",
    async solve({ call, rows }) {
      const pipeline = await call("crm_get_pipeline");
      const [fact] = await rows(
        "CRM_DB",
        `SELECT count(*) AS deals, sum(amount_cents) / 100.0 AS amount,
                sum(amount_cents * CASE stage WHEN 'lead' THEN 10 WHEN 'qualified' THEN 25 WHEN 'proposal' THEN 50 ELSE 75 END) / 10000.0 AS forecast
           FROM deals WHERE ${OPEN}`,
      );
      expect([pipeline.open_deals, pipeline.open_amount]).toEqual([fact?.deals, fact?.amount]);
      expect(pipeline.forecast).toBeCloseTo(fact?.forecast, 0);
    },
  },
  {
    ask: "How is Salma doing this quarter?",
    async solve({ call, rows }) {
      const pipeline = await call("crm_get_pipeline", { owner: "Salma" });
      const [fact] = await rows(
        "CRM_DB",
        `SELECT count(*) AS deals FROM deals JOIN owners ON owners.id = owner_id
          WHERE ${OPEN} AND owners.name = 'Salma Haddad'`,
      );
      expect(pipeline.open_deals).toBe(fact?.deals);
    },
  },
  {
    ask: "What should close within the next 30 days, soonest first?",
    async solve({ call, rows }) {
      const window = { closing_after: dayAgo(0), closing_before: dayAgo(-30) };
      const { deals, totals } = await call("crm_list_deals", { ...window, sort: "closing", limit: 50 });
      const facts = await rows(
        "CRM_DB",
        `SELECT id FROM deals WHERE ${OPEN} AND expected_close_on >= ? AND expected_close_on <= ?`,
        window.closing_after,
        window.closing_before,
      );
      expect(totals.deals).toBe(facts.length);
      const days = deals.map(({ expected_close }: Row) => expected_close);
      expect(days).toEqual([...days].sort());
    },
  },
  {
    ask: "Which deals were promised for a day that has passed?",
    async solve({ call, rows }) {
      const { totals } = await call("crm_list_deals", { closing_before: dayAgo(1) });
      const late = `SELECT count(*) AS n FROM deals WHERE ${OPEN} AND expected_close_on <= ?`;
      expect([{ n: totals.deals }]).toEqual(await rows("CRM_DB", late, dayAgo(1)));
    },
  },
  {
    ask: "What is overdue, the oldest first?",
    async solve({ call, rows }) {
      const { tasks } = await call("crm_list_tasks", { due: "overdue", owner: "any" });
      const facts = await rows(
        "CRM_DB",
        "SELECT id FROM tasks WHERE done_at IS NULL AND due_on < ? ORDER BY due_on, seq LIMIT 10",
        dayAgo(0),
      );
      expect(tasks.map(({ id }: Row) => id)).toEqual(facts.map(({ id }) => id));
    },
  },
  {
    ask: "What did we last talk about with this customer?",
    async solve(desk) {
      const company = await pickCompany(desk);
      const { activities } = await desk.call("crm_list_activities", { of: company.id, limit: 3 });
      const sql =
        "SELECT id, subject FROM activities WHERE company_id = ? ORDER BY occurred_at DESC, seq DESC LIMIT 3";
      const facts = await desk.rows("CRM_DB", sql, company.id);
      expect(activities.map(({ id, subject }: Row) => ({ id, subject }))).toEqual(facts);
    },
  },
  {
    ask: "Which customers in Europe does Rebecca look after?",
    async solve({ call, rows }) {
      const { companies } = await call("crm_find_companies", {
        region: "Europe",
        owner: "Rebecca Balcer",
      });
      const facts = await rows(
        "CRM_DB",
        `SELECT companies.id FROM companies JOIN owners ON owners.id = owner_id
          WHERE region = 'Europe' AND owners.name = 'Rebecca Balcer'`,
      );
      const ids = new Set(facts.map(({ id }) => id));
      expect(companies).toHaveLength(Math.min(facts.length, 10));
      for (const { id } of companies) expect(ids.has(id)).toBe(true);
    },
  },
  {
    ask: "Log my call, and remind me on the day after tomorrow. The connection was bad: I may have sent it twice.",
    async solve(desk) {
      const company = await pickCompany(desk);
      const note = {
        kind: "call",
        subject: `Renewal (${desk.lane})`,
        body: "They want three years.",
        company_id: company.id,
        follow_up: { title: "Send the offer", due: dayAgo(-2) },
        idempotency_key: `renewal-${desk.lane}`,
      };
      const first = await desk.call("crm_log_activity", note);
      const again = await desk.call("crm_log_activity", note);
      expect([again.activity.id, again.replayed]).toEqual([first.activity.id, true]);
      const logged = "SELECT count(*) AS n FROM activities WHERE subject = ?";
      expect(await desk.rows("CRM_DB", logged, note.subject)).toEqual([{ n: 1 }]);
      const task = "SELECT due_on FROM tasks WHERE id = ?";
      expect(await desk.rows("CRM_DB", task, first.follow_up_task_id)).toEqual([{ due_on: dayAgo(-2) }]);
    },
  },
  {
    ask: "Add my new contact, then change her title, and do not overwrite what others changed.",
    async solve(desk) {
      const contact = await addContact(desk, await pickCompany(desk), "Newcomer");
      const title = "Head of Purchasing";
      const { contact: changed } = await desk.call("crm_update_contact", {
        contact_id: contact.id,
        version: contact.version,
        title,
      });
      expect(changed.version).toBe(contact.version + 1);
      expect(await desk.rows("CRM_DB", "SELECT title FROM contacts WHERE id = ?", contact.id)).toEqual([
        { title },
      ]);
    },
  },
  {
    ask: "Open a deal, raise its amount, and move it on to proposal.",
    async solve(desk) {
      const deal = await addDeal(desk, await pickCompany(desk));
      const raised = await desk.call("crm_update_deal", {
        deal_id: deal.id,
        version: deal.version,
        amount: 15_000,
      });
      const moved = await desk.call("crm_move_deal", {
        deal_id: deal.id,
        version: raised.deal.version,
        stage: "proposal",
      });
      expect(moved.from).toBe("qualified");
      const stored = "SELECT stage, amount_cents FROM deals WHERE id = ?";
      expect(await desk.rows("CRM_DB", stored, deal.id)).toEqual([
        { stage: "proposal", amount_cents: 1_500_000 },
      ]);
    },
  },
  {
    ask: "Was this person entered twice? Make one of both; and take it back, it was wrong.",
    async solve(desk) {
      const company = await pickCompany(desk);
      const kept = await addContact(desk, company, `Twiceson${desk.lane}`);
      const { contact: twin } = await desk.call("crm_create_contact", {
        first_name: "Tess",
        last_name: `Twiceson${desk.lane}`,
        company_id: company.id,
      });
      const { pairs } = await desk.call("crm_find_duplicates", { contact_id: kept.id });
      expect(JSON.stringify(pairs)).toContain(twin.id);
      const ids = { keep_id: kept.id, duplicate_id: twin.id };
      const preview = await desk.call("crm_merge_contacts", ids);
      expect(preview.done).toBe(false);
      const done = await desk.call("crm_merge_contacts", { ...ids, confirm: preview.confirm });
      const twins = "SELECT count(*) AS n FROM contacts WHERE id = ?";
      expect(await desk.rows("CRM_DB", twins, twin.id)).toEqual([{ n: 0 }]);
      await desk.call("crm_undo_change", { change_id: done.change_id });
      expect(await desk.rows("CRM_DB", twins, twin.id)).toEqual([{ n: 1 }]);
    },
  },
  {
    ask: "Delete that test contact. What did I delete lately?",
    async solve(desk) {
      const contact = await addContact(desk, await pickCompany(desk), `Gone${desk.lane}`);
      const { confirm } = await desk.call("crm_delete_record", { id: contact.id });
      const { change_id } = await desk.call("crm_delete_record", { id: contact.id, confirm });
      const { changes } = await desk.call("crm_list_changes");
      expect(JSON.stringify(changes)).toContain(change_id);
      const left = "SELECT count(*) AS n FROM contacts WHERE id = ?";
      expect(await desk.rows("CRM_DB", left, contact.id)).toEqual([{ n: 0 }]);
    },
  },
  {
    ask: "Remind me to send the contract, and tick it off.",
    async solve(desk) {
      const company = await pickCompany(desk);
      const title = `Send the contract (${desk.lane})`;
      const { task } = await desk.call("crm_create_task", { title, due: dayAgo(-1), company_id: company.id });
      await desk.call("crm_complete_task", { task_id: task.id });
      const [stored] = await desk.rows("CRM_DB", "SELECT done_at FROM tasks WHERE id = ?", task.id);
      expect(stored?.done_at).not.toBeNull();
    },
  },
];
