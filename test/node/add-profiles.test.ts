import { generateKeyPairSync } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listProfiles, loadProfile } from "../../scripts/connections/profiles/load-profile.ts";
import { openLocalDatabases } from "../../scripts/local/databases.ts";
import { listLoaders } from "../../scripts/local/demonstration.ts";
import { liftLimits } from "../clients/questions/lift-limits.ts";
import { type Answer, openTaskClient, type TaskClient } from "../clients/questions/open-clients.ts";
import { SAP } from "../connections/openapi/odata/metadata.ts";
import { type LocalGateway, startLocalGateway } from "../support/local-gateway.ts";
import { openProbe, type Probe, type Question } from "./profile-probes.ts";

/** Seconds that adding a profile may take, the person's answers left out. */
const MOST_SECONDS = 120;

/** One with a key file and tokens, one with a document; with this variable, all of them. */
const names = process.env.GATEHOUSE_ADD_PROFILES === "all" ? await listProfiles() : ["google-drive", "sap"];

/** What is tried with each profile, and how long it took, in seconds. */
const ITEMS = ["refused", "added", "questions", "page", "expired", "limited", "changed"] as const;
const report = new Map(names.map((name) => [name, {} as Partial<Record<(typeof ITEMS)[number], string>>]));

const probes = new Map<string, Probe>();
const clients = {} as Record<"sessionful" | "stateless", TaskClient>;
let gateway: LocalGateway;

const probeOf = (profile: string) => probes.get(profile) as Probe;

/** Does one of {@link ITEMS} and notes how long it took. */
async function timed(profile: string, item: (typeof ITEMS)[number], work: () => Promise<void>) {
  const begun = performance.now();
  await work();
  const line = report.get(profile) ?? {};
  line[item] = ((performance.now() - begun) / 1_000).toFixed(1);
}

beforeAll(async () => {
  const other = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
  const anotherKey = other.export({ type: "pkcs8", format: "pem" }).toString();
  for (const name of names) probes.set(name, await openProbe(name, anotherKey));
  const people = listLoaders({ contacts: 1, events: 1 }).PLATFORM_DB as NonNullable<
    ReturnType<typeof listLoaders>[string]
  >;
  const hosts = [...probes.values()].map(({ host }) => host).join(" ");
  gateway = await startLocalGateway(hosts, undefined, {
    PLATFORM_DB: {
      ...people,
      async load(database, tell, media) {
        await people.load(database, tell, media);
        await liftLimits(database);
      },
    },
  });
  await writeFile(path.join(gateway.folder, "sap.xml"), SAP);
});

afterAll(async () => {
  const rows = [...report].map(([name, line]) => [name, ...ITEMS.map((item) => line[item] ?? "–")]);
  const table = [["Seconds", ...ITEMS], ...rows].map(([name = "", ...cells]) =>
    [name.padEnd(16), ...cells.map((cell) => cell.padStart(9))].join(" "),
  );
  console.log(table.join("\n"));
  for (const client of Object.values(clients)) await client.close();
  await gateway?.close();
  for (const { server } of probes.values()) server.close();
});

const written = () => readFile(path.join(gateway.folder, "connections.yaml"), "utf8");

async function addArguments({ profile, connection, address, answers }: Probe): Promise<string[]> {
  const { document } = await loadProfile(profile);
  return [
    ...["add", connection, "--profile", profile, "--owner", "tests@example.com", "--address", address],
    ...answers.flatMap((answer) => ["--set", answer]),
    ...(document === undefined ? [] : ["--document", path.join(gateway.folder, "sap.xml")]),
  ];
}

describe.each(names)("The profile %s", (profile) => {
  it("is not added with a credential that the other side refuses, which one sentence says", async () => {
    const { title, wrongSecret, ...probe } = probeOf(profile);
    const args = await addArguments({ ...probe, title, wrongSecret });
    await timed(profile, "refused", async () => {
      const { code, output } = await gateway.runConnections(args, wrongSecret);
      expect(code, output).toBe(1);
      expect(output).toContain(`${title} refuses the account of this connection.`);
      expect(output).toContain("Check address and secret. Nothing was written.");
      for (const word of wrongSecret.split("\n")) if (word !== "") expect(output).not.toContain(word);
    });
    expect(await written()).not.toContain(`${probe.connection}:`);
  });
});

it("A refused credential leaves nothing behind: no entry, no secret, no publication", async () => {
  expect(await written()).toBe("connections: {}\n");
  const databases = await openLocalDatabases(path.join(gateway.folder, "state"));
  const platform = databases.all.find(({ binding }) => binding === "PLATFORM_DB")?.connection;
  const secrets = await platform?.prepare("SELECT count(*) AS n FROM connection_secret").first("n");
  await databases.close();
  expect(secrets).toBe(0);
  expect((await gateway.runConnections(["status"])).output).not.toContain("✓");
});

