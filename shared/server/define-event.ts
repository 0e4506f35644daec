import type { z } from "zod";
import type { CallContext } from "./call-contexts.ts";

/** One occurrence, as its server reads it. */
export interface EventOccurrence<Data> {
  /** Stable: the same occurrence has it at every reading, so that a receiver can leave out what it has. */
  id: string;
  /** When it happened, ISO 8601. */
  at: string;
  /** The place after it. */
  position: string;
  data: Data;
}

/** Occurrences after a place, oldest first. */
export interface EventPage<Data> {
  events: readonly EventOccurrence<Data>[];
  /** The place up to which everything was looked at, also where no occurrence fits the arguments. */
  position: string;
  /** Whether more may follow at once. */
  more: boolean;
  /** Whether occurrences after the asked place no longer exist. */
  truncated?: boolean;
}

/** What the reading of an event gets besides its arguments. */
export interface EventContext<Store = unknown> extends CallContext<Store> {
  /** Whether the subscriber may use anything of a server, by its name. */
  mayUse(server: string): boolean;
}

/**
 * Something that happens, defined once and delivered by poll, stream and webhook (MCP extension
 * `io.modelcontextprotocol/events`, SEP-3415). Its server keeps what happened; nothing is written for subscribers.
 */
export interface EventDefinition<
  Input extends z.ZodObject = z.ZodObject,
  Payload extends z.ZodObject = z.ZodObject,
  Store = unknown,
> {
  /** `<server>_<noun>_<what happened>`, at most 64 characters of `[A-Za-z0-9_-]`; the policy's globs name it. */
  name: string;
  title: string;
  /** One or two sentences for the model: when it happens, and what to call for more. */
  description: string;
  /** Scope that a token needs. */
  scope: string;
  /** What narrows a subscription. Every field is optional. */
  input: Input;
  /** What is delivered: enough to know what happened, with classified fields; tools read the rest. */
  payload: Payload;
  /** Milliseconds between two looks, for what happens without a write of its server. Default: five minutes. */
  everyMs?: number;
  /**
   * Reads what happened after a place, as this subscriber may read it; `null` for the place of now, without any
   * occurrence. At most `limit` occurrences.
   */
  read(
    request: { arguments: z.output<Input>; after: string | null; limit: number },
    context: EventContext<Store>,
  ): Promise<EventPage<z.input<Payload>>>;
}

/** Declares an event. Annotate the second parameter of `read` with `EventContext<YourStore>`. */
export function defineEvent<Input extends z.ZodObject, Payload extends z.ZodObject, Store>(
  definition: EventDefinition<Input, Payload, Store>,
): EventDefinition<Input, Payload, Store> {
  return definition;
}
