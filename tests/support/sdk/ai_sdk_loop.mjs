// Has the AI SDK carry out a loop of tools with its provider for OpenAI, in its default, whole and streamed, and prints
// what came of each, as JSON. OPENAI_BASE_URL and OPENAI_API_KEY say where; the arguments are the directory that the
// library was installed into, and the model.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [directory, model] = process.argv.slice(2);
const require = createRequire(`${directory}/package.json`);
const load = (name) => import(pathToFileURL(require.resolve(name)));
const { createOpenAI } = await load("@ai-sdk/openai");
const { generateText, jsonSchema, stepCountIs, streamText, tool } = await load("ai");

const { OPENAI_BASE_URL: baseURL, OPENAI_API_KEY: apiKey } = process.env;
const provider = createOpenAI({ baseURL, apiKey });
const inputSchema = jsonSchema({ type: "object", properties: { city: { type: "string" } }, required: ["city"] });
const weather = tool({ description: "The weather in a city.", inputSchema, execute: ({ city }) => `Mild in ${city}.` });
const request = { model: provider(model), prompt: "How is it?", tools: { weather }, stopWhen: stepCountIs(5), maxRetries: 0 };

const whole = await generateText(request);
console.log(JSON.stringify({ text: whole.text, steps: whole.steps.length }));

let failure = null;
const streamed = streamText({ ...request, onError: ({ error }) => (failure = error) });
await streamed.consumeStream({ onError: () => {} });
if (failure) throw failure;
console.log(JSON.stringify({ text: await streamed.text, steps: (await streamed.steps).length }));
