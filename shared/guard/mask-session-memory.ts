import type { z } from "zod";
import type { EntityReference } from "../call/entity-reference.ts";
import type { MaskRules } from "../call/mask-rules.ts";
import { roleMayHold } from "../policy/current.ts";
import { masksOf } from "../policy/masks.ts";
import type { SchemaOfUri } from "../redact/mask-contents.ts";
import { maskFields } from "../redact/mask-fields.ts";
import { maskValue } from "../redact/mask-value.ts";
import type { Catalogue } from "../server/catalogue.ts";
import type { SessionMemory } from "../session/session-memory.ts";
import { decide } from "./decide.ts";
import type { RequestContext } from "./request-context.ts";

/** Who reads, and what decides what they see. */
type Reader = Pick<RequestContext, "catalogue" | "policy" | "identity">;

/**
 * A session's memory as this person's app may read it now. What was kept under another role is masked on the way out, so
 * that a person whose role shrinks does not page through what they no longer see. A kept result is unknown when its
 * tool is gone, because nothing says any more what its rows hold, and when this app may not call the tool any more: it
 * was connected anew with fewer permissions, or the policy has changed. What was spoken of is left out likewise.
 */
export function maskSessionMemory(memory: SessionMemory, reader: Reader): SessionMemory {
  const rules = masksOf(reader.policy, reader.identity.role);
  return {
    apply: (operations) => memory.apply(operations),
    keepResult: (handle, rows) => memory.keepResult(handle, rows),
    async read() {
      const context = await memory.read();
      const entities = context.entities.filter(({ server }) => isOpen(reader, server));
      return { ...context, entities: entities.map((entity) => maskLabel(entity, rules)) };
    },
    async readResult(handle, offset, limit) {
      const { handles } = await memory.read();
      const schema = rowsSchemaOf(reader, handles.find((kept) => kept.handle === handle)?.tool);
      const page = schema && (await memory.readResult(handle, offset, limit));
      return page ? { ...page, rows: maskFields(schema, page.rows, rules) } : null;
    },
  };
}

/** The schema that a resource of this catalogue declares for the JSON it holds. */
export function contentsSchemaOf({ resources, templates }: Catalogue): SchemaOfUri {
  return (uri) => {
    const fixed = resources.get(uri)?.definition;
    const found = fixed ?? templates.find(({ matcher }) => matcher.match(uri) !== null)?.definition;
    return found?.contents;
  };
}

/** A label as this role may read it. */
export function maskLabel(entity: EntityReference, rules: MaskRules): EntityReference {
  const { classification } = entity;
  if (classification === undefined || rules.fields[classification] === "show") return entity;
  return { ...entity, label: maskValue(entity.label) };
}

/** Whether anything of this server is open to the app, by the scopes of its token that the role may hold. */
function isOpen({ policy, identity: { role, scopes } }: Reader, server: string | undefined): boolean {
  if (server === undefined) return true;
  return scopes.some((scope) => scope.startsWith(`${server}:`) && roleMayHold(policy, role, scope));
}

function rowsSchemaOf(
  { catalogue, policy, identity }: Reader,
  name: string | undefined,
): z.core.$ZodType | undefined {
  const entry = name === undefined ? undefined : catalogue.tools.get(name);
  if (!entry || decide(policy, identity, entry.subject).kind !== "allow") return undefined;
  const field = entry.definition.overflow as string | undefined;
  return field === undefined ? undefined : entry.definition.output?.shape[field];
}
