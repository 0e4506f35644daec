import type { ProgramUnderTest } from "./program.ts";
import { AGENTS } from "./programs/agents.ts";
import { AI_SDK } from "./programs/ai-sdk.ts";
import { inspector } from "./programs/inspector.ts";
import { LANGCHAIN } from "./programs/langchain.ts";
import { mcpRemote } from "./programs/mcp-remote.ts";
import { MCPORTER } from "./programs/mcporter.ts";
import { SDK_V1, sdkV2 } from "./programs/official-sdks.ts";

/** Every client that is proven, in the order of the README's table. */
export const PROGRAMS: readonly ProgramUnderTest[] = [
  SDK_V1,
  sdkV2("legacy"),
  sdkV2("auto"),
  sdkV2({ pin: "2026-07-28" }),
  inspector("legacy"),
  inspector("modern"),
  mcpRemote("legacy"),
  mcpRemote("auto"),
  MCPORTER,
  AI_SDK,
  LANGCHAIN,
  AGENTS,
];
