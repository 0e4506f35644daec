import type { MiddlewareHandler } from "hono";
import type { Policy } from "../../../shared/policy/compile.ts";
import {
  CONSOLE_RIGHTS,
  type ConsoleRight,
  roleHoldsRight,
  rolesWithRight,
} from "../../../shared/policy/console.ts";
import { policyInForce } from "../../../shared/policy/current.ts";
import { type Refusal, refuse } from "../failures.tsx";
import { pathToFactor, requiresFactor } from "../second-factor/requirement.ts";
import type { SignIn } from "../sign-in/auth.ts";
import { addressOf } from "../sign-in/require-person.ts";
import type { ConsoleLink } from "./frame.tsx";

/** What a page of the console knows: who asks, the policy that let them in, and the pages that their role opens. */
export type InConsole = {
  Bindings: Env;
  Variables: { signIn: SignIn; policy: Policy; links: readonly ConsoleLink[] };
};

/**
 * Lets a person through whose role the policy gives a right, with a second factor where it asks the role for one. Stands
 * behind `requirePerson`, and is asked at every request: a right that is taken away is gone at the next one.
 *
 * @param page - where the person goes on after a second factor, when the request is a form
 */
export function requireRight(right: ConsoleRight, page?: string): MiddlewareHandler<InConsole> {
  return async (c, next) => {
    const { signIn } = c.var;
    const policy = await policyInForce(c.env);
    if (!roleHoldsRight(policy, signIn.person.role, right)) return await refuse(c, toRefusal(policy, right));
    if (requiresFactor(policy, signIn.person.role) && signIn.mfaAt === null) {
      // A person who has one was asked for it by `requirePerson`.
      return c.redirect(pathToFactor("set_up", addressOf(c.req, page)), 303);
    }
    c.set("policy", policy);
    return await next();
  };
}

function toRefusal(policy: Policy, right: ConsoleRight): Refusal {
  return {
    status: 403,
    code: "forbidden",
    title: "Your role does not open this page",
    message: `It asks for the right "${right}": to ${CONSOLE_RIGHTS[right]}.`,
    action: `${whomToAsk(policy, right)} Rights belong to roles, and the policy names them.`,
    link: { href: "/console", label: "What you may open" },
  };
}

function whomToAsk(policy: Policy, right: ConsoleRight): string {
  const roles = rolesWithRight(policy, right);
  if (roles.length === 0) return "No role has it. Ask who publishes the policy.";
  return `Ask a person with the role ${roles.join(" or ")}.`;
}
