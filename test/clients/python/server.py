"""The server that the tests talk to, from the environment."""

import os

url = os.environ["SLUICE_URL"]
model = os.environ["SLUICE_MODEL"]
key = os.environ["SLUICE_KEY"]
rare_key = os.environ["SLUICE_RARE_KEY"]

capital = [{"role": "user", "content": "What is the capital of France?"}]
weather_tool = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "enum": ["Paris", "Rome"]}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}
person_schema = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 20}, "age": {"type": "integer", "minimum": 0, "maximum": 99}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
