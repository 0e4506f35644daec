/** What every double asks for, as a password or a key. */
export const CREDENTIAL = "test-only-credential";

/** What a double of a receiver does with the next requests. */
export type Mood = "up" | "busy" | "hangs" | "wrong settings";

/** A record in what a receiver got, and the form in which it keeps it. */
export interface Got {
  id: string;
  kept: string;
}

/**
 * A double of what a sink of the trail writes to, with the answers that its documentation names. It keeps what it takes,
 * and lists it as the real one would show it, after its own way to leave out what it has.
 */
export abstract class Receiver {
  abstract readonly name: string;
  abstract readonly settings: Readonly<Record<string, string>>;
  mood: Mood = "up";
  credential = CREDENTIAL;
  /** Records of one request from which it answers 413. */
  mostRecords = Number.POSITIVE_INFINITY;
  /** Records that it calls invalid. */
  readonly invalid = new Set<string>();
  /** Records of each request that it answered. */
  readonly requests: number[] = [];
  /** Called when it has kept a request, before it answers. */
  onKept: () => Promise<void> | void = () => undefined;

  /** The names of the records that it shows, `<chain>/<sequence>`. */
  abstract list(): string[];
  protected abstract isKnown(request: Request, body: string): boolean;
  protected abstract read(request: Request, body: string): Got[];
  /** Keeps what it takes and answers. */
  protected abstract take(got: Got[], request: Request): Response;

  readonly ask = async (
    input: RequestInfo | URL,
    init?: Pick<RequestInit, "signal" | "redirect">,
  ): Promise<Response> => {
    const request = new Request(input as Request, init as RequestInit);
    if (this.mood === "hangs") {
      const { signal } = init ?? {};
      if (!signal) throw new Error("A request without an end.");
      await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    }
    const body = new TextDecoder().decode(await request.arrayBuffer());
    if (!this.isKnown(request, body)) return new Response("", { status: 403 });
    if (this.mood === "busy") return new Response("", { status: 429, headers: { "retry-after": "1800" } });
    if (this.mood === "wrong settings") return this.refuseSettings();
    const got = this.read(request, body);
    this.requests.push(got.length);
    if (got.length > this.mostRecords) return new Response("", { status: 413 });
    const answer = this.take(got, request);
    await this.onKept();
    return answer;
  };

  protected refuseSettings(): Response {
    return new Response("", { status: 404 });
  }

  protected hasInvalid(got: Got[]): boolean {
    return got.some(({ id }) => this.invalid.has(id));
  }
}

/** A line of the export: the record that it is about. */
export interface Line {
  record: { chain: string; sequence: number };
}

/** The name of a record, `<chain>/<sequence>`. */
export function idOf({ record }: Line): string {
  return `${record.chain}/${record.sequence}`;
}

/** The records of a body with one in each line. */
export function readLines(body: string): Got[] {
  return body
    .split("\n")
    .filter(Boolean)
    .map((line) => ({ id: idOf(JSON.parse(line) as Line), kept: line }));
}
