import { z } from "zod";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import { contactFieldsShape, contactShape, presentContact, referToContact } from "../answers.ts";
import { previewContact, previewFields } from "../changes/preview.ts";
import {
  emailField,
  idField,
  lineField,
  nameField,
  ownerField,
  phoneField,
  versionField,
} from "../fields.ts";
import { nameSubjects } from "../name-subjects.ts";
import {
  keepGiven,
  pickCurrent,
  refuseDuplicate,
  refuseStale,
  refuseUnknown,
  requireChange,
  requireCompany,
  requireContact,
} from "../refusals.ts";
import { resolveOwner } from "../resolve.ts";
import type { ContactFields } from "../store/contacts.ts";
import { stampCall } from "../store/stamp.ts";
import type { CrmStore } from "../store.ts";

/** Changes a person's fields without overwriting other users' changes. */
export const updateContact = defineTool({
  name: "crm_update_contact",
  title: "Update a contact",
  effect: "update",
  scope: "crm:write",
  description:
    "Changes the given fields of a contact; null empties a field. Needs the version you read: a newer one is refused with the current values.",
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
  nameSubjects,
  async check({ contact_id: id, version, ...given }, { store }: Pick<ToolContext<CrmStore>, "store">) {
    const contact = await requireContact(store, id);
    requireChange(keepGiven(given));
    if (contact.version === version) return;
    const quoted = { shape: contactFieldsShape, current: {}, yours: {} };
    throw refuseStale(`Contact ${id}`, contact, version, quoted);
  },
  async preview(
    { contact_id: id, version: _version, ...given },
    { store }: Pick<ToolContext<CrmStore>, "store">,
  ) {
    const contact = await requireContact(store, id);
    const { first_name, last_name, email, phone, title, company_id, owner_name: owner } = contact;
    const current = { first_name, last_name, email, phone, title, company_id, owner };
    return [previewContact(contact, previewFields(given, current, "pii"))];
  },
  async run(input, { store, principal, context, now }: ToolContext<CrmStore>) {
    const { contact_id: id, version, owner: ownerName, email, ...fields } = input;
    if (typeof fields.company_id === "string") await requireCompany(store, fields.company_id);
    const owner = await resolveOwner(store, principal, ownerName);
    const changes = keepGiven<ContactFields>({
      ...fields,
      email,
      owner_id: owner?.id,
    });
    requireChange(changes);
    const result = await store.contacts.update(id, version, changes, stampCall(principal, now));
    switch (result.outcome) {
      case "written":
        context.remember(referToContact(result.contact));
        return { contact: presentContact(result.contact) };
      case "duplicate":
        throw refuseDuplicate(result.id);
      case "stale":
        throw refuseStale(`Contact ${id}`, result.contact, version, {
          shape: contactFieldsShape,
          current: pickCurrent(result.contact, changes),
          yours: changes,
        });
      case "missing":
        throw refuseUnknown("contact", id);
    }
  },
});
