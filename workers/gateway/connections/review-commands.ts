import { z } from "zod";
import { connectionEntry, connectionName } from "../../../shared/connections/entry.ts";

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const by = z.string().min(1).max(200);

/** Whether the operator said that a secret may go to an address that no published connection has. */
export const newAddress = z.boolean().default(false);

/** Commands on what connected systems offer. */
export const reviewCommands = [
  z.strictObject({
    command: z.literal("review"),
    connection: connectionName,
    entry: connectionEntry,
    /** User id or e-mail address: for a connection with each person's accounts, whose account is used to look. */
    person: z.string().max(200).optional(),
    new_address: newAddress,
  }),
  z.strictObject({
    command: z.literal("approve"),
    connection: connectionName,
    digests: z.array(digest).min(1).max(2_000),
    /** Not each of them was read: what reads like orders to a model stays. */
    all: z.boolean().default(false),
    by,
  }),
  z.strictObject({
    command: z.literal("refuse"),
    connection: connectionName,
    digests: z.array(digest).min(1).max(2_000),
    by,
  }),
  z.strictObject({
    command: z.literal("withdraw"),
    connection: connectionName,
    names: z
      .array(z.strictObject({ type: z.string().max(20), name: z.string().max(1_000) }))
      .min(1)
      .max(500),
    by,
  }),
  z.strictObject({ command: z.literal("prepare"), connection: connectionName, entry: connectionEntry }),
] as const;

type Commands = z.output<(typeof reviewCommands)[number]>;
/** A command by its name. */
export type CommandOf<Name extends Commands["command"]> = Extract<Commands, { command: Name }>;
