import { pathOf } from "../support/approvals.ts";
import { connect, createPerson, signIn, type TestBrowser, type TestPerson } from "../support/oauth.ts";
import { setApprovals, setApproves } from "../support/policy.ts";
import { openSession } from "../support/session.ts";

/** The tool whose calls wait. */
export const TOOL = "crm_create_contact";

/** Rule that makes them wait. */
export const RULE = { name: "look", tools: [TOOL], message: "A contact is seen by everybody." };

/** Default arguments of a call. */
export const CONTACT = { first_name: "Ada", last_name: "Lovelace", email: "ada@people.example" };

/** Makes the calls of salespeople wait for an administrator, and no other calls. */
export function letCallsWait(): void {
  setApprovals("sales", [RULE]);
  setApproves("admin", ["*"]);
  setApproves("editor", []);
}

/** A salesperson whose app has just requested approval, with the page of the request. */
export async function askFor(args: Record<string, unknown> = CONTACT, tool = TOOL) {
  const requester = await createPerson("sales", "Sam Seller");
  const connection = await connect(requester, { resource: "/mcp/crm", tick: ["crm:read", "crm:write"] });
  const session = await openSession({ server: "crm", lane: "stateless", token: connection });
  const call = () => session.call(tool, args);
  const path = pathOf(await call());
  return { requester, ...connection, session, call, path };
}

/** A new user of a role, signed in. */
export async function openAs(role: string): Promise<{ person: TestPerson; browser: TestBrowser }> {
  const person = await createPerson(role);
  return { person, browser: await signIn(person) };
}

/** The text of a page. */
export const textOf = async (response: Response | Promise<Response>) => (await response).text();

/** The form with which a user approves. */
export const approve = ({ id }: TestPerson) => ({ subject: id, decision: "approve" });
