import type { FactName } from "./facts.ts";
import type { CheckedEvent } from "./ingest/read-events.ts";
import type { MeasureName } from "./measures.ts";
import { type Aggregate, aggregate, type Top } from "./store/aggregate.ts";
import type { Selection } from "./store/base.ts";
import { type CohortCell, type CohortRequest, countCohorts } from "./store/cohorts.ts";
import { countEvents, countFunnel, type FunnelRequest, type FunnelRow } from "./store/funnel.ts";
import { type Ingestion, storeEvents } from "./store/ingest.ts";
import { type Binding, type QueryResult, runReadOnly } from "./store/read-only-query.ts";
import {
  type CountryProfile,
  type DataSource,
  findMembers,
  listCountryProfiles,
  listMembers,
  listSources,
  readCoverage,
} from "./store/reference.ts";
import { shareDistinct } from "./store/shares.ts";
import { listColumns } from "./store/tables.ts";

/** Data access of the analytics server: its reads, and its only write. */
export interface AnalyticsStore {
  /** Sums by group and bucket; see `store/aggregate.ts`. */
  aggregate(selection: Selection, top: Top, maxRows: number): Promise<Aggregate>;
  /** Evenly divided distinct counts by the one selected dimension. */
  shareDistinct(selection: Selection, measure: MeasureName): Promise<Map<string, number>>;
  /** People by step; see `store/funnel.ts`. */
  countFunnel(request: FunnelRequest): Promise<FunnelRow[]>;
  /** People by cohort and age; see `store/cohorts.ts`. */
  countCohorts(request: CohortRequest): Promise<CohortCell[]>;
  /** Number of events of some kinds in a span, from the sums. */
  countEvents(kinds: readonly string[], from: string, to: string): Promise<number>;
  /** Stores events, once per key; see `store/ingest.ts`. */
  storeEvents(events: readonly CheckedEvent[]): Promise<Ingestion>;
  /** Members of a dimension, at most `MAX_LISTED`. */
  listMembers(dimension: string): Promise<string[]>;
  /** Members of the dimension among the names; also for customers, who are not listed. */
  findMembers(dimension: string, names: readonly string[]): Promise<string[]>;
  readCoverage(fact: FactName): Promise<{ first: string; last: string } | undefined>;
  listCountryProfiles(countries: readonly string[]): Promise<CountryProfile[]>;
  listSources(): Promise<DataSource[]>;
  listColumns(table: string): Promise<{ name: string; type: string }[]>;
  /** Runs a caller's statement that is proven to be read-only; see `store/read-only-query.ts`. */
  query(
    sql: string,
    bindings: readonly Binding[],
    maxRows: number,
    signal: AbortSignal,
  ): Promise<QueryResult>;
}

/**
 * Opens the analytics database for one call. All reads of a call are one session, which a read replica may serve: a
 * slow funnel then delays no other user. A replica may be some seconds behind, which matters little to figures by day
 * and hour. The primary stores events, because its keys decide which ones are stored already.
 */
export function openAnalyticsStore(db: D1Database): AnalyticsStore {
  const reader = db.withSession("first-unconstrained");
  return {
    aggregate: (selection, top, maxRows) => aggregate(reader, selection, top, maxRows),
    shareDistinct: (selection, measure) => shareDistinct(reader, selection, measure),
    countFunnel: (request) => countFunnel(reader, request),
    countCohorts: (request) => countCohorts(reader, request),
    countEvents: (kinds, from, to) => countEvents(reader, kinds, from, to),
    storeEvents: (events) => storeEvents(db, events),
    listMembers: (dimension) => listMembers(reader, dimension),
    findMembers: (dimension, names) => findMembers(reader, dimension, names),
    readCoverage: (fact) => readCoverage(reader, fact),
    listCountryProfiles: (countries) => listCountryProfiles(reader, countries),
    listSources: () => listSources(reader),
    listColumns: (table) => listColumns(reader, table),
    query: (sql, bindings, maxRows, signal) => runReadOnly(reader, sql, bindings, maxRows, signal),
  };
}
