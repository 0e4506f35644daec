import type { JsonValue } from "../encoding/json.ts";
import type { ServerDefinition } from "./define.ts";

/** The Gatehouse logo in both formats: clients must support PNG, and may support SVG (SEP-973). */
export function houseIcons(publicUrl: string): { src: string; mimeType: string; sizes: string[] }[] {
  return [
    { src: `${publicUrl}/favicon.svg`, mimeType: "image/svg+xml", sizes: ["any"] },
    { src: `${publicUrl}/logo.png`, mimeType: "image/png", sizes: ["96x96"] },
  ];
}

/** Icons of a server, also used for its items without icons. */
export function iconsOf(
  publicUrl: string,
  server: Pick<ServerDefinition, "name" | "glyph"> | undefined,
): JsonValue[] {
  if (server?.glyph === undefined) return houseIcons(publicUrl).slice(0, 1);
  return [{ src: `${publicUrl}${iconPath(server.name)}`, mimeType: "image/svg+xml", sizes: ["any"] }];
}

/** Path under which the gateway serves a server's icon. */
export function iconPath(server: string): string {
  return `/icons/${server}.svg`;
}
