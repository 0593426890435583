"""Asks each question in three ways with openai-python and prints what came back, as JSON: one object for each question.

OPENAI_BASE_URL and OPENAI_API_KEY say where; the arguments are the model and the questions.
"""

import json
import sys

from openai import APIStatusError, LengthFinishReasonError, OpenAI, OpenAIError

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "The weather in a city.",
            "strict": True,
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
                "additionalProperties": False,
            },
        },
    }
]


def finished(message, finish, usage):
    """What one whole answer holds, in the words that all ways share."""
    calls = message.tool_calls or []
    return {
        "text": message.content or "",
        "reasoning": getattr(message, "reasoning_content", None) or "",
        "tools": [[call.id, call.function.name, call.function.arguments] for call in calls],
        "finish": finish,
        "usage": [usage.prompt_tokens, usage.completion_tokens],
    }


def plain(client, request):
    answer = client.chat.completions.create(**request)
    choice = answer.choices[0]
    return finished(choice.message, choice.finish_reason, answer.usage)


def raw(client, request):
    text, reasoning, tools, finish, usage = "", "", {}, None, None
    stream = client.chat.completions.create(stream=True, stream_options={"include_usage": True}, **request)
    for chunk in stream:
        usage = chunk.usage or usage
        for choice in chunk.choices:
            finish = choice.finish_reason or finish
            text += choice.delta.content or ""
            reasoning += getattr(choice.delta, "reasoning_content", None) or ""
            for call in choice.delta.tool_calls or []:
                known = tools.setdefault(call.index, ["", "", ""])
                known[0] += call.id or ""
                known[1] += call.function.name or ""
                known[2] += call.function.arguments or ""
    return {
        "text": text,
        "reasoning": reasoning,
        "tools": [tools[index] for index in sorted(tools)],
        "finish": finish,
        "usage": [usage.prompt_tokens, usage.completion_tokens],
    }


def helper(client, request):
    with client.chat.completions.stream(stream_options={"include_usage": True}, **request) as stream:
        stream.until_done()
        answer = stream.get_final_completion()
    choice = answer.choices[0]
    return finished(choice.message, choice.finish_reason, answer.usage)


def tried(way, client, request):
    """What one way came to: an answer, or an error that the library knows."""
    try:
        return way(client, request)
    except LengthFinishReasonError:
        # Of a cut answer to tools that are strict, the helper makes an error.
        return {"error": "length"}
    except APIStatusError as error:
        return {"error": error.status_code}
    except OpenAIError:
        return {"error": "in the stream"}


def main():
    model, *questions = sys.argv[1:]
    client = OpenAI(max_retries=0, timeout=30)
    assert model in [entry.id for entry in client.models.list()]
    for question in questions:
        request = {"model": model, "messages": [{"role": "user", "content": question}], "tools": TOOLS}
        ways = {"plain": plain, "raw": raw, "helper": helper}
        print(json.dumps({name: tried(way, client, request) for name, way in ways.items()}))


main()
