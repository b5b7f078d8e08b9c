"""Makes smollm2-135m.json: what an implementation that is not ours makes of the default model's weights.

How: transformers and torch on the CPU in 32-bit floating point, on the GGUF file dequantised by transformers' own reader
(AutoModelForCausalLM.from_pretrained(..., gguf_file=...)); prompts are tokenized by the Rust `tokenizers` library from the
file's vocabulary and merges, chat prompts rendered by jinja2 from the file's template. Greedy decoding, 32 tokens a prompt,
end tokens ignored; log-probabilities are of the model's own distribution, natural logarithm.

Run: python make-smollm2.py path/to/SmolLM2-135M-Instruct.Q4_1.gguf
Needs: torch, transformers, accelerate, gguf, tokenizers, jinja2 (the versions used are recorded in the output). About 2 minutes.
"""

import hashlib
import json
import pathlib
import sys

import jinja2
import tokenizers
import torch
import transformers
from gguf import GGUFReader

here = pathlib.Path(__file__).parent
path = pathlib.Path(sys.argv[1])
generated_tokens = 32
torch.set_num_threads(2)
torch.manual_seed(0)

fields = GGUFReader(path).fields
tokens = fields["tokenizer.ggml.tokens"].contents()
kinds = fields["tokenizer.ggml.token_type"].contents()
merges = [tuple(merge.split(" ", 1)) for merge in fields["tokenizer.ggml.merges"].contents()]
template = fields["tokenizer.chat_template"].contents()

tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE({token: id for id, token in enumerate(tokens)}, merges))
tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Sequence(
    [
        tokenizers.pre_tokenizers.Digits(individual_digits=True),
        tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
    ]
)
tokenizer.decoder = tokenizers.decoders.ByteLevel()
tokenizer.add_special_tokens([token for token, kind in zip(tokens, kinds) if kind == 3])

model = transformers.AutoModelForCausalLM.from_pretrained(
    path.parent, gguf_file=path.name, dtype=torch.float32, attn_implementation="eager"
).eval()


def chat(*turns):
    messages = [{"role": role, "content": content} for role, content in turns]
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True)
    return {"messages": messages, "text": environment.from_string(template).render(messages=messages, add_generation_prompt=True)}


def user(text):
    return chat(("user", text))


long_text = (here / "text-en.txt").read_text("utf-8").split("\n\n")

prompts = [
    user("What is the capital of France?"),
    user("Write one sentence about the sea."),
    user("What is 12 + 30?"),
    user("Name three colours and three fruits."),
    user("Translate 'good morning' into Spanish and German."),
    user("Explain in one paragraph why the sky is blue."),
    user("Write a Python function that returns the larger of two numbers."),
    chat(("system", "You answer in one word."), ("user", "Is water wet?")),
    chat(("user", "My name is Ada."), ("assistant", "Nice to meet you, Ada."), ("user", "What is my name?")),
    user("Summarise this text in one sentence.\n\n" + long_text[1]),
    {"text": "The capital of France is"},
    {"text": "Once upon a time, in a village by a canal,"},
    {"text": "def fibonacci(n):\n    "},
    {"text": "import { createServer } from 'node:http';\n\nconst server = createServer((request, response) => {\n"},
    {"text": "SELECT name, COUNT(*) FROM orders WHERE"},
    {"text": "1, 1, 2, 3, 5, 8, 13,"},
    {"text": "3.14159265358979"},
    {"text": "La capitale de la France est"},
    {"text": "Die Schleuse wird geöffnet, wenn"},
    {"text": "El río corre hacia el mar y"},
    {"text": "今天天气很好，我们"},
    {"text": "The"},
    {"text": "<|endoftext|>"},
    {"text": "\n\n"},
    {"text": "🙂🙃🙂🙃"},
    {"text": long_text[3] + "\n\n" + long_text[4].split(". ")[0]},
]


@torch.no_grad()
def greedy(ids):
    cache, feed, steps, out = None, ids, [], []
    for _ in range(generated_tokens):
        result = model(input_ids=torch.tensor([feed]), past_key_values=cache, use_cache=True)
        cache = result.past_key_values
        logprobs = torch.log_softmax(result.logits[0, -1].double(), dim=-1)
        top = torch.topk(logprobs, 5)
        steps.append([[id, round(value, 5)] for id, value in zip(top.indices.tolist(), top.values.tolist())])
        out.append(top.indices[0].item())
        feed = [out[-1]]
    return out, steps


@torch.no_grad()
def token_logprobs(ids):
    logits = model(input_ids=torch.tensor([ids])).logits[0].double()
    logprobs = torch.log_softmax(logits[:-1], dim=-1)
    return logprobs.gather(1, torch.tensor(ids[1:]).unsqueeze(1)).squeeze(1).tolist()


cases = []
for prompt in prompts:
    ids = tokenizer.encode(prompt["text"]).ids
    out, steps = greedy(ids)
    cases.append({**prompt, "promptIds": ids, "generatedIds": out, "generatedText": tokenizer.decode(out), "top": steps})
    print(len(ids), repr(prompt["text"][-40:]), "->", repr(cases[-1]["generatedText"]), flush=True)

text = (here / "text-en.txt").read_text("utf-8")
ids = tokenizer.encode(text).ids
logprobs = token_logprobs(ids)
mean = -sum(logprobs) / len(logprobs)
print(len(ids), "tokens, perplexity", torch.tensor(mean).exp().item())

golden = {
    "madeBy": "test/golden/make-smollm2.py",
    "versions": {m.__name__: m.__version__ for m in (torch, transformers, tokenizers)},
    "model": path.name,
    "modelSha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    "arithmetic": "float32",
    "perplexity": {
        "file": "text-en.txt",
        "ids": ids,
        "logprobSum": round(sum(logprobs), 4),
        "meanNegativeLogLikelihood": round(mean, 6),
        "logprobs": [round(value, 4) for value in logprobs],
    },
    "prompts": cases,
}


def lines(value, indent=""):
    """JSON with one line for each prompt's member, so that a change shows as lines."""
    if isinstance(value, dict) and ("prompts" in value or "top" in value or "ids" in value):
        inner = ",\n".join(f"{indent}  {json.dumps(key)}: {lines(item, indent + '  ')}" for key, item in value.items())
        return f"{{\n{inner}\n{indent}}}"
    if isinstance(value, list) and value and isinstance(value[0], dict) and "top" in value[0]:
        return "[\n" + ",\n".join(f"{indent}  {lines(item, indent + '  ')}" for item in value) + f"\n{indent}]"
    return json.dumps(value, ensure_ascii=False)


(here / "smollm2-135m.json").write_text(lines(golden) + "\n", "utf-8")
