import type { BulkLoader, RowOf } from "./bulk.ts";
import type { Chance } from "./chance.ts";
import { inventDeal, latest } from "./deals.ts";
import { PLACES, type Place, toSlug } from "./places.ts";
import { BODIES, INDUSTRIES, SUBJECTS, TITLES } from "./wording.ts";

/** A member of the sales team and their region. */
export interface Owner {
  id: string;
  name: string;
  email: string;
  region: string;
}

/** Numbers of people and deals of one customer. */
export interface CustomerSize {
  people: number;
  deals: number;
}

const KINDS = [
  ["call", 35],
  ["email", 35],
  ["meeting", 18],
  ["note", 12],
] as const;

/** Generates companies, each with its people, deals, activities and tasks, into a loader. */
export class CustomerWriter {
  readonly #chance: Chance;
  readonly #owners: readonly Owner[];
  readonly #loader: BulkLoader;
  readonly #domains = new Map<string, number>();

  constructor(chance: Chance, owners: readonly Owner[], loader: BulkLoader) {
    this.#chance = chance;
    this.#owners = owners;
    this.#loader = loader;
  }

  /** Adds a company with exactly this number of people and deals. */
  write({ people, deals }: CustomerSize): void {
    const place = this.#chance.pickWeighted(PLACES);
    const owner = this.#pickOwner(place.region);
    const company = this.#inventCompany(place, owner);
    const contacts = this.#inventPeople(place, owner, company, people);
    const touch = (contact: RowOf<"contacts"> | undefined, at: string) => {
      company.last_activity_at = latest(company.last_activity_at as string | null, at);
      if (contact) contact.last_activity_at = latest(contact.last_activity_at as string | null, at);
    };
    for (let index = 0; index < deals; index++) this.#writeDeal(company, contacts, owner, touch);
    for (const contact of contacts) {
      if (!this.#chance.happens(0.4)) continue;
      this.#writeActivity(
        company,
        contact,
        null,
        owner,
        this.#chance.timeAgo(this.#chance.between(3, 400)),
        touch,
      );
    }
    this.#loader.add("companies", company);
    for (const contact of contacts) this.#loader.add("contacts", contact);
  }

  #pickOwner(region: string): Owner {
    const local = this.#owners.filter((owner) => owner.region === region);
    return this.#chance.pick(local.length > 0 ? local : this.#owners);
  }

  #inventCompany(place: Place, owner: Owner): RowOf<"companies"> {
    const chance = this.#chance;
    const name = place.names.company.name();
    const slug = toSlug(name) || "company";
    const used = (this.#domains.get(slug) ?? 0) + 1;
    this.#domains.set(slug, used);
    return {
      id: chance.id("cmp"),
      name,
      domain: `${slug}${used > 1 ? `-${used}` : ""}.example`,
      industry: chance.pick(INDUSTRIES),
      region: place.region,
      city: place.names.location.city(),
      country: place.country,
      employees: Math.max(3, Math.round(chance.skewed(120, 1.4))),
      phone: chance.happens(0.88) ? place.names.phone.number({ style: "international" }) : null,
      owner_id: owner.id,
      last_activity_at: null,
      ...this.#stamp(owner, chance.timeAgo(chance.between(400, 1_500))),
    };
  }

  #inventPeople(place: Place, owner: Owner, company: RowOf<"companies">, count: number): RowOf<"contacts">[] {
    const chance = this.#chance;
    const taken = new Set<string>();
    const short = chance.happens(0.3);
    const people: RowOf<"contacts">[] = [];
    while (people.length < count) {
      const twin = people.length > 0 && chance.happens(0.015) ? chance.pick(people) : undefined;
      const first = String(twin?.first_name ?? place.names.person.firstName());
      const last = String(twin?.last_name ?? place.names.person.lastName());
      // A duplicate contact has the second address in the other style, or none.
      const initial = short !== (twin !== undefined);
      people.push({
        id: chance.id("con"),
        company_id: company.id,
        first_name: first,
        last_name: last,
        title: chance.happens(0.92) ? chance.pick(TITLES) : null,
        email: chance.happens(twin ? 0.5 : 0.94)
          ? nameAddress(taken, first, last, initial, company.domain)
          : null,
        phone: chance.happens(0.72) ? place.names.phone.number({ style: "international" }) : null,
        owner_id: chance.happens(0.9) ? owner.id : chance.pick(this.#owners).id,
        last_activity_at: null,
        ...this.#stamp(owner, chance.timeBetween(String(company.created_at), chance.timeAgo(2))),
      });
    }
    return people;
  }

  #writeDeal(
    company: RowOf<"companies">,
    contacts: readonly RowOf<"contacts">[],
    owner: Owner,
    touch: (contact: RowOf<"contacts"> | undefined, at: string) => void,
  ): void {
    const chance = this.#chance;
    const contact = contacts.length > 0 ? chance.pick(contacts) : undefined;
    const story = inventDeal(chance, {
      companyId: String(company.id),
      companyName: String(company.name),
      contactId: contact ? String(contact.id) : null,
      region: String(company.region),
      owner,
      employees: Number(company.employees),
    });
    this.#loader.add("deals", story.deal);
    for (const step of story.history) this.#loader.add("deal_stage_history", step);
    if (story.task) this.#loader.add("tasks", story.task);
    const talks = chance.between(1, 4);
    for (let index = 0; index < talks; index++) {
      const at = index === 0 ? story.lastTouch : chance.timeBetween(story.createdAt, story.lastTouch);
      this.#writeActivity(company, contact, String(story.deal.id), owner, at, touch);
    }
  }

  #writeActivity(
    company: RowOf<"companies">,
    contact: RowOf<"contacts"> | undefined,
    dealId: string | null,
    owner: Owner,
    at: string,
    touch: (contact: RowOf<"contacts"> | undefined, at: string) => void,
  ): void {
    const chance = this.#chance;
    const kind = chance.pickWeighted(KINDS);
    this.#loader.add("activities", {
      id: chance.id("act"),
      kind,
      subject: chance.pick(SUBJECTS[kind]),
      body: chance.happens(0.6) ? chance.pick(BODIES) : null,
      occurred_at: at,
      company_id: company.id,
      contact_id: contact?.id ?? null,
      deal_id: dealId,
      created_at: at,
      created_by: "import",
      created_by_name: owner.name,
    });
    touch(contact, at);
  }

  #stamp(owner: Owner, at: string) {
    return {
      created_at: at,
      created_by: "import",
      created_by_name: owner.name,
      updated_at: at,
      updated_by: "import",
      updated_by_name: owner.name,
    };
  }
}

function nameAddress(
  taken: Set<string>,
  first: string,
  last: string,
  initial: boolean,
  domain: RowOf<"companies">["domain"],
): string {
  const given = toSlug(first) || "x";
  const base = `${initial ? given.slice(0, 1) : given}.${toSlug(last) || "x"}`;
  let local = base;
  for (let number = 2; taken.has(local); number++) local = `${base}${number}`;
  taken.add(local);
  return `${local}@${domain}`;
}
