import type { Loader } from "./prepare.ts";

/** Sizes of the demonstration data; undefined ones use {@link DEFAULT_SIZES}. */
export interface DemonstrationSizes {
  contacts?: number | undefined;
  events?: number | undefined;
}

/** Enough for realistic queries, loaded in seconds. */
const DEFAULT_SIZES = { contacts: 2_000, events: 100_000 } as const;

/**
 * The loaders of the four databases. Each seed is imported on demand: a second start, which loads nothing,
 * does not load the generators. Dates in the data are relative to today, so that "untouched for 30 days"
 * stays true.
 */
export function listLoaders(sizes: DemonstrationSizes): Readonly<Record<string, Loader>> {
  const contacts = sizes.contacts ?? DEFAULT_SIZES.contacts;
  const events = sizes.events ?? DEFAULT_SIZES.events;
  const asOf = startOfToday();
  return {
    PLATFORM_DB: {
      what: "demo people",
      options: "people=7",
      async load(database, report) {
        const { seedPeople } = await import("../seed/people.ts");
        await seedPeople(database, { asOf, report });
      },
    },
    ANALYTICS_DB: {
      what: "analytics",
      options: `events=${events}`,
      async load(database, report) {
        const { seedAnalytics } = await import("../seed/analytics.ts");
        await seedAnalytics(database, { asOf, events, report });
      },
    },
    CRM_DB: {
      what: "the CRM",
      options: `contacts=${contacts}`,
      async load(database, report) {
        const { seedCrm } = await import("../seed/crm.ts");
        await seedCrm(database, { asOf, contacts, report });
      },
      async settle(database) {
        const { foldAll } = await import("../../workers/crm/search/fold-pending.ts");
        return await foldAll(database, Number.MAX_SAFE_INTEGER);
      },
    },
    KNOWLEDGE_DB: {
      what: "the knowledge base",
      options: "articles=default",
      async load(database, report, media) {
        const { seedKnowledge } = await import("../seed/knowledge.ts");
        await seedKnowledge(database, { asOf, report, media });
      },
      async settle(database) {
        const { indexPending } = await import("../../workers/knowledge/store/index-passages.ts");
        return await indexPending(database, Number.MAX_SAFE_INTEGER);
      },
    },
  };
}

/** Midnight UTC of this day. */
export function startOfToday(): Date {
  const now = new Date();
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate()));
}
