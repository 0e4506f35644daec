import { createHash } from "node:crypto";
import { openSigningKey } from "../../shared/audit/checkpoint.ts";
import type { ExportLine } from "../../shared/audit/export-line.ts";
import { exportLines } from "../../shared/audit/export-lines.ts";
import { signExport, statementNameOf } from "../../shared/audit/export-statement.ts";
import { openKeyring } from "../../shared/auth/keyring.ts";
import { trailSource } from "./trail-source.ts";

const HOUR_MS = 60 * 60_000;
const DAY_MS = 24 * HOUR_MS;

/** After the end of a day: records arrive from the queue, and the next checkpoint signs them. */
const REST_MS = 2 * HOUR_MS;

/** For so long a day is left alone whose chains have gaps: the records may still be on their way. */
const PATIENCE_MS = DAY_MS;

/** Bytes of one part of an upload. All but the last have the same size. */
const PART = 8 * 1024 * 1024;

const FOLDER = "exports/";

/** A deployment may have this bucket; without it there are no exports. */
type WithArchive = { AUDIT_ARCHIVE?: R2Bucket };

/**
 * Writes the export of the next day that the archive lacks, and signs it: `exports/2026-11-29.jsonl`, which the verifier
 * reads, and next to it `exports/2026-11-29.jsonl.signed.json` with its SHA-256. The signature comes last, so a day without
 * one is written again. Returns the day, or why there is none. `now` in milliseconds.
 */
export async function writeDailyExport(env: Env & WithArchive, now: number): Promise<string> {
  const bucket = env.AUDIT_ARCHIVE;
  if (bucket === undefined) return "off";
  const from = await findNextDay(bucket, now);
  const end = from + DAY_MS;
  if (end + REST_MS > now) return "none due";
  const day = new Date(from).toISOString().slice(0, 10);
  const file = `${FOLDER}${day}.jsonl`;
  const written = new ObjectWriter(bucket, file);
  let last: Extract<ExportLine, { line: "end" }> | undefined;
  try {
    for await (const line of exportLines(trailSource(env), env.ENVIRONMENT, { from, to: end - 1 }, now)) {
      await written.add(`${JSON.stringify(line)}\n`);
      if (line.line === "end") last = line;
    }
    const hasGaps = last?.chains.some(({ complete }) => complete !== undefined) ?? true;
    if (hasGaps && now - end < PATIENCE_MS) {
      await written.abandon();
      return `${day} has gaps`;
    }
    const sha256 = await written.finish();
    const key = await openSigningKey(openKeyring(env, "AUDIT_SIGNING_KEY")[0].secret);
    const about = {
      environment: env.ENVIRONMENT,
      at: now,
      from,
      to: end - 1,
      records: last?.records ?? 0,
      sha256,
    };
    await bucket.put(statementNameOf(file), await signExport(key, about));
    return day;
  } catch (failure) {
    await written.abandon();
    throw failure;
  }
}

/** The beginning of the day after the newest that is signed, however long ago; of yesterday where none is. */
async function findNextDay(bucket: R2Bucket, now: number): Promise<number> {
  const today = Math.floor(now / DAY_MS) * DAY_MS;
  // Names are in the order of days: those of two months are enough to look at, but after a long pause.
  const recent = `${FOLDER}${new Date(today - 60 * DAY_MS).toISOString().slice(0, 10)}`;
  const newest = (await findNewest(bucket, recent)) ?? (await findNewest(bucket));
  return newest === null ? today - DAY_MS : Date.parse(newest) + DAY_MS;
}

/** The newest day that is signed, `2026-11-29`, of all objects or of those whose names come after one. */
async function findNewest(bucket: R2Bucket, startAfter?: string): Promise<string | null> {
  let newest: string | null = null;
  for (let cursor: string | undefined, isWhole = false; !isWhole; ) {
    const page: R2Objects = await bucket.list({
      prefix: FOLDER,
      ...(startAfter !== undefined && { startAfter }),
      ...(cursor !== undefined && { cursor }),
    });
    const signed = page.objects.findLast(({ key }) => key.endsWith(statementNameOf(".jsonl")));
    newest = signed?.key.slice(FOLDER.length, FOLDER.length + 10) ?? newest;
    cursor = page.truncated ? page.cursor : undefined;
    isWhole = cursor === undefined;
  }
  return newest;
}

/** Writes one object of R2 as its text comes, in parts where it is large. */
class ObjectWriter {
  readonly #bucket: R2Bucket;
  readonly #key: string;
  readonly #hash = createHash("sha256");
  readonly #parts: R2UploadedPart[] = [];
  #upload: R2MultipartUpload | null = null;
  #buffer = new Uint8Array(PART);
  #used = 0;

  constructor(bucket: R2Bucket, key: string) {
    this.#bucket = bucket;
    this.#key = key;
  }

  async add(text: string): Promise<void> {
    let bytes = new TextEncoder().encode(text);
    this.#hash.update(bytes);
    while (bytes.length > 0) {
      const fits = bytes.subarray(0, PART - this.#used);
      this.#buffer.set(fits, this.#used);
      this.#used += fits.length;
      bytes = bytes.subarray(fits.length);
      if (this.#used === PART) await this.#send();
    }
  }

  async #send(): Promise<void> {
    this.#upload ??= await this.#bucket.createMultipartUpload(this.#key);
    const part = this.#buffer.subarray(0, this.#used);
    this.#parts.push(await this.#upload.uploadPart(this.#parts.length + 1, part));
    this.#used = 0;
  }

  /** Returns the SHA-256 of the whole object. */
  async finish(): Promise<string> {
    if (this.#upload === null) await this.#bucket.put(this.#key, this.#buffer.subarray(0, this.#used));
    else {
      if (this.#used > 0) await this.#send();
      await this.#upload.complete(this.#parts);
    }
    return this.#hash.digest("hex");
  }

  async abandon(): Promise<void> {
    await this.#upload?.abort().catch(() => undefined);
  }
}
