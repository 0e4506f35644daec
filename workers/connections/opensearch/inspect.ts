import type { OpensearchEntry } from "../../../shared/connections/kinds/opensearch.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import type { ConnectionReport } from "../../../shared/objects/connection-gate.ts";
import { checkAgainstSources } from "../documents/check-sources.ts";
import type { DocumentSource } from "../documents/source.ts";
import { TextSample } from "../sql/sample-classes.ts";
import type { SearchCatalogue } from "./catalogue.ts";

/** Sends a request; gives status and JSON, whatever the status. */
export type SendRequest = (
  method: string,
  path: string,
  body?: JsonValue,
) => Promise<{ status: number; body: JsonValue }>;

/** Name and version of a server, as it says them. */
export interface ServerIdentity {
  product: "OpenSearch" | "Elasticsearch";
  version: string;
}

/** What an account may do beyond reading, and how the entry fits the server. */
export async function inspectSearch(
  send: SendRequest,
  entry: OpensearchEntry,
  { product, version }: ServerIdentity,
  { sources, withheld }: SearchCatalogue,
): Promise<ConnectionReport> {
  const start = Date.now();
  const privileges = product === "Elasticsearch" ? await readPrivileges(send, entry, sources) : null;
  const excess = privileges ?? (await probeWrites(send, sources));
  const ms = Date.now() - start;
  const { expose, classes } = entry;
  const sample = await sampleDocuments(send, sources);
  const checked = checkAgainstSources(
    { place: "expose.indices", globs: expose.indices, classes },
    sources,
    (field) => sample.classOf(field),
  );
  const mistakes = withheld.map(
    ({ kind, name, member }) =>
      `expose.except: the ${kind} "${name}" is not offered, because "${member}" is a member of it.`,
  );
  const server = `${product} ${version}`.trim();
  return { server, ms, excess, ...checked, mistakes: [...checked.mistakes, ...mistakes] };
}

/** Indices whose documents are looked at, documents of one, levels of a document, and milliseconds of all searches. */
const MOST_SAMPLED = 30;
const DOCUMENTS = 20;
const MOST_LEVELS = 6;
const SAMPLE_MS = 2_000;

/** Texts of some documents of each index. What cannot be read says nothing. */
async function sampleDocuments(send: SendRequest, sources: readonly DocumentSource[]): Promise<TextSample> {
  const sample = new TextSample();
  const until = Date.now() + SAMPLE_MS;
  for (const { name } of sources.slice(0, MOST_SAMPLED)) {
    if (Date.now() >= until) break;
    const search = { size: DOCUMENTS, timeout: "500ms", track_total_hits: false };
    const { status, body } = await send("POST", `/${encodeURIComponent(name)}/_search`, search).catch(() => ({
      status: 0,
      body: null,
    }));
    if (status !== 200) continue;
    const visit = (value: unknown, path: string, level: number) => {
      if (typeof value === "string" && path !== "") sample.add(`${name}/${path}`, value);
      if (level >= MOST_LEVELS || typeof value !== "object" || value === null) return;
      // A list counts as what is in it.
      if (Array.isArray(value)) for (const item of value.slice(0, 5)) visit(item, path, level + 1);
      else
        for (const [field, inner] of Object.entries(value))
          visit(inner, path === "" ? field : `${path}.${field}`, level + 1);
    };
    const hits = (body as { hits?: { hits?: { _source?: unknown }[] } } | null)?.hits?.hits;
    if (Array.isArray(hits)) for (const hit of hits) visit(hit?._source, "", 0);
  }
  return sample;
}

/** Requests that are under way at the same moment. */
const AT_ONCE = 4;

type Excess = ConnectionReport["excess"][number];

const CLUSTER_RIGHTS = ["manage", "manage_security", "manage_ingest_pipelines", "manage_index_templates"];
const INDEX_RIGHTS = ["write", "create_index", "delete_index", "manage"];

/** What Elasticsearch says of the account («Has privileges»); `null` where its security is off. */
async function readPrivileges(
  send: SendRequest,
  { expose }: OpensearchEntry,
  sources: readonly DocumentSource[],
): Promise<Excess[] | null> {
  // Of a glob the server says whether the account has a right on all that it may match.
  const names = [...new Set([...expose.indices, ...sources.map(({ name }) => name)])];
  const index = [{ names, privileges: INDEX_RIGHTS }];
  const { status, body } = await send("POST", "/_security/user/_has_privileges", {
    cluster: CLUSTER_RIGHTS,
    index,
  });
  if (status !== 200) return null;
  const answer = body as {
    cluster?: Record<string, boolean>;
    index?: Record<string, Record<string, boolean>>;
  };
  const rights = [
    ...Object.entries(answer.cluster ?? {}).map(([right, has]) => ({ what: `${right} of the cluster`, has })),
    ...Object.entries(answer.index ?? {}).flatMap(([name, own]) =>
      Object.entries(own).map(([right, has]) => ({ what: `${right} on ${name}`, has })),
    ),
  ];
  return rights
    .filter(({ has }) => has)
    .map(({ what }) => ({
      what,
      remedy:
        "Give its role the index privileges read and view_index_metadata, and no cluster privilege but monitor.",
      blocking: true,
    }));
}

/**
 * One request of each kind of writing, sent in a form that changes nothing even where it is allowed: on names that do
 * not exist, or with a condition that no document meets. OpenSearch tells an account nothing of its rights.
 */
function probesOf(
  indices: readonly string[],
): readonly { what: string; method: string; path: string; body?: JsonValue }[] {
  const name = `gatehouse-probe-${crypto.randomUUID()}`;
  const never = "if_seq_no=9007199254740991&if_primary_term=9007199254740991";
  return [
    ...indices.flatMap((index) => {
      const own = encodeURIComponent(index);
      return [
        { what: `write documents of ${index}`, method: "DELETE", path: `/${own}/_doc/${name}?${never}` },
        {
          what: `change the mapping of ${index}`,
          method: "PUT",
          path: `/${own}/_mapping`,
          body: { properties: {} },
        },
        { what: `delete indices named ${index}…`, method: "DELETE", path: `/${own}-${name}` },
      ];
    }),
    { what: "delete indices", method: "DELETE", path: `/${name}` },
    {
      what: "change settings of the cluster",
      method: "PUT",
      path: "/_cluster/settings",
      body: { transient: { [`gatehouse.${name}`]: null } },
    },
    { what: "delete stored scripts", method: "DELETE", path: `/_scripts/${name}` },
    { what: "delete ingest pipelines", method: "DELETE", path: `/_ingest/pipeline/${name}` },
    { what: "delete snapshot repositories", method: "DELETE", path: `/_snapshot/${name}` },
  ];
}

async function probeWrites(send: SendRequest, sources: readonly DocumentSource[]): Promise<Excess[]> {
  const remedy =
    "Give its role the action groups read and view_index_metadata on the exposed indices, and no other.";
  const found: Excess[] = [];
  // Rights are of indices: each one is asked for. A few at a time, since a connection may expose many.
  const probes = probesOf(sources.map(({ name }) => name));
  for (let at = 0; at < probes.length; at += AT_ONCE) {
    const some = probes.slice(at, at + AT_ONCE);
    const answers = await Promise.all(some.map(({ method, path, body }) => send(method, path, body)));
    for (const [place, { what }] of some.entries()) {
      const status = answers[place]?.status;
      if (status !== 401 && status !== 403) found.push({ what, remedy, blocking: true });
    }
  }
  return found;
}
