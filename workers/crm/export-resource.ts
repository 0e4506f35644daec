import { z } from "zod";
import { defineResource } from "../../shared/mcp/define.ts";
import { ToolError } from "../../shared/mcp/errors.ts";
import { toCsv } from "./export.ts";
import {
  positionField,
  RECORDS,
  type RecordKind,
  type SelectionPosition,
  selectRecords,
  type Where,
  whereField,
} from "./selection.ts";
import type { CrmStore } from "./store.ts";

const CSV_TYPE = "text/csv";
const ROWS_PER_PAGE = 1_000;
const LONGEST = 1_000_000;

const part = z.tuple([whereField, positionField.nullable()]);

/** The address of an export: `crm://exports/{record}/{part}`, the choice and the place to start from in base64url. */
export function exportUri(record: RecordKind, where: Where, after: SelectionPosition | null = null): string {
  const bytes = new TextEncoder().encode(JSON.stringify([where, after]));
  const text = btoa(String.fromCharCode(...bytes));
  return `crm://exports/${record}/${text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`;
}

/**
 * A choice of records as CSV, up to a million characters. When there are more, a second part of the contents names the
 * address under which they go on. Masked for whoever reads it, at the time of reading.
 */
export const exportResource = defineResource<CrmStore>({
  name: "crm_export",
  title: "Export",
  description: "Records as CSV; crm_export_csv gives the address.",
  uriTemplate: "crm://exports/{record}/{part}",
  mimeType: CSV_TYPE,
  scope: "crm:read",
  complete: { record: (typed) => RECORDS.filter((record) => record.startsWith(typed.toLowerCase())) },
  async read({ uri, params }, { store, principal, now, signal }) {
    const record = z.enum(RECORDS).safeParse(params.record).data;
    const choice = part.safeParse(readPart(params.part ?? "")).data;
    if (!record || !choice) {
      throw new ToolError("not_found", "There is no such export.", {
        suggestedAction: "Take the address from an answer of crm_export_csv.",
      });
    }
    const [where, start] = choice;
    const texts: string[] = [];
    let size = 0;
    let after: SelectionPosition | undefined = start ?? undefined;
    do {
      signal.throwIfAborted();
      const page = await selectRecords({ store, principal, now }, record, where, ROWS_PER_PAGE, after);
      const text = toCsv(record, page.rows, store.sees, now, texts.length === 0);
      size += text.length;
      texts.push(text);
      after = page.next;
    } while (after !== undefined && size < LONGEST - size / texts.length);
    const csv = { uri, mimeType: CSV_TYPE, text: texts.filter((text) => text !== "").join("\r\n") };
    if (after === undefined) return [csv];
    const next = exportUri(record, where, after);
    return [csv, { uri: next, mimeType: "text/plain", text: `More rows: read ${next}` }];
  },
});

function readPart(text: string): unknown {
  try {
    const bytes = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (character) =>
      character.charCodeAt(0),
    );
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}
