import { toBase64 } from "../../../shared/encoding/base64.ts";
import { cutText } from "../../../shared/text/well-formed.ts";

/** Turns speech into text (Workers AI). */
const SPEECH_MODEL = "@cf/openai/whisper-large-v3-turbo";
/** Image captioning (Workers AI). */
const PICTURE_MODEL = "@cf/llava-hf/llava-1.5-7b-hf";
const PICTURE_PROMPT =
  "Describe this picture for a person who cannot see it, in at most four sentences. Quote the text that it shows.";
const MAX_DESCRIPTION = 50_000;

/** The part of the optional `AI` binding that descriptions need. */
export type DescribingAi = Pick<Ai, "run">;

/** A caption or transcript and the model that wrote it. Throws when the model fails or returns no text. */
export async function describeBytes(
  ai: DescribingAi,
  mimeType: string,
  bytes: Uint8Array,
): Promise<{ text: string; model: string }> {
  const speech = mimeType.startsWith("audio/");
  const model = speech ? SPEECH_MODEL : PICTURE_MODEL;
  const answer: unknown = speech
    ? await ai.run(SPEECH_MODEL, { audio: toBase64(bytes) })
    : await ai.run(PICTURE_MODEL, { image: [...bytes], prompt: PICTURE_PROMPT, max_tokens: 300 });
  const { text, description } = (answer ?? {}) as { text?: unknown; description?: unknown };
  const said = speech ? text : description;
  if (typeof said !== "string" || said.trim() === "") throw new Error(`${model} gave no text.`);
  return { text: cutText(said.trim().toWellFormed(), MAX_DESCRIPTION), model };
}
