import type { z } from "zod";
import type { MaskRules } from "../policy/masks.ts";
import type { SchemaOfUri } from "../redact/mask-contents.ts";
import { maskFields } from "../redact/mask-fields.ts";
import { maskValue } from "../redact/mask-value.ts";
import type { EntityReference } from "../session/context.ts";
import type { SessionHome } from "../session/session-home.ts";
import type { Catalogue } from "./catalogue.ts";

/**
 * A session's memory as this role may read it. What was kept under another role is masked on the way out, so that a
 * person whose role shrinks does not page through what they no longer see. A kept result whose tool is gone is
 * unknown: nothing says any more what its rows hold.
 */
export function maskHome(home: SessionHome, catalogue: Catalogue, rules: MaskRules): SessionHome {
  return {
    apply: (operations) => home.apply(operations),
    keepResult: (handle, rows) => home.keepResult(handle, rows),
    async read() {
      const context = await home.read();
      return { ...context, entities: context.entities.map((entity) => maskLabel(entity, rules)) };
    },
    async readResult(handle, offset, limit) {
      const page = await home.readResult(handle, offset, limit);
      if (!page) return null;
      const { handles } = await home.read();
      const schema = rowsSchemaOf(catalogue, handles.find((kept) => kept.handle === handle)?.tool);
      return schema ? { ...page, rows: maskFields(schema, page.rows, rules) } : null;
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

function rowsSchemaOf(catalogue: Catalogue, name: string | undefined): z.core.$ZodType | undefined {
  const tool = name === undefined ? undefined : catalogue.tools.get(name)?.definition;
  const field = tool?.overflow as string | undefined;
  return field === undefined ? undefined : tool?.output?.shape[field];
}
