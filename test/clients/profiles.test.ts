import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sampleInput } from "../../scripts/bench/openapi/sample-input.ts";
import { askForProfile } from "../../scripts/connections/add-http.ts";
import { compileMetadata } from "../../scripts/connections/odata/compile-metadata.ts";
import { readMetadata } from "../../scripts/connections/odata/read-metadata.ts";
import { listLoaders } from "../../scripts/local/demonstration.ts";
import { packDefinitions } from "../../shared/connections/definitions.ts";
import { openapiEntry } from "../../shared/connections/kinds/openapi.ts";
import { writeRevision } from "../../shared/connections/revision.ts";
import { addProfile, listDeclared } from "../connections/openapi/add-profile.ts";
import { SAP } from "../connections/openapi/odata/metadata.ts";
import { SapDouble } from "../connections/openapi/odata/sap-double.ts";
import { openDouble, type ProfileDouble } from "../connections/openapi/profile-double.ts";
import { serveDouble } from "../connections/openapi/serve-double.ts";
import { type CommandedGateway, publishDocuments, sendCommand } from "../support/connection-commands.ts";
import { type GatewayProcess, startGateway } from "../support/gateway-process.ts";
import { liftLimits } from "./questions/lift-limits.ts";
import { openTaskClient, type TaskClient } from "./questions/open-clients.ts";

const names = await listDeclared();
const connectionOf = (profile: string) => profile.replaceAll("-", "");

/** Profiles whose systems answer all at once. */
const WITHOUT_PAGES = ["google-sheets", "jenkins", "prometheus"];

type Added = Pick<Awaited<ReturnType<typeof addProfile>>, "entry" | "secret" | "operations">;

/** The doubles of the systems, by profile: each listens at an origin of its own. */
const doubles = new Map<string, ProfileDouble>();
const added = new Map<string, Added>();
const servers: Awaited<ReturnType<typeof serveDouble>>[] = [];
const sap = new SapDouble();
const clients = {} as Record<"sessionful" | "stateless", TaskClient>;
let gateway: GatewayProcess;
let commanded: CommandedGateway;

/** Serves the double of a profile over HTTP. */
async function serve(profile: string): Promise<string> {
  const served = await serveDouble((request) =>
    profile === "sap" ? sap.answer(request) : (doubles.get(profile) as ProfileDouble).fetch(request),
  );
  servers.push(served);
  return served.origin;
}

/** The profile whose operations come from the metadata of an installation. */
async function addSap(): Promise<Added> {
  sap.reset();
  const set = ["host=sap.example", "service=sap/opu/odata/sap/API_ORDER", "user=COMM"];
  const address = `${await serve("sap")}/sap/opu/odata/sap/API_ORDER`;
  const flags = { file: "connections.yaml", set, document: "orders.xml", owner: "tests", address };
  const { raw } = await askForProfile("sap", flags, async (_question, usual) => usual ?? "");
  const entry = openapiEntry.parse(raw);
  const { operations } = compileMetadata("sap", readMetadata("orders.xml", SAP), entry);
  return { entry, secret: sap.password, operations };
}

beforeAll(async () => {
  added.set("sap", await addSap());
  for (const profile of names) {
    const one = await addProfile(profile, await serve(profile));
    added.set(profile, one);
    doubles.set(profile, openDouble(one.profile, one.base, one.secret));
  }
  const hosts = servers.map(({ host }) => host).join(" ");
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
  for (const { server } of servers) server.close();
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

describe("The profile sap, through the clients of both official SDKs", () => {
  const call = (tool: string, args: object, lane: keyof typeof clients = "stateless") =>
    clients[lane].call(`sap_${tool}`, { ...args });

  it("answers three questions, and gives a page after the other", async () => {
    const large = await call("list_a_order", { filter: "Net gt 45.00", orderby: "Net desc" }, "sessionful");
    expect(large.data.items.map(({ Order }: { Order: string }) => Order)).toEqual(["O'Neil/7", "5"]);
    const one = await call("get_a_order", { Order: "O'Neil/7" });
    expect(one.data.result).toMatchObject({ Net: "60.00" });
    const over = await call("over", { Net: "35", Since: "2026-01-01T00:00:00" });
    expect(over.data.items).toHaveLength(3);
    const first = await call("list_a_order", { inlinecount: "allpages" });
    expect(first.data).toMatchObject({ total: 6, items: [{ Order: "1" }, { Order: "2" }] });
    const next = { inlinecount: "allpages", cursor: first.data.next };
    expect((await call("list_a_order", next)).data.items[0].Order).toBe("3");
  });

  it("goes on when its session has ended, and says when there are too many calls and when the account is refused", async () => {
    const change = (Order: string) => call("create_a_order", { Order }, "sessionful");
    for (const order of ["N1", "N2"]) {
      sap.endSessions();
      expect((await change(order)).data?.status, order).toBe(201);
    }
    sap.trouble = { status: 429, headers: { "retry-after": "7" } };
    expect((await call("get_a_order", { Order: "1" })).error).toMatchObject({
      message: "SAP allows no more calls now; call again in 7 seconds.",
      retry_after: 7,
    });
    sap.trouble = null;
    sap.password = "another";
    const refused = await call("get_a_order", { Order: "1" });
    expect(refused.error?.message).toBe("SAP refuses the account of this connection.");
    const { entry, secret } = added.get("sap") as Added;
    const asked = { command: "test", connection: "sap", entry, secret };
    expect((await sendCommand<{ ok: boolean }>(commanded, asked)).ok).toBe(false);
  });
});
