"""A small chat page of Gradio's own ChatInterface: what a person would write in an afternoon, with a model behind it.

Everything comes from the environment: PORT, MODEL_URL, USERS (name=password,...), CONCURRENCY, QUEUE, MULTIMODAL
(anything: people may add files to what they say).
"""

import json
import os

import gradio
import httpx

COMPLETIONS = os.environ["MODEL_URL"] + "/v1/chat/completions"


async def answer(message, history):
    said = [{"role": turn["role"], "content": text(turn["content"])} for turn in history]
    said.append({"role": "user", "content": message if isinstance(message, str) else whole(message)})
    body = {"model": "practice-1", "stream": True, "messages": said}
    so_far = ""
    async with httpx.AsyncClient(timeout=120) as client, client.stream("POST", COMPLETIONS, json=body) as reply:
        if reply.status_code != 200:
            raise gradio.Error(f"Error code: {reply.status_code}")
        async for line in reply.aiter_lines():
            if not line.startswith("data: "):
                continue
            if line == "data: [DONE]":
                return
            choices = json.loads(line[6:])["choices"]
            so_far += (choices[0]["delta"].get("content") or "") if choices else ""
            yield so_far
    raise gradio.Error("Connection error.")


def text(content):
    parts = content if isinstance(content, list) else [content]
    return "".join(part if isinstance(part, str) else part.get("text", "") for part in parts)


def whole(message):
    """What a person says together with files: the text, and the name and content of each."""
    files = [f"{os.path.basename(path)}: {open(path, errors='replace').read()}" for path in message["files"]]
    return "\n".join([message["text"], *files])


users = [tuple(user.split("=", 1)) for user in os.environ["USERS"].split(",")]
limit = int(os.environ.get("CONCURRENCY", "8"))
page = gradio.ChatInterface(answer, concurrency_limit=limit, multimodal="MULTIMODAL" in os.environ)
page.queue(max_size=int(os.environ.get("QUEUE", "8")))
page.launch(auth=users, server_name="127.0.0.1", server_port=int(os.environ["PORT"]), quiet=True)
