import type { z } from "zod";
import type { EntityReference } from "../../call/entity-reference.ts";
import type { MaskRules } from "../../call/mask-rules.ts";
import type { JsonValue } from "../../encoding/json.ts";
import { roleMayHold } from "../../policy/current.ts";
import { masksOf } from "../../policy/masks.ts";
import type { SchemaOfUri } from "../../redact/mask-contents.ts";
import { maskFields } from "../../redact/mask-fields.ts";
import { maskStrings } from "../../redact/mask-text.ts";
import { maskValue } from "../../redact/mask-value.ts";
import type { Catalogue } from "../../server/catalogue.ts";

import type { SessionMemory } from "../../session/session-memory.ts";
import { decide } from "../decide.ts";
import type { RequestContext } from "../request-context.ts";

/** The reader, and the catalogue and policy that decide what they see. */
type Reader = Pick<RequestContext, "catalogue" | "policy" | "identity">;

/**
 * A session's memory as the current app may read it. Values stored under a larger role are masked when read.
 * A stored result is unknown if its tool no longer exists (its schema is needed to mask it), or if this app
 * may no longer call the tool, because its grant has fewer scopes or the policy changed. Remembered records
 * are filtered the same way.
 */
export function maskSessionMemory(memory: SessionMemory, reader: Reader): SessionMemory {
  const rules = masksOf(reader.policy, reader.identity.role);
  return {
    apply: (operations) => memory.apply(operations),
    keepResult: (handle, rows) => memory.keepResult(handle, rows),
    async read() {
      const context = await memory.read();
      const entities = context.entities.filter(({ server }) => isOpen(reader, server));
      return {
        ...context,
        entities: entities.map((entity) => maskLabel(entity, rules)),
        defaults: maskDefaults(reader.catalogue, context.defaults, rules),
        notes: maskStrings(context.notes, rules.text),
      };
    },
    async readResult(handle, offset, limit) {
      const { handles } = await memory.read();
      const schema = rowsSchemaOf(reader, handles.find((kept) => kept.handle === handle)?.tool);
      const page = schema && (await memory.readResult(handle, offset, limit));
      return page ? { ...page, rows: maskFields(schema, page.rows, rules) } : null;
    },
  };
}

/** Finds the schema that a resource of this catalogue declares for its JSON contents. */
export function contentsSchemaOf({ resources, templates }: Catalogue): SchemaOfUri {
  return (uri) => {
    const fixed = resources.get(uri)?.definition;
    const found = fixed ?? templates.find(({ matcher }) => matcher.match(uri) !== null)?.definition;
    return found?.contents;
  };
}

/** Session defaults as this role may read them, by the classification that the servers declare for each. */
export function maskDefaults(
  { defaults: schema }: Catalogue,
  defaults: Readonly<Record<string, JsonValue>>,
  rules: MaskRules,
): Record<string, JsonValue> {
  return maskFields(schema, { ...defaults }, rules);
}

/** A label, masked for this role. */
export function maskLabel(entity: EntityReference, rules: MaskRules): EntityReference {
  const { classification } = entity;
  if (classification === undefined || rules.fields[classification] === "show") return entity;
  return { ...entity, label: maskValue(entity.label) };
}

/** Whether the app may use anything of this server: a scope of its token that the role may hold. */
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
