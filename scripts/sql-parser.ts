import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

/** Where the Worker imports PostgreSQL's parser from. */
export const PARSER = path.resolve(
  import.meta.dirname,
  "../workers/connections/judge/postgresql/parser.wasm",
);

/** Pages of 64 KiB that an instance starts with. */
const PAGES = 256;
const MEMORY_SECTION = 5;

/**
 * PostgreSQL's parser as its package builds it, but with a smaller memory at the start: the package's 128 MiB are
 * all that an isolate may have. The memory grows by itself.
 */
export function makeParser(): Uint8Array {
  const bytes = new Uint8Array(
    readFileSync(createRequire(import.meta.url).resolve("libpg-query/wasm/libpg-query.wasm")),
  );
  let at = 8;
  const readNumber = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++] ?? 0;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const section = bytes[at++];
    const end = readNumber() + at;
    if (section === MEMORY_SECTION) {
      readNumber();
      at += 1;
      const start = at;
      readNumber();
      // As many bytes as before, so that no length changes.
      if (at - start !== 2)
        throw new Error("The memory of the package's parser has another size than expected.");
      bytes.set([0x80 | (PAGES & 0x7f), PAGES >> 7], start);
      return bytes;
    }
    at = end;
  }
  throw new Error("The package's parser has no memory.");
}

if (import.meta.main) writeFileSync(PARSER, makeParser());
