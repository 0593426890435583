"""An MCP server with one tool, `keep`, which writes a text into the file that the first argument names."""

import json
import sys

TEXT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
KEEP = {"name": "keep", "description": "Keeps a note.", "inputSchema": TEXT}


def answer(method, params):
    if method == "initialize":
        version = params["protocolVersion"]
        return {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": {"name": "notes", "version": "1"}}
    if method == "tools/list":
        return {"tools": [KEEP]}
    if method == "tools/call":
        with open(sys.argv[1], "w", encoding="utf-8") as file:
            file.write(params["arguments"]["text"])
        return {"content": [{"type": "text", "text": "kept"}]}
    return {}


for line in sys.stdin:
    asked = json.loads(line)
    if "id" in asked:
        result = answer(asked["method"], asked.get("params", {}))
        print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}), flush=True)
