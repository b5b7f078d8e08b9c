"""LiteLLM as a client of an OpenAI-compatible server."""

import json
import unittest

import litellm
from server import capital, key, model, person_schema, url, weather_tool

litellm.suppress_debug_info = True
place = {"model": f"openai/{model}", "api_base": f"{url}/v1", "api_key": key, "max_retries": 0, "timeout": 60}


class Chat(unittest.TestCase):
    def test_gets_an_answer_in_one_piece(self):
        reply = litellm.completion(**place, messages=capital, temperature=0, max_tokens=40)
        self.assertIn("Paris", reply.choices[0].message.content)
        self.assertEqual(reply.choices[0].finish_reason, "stop")

    def test_gathers_a_stream(self):
        chunks = list(litellm.completion(**place, messages=capital, temperature=0, max_tokens=40, stream=True))
        whole = litellm.completion(**place, messages=capital, temperature=0, max_tokens=40)
        built = litellm.stream_chunk_builder(chunks)
        self.assertEqual(built.choices[0].message.content, whole.choices[0].message.content)

    def test_completes_a_text(self):
        reply = litellm.text_completion(
            **{**place, "model": f"text-completion-openai/{model}"}, prompt="1, 2, 3, 4, 5,", temperature=0, max_tokens=6
        )
        self.assertIn("6, 7", reply.choices[0].text)

    def test_calls_a_tool(self):
        reply = litellm.completion(
            **place, messages=capital, tools=[weather_tool], tool_choice="required", temperature=0, max_tokens=60
        )
        function = reply.choices[0].message.tool_calls[0].function
        self.assertEqual(function.name, "get_weather")
        self.assertIn(json.loads(function.arguments)["city"], ["Paris", "Rome"])

    def test_follows_a_schema(self):
        form = {"type": "json_schema", "json_schema": {"name": "person", "strict": True, "schema": person_schema}}
        reply = litellm.completion(**place, messages=capital, response_format=form, max_tokens=80)
        self.assertEqual(set(json.loads(reply.choices[0].message.content)), {"name", "age"})

    def test_gets_vectors(self):
        reply = litellm.embedding(**place, input=["One", "Two"])
        self.assertEqual(len(reply.data), 2)
        self.assertAlmostEqual(sum(value * value for value in reply.data[0]["embedding"]), 1, places=4)


class Errors(unittest.TestCase):
    def test_are_of_its_classes(self):
        with self.assertRaises(litellm.BadRequestError):
            litellm.completion(**place, messages=capital, temperature=-1)
        with self.assertRaises(litellm.AuthenticationError):
            litellm.completion(**{**place, "api_key": "sk-wrong"}, messages=capital)
        with self.assertRaises(litellm.NotFoundError):
            litellm.completion(**{**place, "model": "openai/gpt-9"}, messages=capital)

    def test_says_that_a_prompt_is_too_long(self):
        with self.assertRaises(litellm.ContextWindowExceededError):
            litellm.completion(**place, messages=[{"role": "user", "content": "many words " * 2000}])
