// Asks each question in three ways with openai-node's Responses API and prints what came back, as JSON: one object for
// each question. OPENAI_BASE_URL and OPENAI_API_KEY say where; the arguments are the directory that the library was
// installed into, the model, and the questions.

import { createRequire } from "node:module";

const [directory, model, ...questions] = process.argv.slice(2);
const { OpenAI, OpenAIError } = createRequire(`${directory}/package.json`)("openai");

const tools = [
  {
    type: "function",
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
];

/** What one whole answer holds, in the words that all ways share. */
function finished(response) {
  const of = (kind) => response.output.filter((item) => item.type === kind);
  const { usage } = response;
  const texts = of("message").flatMap((item) => item.content.map((part) => part.text));
  return {
    text: texts.join(""),
    reasoning: of("reasoning").flatMap((item) => item.summary.map((part) => part.text)).join(""),
    tools: of("function_call").map((item) => [item.call_id, item.name, item.arguments]),
    finish: response.status,
    usage: usage ? [usage.input_tokens, usage.output_tokens] : null,
  };
}

async function plain(client, request) {
  return finished(await client.responses.create(request));
}

async function raw(client, request) {
  let text = "";
  let last = null;
  for await (const event of await client.responses.create({ ...request, stream: true })) {
    if (event.type === "response.output_text.delta") text += event.delta;
    last = event;
  }
  const answer = finished(last.response);
  if (answer.text !== text) throw new Error(`${text} became ${answer.text}`);
  return answer;
}

async function helper(client, request) {
  return finished(await client.responses.stream(request).finalResponse());
}

/** What one way came to: an answer, or an error that the library knows. */
async function tried(way, client, request) {
  try {
    return await way(client, request);
  } catch (error) {
    if (!(error instanceof OpenAIError)) throw error;
    return { error: error.status >= 400 ? error.status : "in the stream" };
  }
}

const client = new OpenAI({ maxRetries: 0, timeout: 30_000 });
for (const question of questions) {
  const request = { model, input: question, tools, store: false };
  const answers = {};
  for (const way of [plain, raw, helper]) answers[way.name] = await tried(way, client, request);
  console.log(JSON.stringify(answers));
}
