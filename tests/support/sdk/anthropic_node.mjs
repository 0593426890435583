// Asks each question in three ways with @anthropic-ai/sdk and prints what came back, as JSON: one object for each
// question. ANTHROPIC_BASE_URL and ANTHROPIC_API_KEY say where; the arguments are the directory that the library was
// installed into, the model, and the questions.

import { createRequire } from "node:module";

const [directory, model, ...questions] = process.argv.slice(2);
const { Anthropic, AnthropicError } = createRequire(`${directory}/package.json`)("@anthropic-ai/sdk");

const tools = [
  {
    name: "weather",
    description: "The weather in a city.",
    input_schema: {
      type: "object",
      properties: { city: { type: "string" } },
      required: ["city"],
      additionalProperties: false,
    },
  },
];

/** What one whole answer holds, in the words that all ways share. */
function finished(message) {
  const of = (kind) => message.content.filter((block) => block.type === kind);
  return {
    text: of("text").map((block) => block.text).join(""),
    reasoning: of("thinking").map((block) => block.thinking).join(""),
    tools: of("tool_use").map((block) => [block.id, block.name, JSON.stringify(block.input)]),
    finish: message.stop_reason,
    usage: [message.usage.input_tokens, message.usage.output_tokens],
  };
}

async function plain(client, request) {
  return finished(await client.messages.create(request));
}

async function raw(client, request) {
  const message = { content: [], stop_reason: null, usage: null };
  const kinds = [];
  for await (const event of await client.messages.create({ ...request, stream: true })) {
    kinds.push(event.type);
    if (event.type === "content_block_start") message.content[event.index] = { ...event.content_block, json: "" };
    if (event.type === "content_block_delta") {
      const block = message.content[event.index];
      const { delta } = event;
      if (delta.type === "text_delta") block.text += delta.text;
      if (delta.type === "thinking_delta") block.thinking += delta.thinking;
      if (delta.type === "input_json_delta") block.json += delta.partial_json;
    }
    if (event.type === "content_block_stop") {
      const block = message.content[event.index];
      if (block.type === "tool_use") block.input = JSON.parse(block.json);
    }
    if (event.type === "message_delta") {
      message.stop_reason = event.delta.stop_reason;
      message.usage = event.usage;
    }
  }
  if (kinds[0] !== "message_start" || kinds.at(-1) !== "message_stop") throw new Error(kinds.join(" "));
  return finished(message);
}

async function helper(client, request) {
  return finished(await client.messages.stream(request).finalMessage());
}

/** What one way came to: an answer, or an error that the library knows. */
async function tried(way, client, request) {
  try {
    return await way(client, request);
  } catch (error) {
    if (!(error instanceof AnthropicError)) throw error;
    return { error: error.status >= 400 ? error.status : "in the stream" };
  }
}

const client = new Anthropic({ maxRetries: 0, timeout: 30_000 });
for (const question of questions) {
  const request = { model, max_tokens: 1000, messages: [{ role: "user", content: question }], tools };
  const answers = {};
  for (const way of [plain, raw, helper]) answers[way.name] = await tried(way, client, request);
  console.log(JSON.stringify(answers));
}
