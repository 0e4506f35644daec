import { z } from "zod";
import { ToolError } from "../../../shared/call/tool-error.ts";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import { contactShape, presentContact, referToContact } from "../answers.ts";
import {
  emailField,
  idempotencyField,
  idField,
  lineField,
  nameField,
  ownerField,
  phoneField,
} from "../fields.ts";
import { makeId } from "../identifiers.ts";
import { nameSubjects } from "../name-subjects.ts";
import { refuseDuplicate, requireCompany } from "../refusals.ts";
import { resolveOwner } from "../resolve.ts";
import { describeWrite } from "../store/idempotency.ts";
import { stampCall } from "../store/stamp.ts";
import type { CrmStore } from "../store.ts";

/** Adds a person. */
export const createContact = defineTool({
  name: "crm_create_contact",
  title: "Create a contact",
  effect: "create",
  scope: "crm:write",
  description:
    "Adds a contact. An e-mail that is already on file is refused as a conflict naming the existing contact; look with crm_find_contacts first.",
  input: z.object({
    first_name: nameField.describe("Given name"),
    last_name: nameField.describe("Family name"),
    email: emailField.optional(),
    phone: phoneField.optional(),
    title: lineField(120).optional().describe("Job title"),
    company_id: idField("cmp").optional(),
    owner: ownerField.optional().describe("Default: you, if you own customers, else the company's owner"),
    idempotency_key: idempotencyField.optional(),
  }),
  output: z.object({
    contact: contactShape,
    replayed: z.boolean().describe("True: an earlier call with this key had made it"),
  }),
  nameSubjects,
  async check(input, { store, principal }: Pick<ToolContext<CrmStore>, "store" | "principal">) {
    const { company_id, email, owner, idempotency_key: key } = input;
    if (company_id !== undefined) await requireCompany(store, company_id);
    await resolveOwner(store, principal, owner);
    // A repeated call finds its own contact there, which is no duplicate.
    const holder = email === undefined || key !== undefined ? null : await store.contacts.getByEmail(email);
    if (holder) throw refuseDuplicate(holder.id);
  },
  async run(input, { store, principal, context, now }: ToolContext<CrmStore>) {
    const { idempotency_key: key, owner: ownerName, ...given } = input;
    const company = given.company_id === undefined ? null : await requireCompany(store, given.company_id);
    const owner =
      ownerName === undefined
        ? await store.owners.findByEmail(principal.email)
        : await resolveOwner(store, principal, ownerName);
    const email = given.email ?? null;
    const result = await store.contacts.create(
      makeId("con"),
      {
        first_name: given.first_name,
        last_name: given.last_name,
        title: given.title ?? null,
        email,
        phone: given.phone ?? null,
        company_id: company?.id ?? null,
        owner_id: owner?.id ?? company?.owner_id ?? null,
      },
      stampCall(principal, now),
      key === undefined
        ? undefined
        : describeWrite(principal.userId, key, "crm_create_contact", { ...given, owner: ownerName }),
    );
    if (result.outcome === "duplicate") throw refuseDuplicate(result.id);
    if (result.outcome !== "written") {
      throw new ToolError("not_found", "The contact that this idempotency_key made has been deleted since.", {
        suggestedAction: "Use a new idempotency_key to make it again.",
      });
    }
    const { contact, replayed } = result;
    if (company) context.remember({ type: "company", id: company.id, label: company.name });
    context.remember(referToContact(contact));
    return { contact: presentContact(contact), replayed };
  },
});
