"""The official client for Python, blocking and not."""

import json
import unittest

import openai
import pydantic
from server import capital, key, model, rare_key, url, weather_tool

client = openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=60)


class Chat(unittest.TestCase):
    def test_gets_an_answer_in_one_piece(self):
        reply = client.chat.completions.create(model=model, messages=capital, temperature=0, max_tokens=40)
        self.assertIn("Paris", reply.choices[0].message.content)
        self.assertEqual(reply.choices[0].finish_reason, "stop")
        self.assertEqual(reply.usage.total_tokens, reply.usage.prompt_tokens + reply.usage.completion_tokens)

    def test_gets_the_same_answer_as_a_stream(self):
        request = {"model": model, "messages": capital, "temperature": 0, "max_tokens": 40}
        whole = client.chat.completions.create(**request)
        text, usage = "", None
        for chunk in client.chat.completions.create(**request, stream=True, stream_options={"include_usage": True}):
            text += chunk.choices[0].delta.content or "" if chunk.choices else ""
            usage = chunk.usage or usage
        self.assertEqual(text, whole.choices[0].message.content)
        self.assertEqual(usage.completion_tokens, whole.usage.completion_tokens)

    def test_gathers_a_stream_with_the_helper(self):
        with client.chat.completions.stream(model=model, messages=capital, temperature=0, max_tokens=40) as stream:
            kinds = {event.type for event in stream}
            final = stream.get_final_completion()
        self.assertIn("content.delta", kinds)
        self.assertIn("Paris", final.choices[0].message.content)

    def test_gets_log_probabilities(self):
        reply = client.chat.completions.create(
            model=model, messages=capital, temperature=0, max_tokens=4, logprobs=True, top_logprobs=3
        )
        tokens = reply.choices[0].logprobs.content
        self.assertEqual(len(tokens), 4)
        for token in tokens:
            self.assertEqual(len(token.top_logprobs), 3)
            self.assertEqual(token.top_logprobs[0].token, token.token)
            self.assertEqual(token.top_logprobs[0].logprob, token.logprob)

    def test_completes_a_prompt(self):
        reply = client.completions.create(model=model, prompt="1, 2, 3, 4, 5, 6, 7,", temperature=0, max_tokens=8)
        self.assertIn("8, 9", reply.choices[0].text)

    def test_lists_models(self):
        self.assertEqual([each.id for each in client.models.list()], [model])
        self.assertEqual(client.models.retrieve(model).id, model)


class Errors(unittest.TestCase):
    def create(self, through=client, **fields):
        return through.chat.completions.create(**{"model": model, "messages": capital, "max_tokens": 1, **fields})

    def test_names_the_field_of_a_bad_request(self):
        with self.assertRaises(openai.BadRequestError) as raised:
            self.create(temperature=-1)
        self.assertEqual((raised.exception.param, raised.exception.code), ("temperature", "invalid_request"))

    def test_says_which_field_is_too_much(self):
        with self.assertRaises(openai.BadRequestError) as raised:
            self.create(extra_body={"no_such_field": 1})
        self.assertEqual(raised.exception.param, "no_such_field")

    def test_does_not_know_another_model(self):
        with self.assertRaises(openai.NotFoundError) as raised:
            self.create(model="gpt-9")
        self.assertEqual(raised.exception.code, "model_not_found")

    def test_wants_a_key(self):
        with self.assertRaises(openai.AuthenticationError):
            self.create(client.with_options(api_key="sk-wrong"))

    def test_limits_requests(self):
        rare = client.with_options(api_key=rare_key)
        with self.assertRaises(openai.RateLimitError) as raised:
            for _ in range(3):
                self.create(rare)
        self.assertGreaterEqual(int(raised.exception.response.headers["retry-after"]), 1)

    def test_says_that_a_prompt_is_too_long(self):
        with self.assertRaises(openai.BadRequestError) as raised:
            self.create(messages=[{"role": "user", "content": "many words " * 2000}])
        self.assertEqual(raised.exception.code, "context_length_exceeded")


class NotBlocking(unittest.IsolatedAsyncioTestCase):
    async def test_streams_and_leaves_early(self):
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=60) as asking:
            stream = await asking.completions.create(
                model=model, prompt="Once", max_tokens=900, stream=True, extra_body={"ignore_eos": True}
            )
            pieces = 0
            async for _ in stream:
                pieces += 1
                if pieces == 5:
                    await stream.close()
                    break
        self.assertEqual(pieces, 5)


class Features(unittest.TestCase):
    def test_gets_several_answers(self):
        reply = client.chat.completions.create(model=model, messages=capital, max_tokens=4, n=3, seed=1)
        self.assertEqual([choice.index for choice in reply.choices], [0, 1, 2])

    def test_calls_a_named_tool(self):
        reply = client.chat.completions.create(
            model=model,
            messages=capital,
            tools=[weather_tool],
            tool_choice={"type": "function", "function": {"name": "get_weather"}},
            max_tokens=60,
        )
        call = reply.choices[0].message.tool_calls[0]
        self.assertIn(json.loads(call.function.arguments)["city"], ["Paris", "Rome"])

    def test_parses_what_a_schema_forces(self):
        class Person(pydantic.BaseModel):
            name: str = pydantic.Field(max_length=20)
            age: int = pydantic.Field(ge=0, le=99)

        reply = client.chat.completions.parse(model=model, messages=capital, response_format=Person, max_tokens=80)
        self.assertIsInstance(reply.choices[0].message.parsed, Person)

    def test_gets_vectors(self):
        reply = client.embeddings.create(model=model, input=["One", "Two"])
        self.assertAlmostEqual(sum(value * value for value in reply.data[1].embedding), 1, places=4)

    def test_goes_on_behind_a_response(self):
        first = client.responses.create(model=model, input="What is the capital of France?", temperature=0)
        self.assertIn("Paris", first.output_text)
        second = client.responses.create(
            model=model, input="And of Italy?", previous_response_id=first.id, max_output_tokens=20
        )
        self.assertGreater(second.usage.input_tokens, first.usage.input_tokens)
