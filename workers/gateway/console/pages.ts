import type { Hono } from "hono";
import type { ConsoleRight } from "../../../shared/policy/console.ts";
import { alertRoutes } from "./alerts/routes.tsx";
import { approvalInboxRoutes } from "./approvals/routes.tsx";
import { connectionPageRoutes } from "./connections/routes.tsx";
import { deadLetterRoutes } from "./dead-letters/routes.tsx";
import { overviewRoutes } from "./overview/routes.tsx";
import { peopleRoutes } from "./people/routes.tsx";
import { policyRoutes } from "./policy/routes.tsx";
import type { InConsole } from "./require-right.ts";
import { sessionRoutes } from "./sessions/routes.tsx";
import { settingsRoutes } from "./settings/routes.tsx";
import { trailRoutes } from "./trail/routes.tsx";

/** One page of the console, with everything below its address. */
interface ConsolePage {
  /** Address below `/console/`, without slashes. */
  name: string;
  title: string;
  /** One sentence for the list of pages. */
  text: string;
  /** Without this right nothing below the address answers. */
  right: ConsoleRight;
  routes: Hono<InConsole>;
}

/** Every page: one folder, and one entry here. */
export const CONSOLE_PAGES: readonly ConsolePage[] = [
  {
    name: "overview",
    title: "Overview",
    text: "How many calls there are and how they end, the state of every part, and what waits.",
    right: "overview",
    routes: overviewRoutes,
  },
  {
    name: "approvals",
    title: "Approvals",
    text: "Calls that wait for a decision: what each would change, for whom; one or many at once.",
    right: "approvals",
    routes: approvalInboxRoutes,
  },
  {
    name: "people",
    title: "People",
    text: "Who may sign in, and in which role.",
    right: "people",
    routes: peopleRoutes,
  },
  {
    name: "policy",
    title: "Policy",
    text: "Who may do what: what is in force, drafts, and what each would change.",
    right: "policy",
    routes: policyRoutes,
  },
  {
    name: "trail",
    title: "Audit trail",
    text: "What was done, newest first.",
    right: "trail",
    routes: trailRoutes,
  },
  {
    name: "connections",
    title: "Connections",
    text: "Databases of the company: state, breakers, time and the last errors.",
    right: "connections",
    routes: connectionPageRoutes,
  },
  {
    name: "sessions",
    title: "Sessions",
    text: "Sessions, tasks and subscriptions that are open, by whom and of which app; and their end.",
    right: "sessions",
    routes: sessionRoutes,
  },
  {
    name: "dead-letters",
    title: "Dead letters",
    text: "Records of the trail that could not be stored, and why.",
    right: "dead_letters",
    routes: deadLetterRoutes,
  },
  {
    name: "alerts",
    title: "Alerts",
    text: "What is wrong or was, the thresholds, and who is told.",
    right: "alerts",
    routes: alertRoutes,
  },
  {
    name: "settings",
    title: "Settings",
    text: "What is configured, and what is not.",
    right: "settings",
    routes: settingsRoutes,
  },
];
