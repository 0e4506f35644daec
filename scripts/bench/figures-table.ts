import type { Statement } from "./count-reads.ts";
import { describePlan, explainStatement, type PlanStep } from "./query-plan.ts";

/** Options of every bench that prints the cost of its queries, for `parseArgs`. */
export const FIGURES_OPTIONS = {
  plans: { type: "boolean", default: false },
  markdown: { type: "boolean", default: false },
} as const;

/** Help text of these options. */
export const FIGURES_HELP = `With --plans, each question is followed by how the database reaches its answer: the plan that EXPLAIN QUERY PLAN gives for
exactly the statements that ran. --markdown prints figures and plans as the tables of docs/figures/query-plans.md.`;

/** Output options. */
export interface FiguresStyle {
  plans: boolean;
  markdown: boolean;
}

/** A table that is printed line by line as queries run. */
export interface FiguresTable {
  /** Prints one query: a figure per column, and the plans of its statements if requested. */
  add(title: string, figures: readonly string[], statements: readonly Statement[]): Promise<void>;
  /** Ends the table. */
  end(): void;
}

const [TITLE_WIDTH, FIGURE_WIDTH] = [52, 12];

/** Prints the head of a table for queries to `db`. */
export function startFigures(db: D1Database, columns: readonly string[], style: FiguresStyle): FiguresTable {
  const { plans, markdown } = style;
  if (markdown)
    console.log(`| question | ${columns.join(" | ")} | how |\n|${"---|".repeat(columns.length + 2)}`);
  else console.log(alignLine("question", columns));
  return {
    async add(title, figures, statements) {
      const found = plans || markdown ? await explainStatements(db, statements) : [];
      if (markdown) {
        console.log(`| ${[title, ...figures, describePlan(found.flat())].join(" | ")} |`);
      } else {
        const lines = new Set(found.map((plan) => `    ${describePlan(plan)}`).filter((line) => line.trim()));
        console.log([alignLine(title, figures), ...lines].join("\n"));
      }
    },
    end() {
      if (!plans && !markdown) console.log("With --plans, how the database reaches each answer.");
    },
  };
}

/** The plan of each distinct statement text: values do not change it. */
async function explainStatements(db: D1Database, statements: readonly Statement[]): Promise<PlanStep[][]> {
  const different = new Map(statements.map((statement) => [statement.sql, statement]));
  return await Promise.all([...different.values()].map((statement) => explainStatement(db, statement)));
}

function alignLine(title: string, figures: readonly string[]): string {
  return title.padEnd(TITLE_WIDTH) + figures.map((figure) => figure.padStart(FIGURE_WIDTH)).join("");
}
