"""LangChain's classes for OpenAI."""

import unittest

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI, OpenAI, OpenAIEmbeddings
from server import key, model, person_schema, url, weather_tool

place = {"base_url": f"{url}/v1", "api_key": key, "model": model, "max_retries": 0, "timeout": 60}
chat = ChatOpenAI(**place, temperature=0, max_tokens=40)
question = "What is the capital of France?"


class Chat(unittest.TestCase):
    def test_gets_an_answer_in_one_piece(self):
        reply = chat.invoke(question)
        self.assertIn("Paris", reply.content)
        self.assertGreater(reply.usage_metadata["output_tokens"], 3)

    def test_gathers_a_stream(self):
        pieces = [piece.content for piece in chat.stream(question)]
        self.assertGreater(len(pieces), 3)
        self.assertEqual("".join(pieces), chat.invoke(question).content)

    def test_answers_a_batch(self):
        questions = [question, "Name a fruit."]
        self.assertEqual(
            [reply.content for reply in chat.batch(questions)], [chat.invoke(each).content for each in questions]
        )

    def test_calls_a_tool_and_takes_its_result(self):
        bound = ChatOpenAI(**place, temperature=0, max_tokens=60).bind_tools([weather_tool], tool_choice="get_weather")
        reply = bound.invoke(question)
        self.assertEqual(reply.tool_calls[0]["name"], "get_weather")
        self.assertIn(reply.tool_calls[0]["args"]["city"], ["Paris", "Rome"])
        self.assertIsInstance(reply, AIMessage)
        result = ToolMessage("Sunny", tool_call_id=reply.tool_calls[0]["id"])
        self.assertIsInstance(chat.invoke([HumanMessage(question), reply, result]).content, str)

    def test_follows_a_schema(self):
        schema = {"title": "person", **person_schema}
        writer = ChatOpenAI(**place, max_tokens=80).with_structured_output(schema, method="json_schema")
        self.assertEqual(set(writer.invoke("Invent a person.")), {"name", "age"})

    def test_completes_a_text(self):
        self.assertIn("6, 7", OpenAI(**place, temperature=0, max_tokens=6).invoke("1, 2, 3, 4, 5,"))

    def test_gets_vectors(self):
        # It sends token ids of another model's tokenizer unless told to leave texts alone.
        vectors = OpenAIEmbeddings(**{**place, "check_embedding_ctx_length": False}).embed_documents(["One", "Two"])
        self.assertEqual(len(vectors), 2)
        self.assertAlmostEqual(sum(value * value for value in vectors[0]), 1, places=4)
