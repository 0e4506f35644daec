import http from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sampleInput } from "../../scripts/bench/openapi/sample-input.ts";
import { listLoaders } from "../../scripts/local/demonstration.ts";
import { packDefinitions } from "../../shared/connections/definitions.ts";
import { writeRevision } from "../../shared/connections/revision.ts";
import { addProfile, listDeclared } from "../connections/openapi/add-profile.ts";
import { openDouble, type ProfileDouble } from "../connections/openapi/profile-double.ts";
import { type CommandedGateway, publishDocuments, sendCommand } from "../support/connection-commands.ts";
import { type GatewayProcess, startGateway } from "../support/gateway-process.ts";
import { liftLimits } from "./questions/lift-limits.ts";
import { openTaskClient, type TaskClient } from "./questions/open-clients.ts";

const names = await listDeclared();
const connectionOf = (profile: string) => profile.replaceAll("-", "");

/** Profiles whose systems answer all at once. */
const WITHOUT_PAGES = ["google-sheets", "jenkins", "prometheus"];

type Added = Awaited<ReturnType<typeof addProfile>>;

/** The doubles of the systems, by profile: each listens at an origin of its own. */
const doubles = new Map<string, ProfileDouble>();
const added = new Map<string, Added>();
const servers: http.Server[] = [];
const clients = {} as Record<"sessionful" | "stateless", TaskClient>;
let gateway: GatewayProcess;
let commanded: CommandedGateway;

/** Serves a double over HTTP. */
async function serve(profile: string): Promise<string> {
  const server = http.createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", async () => {
      const hasBody = request.method !== "GET" && request.method !== "HEAD";
      const asked = new Request(`http://${request.headers.host}${request.url}`, {
        method: request.method ?? "GET",
        headers: Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
        ...(hasBody && { body: Buffer.concat(parts) }),
      });
      const answer = await (doubles.get(profile) as ProfileDouble).fetch(asked);
      response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  servers.push(server);
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

beforeAll(async () => {
  for (const profile of names) {
    const one = await addProfile(profile, await serve(profile));
    added.set(profile, one);
    doubles.set(profile, openDouble(one.profile, one.base, one.secret));
  }
  const hosts = servers.map((server) => `127.0.0.1:${(server.address() as AddressInfo).port}`).join(" ");
  let database: D1Database | undefined;
  gateway = await startGateway({
    vars: { PLAIN_HTTP_UPSTREAMS: hosts },
    async seed(env) {
      database = env.PLATFORM_DB;
      await listLoaders({ contacts: 1, events: 1 }).PLATFORM_DB?.load(env.PLATFORM_DB, () => {}, env.MEDIA);
      await liftLimits(env.PLATFORM_DB);
    },
  });
  commanded = { url: gateway.url, database: database as D1Database };
  const documents: Record<string, string> = {};
  for (const [profile, { entry, secret, operations }] of added) {
    const name = connectionOf(profile);
    const by = "tests";
    await sendCommand(commanded, { command: "secret", name, connections: [name], secret, by });
    const digests: string[] = [];
    for (const { document } of packDefinitions(operations)) {
      const stored = await sendCommand<{ digests: string[] }>(commanded, {
        command: "definitions",
        document,
      });
      digests.push(...stored.digests);
    }
    documents[name] = writeRevision(name, entry, digests);
  }
  await publishDocuments(commanded, documents);
  for (const lane of ["sessionful", "stateless"] as const)
    clients[lane] = await openTaskClient(gateway, lane);
});

afterAll(async () => {
  for (const client of Object.values(clients)) await client.close();
  await gateway?.stop();
  for (const server of servers) server.close();
});

describe.each(names)("The profile %s, through the clients of both official SDKs", (profile) => {
  const [lane, otherLane] =
    names.indexOf(profile) % 2 === 0
      ? (["sessionful", "stateless"] as const)
      : (["stateless", "sessionful"] as const);
  const call = (at: number, more: object = {}, client = clients[lane]) => {
    const { operations } = added.get(profile) as Added;
    const reads = operations.filter(({ effect }) => effect === "read");
    const operation = reads[at] as (typeof reads)[number];
    return client.call(`${connectionOf(profile)}_${operation.tool}`, { ...sampleInput(operation), ...more });
  };
  const double = () => doubles.get(profile) as ProfileDouble;

  it("answers three questions", async () => {
    for (const [at, client] of [clients[lane], clients[otherLane], clients[lane]].entries()) {
      const answer = await call(at, {}, client);
      expect(answer.error).toBeUndefined();
      const { operations } = added.get(profile) as Added;
      const { fields, list } = operations.filter(({ effect }) => effect === "read")[at] ?? {};
      if (fields) expect(JSON.stringify(answer.data)).not.toContain("not asked for");
      expect(answer.data).toMatchObject(list === undefined ? { status: 200 } : { items: [{}, {}] });
    }
  });

  it("gives a page after the other", async () => {
    const { operations } = added.get(profile) as Added;
    const at = operations
      .filter(({ effect }) => effect === "read")
      .findIndex(({ paging }) => paging !== undefined);
    if (at < 0) return expect(WITHOUT_PAGES).toContain(profile);
    const first = await call(at);
    expect(first.data.items).toHaveLength(2);
    const second = await call(at, { cursor: first.data.next });
    expect(second.data.items).toHaveLength(1);
  });

  it("goes on with a token that has ended, and says when there are too many calls and when the account is refused", async () => {
    const { entry } = added.get(profile) as Added;
    double().expire();
    const hasTokens = entry.auth.type === "jwt_bearer" || entry.auth.type === "client_credentials";
    const before = double().asked;
    expect((await call(0)).error).toBeUndefined();
    expect(double().asked - before).toBe(hasTokens ? 2 : 1);
    double().trouble = { status: 429, headers: { "retry-after": "7" } };
    expect((await call(0, {}, clients[otherLane])).error).toMatchObject({
      message: `${entry.title} allows no more calls now; call again in 7 seconds.`,
      retry_after: 7,
    });
    double().trouble = null;
    double().secret = "another";
    double().refusedTokens = Number.POSITIVE_INFINITY;
    expect((await call(0)).error?.message).toBe(`${entry.title} refuses the account of this connection.`);
  });

  it("is refused by the test of the command with a wrong credential", async () => {
    const { entry, secret } = added.get(profile) as Added;
    double().secret = "another";
    double().refusedTokens = Number.POSITIVE_INFINITY;
    const asked = { command: "test", connection: connectionOf(profile), entry, secret };
    const answer = await sendCommand<{ ok: boolean }>(commanded, asked);
    expect(answer.ok).toBe(false);
  });
});
