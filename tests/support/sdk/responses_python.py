"""Asks each question in three ways with openai-python's Responses API and prints what came back, as JSON: one object for
each question.

OPENAI_BASE_URL and OPENAI_API_KEY say where; the arguments are the model and the questions.
"""

import json
import sys

from openai import APIStatusError, OpenAI, OpenAIError

TOOLS = [
    {
        "type": "function",
        "name": "weather",
        "description": "The weather in a city.",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    }
]


def finished(response):
    """What one whole answer holds, in the words that all ways share."""
    of = lambda kind: [item for item in response.output if item.type == kind]
    usage = response.usage
    return {
        "text": response.output_text,
        "reasoning": "".join(part.text for item in of("reasoning") for part in item.summary),
        "tools": [[item.call_id, item.name, item.arguments] for item in of("function_call")],
        "finish": response.status,
        "usage": [usage.input_tokens, usage.output_tokens] if usage else None,
    }


def plain(client, request):
    return finished(client.responses.create(**request))


def raw(client, request):
    text, reasoning, arguments, numbers = "", "", "", []
    for event in client.responses.create(stream=True, **request):
        numbers.append(event.sequence_number)
        if event.type == "response.output_text.delta":
            text += event.delta
        elif event.type == "response.reasoning_summary_text.delta":
            reasoning += event.delta
        elif event.type == "response.function_call_arguments.delta":
            arguments += event.delta
    assert numbers == list(range(len(numbers))), numbers
    answer = finished(event.response)
    assert text == answer["text"] and reasoning == answer["reasoning"]
    assert arguments == "".join(tool[2] for tool in answer["tools"])
    return answer


def helper(client, request):
    with client.responses.stream(**request) as stream:
        for event in stream:
            pass
        answer = finished(event.response)
        if answer["finish"] == "completed":
            assert finished(stream.get_final_response()) == answer
    return answer


def tried(way, client, request):
    """What one way came to: an answer, or an error that the library knows."""
    try:
        return way(client, request)
    except APIStatusError as error:
        return {"error": error.status_code}
    except OpenAIError:
        return {"error": "in the stream"}


def main():
    model, *questions = sys.argv[1:]
    client = OpenAI(max_retries=0, timeout=30)
    for question in questions:
        request = {"model": model, "input": question, "tools": TOOLS, "store": False}
        ways = {"plain": plain, "raw": raw, "helper": helper}
        print(json.dumps({name: tried(way, client, request) for name, way in ways.items()}))


main()
