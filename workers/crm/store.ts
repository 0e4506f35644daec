import type { MaskRules } from "../../shared/call/mask-rules.ts";
import { type Overview, type OverviewSubject, readOverview } from "./customer/overview.ts";
import { KeptExportStore } from "./export/kept-exports.ts";
import { ImportStore } from "./imports/imports.ts";
import { PlanStore } from "./imports/plans.ts";
import { ActivityStore } from "./store/activities.ts";
import { BulkStore } from "./store/bulk.ts";
import { CompanyStore } from "./store/companies.ts";
import { ContactStore } from "./store/contacts.ts";
import { CounterStore } from "./store/counters.ts";
import { DealStore } from "./store/deals.ts";
import { countDependents, type DeletableColumn, type Dependents } from "./store/deletions.ts";
import { readDependents } from "./store/dependents.ts";
import { findDuplicates } from "./store/duplicates.ts";
import { type Erasure, erasePerson, findTraces, type Traces } from "./store/erasure.ts";
import { HappeningStore } from "./store/happenings.ts";
import { type IdempotentWrite, recallWrite } from "./store/idempotency.ts";
import { JournalStore } from "./store/journal.ts";
import { OwnerStore } from "./store/owners.ts";
import { PlaceStore } from "./store/places.ts";
import type { Stamp } from "./store/stamp.ts";
import { TaskStore } from "./store/tasks.ts";

/** The CRM's data, by subject. Shared by the whole company: rows do not depend on the user. */
export interface CrmStore {
  contacts: ContactStore;
  companies: CompanyStore;
  deals: DealStore;
  counters: CounterStore;
  activities: ActivityStore;
  tasks: TaskStore;
  owners: OwnerStore;
  places: PlaceStore;
  journal: JournalStore;
  happenings: HappeningStore;
  plans: PlanStore;
  bulk: BulkStore;
  imports: ImportStore;
  keptExports: KeptExportStore;
  /** Masking rules of the caller's role; for answers that are masked before they become text. */
  masks: MaskRules;
  /**
   * The id that an earlier call with this key created, if any. Throws `conflict` for a key of another write.
   */
  recallWrite(write: IdempotentWrite): Promise<string | undefined>;
  /** Pairs of contacts that share a key, with one contact or in the next range of contacts. */
  findDuplicates(from: { contactId: string } | { afterSeq: number }): ReturnType<typeof findDuplicates>;
  /** Every entry and kept image of a person. */
  findTraces(contactId: string): Promise<Traces>;
  /**
   * Erases people irreversibly; returns `null`, and erases nothing, when the traces are no longer complete.
   */
  erasePerson(traces: Traces, stamp: Stamp): Promise<Erasure | null>;
  /** Digest of records and their dependents, with their versions; see `printDependents`. */
  readDependents(column: DeletableColumn, ids: readonly string[]): Promise<string>;
  /** Number of dependents of a record. */
  countDependents(column: DeletableColumn, id: string): Promise<Dependents>;
  /** Overview of one customer; `today` is a day, `YYYY-MM-DD`. */
  readOverview(subject: OverviewSubject, today: string): Promise<Overview>;
}

/**
 * Opens the CRM's data over its database. Only callers who see names and e-mail addresses can search people
 * by them.
 */
export function openCrmStore(db: D1Database, masks: MaskRules): CrmStore {
  const journal = new JournalStore(db);
  const plans = new PlanStore(db);
  return {
    contacts: new ContactStore(db, masks.fields.pii === "show"),
    companies: new CompanyStore(db, masks.fields.pii === "show"),
    deals: new DealStore(db),
    counters: new CounterStore(db),
    activities: new ActivityStore(db),
    tasks: new TaskStore(db),
    owners: new OwnerStore(db),
    places: new PlaceStore(db),
    journal,
    happenings: new HappeningStore(db),
    plans,
    bulk: new BulkStore(journal, plans),
    imports: new ImportStore(db, journal, plans),
    keptExports: new KeptExportStore(db),
    masks,
    recallWrite: (write) => recallWrite(db, write),
    findDuplicates: (from) => findDuplicates(db, from),
    findTraces: (contactId) => findTraces(db, contactId),
    erasePerson: (traces, stamp) => erasePerson(db, traces, stamp),
    readDependents: (column, ids) => readDependents(db, column, ids),
    countDependents: (column, id) => countDependents(db, column, id),
    readOverview: (subject, today) => readOverview(db, subject, today),
  };
}
