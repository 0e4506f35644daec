import { z } from "zod";

const place = z.string().max(200);

/** A file of a ticket, as a request sends it. */
const storedFile = z.object({ id: z.string(), name: z.string(), bytes: z.int(), media: z.string() });

/** {@link storedFile}, parsed. */
export type StoredFile = z.output<typeof storedFile>;

/** Where a page begins; within a cursor, too. */
export const pagePosition = z.union([
  z.object({ value: z.string(), rows: z.string().optional() }),
  z.object({ target: z.string(), rows: z.string().optional() }),
]);

/** What a session of an HTTP API does: one request, whose answer is read, shortened and bounded in the object. */
export const httpRequest = z.object({
  method: z.string().regex(/^(?:GET|HEAD|POST|PUT|PATCH|DELETE)$/),
  target: z.string().startsWith("/").max(16_000),
  headers: z.record(z.string(), z.string()),
  body: z
    .union([
      z.object({ media: z.string(), text: z.string() }),
      z.object({ media: z.string(), file: z.string() }),
      z.object({ media: z.string(), stored: storedFile }),
      z.object({
        parts: z.array(
          z.union([
            z.object({ name: z.string(), text: z.string() }),
            z.object({ name: z.string(), file: z.string() }),
            z.object({ name: z.string(), stored: storedFile }),
          ]),
        ),
      }),
    ])
    .nullable(),
  read: z.object({
    list: place.nullable(),
    result: place.nullable().default(null),
    total: place.nullable().default(null),
    fields: z.array(place),
    /** Fields that the caller keeps of those. */
    chosen: z.array(place).default([]),
    paging: z.json().nullable(),
    /** `rows` of the page's position, or `""`; `null` for a first page. */
    before: z.string().nullable().default(null),
    isGraphql: z.boolean(),
    failure: z.object({ at: place, reason: place }).nullable(),
    /** Names of arguments that a refusal may repeat. */
    names: z.array(z.string()),
  }),
  /** Whose a file in the answer is, and what is masked in texts of theirs; `null` if they may not have files. */
  owner: z
    .object({ person: z.string(), masks: z.array(z.enum(["pii", "secret"])), tool: z.string() })
    .nullable()
    .default(null),
  traceId: z.string(),
  /** Digest of the caller's token, which never leaves. */
  tokenId: z.string(),
});

/** {@link httpRequest}, parsed. */
export type HttpRequest = z.output<typeof httpRequest>;

/** An answer as it crosses to the tool. */
export const httpAnswer = z.object({
  status: z.int(),
  /** The rows of a list, or `null` for one result. */
  items: z.array(z.json()).nullable(),
  result: z.json(),
  /** Rows of all pages, where the other system says so. */
  total: z.number().nullable().default(null),
  /** Rows of the answer that did not fit. */
  cut: z.int(),
  /** Whether the fields of the answer are known: not those of texts and files. */
  isJson: z.boolean(),
  /** A file that is stored for the person in place of an answer. */
  file: z
    .object({
      id: z.string(),
      name: z.string(),
      bytes: z.int(),
      media_type: z.string(),
      expires_at: z.string(),
    })
    .nullable(),
  next: pagePosition.nullable(),
  /** There is a next page, at an address that is not asked. */
  isElsewhere: z.boolean().default(false),
});

/** {@link httpAnswer}, parsed. */
export type HttpAnswer = z.output<typeof httpAnswer>;
