import { z } from "zod";
import type { ResourceContents } from "../../../shared/call/content.ts";
import { ToolError } from "../../../shared/call/tool-error.ts";
import { textFromBase64, toBase64Url } from "../../../shared/encoding/base64.ts";
import { type CallContext, defineResource } from "../../../shared/server/define.ts";
import { isId } from "../identifiers.ts";
import {
  positionField,
  RECORDS,
  type RecordKind,
  type SelectionPosition,
  selectRecords,
  type Where,
  whereField,
} from "../selection.ts";
import { stampCall } from "../store/stamp.ts";
import type { CrmStore } from "../store.ts";
import { toCsv } from "./export.ts";

const CSV_TYPE = "text/csv";
const ROWS_PER_PAGE = 1_000;
const LONGEST = 1_000_000;
/** Maximum characters of a kept file per read. */
const LONGEST_KEPT = 4_000_000;

const part = z.tuple([whereField, positionField.nullable()]);

/**
 * The URI of an export: `crm://exports/{record}/{part}`; `part` is the selection and the start position in
 * base64url.
 */
export function exportUri(record: RecordKind, where: Where, after: SelectionPosition | null = null): string {
  return `crm://exports/${record}/${toBase64Url(JSON.stringify([where, after]))}`;
}

/** The URI of a kept file, starting at one of its parts. */
export function keptUri(id: string, from = 0): string {
  return `crm://exports/kept/${id}${from === 0 ? "" : `.${from}`}`;
}

/**
 * A selection of records as CSV, up to a million characters, masked at the time of the read for the reader;
 * or a file kept for its user, up to four million characters, masked when it was made and readable while
 * their role sees the same fields. When there is more, a second item of the contents holds the URI of the
 * next part.
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
    if (params.record === "kept") return await readKept(uri, params.part ?? "", { store, principal, now });
    const record = z.enum(RECORDS).safeParse(params.record).data;
    const choice = part.safeParse(readPart(params.part ?? "")).data;
    if (!record || !choice) {
      throw refuseUnknownExport();
    }
    const [where, start] = choice;
    const texts: string[] = [];
    let size = 0;
    let after: SelectionPosition | undefined = start ?? undefined;
    do {
      signal.throwIfAborted();
      const page = await selectRecords({ store, principal, now }, record, where, ROWS_PER_PAGE, after);
      const text = toCsv(record, page.rows, store.masks, now, texts.length === 0);
      size += text.length;
      texts.push(text);
      after = page.next;
    } while (after !== undefined && size < LONGEST - size / texts.length);
    const csv = { uri, mimeType: CSV_TYPE, text: texts.filter((text) => text !== "").join("\r\n") };
    if (after === undefined) return [csv];
    return [csv, pointTo(exportUri(record, where, after))];
  },
});

/** A kept file. Only its user can read it, and only while their role sees the same fields. */
async function readKept(
  uri: string,
  address: string,
  { store, principal, now }: Pick<CallContext<CrmStore>, "store" | "principal" | "now">,
): Promise<ResourceContents[]> {
  const [id = "", digits = "0"] = address.split(".");
  const from = Number(digits);
  const kept = isId("exp", id) ? await store.keptExports.read(id, stampCall(principal, now)) : null;
  if (!kept || !Number.isSafeInteger(from) || from >= kept.parts) throw refuseUnknownExport();
  if (kept.masks !== JSON.stringify(store.masks)) {
    throw new ToolError("conflict", "Your role is shown other things than when this file was made.", {
      suggestedAction: "Export again with crm_export_csv.",
    });
  }
  const texts = await store.keptExports.readParts(id, from, LONGEST_KEPT);
  const csv = { uri, mimeType: CSV_TYPE, text: texts.filter((text) => text !== "").join("\r\n") };
  const next = from + texts.length;
  return next >= kept.parts ? [csv] : [csv, pointTo(keptUri(id, next))];
}

function pointTo(next: string): ResourceContents {
  return { uri: next, mimeType: "text/plain", text: `More rows: read ${next}` };
}

function refuseUnknownExport(): ToolError {
  return new ToolError("not_found", "There is no such export, or its time is over.", {
    suggestedAction: "Take the address from an answer of crm_export_csv.",
  });
}

function readPart(text: string): unknown {
  try {
    return JSON.parse(textFromBase64(text));
  } catch {
    return undefined;
  }
}
