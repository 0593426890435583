"""Asks each question in three ways with anthropic-python and prints what came back, as JSON: one object for each question.

ANTHROPIC_BASE_URL and ANTHROPIC_API_KEY say where; the arguments are the model and the questions.
"""

import json
import sys

from anthropic import Anthropic, AnthropicError, APIStatusError

TOOLS = [
    {
        "name": "weather",
        "description": "The weather in a city.",
        "input_schema": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    }
]


def finished(message):
    """What one whole answer holds, in the words that all ways share."""
    of = lambda kind: [block for block in message.content if block.type == kind]
    return {
        "text": "".join(block.text for block in of("text")),
        "reasoning": "".join(block.thinking for block in of("thinking")),
        "tools": [[block.id, block.name, json.dumps(block.input, separators=(",", ":"))] for block in of("tool_use")],
        "finish": message.stop_reason,
        "usage": [message.usage.input_tokens, message.usage.output_tokens],
    }


def plain(client, request):
    return finished(client.messages.create(**request))


def raw(client, request):
    text, reasoning, tools, finish, usage, kinds = "", "", [], None, None, []
    for event in client.messages.create(stream=True, **request):
        kinds.append(event.type)
        if event.type == "content_block_start" and event.content_block.type == "tool_use":
            tools.append([event.content_block.id, event.content_block.name, ""])
        elif event.type == "content_block_delta":
            text += getattr(event.delta, "text", "")
            reasoning += getattr(event.delta, "thinking", "")
            if event.delta.type == "input_json_delta":
                tools[-1][2] += event.delta.partial_json
        elif event.type == "message_delta":
            finish, usage = event.delta.stop_reason, event.usage
    assert kinds[0] == "message_start" and kinds[-1] == "message_stop", kinds
    return {
        "text": text,
        "reasoning": reasoning,
        "tools": tools,
        "finish": finish,
        "usage": [usage.input_tokens, usage.output_tokens],
    }


def helper(client, request):
    with client.messages.stream(**request) as stream:
        return finished(stream.get_final_message())


def tried(way, client, request):
    """What one way came to: an answer, or an error that the library knows."""
    try:
        return way(client, request)
    except APIStatusError as error:
        return {"error": error.status_code if error.status_code >= 400 else "in the stream"}
    except AnthropicError:
        return {"error": "in the stream"}


def main():
    model, *questions = sys.argv[1:]
    client = Anthropic(max_retries=0, timeout=30)
    for question in questions:
        request = {
            "model": model,
            "max_tokens": 1000,
            "messages": [{"role": "user", "content": question}],
            "tools": TOOLS,
        }
        counted = client.messages.count_tokens(**{key: request[key] for key in ("model", "messages", "tools")})
        assert counted.input_tokens > 0
        ways = {"plain": plain, "raw": raw, "helper": helper}
        print(json.dumps({name: tried(way, client, request) for name, way in ways.items()}))


main()
