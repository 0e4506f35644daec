import { isRecord } from "../../../shared/encoding/is-record.ts";
import type { Part } from "./local-references.ts";

/** The address that a document names first, with the usual values of its variables; `null` without a whole one. */
export function addressOfDocument(document: Part, source: string): string | null {
  const [server] = Array.isArray(document.servers) ? document.servers : [];
  if (!isRecord(server) || typeof server.url !== "string") return null;
  const variables = (isRecord(server.variables) ? server.variables : {}) as Part;
  const filled = server.url.replace(/\{([^}]+)\}/g, (whole, name: string) => {
    const variable = variables[name];
    return isRecord(variable) && typeof variable.default === "string" ? variable.default : whole;
  });
  const base = /^https:/.test(source) ? source : undefined;
  const url = URL.parse(filled, base);
  return url === null || filled.includes("{") ? null : url.href.replace(/\/+$/, "");
}