describe.each(names)("The profile %s", (profile) => {
  it("is added by the command within two minutes", async () => {
    const probe = probeOf(profile);
    const args = await addArguments(probe);
    await timed(profile, "added", async () => {
      const { code, output } = await gateway.runConnections(args, probe.secret);
      expect(code, output).toBe(0);
      expect(output).toContain(`✓ Wrote ${probe.connection} to`);
      expect(output).not.toMatch(/^!/m);
    });
    expect(await written()).toContain(`${probe.connection}:`);
    expect(Number(report.get(profile)?.added)).toBeLessThan(MOST_SECONDS);
  });
});

it("Added profiles are published together, and are there for the clients of both official SDKs", async () => {
  const { code, output } = await gateway.runConnections([
    "publish",
    "--note",
    "All of them",
    "--new-address",
  ]);
  expect(code, output).toBe(0);
  for (const { connection } of probes.values()) expect(output).toContain(`✓ ${connection}: `);
  expect(output).toMatch(/Publication \d+ is in force/);
  for (const lane of ["sessionful", "stateless"] as const)
    clients[lane] = await openTaskClient(gateway, lane);
});

describe.each(names)("The profile %s, once it is published", (profile) => {
  const lanes = ["sessionful", "stateless"] as const;
  const own = names.indexOf(profile);
  /** Asks with the clients in turn. */
  async function ask({ tool, args }: Question, turn: number, more: object = {}): Promise<Answer> {
    const { connection, secret } = probeOf(profile);
    const lane = lanes[(own + turn) % 2] ?? "stateless";
    const answer = await clients[lane].call(`${connection}_${tool}`, { ...args, ...more });
    const text = JSON.stringify(answer);
    for (const word of secret.split("\n")) if (word.length > 5) expect(text).not.toContain(word);
    return answer;
  }
  const sentence = async (turn: number) => (await ask(first(), turn)).error;
  const first = () => probeOf(profile).questions[0] as Question;

  it("answers three questions", async () => {
    await timed(profile, "questions", async () => {
      const { questions } = probeOf(profile);
      expect(questions).toHaveLength(3);
      for (const [turn, question] of questions.entries()) {
        const { error, data } = await ask(question, turn);
        expect(error, question.tool).toBeUndefined();
        if (question.keepsFields) expect(JSON.stringify(data)).not.toContain("not asked for");
        expect(data.items ?? data.result ?? data.status, question.tool).toBeTruthy();
      }
    });
  });

  it("gives a page of results after the other", async () => {
    const { paged, rest } = probeOf(profile);
    // The other systems answer all at once.
    if (paged === null) return expect(["google-sheets", "jenkins", "prometheus"]).toContain(profile);
    await timed(profile, "page", async () => {
      const page = await ask(paged, 0);
      expect(page.data.items).toHaveLength(2);
      const next = await ask(paged, 0, { cursor: page.data.next });
      expect(next.data.items).toHaveLength(rest);
    });
  });

  it("goes on when its token has ended, or says that the account is refused until it counts again", async () => {
    const probe = probeOf(profile);
    await timed(profile, "expired", async () => {
      probe.end();
      if (!probe.renews) {
        expect((await sentence(0))?.message).toBe(`${probe.title} refuses the account of this connection.`);
        probe.restore();
      }
      expect(await sentence(1)).toBeUndefined();
    });
  });

  it("says when the other side wants no more calls, and for how long", async () => {
    const probe = probeOf(profile);
    await timed(profile, "limited", async () => {
      probe.limit(true);
      expect(await sentence(1)).toMatchObject({
        message: `${probe.title} allows no more calls now; call again in 7 seconds.`,
        retry_after: 7,
      });
      probe.limit(false);
      expect(await sentence(0)).toBeUndefined();
    });
  });

  it("says in our own words that its credential has become a wrong one, to the command too", async () => {
    const { title, connection, ...probe } = probeOf(profile);
    await timed(profile, "changed", async () => {
      probe.changeSecret();
      for (const turn of [0, 1])
        expect((await sentence(turn))?.message).toBe(`${title} refuses the account of this connection.`);
      const { code, output } = await gateway.runConnections(["test", connection]);
      expect(code, output).toBe(1);
      expect(output).toContain(`${title} refuses the account of this connection.`);
    });
  });
});

it("What another import of a document changes is shown before it is published, operation by operation", async () => {
  const changed = SAP.replace('m:HttpMethod="POST"', 'm:HttpMethod="GET"').replace(
    /<EntitySet Name="A_Contact"[^>]*>/,
    "",
  );
  await writeFile(path.join(gateway.folder, "sap.xml"), changed);
  const { code, output } = await gateway.runConnections(["diff"]);
  expect(code, output).toBe(0);
  expect(output).toContain("~ sap\n    ~ Release\n        ! effect: update → read\n");
  expect(output).toContain("    - list_A_Contact (read)\n");
  expect(output).not.toContain("list_A_Order");
});
