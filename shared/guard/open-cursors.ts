import { z } from "zod";
import { readCursor, writeCursor } from "../auth/cursor.ts";
import { ToolError } from "../call/tool-error.ts";
import { digestText } from "../encoding/canonical-json.ts";
import type { ToolContext } from "../server/define.ts";
import type { RequestContext } from "./request-context.ts";

/**
 * The cursors of a tool's context. They are signed for one tool, user and app, and hold a digest of the question, so
 * that a cursor with other arguments gets an error of its own.
 */
export function openCursors(
  { env, identity }: Pick<RequestContext, "env" | "identity">,
  tool: string,
): Pick<ToolContext, "cursors"> {
  const bound = ["tool", tool, identity.userId, identity.clientId];
  return {
    cursors(question, position) {
      const asked = digestText(JSON.stringify(question)).slice(0, 8);
      const schema = z.tuple([z.string(), position]);
      return {
        write: async (next) => (next === undefined ? undefined : writeCursor(env, bound, [asked, next])),
        async read(cursor) {
          if (cursor === undefined) return undefined;
          const read = await readCursor(env, bound, schema, cursor);
          if (read === null) {
            throw new ToolError("invalid_input", "The cursor is not one that this tool returned.", {
              suggestedAction:
                "Leave cursor out to start at the first page, then pass next_cursor unchanged.",
            });
          }
          if (read[0] !== asked) {
            throw new ToolError("invalid_input", "The cursor belongs to a search with other arguments.", {
              suggestedAction: "Repeat the arguments of the first page together with its next_cursor.",
            });
          }
          return read[1];
        },
      };
    },
  };
}
