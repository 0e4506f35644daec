import type { TestSession } from "../support/session.ts";

let count = 0;

/** Adds a company with a contact and a deal in stage `lead`. Returns the deal's id. */
export async function addDeal(session: TestSession, name = `Deal ${count}`): Promise<string> {
  count += 1;
  const company = await session.call("crm_create_company", { name: `Acme ${count} ${crypto.randomUUID()}` });
  const contact = await session.call("crm_create_contact", {
    first_name: "Grace",
    last_name: `Hopper ${count}`,
    company_id: company.data.company.id,
  });
  const { data, error } = await session.call("crm_create_deal", {
    name,
    company_id: company.data.company.id,
    contact_id: contact.data.contact.id,
    amount: 1_200.5,
    expected_close: "2027-03-31",
    idempotency_key: crypto.randomUUID(),
  });
  if (error) throw new Error(error.message);
  return String(data.deal.id);
}

/** Moves a deal to a stage, whatever its version. */
export async function moveDeal(session: TestSession, id: string, stage: string, version = 1): Promise<void> {
  const { error } = await session.call("crm_move_deal", { deal_id: id, stage, version });
  if (error) throw new Error(error.message);
}
