import type { MongoClient } from "mongodb";
import type { MongodbEntry } from "../../../shared/connections/kinds/mongodb.ts";
import {
  type ConnectionReport,
  type Inspected,
  NOT_INSPECTED,
} from "../../../shared/objects/connection-gate.ts";
import { checkAgainstSources } from "../documents/check-sources.ts";
import { TextSample } from "../sql/sample-classes.ts";
import { readMongodbCatalogue } from "./catalogue.ts";

/** Actions that change nothing (MongoDB, «Privilege actions»). */
const READING: ReadonlySet<string> = new Set(
  [
    "find listCollections listIndexes listSearchIndexes listDatabases collStats dbStats dbHash indexStats killCursors",
    "planCacheRead changeStream connPoolStats serverStatus getParameter replSetGetStatus replSetGetConfig hostInfo",
    "getCmdLineOpts getShardMap shardingState listShards top inprog netstat getLog getShardVersion",
    "checkFreeMonitoringStatus validate useUUID listSessions operationMetrics getDefaultRWConcern queryStatsRead",
    "getClusterParameter queryStatsReadTransformed",
  ].flatMap((names) => names.split(" ")),
);

/** Privileges of the answer of `connectionStatus`. */
interface Privilege {
  resource?: { db?: string; collection?: string; cluster?: boolean; anyResource?: boolean };
  actions?: string[];
}

/** What the account may do beyond reading, and how the entry fits the server. */
export async function inspectMongodb(
  client: MongoClient,
  entry: MongodbEntry,
  timeoutMs: number,
  what?: Inspected,
): Promise<ConnectionReport> {
  const start = Date.now();
  const admin = client.db("admin");
  const status = await admin.command({ connectionStatus: 1, showPrivileges: true }, { timeoutMS: timeoutMs });
  const ms = Date.now() - start;
  const { version } = (await admin.command({ buildInfo: 1 })) as { version?: string };
  const { authenticatedUsers = [], authenticatedUserPrivileges = [] } = (status.authInfo ?? {}) as {
    authenticatedUsers?: unknown[];
    authenticatedUserPrivileges?: Privilege[];
  };
  // Without accounts, or without a word on them, everything is allowed.
  const isOpen = authenticatedUsers.length === 0 || authenticatedUserPrivileges.length === 0;
  const remedy = `Give ${entry.reach.user} the role read on ${entry.reach.database}, and no other.`;
  const excess = isOpen
    ? [{ what: "do everything: the server names no privileges of its account", remedy, blocking: true }]
    : describeExcess(authenticatedUserPrivileges).map((may) => ({ what: may, remedy, blocking: true }));
  const account = { server: `MongoDB ${version ?? ""}`.trim(), ms, excess };
  if (what === "account") return { ...account, ...NOT_INSPECTED };
  const sample = new TextSample();
  const onText = (collection: string, path: string, text: string) =>
    sample.add(`${collection}/${path}`, text);
  const sources = await readMongodbCatalogue(client.db(entry.reach.database), entry, timeoutMs, onText);
  const { expose, classes } = entry;
  const checked = checkAgainstSources(
    { place: "expose.collections", globs: expose.collections, classes, isSample: true },
    sources,
    (field) => sample.classOf(field),
  );
  return { ...account, ...checked };
}

function describeExcess(privileges: readonly Privilege[]): string[] {
  return privileges.flatMap(({ resource = {}, actions = [] }) => {
    const more = actions.filter((action) => !READING.has(action));
    if (more.length === 0) return [];
    const shown = more.slice(0, 4).join(", ");
    const rest = more.length > 4 ? ` and ${more.length - 4} more` : "";
    return [`${shown}${rest} on ${describeResource(resource)}`];
  });
}

function describeResource({
  db,
  collection,
  cluster,
  anyResource,
}: NonNullable<Privilege["resource"]>): string {
  if (anyResource === true) return "everything";
  if (cluster === true) return "the cluster";
  const place = db === undefined || db === "" ? "every database" : db;
  return collection === undefined || collection === "" ? place : `${place}.${collection}`;
}
