import { EVENT_FAULTS } from "../../../shared/call/protocol-fault.ts";
import { decide } from "../../../shared/guard/decide.ts";
import type { EventReader } from "../../../shared/guard/subscribers/read-events.ts";
import { accessOf } from "../../../shared/objects/admission-request.ts";
import { type KnownRights, principalGate, type Rights } from "../../../shared/objects/principal-gate.ts";
import { policyInForce } from "../../../shared/policy/current.ts";
import type { Decision } from "../../../shared/policy/decide.ts";
import type { Entry } from "../../../shared/server/catalogue.ts";
import type { EventDefinition } from "../../../shared/server/define-event.ts";
import { openCatalogueOf } from "../../catalogues.ts";
import type { Subscription } from "./subscription-store.ts";

/** Why a subscription ended by itself. */
export type EndReason = "access_revoked" | "not_allowed" | "event_removed";

/** What a subscriber may do at this moment. */
export type Standing =
  | {
      state: "allowed";
      reader: EventReader;
      entry: Entry<EventDefinition>;
      decision: Decision;
      known: KnownRights;
    }
  | { state: "ended"; reason: EndReason }
  /** The platform database is away. */
  | { state: "unknown" };

/**
 * Decides on a subscription with the rights of this moment: grant, token, person, role and policy. Whatever is not
 * allowed ends it.
 *
 * @param given - rights that the person's object has just stated
 */
export async function standingOf(env: Env, subscription: Subscription, given?: Rights): Promise<Standing> {
  const { identity: subscribed, server, name } = subscription;
  const { userId } = subscribed;
  let rights = given;
  if (rights === undefined) {
    const status = await principalGate(env, userId).checkAccess(userId, accessOf(subscribed), null);
    if (status.ended) return { state: "ended", reason: "access_revoked" };
    if (status.rights === null) return { state: "unknown" };
    rights = status.rights;
  }
  const policy = await policyInForce(env, rights.policy.publication);
  const catalogue = await openCatalogueOf(server).at(env, policy.revisions);
  const entry = catalogue.events.get(name);
  if (entry === undefined) return { state: "ended", reason: "event_removed" };
  const identity = { ...subscribed, role: rights.role };
  const decision = decide(policy, identity, entry.subject, { args: subscription.arguments });
  if (decision.kind !== "allow") return { state: "ended", reason: "not_allowed" };
  const known = { role: rights.role, publication: policy.publication };
  return { state: "allowed", reader: { identity, policy }, entry, decision, known };
}

/** The error with which a receiver is told that its subscription ended. It holds nothing of an event. */
export function describeEnd(reason: EndReason): {
  code: number;
  message: string;
  data: { [name: string]: string };
} {
  switch (reason) {
    case "event_removed":
      return { code: EVENT_FAULTS.notFound, message: "NotFound", data: { kind: "event" } };
    case "access_revoked":
      return { code: EVENT_FAULTS.forbidden, message: "Forbidden", data: { reason: "Access revoked" } };
    case "not_allowed":
      return {
        code: EVENT_FAULTS.forbidden,
        message: "Forbidden",
        data: { reason: "No longer allowed by the policy" },
      };
  }
}
