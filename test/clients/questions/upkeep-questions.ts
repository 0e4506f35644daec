import { readFileSync } from "node:fs";
import path from "node:path";
import { expect } from "vitest";
import { ROOT } from "../../../scripts/local/root.ts";
import { type Desk, dayAgo, type Task } from "./task.ts";

const FLOOR_PLAN = path.join(ROOT, "scripts/seed/articles/media/floor-plan.png");

/** A company of the tests, new on each lane. */
async function addCompany({ call, lane }: Desk, name: string) {
  const domain = `${name}-${lane}.example`.toLowerCase();
  return (await call("crm_create_company", { name: `${name} ${lane}`, domain, region: "Europe" })).company;
}

const CSV_PEOPLE = (lane: string) =>
  [
    "Vorname;Nachname;E-Mail;Firma",
    `Ina;Rowe${lane};ina.${lane}@rows.example;`,
    `Otto;Rowe${lane};not an address;`,
  ].join("\n");

/** Requests of people who maintain customers and articles. */
export const UPKEEP_QUESTIONS: readonly Task[] = [
  {
    ask: "We won a new customer: add the company, and then note that they have 250 people.",
    async solve(desk) {
      const company = await addCompany(desk, "Northwind");
      const { company: changed } = await desk.call("crm_update_company", {
        company_id: company.id,
        version: company.version,
        employees: 250,
      });
      expect(changed.version).toBe(company.version + 1);
      const stored = "SELECT employees FROM companies WHERE id = ?";
      expect(await desk.rows("CRM_DB", stored, company.id)).toEqual([{ employees: 250 }]);
    },
  },
  {
    ask: "Move these two companies to the region Americas; and take it back.",
    async solve(desk) {
      const ids = [(await addCompany(desk, "Moved")).id, (await addCompany(desk, "Carried")).id];
      const change = { record: "company", ids, field: "region", value: "Americas" };
      const preview = await desk.call("crm_bulk_update", change);
      expect(preview).toMatchObject({ done: false, to_change: 2, after: "Americas" });
      const done = await desk.call("crm_bulk_update", { ...change, confirm: preview.confirm });
      const regions = "SELECT DISTINCT region FROM companies WHERE id IN (?, ?)";
      expect(await desk.rows("CRM_DB", regions, ...ids)).toEqual([{ region: "Americas" }]);
      await desk.call("crm_undo_change", { change_id: done.change_id });
      expect(await desk.rows("CRM_DB", regions, ...ids)).toEqual([{ region: "Europe" }]);
    },
  },
  {
    ask: "Here are the people from the trade fair as a German CSV file. Add those that you can read.",
    async solve(desk) {
      const file = { record: "contact", csv: CSV_PEOPLE(desk.lane) };
      const dryRun = await desk.call("crm_import_csv", file);
      expect(dryRun).toMatchObject({ done: false, rows: 2, create: 1 });
      expect(dryRun.problems[0].problem).toMatch(/mail/i);
      const counted = "SELECT count(*) AS n FROM contacts WHERE last_name = ?";
      expect(await desk.rows("CRM_DB", counted, `Rowe${desk.lane}`)).toEqual([{ n: 0 }]);
      await desk.call("crm_import_csv", { ...file, confirm: dryRun.confirm });
      expect(await desk.rows("CRM_DB", counted, `Rowe${desk.lane}`)).toEqual([{ n: 1 }]);
    },
  },
  {
    ask: "Give me all deals over $100K as a file.",
    async solve({ call, client, rows }) {
      const { csv, all } = await call("crm_export_csv", {
        record: "deal",
        where: { min_amount: 100_000 },
        limit: 5,
      });
      expect(csv.trim().split("\n")).toHaveLength(6);
      const [fact] = await rows(
        "CRM_DB",
        "SELECT count(*) AS n FROM deals WHERE amount_cents >= 10000000 AND closed_at IS NULL",
      );
      expect((await client.resource(all)).trim().split("\n").length - 1).toBe(fact?.n);
    },
  },
  {
    ask: "A former contact wants to be forgotten. What will go? Then do it.",
    async solve(desk) {
      const { contact } = await desk.call("crm_create_contact", {
        first_name: "Fay",
        last_name: `Gone${desk.lane}`,
        email: `fay.${desk.lane}@gone.example`,
      });
      await desk.call("crm_create_task", {
        title: `Call Fay (${desk.lane})`,
        due: dayAgo(-1),
        contact_id: contact.id,
      });
      const preview = await desk.call("crm_erase_person", { contact_id: contact.id });
      expect(preview).toMatchObject({ done: false, contact_ids: [contact.id] });
      const { removed } = await desk.call("crm_erase_person", {
        contact_id: contact.id,
        confirm: preview.confirm,
      });
      expect(removed).toMatchObject({ contacts: 1, tasks: 1 });
      const left = "SELECT count(*) AS n FROM contacts WHERE id = ?";
      expect(await desk.rows("CRM_DB", left, contact.id)).toEqual([{ n: 0 }]);
    },
  },
  {
    ask: "Put our three checklists into a new collection; I have corrected one of them meanwhile.",
    async solve({ call, rows, lane }) {
      const collection = `checklists-${lane}`;
      const documents = ["Opening", "Closing", "Cleaning"].map((title) => ({
        path: `${title.toLowerCase()}.md`,
        body: `# ${title} (${lane})\n\n1. Lights\n2. Doors\n`,
      }));
      const first = await call("knowledge_import_documents", {
        collection,
        new_collection_title: `Checklists (${lane})`,
        documents,
      });
      expect(first).toMatchObject({ created: 3, left_alone: [] });
      const corrected = documents.map((document, index) =>
        index === 1 ? { ...document, body: document.body.replace("Doors", "Windows") } : document,
      );
      const second = await call("knowledge_import_documents", { collection, documents: corrected });
      expect(second).toMatchObject({ created: 0, updated: 1, unchanged: 2 });
      const versions = "SELECT max(version) AS version FROM articles WHERE title = ?";
      expect(await rows("KNOWLEDGE_DB", versions, `Closing (${lane})`)).toEqual([{ version: 2 }]);
    },
  },
  {
    ask: "Facility management answers for that article, and should look at it every year. It is overdue: does it say so?",
    async solve({ call, lane }) {
      const title = `Keys (${lane})`;
      const { id } = await call("knowledge_save_article", {
        title,
        body: "Ask Pia.",
        collection: "handbook",
      });
      const review = { id, owner: "Facility management", review_on: dayAgo(1) };
      expect(await call("knowledge_review_article", review)).toMatchObject({ owner: review.owner });
      const { metadata } = await call("fetch", { id });
      expect(metadata).toMatchObject({
        owner: review.owner,
        warning: expect.stringContaining(review.review_on),
      });
    },
  },
  {
    ask: "Only the sales people may read the price notes from now on.",
    async solve({ call, rows, lane }) {
      const collection = `prices-${lane}`;
      const article = { title: `Price notes (${lane})`, body: "Lowest price: 12 EUR.", collection };
      await call("knowledge_save_article", { ...article, new_collection_title: `Prices (${lane})` });
      const roles = { collection, readers: ["sales"], writers: null };
      expect(await call("knowledge_share_collection", roles)).toEqual(roles);
      const readers = "SELECT readers FROM collections WHERE slug = ?";
      expect(JSON.parse((await rows("KNOWLEDGE_DB", readers, collection))[0]?.readers)).toEqual(["sales"]);
    },
  },
  {
    ask: "Keep this floor plan with an article, and show it to me again.",
    async solve({ call, client, lane }) {
      const data = readFileSync(FLOOR_PLAN).toString("base64");
      const title = `Floor plan (${lane})`;
      const kept = await call("knowledge_save_media", { title, data, collection: "handbook" });
      await call("knowledge_save_article", {
        title: `Where things are (${lane})`,
        body: `See ${kept.markdown}`,
        collection: `house-${lane}`,
        new_collection_title: `House (${lane})`,
      });
      const { content } = await client.call("knowledge_get_media", { id: kept.id });
      expect(content[0]).toMatchObject({ type: "image", mimeType: "image/png", data });
    },
  },
];
