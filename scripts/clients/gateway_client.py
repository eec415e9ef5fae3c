"""The official Python client against a gateway on the example configuration.

Usage: gateway_client.py MODE URL, or gateway_client.py MODE COMMAND ARGUMENT... (stdio). MODE is `legacy`, `auto` or a
modern protocol revision. Every check prints one JSON object on a line of its own: name, ok, detail.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable

import mcp_types as types
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

asked = {"elicitation": 0, "sampling": 0}


async def elicit(_context: object, _params: types.ElicitRequestParams) -> types.ElicitResult:
    asked["elicitation"] += 1
    return types.ElicitResult(action="accept", content={"name": "Ada"})


async def sample(_context: object, _params: types.CreateMessageRequestParams) -> types.CreateMessageResult:
    asked["sampling"] += 1
    content = types.TextContent(type="text", text="said the model")
    return types.CreateMessageResult(role="assistant", model="real-model", content=content)


def text_of(result: types.CallToolResult) -> str:
    return "\n".join(block.text for block in result.content if isinstance(block, types.TextContent))


def expect(condition: bool, seen: object) -> None:
    if not condition:
        raise AssertionError(f"got {seen!r}"[:500])


async def tools(client: Client) -> None:
    names = [tool.name for tool in (await client.list_tools()).tools]
    for name in ("everything__echo", "filesystem__read_text_file", "memory__create_entities"):
        expect(name in names, names)


async def call(client: Client) -> None:
    said = text_of(await client.call_tool("everything__echo", {"message": "grüße"}))
    expect(said == "Echo: grüße", said)


async def tool_error(client: Client) -> None:
    result = await client.call_tool("everything__get-sum", {"a": "one", "b": 2})
    expect(result.is_error is True, result)


async def resources(client: Client) -> None:
    uris = [str(resource.uri) for resource in (await client.list_resources()).resources]
    expect(any(uri.startswith("demo://resource/static/") for uri in uris), uris)
    contents = (await client.read_resource("demo://resource/dynamic/text/1")).contents
    expect("Resource 1" in getattr(contents[0], "text", ""), contents)


async def prompts(client: Client) -> None:
    names = [prompt.name for prompt in (await client.list_prompts()).prompts]
    expect("everything__args-prompt" in names, names)
    messages = (await client.get_prompt("everything__args-prompt", {"city": "Bergen"})).messages
    expect("Bergen" in getattr(messages[0].content, "text", ""), messages)


async def elicitation(client: Client) -> None:
    said = text_of(await client.call_tool("everything__trigger-elicitation-request", {}))
    expect("- Name: Ada" in said and asked["elicitation"] == 1, (said, asked))


async def sampling(client: Client) -> None:
    said = text_of(await client.call_tool("everything__trigger-sampling-request", {"prompt": "hello"}))
    expect("said the model" in said and asked["sampling"] == 1, (said, asked))


CHECKS: dict[str, Callable[[Client], Awaitable[None]]] = {
    "list tools": tools,
    "call a tool": call,
    "tool error": tool_error,
    "list and read resources": resources,
    "list and get prompts": prompts,
    "answer an elicitation": elicitation,
    "answer a sampling request": sampling,
}


async def main(mode: str, target: list[str]) -> None:
    server: object = target[0]
    if len(target) > 1:
        server = stdio_client(StdioServerParameters(command=target[0], args=target[1:]))
    options = {"elicitation_callback": elicit, "sampling_callback": sample, "read_timeout_seconds": 60}
    async with Client(server, mode=mode, **options) as client:
        modern = client.protocol_version >= "2026"
        report("connect", modern is (mode != "legacy"), client.protocol_version)
        for name, check in CHECKS.items():
            try:
                await check(client)
                report(name, True, "")
            except Exception as error:
                report(name, False, f"{type(error).__name__}: {error}")


def report(name: str, ok: bool, detail: str) -> None:
    print(json.dumps({"name": name, "ok": ok, "detail": detail}), flush=True)


asyncio.run(main(sys.argv[1], sys.argv[2:]))
