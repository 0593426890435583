// Asks each question in three ways with the AI SDK and its provider for whatever is compatible with OpenAI, on which
// OpenCode stands, and prints what came back, as JSON: one object for each question. OPENAI_BASE_URL and
// OPENAI_API_KEY say where; the arguments are the directory that the library was installed into, the model, and the
// questions.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [directory, model, ...questions] = process.argv.slice(2);
const require = createRequire(`${directory}/package.json`);
const load = (name) => import(pathToFileURL(require.resolve(name)));
const { createOpenAICompatible } = await load("@ai-sdk/openai-compatible");
const { generateText, jsonSchema, streamText, tool } = await load("ai");

const { OPENAI_BASE_URL: baseURL, OPENAI_API_KEY: apiKey } = process.env;
const provider = createOpenAICompatible({ name: "latchkey", baseURL, apiKey, includeUsage: true });
const parameters = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false,
};
const tools = { weather: tool({ description: "The weather in a city.", inputSchema: jsonSchema(parameters) }) };

/** What one whole answer holds, in the words that all ways share. */
function finished(text, reasoning, calls, finish, usage) {
  return {
    text,
    reasoning: reasoning ?? "",
    tools: calls.map((call) => [call.toolCallId, call.toolName, JSON.stringify(call.input)]),
    finish,
    usage: [usage.inputTokens, usage.outputTokens],
  };
}

async function plain(request) {
  const answer = await generateText(request);
  return finished(answer.text, answer.reasoningText, answer.toolCalls, answer.finishReason, answer.usage);
}

async function raw(request) {
  const calls = [];
  let [text, reasoning, finish, usage] = ["", "", null, null];
  for await (const part of streamText({ ...request, onError: () => {} }).fullStream) {
    if (part.type === "text-delta") text += part.text;
    if (part.type === "reasoning-delta") reasoning += part.text;
    if (part.type === "tool-call") calls.push(part);
    if (part.type === "error") throw part.error;
    if (part.type === "finish") [finish, usage] = [part.finishReason, part.totalUsage];
  }
  return finished(text, reasoning, calls, finish, usage);
}

async function helper(request) {
  let failure = null;
  const answer = streamText({ ...request, onError: ({ error }) => (failure = error) });
  await answer.consumeStream({ onError: () => {} });
  if (failure) throw failure;
  const calls = await answer.toolCalls;
  return finished(await answer.text, await answer.reasoningText, calls, await answer.finishReason, await answer.usage);
}

/** What one way came to: an answer, or an error. */
async function tried(way, request) {
  try {
    return await way(request);
  } catch (error) {
    return { error: error.statusCode ?? "in the stream", message: String(error.message ?? error) };
  }
}

for (const question of questions) {
  const request = { model: provider(model), prompt: question, tools, maxRetries: 0 };
  const answers = {};
  for (const way of [plain, raw, helper]) answers[way.name] = await tried(way, request);
  console.log(JSON.stringify(answers));
}
