import { randomUUID } from "node:crypto";
import http from "node:http";
import { findFlagProblem } from "../../scripts/deploy/compatibility.ts";
import type { AccountEvent, FakeAccount } from "./fake-account-types.ts";

interface Exchange {
  method: string;
  path: string;
  query: URLSearchParams;
  body: string;
}

interface VectorConfig {
  dimensions: number;
  metric: string;
}

type Result = { result: unknown } | { status: number; code: number; message: string };

/** The only zone of the account. */
const ZONE = "company.test";
const ACCOUNT = "/accounts/fake-account";
const NO_WORKER = { status: 404, code: 10007, message: "This Worker does not exist on your account." };

/** Starts an empty account. Its `/ready` answers after a Worker was uploaded. */
export async function openFakeAccount(): Promise<FakeAccount> {
  const events: AccountEvent[] = [];
  const secrets = new Map<string, string>();
  const account: FakeAccount = {
    env: {
      CLOUDFLARE_API_BASE_URL: "",
      CLOUDFLARE_API_TOKEN: "fake-token",
      CLOUDFLARE_ACCOUNT_ID: ACCOUNT.slice("/accounts/".length),
    },
    url: "",
    events,
    secrets,
    subdomain: "company",
    servesWorkersDev: false,
    domains: [],
    lag: 0,
    looks: 0,
    version: null,
    breakMigration(text) {
      broken = text;
    },
    removeWorker() {
      uploaded = false;
      secrets.clear();
      Object.assign(account, { version: null, servesWorkersDev: false, domains: [] });
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
  const databases: { name: string; uuid: string; migrations: { name: string }[] }[] = [];
  const buckets: string[] = [];
  const queues: { queue_name: string; queue_id: string; consumers: []; producers: [] }[] = [];
  const namespaces: { title: string; id: string }[] = [];
  const vectorIndexes: { name: string; properties: { propertyName: string; indexType: string }[] }[] = [];
  let uploaded = false;
  let before: string | null = null;
  let broken: string | null = null;

  const routes: [RegExp, (ctx: Exchange, part: string) => Result][] = [
    [/^\/user\/tokens\/verify$/, () => ({ result: { id: "token", status: "active" } })],
    [/^\/user$/, () => ({ result: { id: "user", email: "deployer@company.test" } })],
    [/^\/accounts$/, () => ({ result: [{ id: "fake-account", name: "Company" }] })],
    [/^\/memberships$/, () => ({ result: [{ account: { id: "fake-account", name: "Company" } }] })],
    [
      /\/d1\/database$/,
      ({ method, body }) => {
        if (method === "GET") return { result: databases };
        const { name } = JSON.parse(body) as { name: string };
        const database = { name, uuid: `uuid-of-${name}`, migrations: [] };
        databases.push(database);
        events.push(`create database ${name}`);
        return { result: database };
      },
    ],
    [
      /\/d1\/database\/([^/]+)\/query$/,
      ({ body }, uuid) => {
        const { sql } = JSON.parse(body) as { sql: string };
        const database = databases.find((item) => item.uuid === uuid);
        if (broken !== null && sql.includes(broken)) {
          broken = null;
          return { status: 400, code: 7500, message: 'near "TABEL": syntax error' };
        }
        const [, migration] = /INSERT INTO "d1_migrations" \(name\)\s+values \('([^']+)'\)/.exec(sql) ?? [];
        if (migration !== undefined) {
          database?.migrations.push({ name: migration });
          events.push(`migrate ${database?.name} ${migration}`);
        }
        const results = sql.startsWith("SELECT") ? database?.migrations : [];
        return { result: [{ results, success: true, meta: { duration: 1 } }] };
      },
    ],
    [
      /\/d1\/database\/([^/]+)$/,
      (_exchange, key) => {
        const database = databases.find(({ name, uuid }) => name === key || uuid === key);
        return database ? { result: database } : { status: 404, code: 7404, message: "not found" };
      },
    ],
    [
      /\/r2\/buckets$/,
      ({ body }) => {
        const { name } = JSON.parse(body) as { name: string };
        buckets.push(name);
        events.push(`create bucket ${name}`);
        return { result: { name } };
      },
    ],
    [
      /\/r2\/buckets\/([^/]+)$/,
      (_exchange, name) =>
        buckets.includes(name)
          ? { result: { name, creation_date: "2026-01-01", location: "WEUR", storage_class: "Standard" } }
          : { status: 404, code: 10006, message: "The specified bucket does not exist." },
    ],
    [
      /\/vectorize\/v2\/indexes$/,
      ({ method, body }) => {
        if (method === "GET") return { result: vectorIndexes.map(({ name }) => ({ name })) };
        const { name, config } = JSON.parse(body) as { name: string; config: VectorConfig };
        vectorIndexes.push({ name, properties: [] });
        events.push(`create vector index ${name} of ${config.dimensions} numbers, ${config.metric}`);
        return { result: { name, config } };
      },
    ],
    [
      /\/vectorize\/v2\/indexes\/([^/]+)\/metadata_index\/(?:create|list)$/,
      ({ method, body }, name) => {
        const index = vectorIndexes.find((item) => item.name === name);
        if (method === "GET") return { result: { metadataIndexes: index?.properties ?? [] } };
        const property = JSON.parse(body) as { propertyName: string; indexType: string };
        index?.properties.push(property);
        events.push(`narrow ${name} by ${property.propertyName} ${property.indexType}`);
        return { result: { mutationId: "m" } };
      },
    ],
    // Size of a bucket; unused here.
    [/\/graphql$/, () => ({ result: {} })],
    [
      /\/queues$/,
      ({ method, body, query }) => {
        const wanted = query.get("name");
        if (method === "GET") {
          return { result: queues.filter(({ queue_name }) => wanted === null || queue_name === wanted) };
        }
        const { queue_name } = JSON.parse(body) as { queue_name: string };
        queues.push({ queue_name, queue_id: `id-of-${queue_name}`, consumers: [], producers: [] });
        events.push(`create queue ${queue_name}`);
        return { result: queues.at(-1) };
      },
    ],
    [/\/queues\/[^/]+\/consumers/, ({ method }) => ({ result: method === "GET" ? [] : {} })],
    [
      /\/storage\/kv\/namespaces$/,
      ({ method, body }) => {
        if (method === "GET") return { result: namespaces };
        const { title } = JSON.parse(body) as { title: string };
        namespaces.push({ title, id: `id-of-${title}` });
        events.push(`create namespace ${title}`);
        return { result: namespaces.at(-1) };
      },
    ],
    [
      /\/workers\/scripts\/[^/]+\/secrets$/,
      () =>
        uploaded ? { result: [...secrets.keys()].map((name) => ({ name, type: "secret_text" })) } : NO_WORKER,
    ],
    [
      /\/workers\/scripts\/[^/]+\/deployments$/,
      () => (uploaded ? { result: { deployments: [] } } : NO_WORKER),
    ],
    [/\/workers\/scripts\/[^/]+\/settings$/, () => (uploaded ? { result: readSettings() } : NO_WORKER)],
    [/\/workers\/scripts\/[^/]+\/(?:script-settings|schedules)$/, () => ({ result: {} })],
    [
      /\/workers\/subdomain$/,
      () =>
        account.subdomain === null
          ? { status: 404, code: 10007, message: "This account does not have a workers.dev subdomain." }
          : { result: { subdomain: account.subdomain } },
    ],
    [
      /\/workers\/scripts\/[^/]+\/subdomain$/,
      ({ method, body }) => {
        if (method === "POST") account.servesWorkersDev = (JSON.parse(body) as { enabled: boolean }).enabled;
        return { result: { enabled: account.servesWorkersDev, previews_enabled: false } };
      },
    ],
    [
      /\/workers\/scripts\/[^/]+\/domains\/changeset$/,
      () => ({ result: { added: [], removed: [], updated: [], conflicting: [] } }),
    ],
    [
      /\/workers\/scripts\/[^/]+\/domains\/records$/,
      ({ body }) => {
        const { origins } = JSON.parse(body) as { origins: { hostname: string }[] };
        const hosts = origins.map(({ hostname }) => hostname);
        const foreign = hosts.find((host) => host !== ZONE && !host.endsWith(`.${ZONE}`));
        if (foreign !== undefined) {
          return { status: 404, code: 100117, message: `Could not find zone for ${foreign}.` };
        }
        account.domains = hosts;
        return { result: {} };
      },
    ],
    [
      /\/workers\/workers\/[^/]+$/,
      () => ({
        result: {
          id: "worker",
          tags: [],
          references: {},
          subdomain: { enabled: account.servesWorkersDev, previews_enabled: false },
        },
      }),
    ],
    [
      /\/workers\/services\/[^/]+$/,
      () =>
        uploaded
          ? {
              result: {
                default_environment: {
                  environment: "production",
                  script: { last_deployed_from: "wrangler" },
                },
              },
            }
          : { status: 404, code: 10090, message: "workers.api.error.service_not_found" },
    ],
    [
      /\/workers\/scripts\/([^/]+)$/,
      ({ body }, worker) => {
        const refusal = findRefusedFlag(body);
        if (refusal !== null) return { status: 400, code: 10021, message: refusal };
        for (const [, name = "", text = ""] of body.matchAll(
          /\{"name":"([A-Z_0-9]+)","type":"secret_text","text":"([^"]+)"\}/g,
        )) {
          secrets.set(name, text);
        }
        uploaded = true;
        events.push(`upload ${worker}`);
        before = account.version;
        account.looks = 0;
        account.version = randomUUID();
        const deployment_id = account.version.replaceAll("-", "");
        return { result: { id: worker, etag: "etag", deployment_id, startup_time_ms: 20 } };
      },
    ],
  ];

  function readSettings() {
    const namespace = namespaces[0];
    return {
      bindings: [
        { type: "kv_namespace", name: "OAUTH_KV", namespace_id: namespace?.id },
        { type: "queue", name: "CALL_QUEUE", queue_name: queues[0]?.queue_name },
        { type: "r2_bucket", name: "MEDIA", bucket_name: buckets[0] },
      ],
      migration_tag: "v1",
    };
  }

  const server = http.createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const url = new URL(request.url ?? "/", "http://127.0.0.1");
    if (url.pathname === "/ready") {
      const version = account.looks < account.lag ? before : account.version;
      account.looks += 1;
      response.writeHead(version === null ? 503 : 200).end(JSON.stringify({ version }));
      return;
    }
    const ctx: Exchange = {
      method: request.method ?? "GET",
      path: url.pathname.replace("/client/v4", ""),
      query: url.searchParams,
      body: Buffer.concat(chunks).toString("latin1"),
    };
    const answer = respond(routes, ctx);
    const failed = "status" in answer;
    const size = failed || !Array.isArray(answer.result) ? 1 : answer.result.length;
    // Everything fits on one page; the next page is empty.
    const page = Number(ctx.query.get("page") ?? 1);
    const result = failed ? null : page > 1 ? [] : answer.result;
    response.writeHead(failed ? answer.status : 200, { "Content-Type": "application/json" }).end(
      JSON.stringify({
        success: !failed,
        errors: failed ? [{ code: answer.code, message: answer.message }] : [],
        messages: [],
        result,
        result_info: { page, per_page: 1000, count: size, total_count: size, total_pages: 1 },
      }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The fake account has no port.");
  const url = `http://127.0.0.1:${address.port}`;
  account.url = url;
  account.env.CLOUDFLARE_API_BASE_URL = `${url}/client/v4`;
  return account;
}

/**
 * The refusal of an upload by its compatibility flags, or `null`. The runtime itself is asked: it refuses unknown flags
 * and flags that the date implies.
 */
function findRefusedFlag(body: string): string | null {
  const [, date = ""] = /"compatibility_date":"([^"]+)"/.exec(body) ?? [];
  const [, flags = ""] = /"compatibility_flags":\[([^\]]*)\]/.exec(body) ?? [];
  return findFlagProblem(date, JSON.parse(`[${flags}]`) as string[]);
}

function respond(
  routes: readonly [RegExp, (ctx: Exchange, part: string) => Result][],
  ctx: Exchange,
): Result {
  for (const [pattern, answer] of routes) {
    const match = pattern.exec(ctx.path);
    if (match !== null) return answer(ctx, decodeURIComponent(match[1] ?? ""));
  }
  return {
    status: 404,
    code: 7003,
    message: `The fake account does not know ${ctx.method} ${ctx.path}`,
  };
}
