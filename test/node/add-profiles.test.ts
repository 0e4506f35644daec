import { readFile, writeFile } from "node:fs/promises";
import type { Server } from "node:http";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listProfiles, loadProfile } from "../../scripts/connections/profiles/load-profile.ts";
import { ANSWERS, baseOf, KEY_FILE, PEM } from "../connections/openapi/add-profile.ts";
import { SAP } from "../connections/openapi/odata/metadata.ts";
import { SapDouble } from "../connections/openapi/odata/sap-double.ts";
import { openDouble } from "../connections/openapi/profile-double.ts";
import { serveDouble } from "../connections/openapi/serve-double.ts";
import { type LocalGateway, startLocalGateway } from "../support/local-gateway.ts";

/** Seconds that adding a profile may take, the person's answers left out. */
const MOST_SECONDS = 120;

/** One profile of each kind of authentication, and the one with a document; with this variable, all of them. */
const names = process.env.GATEHOUSE_ADD_PROFILES === "all" ? await listProfiles() : await chooseProfiles();
const connectionOf = (profile: string) => profile.replaceAll("-", "");

async function chooseProfiles(): Promise<string[]> {
  const all = await listProfiles();
  const kinds = await Promise.all(all.map(async (name) => (await loadProfile(name)).auth.type));
  return all.filter((name, at) => kinds.indexOf(kinds[at] ?? "") === at || name === "sap");
}

let gateway: LocalGateway;
const servers: Server[] = [];
const addresses = new Map<string, string>();
const secrets = new Map<string, string>();
const seconds = new Map<string, number>();

async function addArguments(profile: string): Promise<string[]> {
  const { asks, document } = await loadProfile(profile);
  const own = profile === "sap" ? { user: "COMM", service: "sap/opu" } : {};
  const answers: Readonly<Record<string, string>> = { ...ANSWERS, ...own };
  return [
    ...["add", connectionOf(profile), "--profile", profile, "--owner", "tests@example.com"],
    ...["--address", addresses.get(profile) ?? ""],
    ...Object.keys(asks).flatMap((key) => ["--set", `${key}=${answers[key]}`]),
    ...(document === undefined ? [] : ["--document", path.join(gateway.folder, "sap.xml")]),
  ];
}

beforeAll(async () => {
  const hosts: string[] = [];
  for (const name of names) {
    const profile = await loadProfile(name);
    const base = name === "sap" ? "/sap/opu/odata/sap/API_ORDER" : baseOf(profile);
    // With its lines, as the vendor gives it.
    const key = name.startsWith("google-") ? KEY_FILE : PEM;
    const secret =
      profile.auth.type === "jwt_bearer"
        ? key
        : profile.auth.type === "headers"
          ? "key-one key-two"
          : "s3cret";
    const sap = new SapDouble();
    const double = openDouble(profile, base, secret);
    const served = await serveDouble((request) =>
      name === "sap" ? sap.answer(request) : double.fetch(request),
    );
    servers.push(served.server);
    hosts.push(served.host);
    addresses.set(name, `${served.origin}${base}`);
    secrets.set(name, secret);
  }
  gateway = await startLocalGateway(hosts.join(" "));
  await writeFile(path.join(gateway.folder, "sap.xml"), SAP);
});

afterAll(async () => {
  const lines = [...seconds].map(([name, took]) => `${name} ${took.toFixed(1)}`);
  const longest = Math.max(...seconds.values());
  console.log(`Seconds of «add», the longest ${longest.toFixed(1)}: ${lines.join(", ")}`);
  await gateway.close();
  for (const one of servers) one.close();
});

const written = () => readFile(path.join(gateway.folder, "connections.yaml"), "utf8");

/** Kinds of authentication that were tried with a wrong secret; the clients of the SDKs try each profile. */
const tried = new Set<string>();

describe.each(names)("The profile %s", (profile) => {
  it("is added by the command within two minutes, and not with a wrong secret", async () => {
    const args = await addArguments(profile);
    const { type } = (await loadProfile(profile)).auth;
    if (!tried.has(type)) {
      const refused = await gateway.runConnections(args, type === "jwt_bearer" ? "no key" : "wrong");
      expect(refused.code, refused.output).toBe(1);
      expect(refused.output).toContain("Nothing was written.");
      expect(await written()).not.toContain(`${connectionOf(profile)}:`);
      tried.add(type);
    }
    const begun = performance.now();
    const added = await gateway.runConnections(args, secrets.get(profile) ?? "");
    seconds.set(profile, (performance.now() - begun) / 1_000);
    expect(added.code, added.output).toBe(0);
    expect(added.output).toContain(`✓ Wrote ${connectionOf(profile)} to`);
    expect(added.output).not.toMatch(/^!/m);
    expect(await written()).toContain(`${connectionOf(profile)}:`);
    expect(seconds.get(profile)).toBeLessThan(MOST_SECONDS);
  });
});

it("Added profiles are published together", async () => {
  const { code, output } = await gateway.runConnections([
    "publish",
    "--note",
    "All of them",
    "--new-address",
  ]);
  expect(code, output).toBe(0);
  for (const name of names) expect(output).toContain(`✓ ${connectionOf(name)}: `);
  expect(output).toMatch(/Publication \d+ is in force/);
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
