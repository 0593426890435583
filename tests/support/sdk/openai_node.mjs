// Asks each question in three ways with openai-node and prints what came back, as JSON: one object for each question.
// OPENAI_BASE_URL and OPENAI_API_KEY say where; the arguments are the directory that the library was installed into,
// the model, and the questions.

import { createRequire } from "node:module";

const [directory, model, ...questions] = process.argv.slice(2);
const require = createRequire(`${directory}/package.json`);
const { OpenAI, OpenAIError } = require("openai");
const { LengthFinishReasonError } = require("openai/error");

const tools = [
  {
    type: "function",
    function: {
      name: "weather",
      description: "The weather in a city.",
      strict: true,
      parameters: {
        type: "object",
        properties: { city: { type: "string" } },
        required: ["city"],
        additionalProperties: false,
      },
    },
  },
];

/** What one whole answer holds, in the words that all ways share. */
function finished(message, finish, usage) {
  const calls = message.tool_calls ?? [];
  return {
    text: message.content ?? "",
    reasoning: message.reasoning_content ?? "",
    tools: calls.map((call) => [call.id, call.function.name, call.function.arguments]),
    finish,
    usage: [usage.prompt_tokens, usage.completion_tokens],
  };
}

async function plain(client, request) {
  const answer = await client.chat.completions.create(request);
  return finished(answer.choices[0].message, answer.choices[0].finish_reason, answer.usage);
}

async function raw(client, request) {
  const message = { content: "", reasoning_content: "", tool_calls: [] };
  let finish = null;
  let usage = null;
  const stream = await client.chat.completions.create({
    ...request,
    stream: true,
    stream_options: { include_usage: true },
  });
  for await (const chunk of stream) {
    usage = chunk.usage ?? usage;
    for (const choice of chunk.choices) {
      finish = choice.finish_reason ?? finish;
      message.content += choice.delta.content ?? "";
      message.reasoning_content += choice.delta.reasoning_content ?? "";
      for (const call of choice.delta.tool_calls ?? []) {
        const known = (message.tool_calls[call.index] ??= { id: "", function: { name: "", arguments: "" } });
        known.id += call.id ?? "";
        known.function.name += call.function?.name ?? "";
        known.function.arguments += call.function?.arguments ?? "";
      }
    }
  }
  return finished(message, finish, usage);
}

async function helper(client, request) {
  const stream = client.chat.completions.stream({ ...request, stream_options: { include_usage: true } });
  const answer = await stream.finalChatCompletion();
  return finished(answer.choices[0].message, answer.choices[0].finish_reason, answer.usage);
}

/** What one way came to: an answer, or an error that the library knows. */
async function tried(way, client, request) {
  try {
    return await way(client, request);
  } catch (error) {
    // Of a cut answer to tools that are strict, the helper makes an error.
    if (error instanceof LengthFinishReasonError) return { error: "length" };
    if (!(error instanceof OpenAIError)) throw error;
    return { error: error.status >= 400 ? error.status : "in the stream" };
  }
}

const client = new OpenAI({ maxRetries: 0, timeout: 30_000 });
const models = [];
for await (const entry of client.models.list()) models.push(entry.id);
if (!models.includes(model)) throw new Error(`${model} is not in ${models}`);
for (const question of questions) {
  const request = { model, messages: [{ role: "user", content: question }], tools };
  const answers = {};
  for (const way of [plain, raw, helper]) answers[way.name] = await tried(way, client, request);
  console.log(JSON.stringify(answers));
}
