import { z } from "zod";
import { defineTool, type ToolContext } from "../../../shared/mcp/define.ts";
import { ToolError } from "../../../shared/mcp/errors.ts";
import { contactFieldsShape, contactShape, presentContact, referToContact } from "../answers.ts";
import {
  emailField,
  idField,
  lineField,
  nameField,
  ownerField,
  phoneField,
  versionField,
} from "../fields.ts";
import { refuseDuplicate, refuseStale, refuseUnknown, requireCompany } from "../refusals.ts";
import { resolveOwner } from "../resolve.ts";
import type { ContactFields } from "../store/contacts.ts";
import { stampCall } from "../store/stamp.ts";
import type { CrmStore } from "../store.ts";

/** Changes a person's fields without overwriting what somebody else changed meanwhile. */
export const updateContact = defineTool({
  name: "crm_update_contact",
  title: "Update a contact",
  effect: "update",
  scope: "crm:write",
  description:
    "Changes the given fields of a contact; null empties a field. Needs the version you read, so that nobody's change is lost: a newer one is refused with the current values.",
  input: z.object({
    contact_id: idField("con"),
    version: versionField,
    first_name: nameField.optional().describe("Given name"),
    last_name: nameField.optional().describe("Family name"),
    email: emailField.nullable().optional().describe("E-mail address"),
    phone: phoneField.nullable().optional().describe("Telephone number"),
    title: lineField(120).nullable().optional().describe("Job title"),
    company_id: idField("cmp").nullable().optional().describe("Company the person works for"),
    owner: ownerField.optional(),
  }),
  output: z.object({ contact: contactShape }),
  async run(input, { store, principal, context, now }: ToolContext<CrmStore>) {
    const { contact_id: id, version, owner: ownerName, email, ...fields } = input;
    if (typeof fields.company_id === "string") await requireCompany(store, fields.company_id);
    const owner = await resolveOwner(store, principal, ownerName);
    const changes = keepGiven({
      ...fields,
      email: typeof email === "string" ? email.toLowerCase() : email,
      owner_id: owner?.id,
    });
    if (Object.keys(changes).length === 0) {
      throw new ToolError("invalid_input", "Name at least one field to change.");
    }
    const result = await store.contacts.update(id, version, changes, stampCall(principal, now));
    switch (result.outcome) {
      case "written":
        context.remember(referToContact(result.contact));
        return { contact: presentContact(result.contact) };
      case "duplicate":
        throw refuseDuplicate(result.id);
      case "stale":
        throw refuseStale(`Contact ${id}`, result.contact, version, {
          schema: contactFieldsShape,
          values: pickCurrent(result.contact, changes),
        });
      case "missing":
        throw refuseUnknown("contact", id);
    }
  },
});

function keepGiven(fields: { [Key in keyof ContactFields]?: ContactFields[Key] | undefined }) {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as Partial<ContactFields>;
}

/** Only the fields that the caller wanted to change: it has just named them, and sees nothing beyond. */
function pickCurrent(current: ContactFields, changes: Partial<ContactFields>) {
  const names = Object.keys(changes) as (keyof ContactFields)[];
  return Object.fromEntries(names.map((name) => [name, current[name]]));
}
