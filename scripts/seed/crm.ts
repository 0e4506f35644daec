import { faker } from "@faker-js/faker/locale/en";
import { foldAll } from "../../workers/crm/search/fold-pending.ts";
import { BulkLoader } from "./crm/bulk.ts";
import { Chance } from "./crm/chance.ts";
import { CustomerWriter, type Owner } from "./crm/customers.ts";
import { PLACES, seedPlaces, toSlug } from "./crm/places.ts";
import { DEMO_PEOPLE } from "./people.ts";

/** Options of the CRM seed. */
export interface CrmSeedOptions {
  /** Reference day of all dates; the same day gives the same rows. */
  asOf: Date;
  /** Number of contacts, up to 1,000,000. Companies, deals and activities follow in proportion. */
  contacts: number;
  /** Takes progress, one sentence at a time. */
  report: (line: string) => void;
  /** Users who own customers, so that "my deals" has an answer. Default: the demonstration sales users. */
  people?: readonly { name: string; email: string }[];
}

const SEED = 20_261_121;
const PEOPLE_PER_COMPANY = 5;
const DEALS_PER_CONTACT = 0.3;
const CONTACTS_PER_BATCH = 2_000;
const MAX_CONTACTS = 1_000_000;

/**
 * Fills an empty CRM with invented customers: realistic stages and ages, owners by region, gaps in contact,
 * large stale deals, missing telephone numbers, and contacts that were created twice. Every e-mail address
 * and web domain ends in `.example` (RFC 2606), so that no message reaches anyone. Throws `RangeError` for a
 * size outside of 1 to 1,000,000.
 */
export async function seedCrm(db: D1Database, options: CrmSeedOptions): Promise<void> {
  const { asOf, contacts, report } = options;
  if (!Number.isInteger(contacts) || contacts < 1 || contacts > MAX_CONTACTS) {
    throw new RangeError(`The CRM can be loaded with 1 to ${MAX_CONTACTS} contacts.`);
  }
  seedPlaces(SEED);
  faker.seed(SEED);
  const chance = new Chance(faker, asOf);
  const loader = new BulkLoader(db);
  const owners = inventOwners(
    chance,
    contacts,
    options.people ?? DEMO_PEOPLE.filter(({ role }) => role === "sales"),
  );
  for (const { id, name, email } of owners) loader.add("owners", { id, name, email });

  const companies = Math.ceil(contacts / PEOPLE_PER_COMPANY);
  const deals = Math.round(contacts * DEALS_PER_CONTACT);
  const writer = new CustomerWriter(chance, owners, loader);
  let peopleLeft = contacts;
  let dealsLeft = deals;
  let reported = 0;
  for (let left = companies; left > 0; left--) {
    const size = { people: chance.share(peopleLeft, left, 1), deals: chance.share(dealsLeft, left, 0) };
    writer.write(size);
    peopleLeft -= size.people;
    dealsLeft -= size.deals;
    if (loader.count("contacts") < CONTACTS_PER_BATCH) continue;
    await loader.flush();
    const tenth = Math.floor(((contacts - peopleLeft) / contacts) * 10);
    if (contacts > 20_000 && tenth > reported) report(`${tenth * 10} % of ${format(contacts)} contacts`);
    reported = tenth;
  }
  await loader.flush();
  await foldAll(db, Number.MAX_SAFE_INTEGER);
  await tidy(db);
  report(`${format(contacts)} contacts, ${format(companies)} companies, ${format(deals)} deals`);
}

/** One owner for every 20,000 contacts, at least twelve, spread over the regions by their weight. */
function inventOwners(
  chance: Chance,
  contacts: number,
  people: readonly { name: string; email: string }[],
): Owner[] {
  const regions = [...new Set(PLACES.map(([place]) => place.region))];
  const count = Math.max(12, Math.ceil(contacts / 20_000));
  const taken = new Set(people.map(({ email }) => email.toLowerCase()));
  const owners = people.map(({ name, email }, index) => ({
    id: chance.id("own"),
    name,
    email: email.toLowerCase(),
    region: regions[index % 2] ?? "Europe",
  }));
  while (owners.length < count) {
    const place = chance.pickWeighted(PLACES);
    const region = regions[owners.length] ?? place.region;
    const name = `${place.names.person.firstName()} ${place.names.person.lastName()}`;
    const email = `${toSlug(name).replaceAll("-", ".")}@gatehouse.example`;
    if (taken.has(email)) continue;
    taken.add(email);
    owners.push({ id: chance.id("own"), name, email, region });
  }
  return owners;
}

/** Merges the full-text indexes into one segment each and collects the planner's statistics. */
async function tidy(db: D1Database): Promise<void> {
  for (const table of ["contacts_fts", "contacts_names_fts", "companies_fts", "deals_fts"]) {
    await db.prepare(`INSERT INTO ${table} (${table}) VALUES ('optimize')`).run();
  }
  await db.prepare("PRAGMA optimize").run();
}

function format(number: number): string {
  return number.toLocaleString("en-US");
}
