"""A small chat of Chainlit's own decorators: what a person would write in an afternoon, with a model behind it.

Everything comes from the environment: MODEL_URL, USERS (name=password,...).
"""

import json
import os

import chainlit
import httpx

COMPLETIONS = os.environ["MODEL_URL"] + "/v1/chat/completions"
USERS = dict(user.split("=", 1) for user in os.environ["USERS"].split(","))


@chainlit.password_auth_callback
def sign_in(username, password):
    return chainlit.User(identifier=username) if USERS.get(username) == password else None


@chainlit.on_chat_start
async def greet():
    chainlit.user_session.set("said", [])
    await chainlit.Message(content="Hello! What may I do for you?").send()


@chainlit.on_message
async def answer(message):
    said = chainlit.user_session.get("said")
    files = [f"{file.name}: {open(file.path, errors='replace').read()}" for file in message.elements]
    said.append({"role": "user", "content": "\n".join([message.content, *files])})
    reply = chainlit.Message(content="")
    async for token in tokens({"model": "practice-1", "stream": True, "messages": said}):
        await reply.stream_token(token)
    await reply.send()
    said.append({"role": "assistant", "content": reply.content})


async def tokens(body):
    async with httpx.AsyncClient(timeout=120) as client, client.stream("POST", COMPLETIONS, json=body) as reply:
        if reply.status_code != 200:
            raise RuntimeError(f"Error code: {reply.status_code}")
        async for line in reply.aiter_lines():
            if line == "data: [DONE]":
                return
            if line.startswith("data: "):
                choices = json.loads(line[6:])["choices"]
                yield (choices[0]["delta"].get("content") or "") if choices else ""
    raise RuntimeError("Connection error.")
