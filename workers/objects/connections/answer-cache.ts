import type { JsonValue } from "../../../shared/encoding/json.ts";
import type { CacheRequest, ConnectionAnswer } from "../../../shared/objects/connection-gate.ts";

/** Answers of one object, and the bytes of their JSON. */
const MOST_ANSWERS = 500;
const MOST_BYTES = 16_000_000;

interface Kept {
  value: JsonValue;
  bytes: number;
  /** When its read began, in milliseconds since the epoch. */
  readAt: number;
  /** When it is thrown away. */
  endsAt: number;
  /** Whether it is being read again. */
  isRead: boolean;
}

/** Bounds of an {@link AnswerCache}. */
interface Bounds {
  answers: number;
  bytes: number;
}

const encoder = new TextEncoder();

/**
 * Answers of reads, in memory, for as long as the connection's entry allows. What is older than fresh is given as stale,
 * and read again meanwhile. A failure is not kept, and takes nothing away: a stale answer lasts to its end.
 */
export class AnswerCache {
  /** The answer that was used last is the last one. */
  readonly #kept = new Map<string, Kept>();
  readonly #bounds: Bounds;
  readonly #now: () => number;
  #bytes = 0;
  #generation = 0;

  constructor(bounds: Bounds = { answers: MOST_ANSWERS, bytes: MOST_BYTES }, now = Date.now) {
    this.#bounds = bounds;
    this.#now = now;
  }

  get size(): number {
    return this.#kept.size;
  }

  /**
   * The kept answer, or that of `read`, which is then kept.
   *
   * @param inBackground - awaits a read whose answer this call does not need
   */
  async answer(
    request: CacheRequest,
    read: (isRefresh: boolean) => Promise<ConnectionAnswer>,
    inBackground: (work: Promise<unknown>) => void,
  ): Promise<ConnectionAnswer> {
    const kept = this.#find(request.key);
    if (kept === undefined) return await this.#read(request, () => read(false));
    const { value, readAt } = kept;
    const stale = this.#now() - readAt >= request.freshMs;
    if (stale && !kept.isRead) {
      kept.isRead = true;
      const refresh = this.#read(request, () => read(true)).catch(() => {});
      inBackground(
        refresh.finally(() => {
          kept.isRead = false;
        }),
      );
    }
    return { ok: true, value, cached: { readAt, stale } };
  }

  /** Forgets every answer, and those of reads that are under way. */
  clear(): void {
    this.#generation += 1;
    this.#kept.clear();
    this.#bytes = 0;
  }

  async #read(
    { key, freshMs, staleMs }: CacheRequest,
    read: () => Promise<ConnectionAnswer>,
  ): Promise<ConnectionAnswer> {
    const generation = this.#generation;
    const readAt = this.#now();
    const answer = await read();
    if (answer.ok && generation === this.#generation) {
      const bytes = encoder.encode(JSON.stringify(answer.value)).length;
      this.#keep(key, {
        value: answer.value,
        bytes,
        readAt,
        endsAt: readAt + freshMs + staleMs,
        isRead: false,
      });
    }
    return answer;
  }

  #find(key: string): Kept | undefined {
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    this.#drop(key, kept);
    if (kept.endsAt <= this.#now()) return undefined;
    this.#kept.set(key, kept);
    this.#bytes += kept.bytes;
    return kept;
  }

  #keep(key: string, answer: Kept): void {
    const former = this.#kept.get(key);
    // Of two reads that overlap, the later one counts.
    if (former !== undefined && former.readAt > answer.readAt) return;
    if (former !== undefined) this.#drop(key, former);
    const now = this.#now();
    for (const [other, kept] of this.#kept) if (kept.endsAt <= now) this.#drop(other, kept);
    this.#kept.set(key, answer);
    this.#bytes += answer.bytes;
    for (const [oldest, kept] of this.#kept) {
      if (this.#kept.size <= this.#bounds.answers && this.#bytes <= this.#bounds.bytes) break;
      this.#drop(oldest, kept);
    }
  }

  #drop(key: string, kept: Kept): void {
    this.#kept.delete(key);
    this.#bytes -= kept.bytes;
  }
}
