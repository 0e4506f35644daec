import { summarizePipeline } from "../../../workers/crm/pipeline.ts";
import { resolveCustomer } from "../../../workers/crm/resolve.ts";
import type { DealFilter, DealSort } from "../../../workers/crm/store/deal-filter.ts";
import type { CrmStore } from "../../../workers/crm/store.ts";

/** Names, company and owner of a contact in the loaded data. */
export interface Sample {
  first: string;
  last: string;
  email: string | null;
  company: string;
  companyId: string;
  ownerId: string;
}

/** One kind of query; runs once per sample. */
export interface Question {
  title: string;
  ask(store: CrmStore, sample: Sample, index: number): Promise<unknown>;
}

const LIMIT = 10;
const LETTERS = "abcdefghijklmnopqrstuvwxyz";
const REGIONS = ["Europe", "North America", "Asia", "South America", "Oceania", "Africa"];

/** Every list and search of the CRM, with typical input and filters. */
export function listQuestions(asOf: Date): Question[] {
  const daysAgo = (days: number) => new Date(asOf.getTime() - days * 86_400_000).toISOString();
  const today = asOf.toISOString().slice(0, 10);
  return [
    contacts("one letter", (_, index) => letter(index)),
    contacts("two letters", ({ last }) => last.slice(0, 2)),
    contacts("two words of one letter", (_, index) => `${letter(index)} ${letter(index * 7 + 3)}`),
    contacts("three words of two letters", ({ first, last, company }) =>
      [first, last, company].map((word) => word.slice(0, 2)).join(" "),
    ),
    contacts("beginning of a first name", ({ first }) => first.slice(0, 5)),
    contacts("first name", ({ first }) => first),
    contacts("first and last name", ({ first, last }) => `${first} ${last}`),
    contacts("name and company", ({ last, company }) => `${last} ${company}`),
    contacts("word of a company", ({ company }) => company.split(/\W+/).at(-1) ?? company),
    contacts("e-mail address", ({ email, first }) => email ?? first),
    contacts(
      "unknown e-mail address",
      ({ first, company }, index) => `${first}.${letter(index)}q@${company.split(/\W/)[0]}.example`,
    ),
    // Long words that every address has and no name.
    contacts("word of every address", () => "example"),
    contacts("beginning of a word of every address", (_, index) => "example".slice(0, 5 + (index % 2))),
    contacts("that and a beginning of a name", ({ first }) => `${first.slice(0, 2)} examp`),
    contacts("that and an unknown word", (_, index) => `examp zzq${letter(index)}`),
    contacts("slip of the pen", ({ first, last }) => `${slip(first)} ${slip(last)}`),
    contacts("unknown words", ({ last }, index) => `${last} zzq${letter(index)}`),
    {
      title: "people of a company",
      ask: (store, { companyId }) => store.contacts.search({ text: "", facets: [companyId], limit: LIMIT }),
    },
    {
      title: "people of a company by a letter",
      ask: (store, { companyId, first }) =>
        store.contacts.search({ text: first.slice(0, 1), facets: [companyId], limit: LIMIT }),
    },
    companies("beginning of a name", ({ company }) => company.slice(0, 3)),
    companies("name", ({ company }) => company),
    companies("beginning of a word of every web domain", () => "examp"),
    companies("slip of the pen", ({ company }) => slip(company)),
    {
      title: "companies of an owner in a region",
      ask: (store, { ownerId }, index) =>
        store.companies.search({ text: "", facets: [ownerId, region(index)], limit: LIMIT }),
    },
    {
      title: "companies of an owner by a letter",
      ask: (store, { ownerId }, index) =>
        store.companies.search({ text: letter(index), facets: [ownerId], limit: LIMIT }),
    },
    {
      title: "customer by name, with everything around",
      async ask(store, { company }) {
        await resolveCustomer(store, company).then(
          (customer) =>
            customer.company && store.readOverview({ column: "company_id", id: customer.company.id }, today),
          // Several companies with one name: the answer is their list.
          () => undefined,
        );
      },
    },
    deals("large and untouched for 30 days", "amount", () => ({
      minCents: 10_000_000,
      untouchedSince: daysAgo(30),
    })),
    deals("of a region, longest untouched", "untouched", (_, index) => ({ region: region(index) })),
    deals("of an owner, soonest to close", "closing", ({ ownerId }) => ({ ownerId })),
    deals("of an owner in a stage, untouched", "amount", ({ ownerId }) => ({
      ownerId,
      stages: ["proposal"],
      untouchedSince: daysAgo(60),
    })),
    deals("won in a region, small", "closing", (_, index) => ({
      openOnly: false,
      stages: ["won"],
      region: region(index),
      maxCents: 500_000,
    })),
    deals("that nothing fits", "amount", (_, index) => ({
      openOnly: false,
      stages: ["lost"],
      region: region(index),
      maxCents: 100,
    })),
    { title: "pipeline of everyone", ask: (store) => summarizePipeline(store, undefined, asOf) },
    {
      title: "tasks of an owner",
      ask: (store, { ownerId }) => store.tasks.listOpen({ ownerId }, LIMIT, undefined),
    },
    {
      title: "activities of a company",
      ask: (store, { companyId }) =>
        store.activities.list({ column: "company_id", id: companyId }, LIMIT, undefined),
    },
    {
      title: "duplicates among 250 contacts",
      ask: (store, _, index) => store.findDuplicates({ afterSeq: index * 1_000 }),
    },
  ];
}

function contacts(title: string, write: (sample: Sample, index: number) => string): Question {
  return {
    title: `contacts: ${title}`,
    ask: (store, sample, index) =>
      store.contacts.search({ text: write(sample, index), facets: [], limit: LIMIT }),
  };
}

function companies(title: string, write: (sample: Sample, index: number) => string): Question {
  return {
    title: `companies: ${title}`,
    ask: (store, sample, index) =>
      store.companies.search({ text: write(sample, index), facets: [], limit: LIMIT }),
  };
}

function deals(
  title: string,
  sort: DealSort,
  filter: (sample: Sample, index: number) => Partial<DealFilter>,
): Question {
  return {
    title: `deals: ${title}`,
    ask: (store, sample, index) =>
      store.deals.list({ openOnly: true, ...filter(sample, index) }, sort, LIMIT, undefined),
  };
}

function letter(index: number): string {
  return LETTERS.charAt(index % LETTERS.length);
}

function region(index: number): string {
  return REGIONS[index % REGIONS.length] ?? "Europe";
}

/** Swaps two neighbouring letters in the middle. */
function slip(word: string): string {
  const at = Math.max(1, Math.floor(word.length / 2));
  return word.slice(0, at) + word.charAt(at + 1) + word.charAt(at) + word.slice(at + 2);
}
