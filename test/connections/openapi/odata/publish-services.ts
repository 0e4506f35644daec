import { env } from "cloudflare:workers";
import { expect, vi } from "vitest";
import { compileMetadata } from "../../../../scripts/connections/odata/compile-metadata.ts";
import { readMetadata } from "../../../../scripts/connections/odata/read-metadata.ts";
import { storeDefinitions } from "../../../../shared/connections/definition-store.ts";
import { openapiEntry } from "../../../../shared/connections/kinds/openapi.ts";
import { writeRevision } from "../../../../shared/connections/revision.ts";
import { approvalGate } from "../../../../shared/objects/approval-gate.ts";
import { storeCatalogues } from "../../../../shared/policy/changes/publications.ts";
import { policyInForce } from "../../../../shared/policy/current.ts";
import { writeSecret } from "../../../../workers/connections/vault.ts";
import { findApproval } from "../../../support/approvals.ts";
import { publish, publishCatalogues } from "../../../support/publish.ts";
import type { CallAnswer, TestSession } from "../../../support/session.ts";
import { addPerson } from "../../../support/token.ts";
import { takeUp } from "../store-double.ts";
import { SAP, TRIPS } from "./metadata.ts";
import { SapDouble } from "./sap-double.ts";
import { TripsDouble } from "./trips-double.ts";

export const sap = new SapDouble();
export const trips = new TripsDouble();

const SERVICES = {
  erp: {
    metadata: SAP,
    entry: openapiEntry.parse({
      ...{ kind: "openapi", title: "SAP", description: "Orders.", owner: "erp@example.com" },
      document: "orders.xml",
      reach: { url: "https://sap.example/sap/opu/odata/sap/API_ORDER", csrf: true },
      auth: { type: "basic", user: "COMM" },
      // One object, so that one session of the service is used.
      limits: { concurrent: 2 },
      classes: { CreatedBy: "pii", "*Email*": "pii" },
    }),
  },
  trips: {
    metadata: TRIPS,
    entry: openapiEntry.parse({
      ...{ kind: "openapi", title: "Trips", description: "Trips.", owner: "trips@example.com" },
      document: "trips.xml",
      reach: { url: "https://trips.example/v4/trips" },
      auth: { type: "bearer" },
      classes: { "*email*": "pii" },
    }),
  },
};

/** Publishes both services with the command's own code, answers for them, and wants an approval for every change. */
export async function openServices(): Promise<void> {
  const plain = globalThis.fetch;
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
    const request = new Request(input, init);
    const { hostname } = new URL(request.url);
    if (hostname === "sap.example") return await sap.answer(request);
    if (hostname === "trips.example") return await trips.answer(request);
    if (hostname === "s4.internal") throw new Error("Another origin was asked.");
    return await plain(input, init);
  });
  const documents: Record<string, string> = {};
  for (const [name, { metadata, entry }] of Object.entries(SERVICES)) {
    const { operations, refused } = compileMetadata(name, readMetadata(name, metadata), entry);
    expect(refused).toEqual([]);
    documents[name] = writeRevision(
      name,
      entry,
      await storeDefinitions(env.PLATFORM_DB, operations, Date.now()),
    );
    await writeSecret(env, name, "s3cret", Date.now());
  }
  await publishCatalogues(storeCatalogues(documents, Date.now()));
  await publish(({ roles }) => {
    const [viewer, admin] = [roles.viewer, roles.admin] as [
      NonNullable<typeof roles.viewer>,
      typeof roles.viewer,
    ];
    roles.viewer = {
      ...viewer,
      scopes: [...viewer.scopes, "erp:read", "trips:read"],
      allowed_tools: [...viewer.allowed_tools, "erp_*", "trips_*"],
    };
    const tools = [
      "erp_release",
      ...["create", "update", "delete"].flatMap((verb) => [`erp_${verb}_*`, `trips_${verb}_*`]),
    ];
    roles.admin = {
      ...(admin as typeof viewer),
      require_approval: [{ name: "changes", tools, message: "A change of another system." }],
      approves: ["*"],
    };
  });
  await takeUp();
  await addPerson({ name: "boss", role: "admin" });
}

/** A call that another person approves: nothing is sent before. */
export async function approved(
  session: TestSession,
  user: string,
  tool: string,
  args: Record<string, unknown>,
): Promise<CallAnswer> {
  const before = sap.seen.length + trips.seen.length;
  expect((await session.call(tool, args)).error?.code).toBe("approval_required");
  expect(sap.seen.length + trips.seen.length, "requests before the approval").toBe(before);
  const { approvalId } = await findApproval(user);
  const decided = await approvalGate(env, user).decideApproval({
    ...{ approvalId, by: "user_boss", granted: true, reason: null },
    policyDigest: (await policyInForce(env)).digest,
  });
  expect(decided).toBe("recorded");
  return await session.call(tool, args);
}
