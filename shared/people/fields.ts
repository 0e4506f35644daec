import { z } from "zod";

/** An e-mail address, in lower case. */
export const email = z
  .email()
  .max(254)
  .transform((text) => text.toLowerCase());

/** A person's name. */
export const name = z
  .string()
  .trim()
  .min(1)
  .max(120)
  .regex(/^\P{Cc}+$/u, "must not have control characters");
