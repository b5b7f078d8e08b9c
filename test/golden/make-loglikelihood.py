"""Makes loglikelihood.json: how likely another implementation finds the choices of 100 questions, as evaluation harnesses ask.

Each item is a context and four ways to go on; a harness takes the likeliest as the model's answer. How: as make-smollm2.py,
transformers and torch on the CPU in 32-bit floating point on the default model's weights. Context and continuation are
tokenized as one text, and the tokens behind those of the context alone are scored, as lm-evaluation-harness does.

Run: python make-loglikelihood.py path/to/SmolLM2-135M-Instruct.Q4_1.gguf
Needs: torch, transformers, accelerate, gguf, tokenizers (the versions used are recorded in the output). About 1 minute.
"""

import hashlib
import json
import pathlib
import sys

import tokenizers
import torch
import transformers
from gguf import GGUFReader

path = pathlib.Path(sys.argv[1])
torch.set_num_threads(2)

fields = GGUFReader(path).fields
tokens = fields["tokenizer.ggml.tokens"].contents()
kinds = fields["tokenizer.ggml.token_type"].contents()
merges = [tuple(merge.split(" ", 1)) for merge in fields["tokenizer.ggml.merges"].contents()]
tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE({token: id for id, token in enumerate(tokens)}, merges))
tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Sequence(
    [
        tokenizers.pre_tokenizers.Digits(individual_digits=True),
        tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
    ]
)
tokenizer.add_special_tokens([token for token, kind in zip(tokens, kinds) if kind == 3])
model = transformers.AutoModelForCausalLM.from_pretrained(
    path.parent, gguf_file=path.name, dtype=torch.float32, attn_implementation="eager"
).eval()

# Twenty pairs each; the wrong choices are the right ones of the three pairs behind.
families = [
    (
        "The capital of {} is",
        "France:Paris Germany:Berlin Italy:Rome Spain:Madrid Japan:Tokyo China:Beijing Russia:Moscow Egypt:Cairo "
        "Greece:Athens Portugal:Lisbon Austria:Vienna Norway:Oslo Sweden:Stockholm Denmark:Copenhagen Poland:Warsaw "
        "Turkey:Ankara Canada:Ottawa Peru:Lima Cuba:Havana Kenya:Nairobi",
    ),
    (
        "The opposite of “{}” is",
        "hot:cold big:small happy:sad fast:slow old:young light:dark rich:poor strong:weak early:late open:closed "
        "full:empty hard:soft clean:dirty loud:quiet high:low near:far wet:dry thick:thin first:last brave:afraid",
    ),
    (
        "Question: What does a {} do for a living?\nAnswer: A person who does that",
        "baker:bakes_bread farmer:grows_crops teacher:teaches_students doctor:treats_patients pilot:flies_planes "
        "painter:paints_pictures writer:writes_books singer:sings_songs judge:decides_cases sailor:sails_ships "
        "miner:digs_coal hunter:hunts_animals butcher:cuts_meat tailor:sews_clothes nurse:cares_for_the_sick "
        "carpenter:works_with_wood cook:prepares_meals driver:drives_a_car barber:cuts_hair soldier:fights_in_wars",
    ),
    (
        "Complete the series: {},",
        "one,_two,_three:four Monday,_Tuesday,_Wednesday:Thursday January,_February,_March:April a,_b,_c,_d:e 2,_4,_6:8 "
        "spring,_summer,_autumn:winter north,_south,_east:west 10,_20,_30:40 first,_second,_third:fourth 5,_10,_15:20 "
        "red,_orange,_yellow:green morning,_noon,_afternoon:evening 1,_3,_5,_7:9 A,_B,_C:D 100,_200,_300:400 "
        "second,_minute,_hour:day x,_y:z I,_II,_III:IV 9,_8,_7:6 baby,_child,_teenager:adult",
    ),
    (
        "In one word, the colour of {} is",
        "grass:green snow:white coal:black blood:red the_sky:blue a_lemon:yellow chocolate:brown an_orange:orange "
        "an_elephant:grey a_flamingo:pink milk:white a_raven:black a_ripe_tomato:red the_sea:blue a_banana:yellow "
        "wood:brown a_carrot:orange ash:grey an_emerald:green lavender:purple",
    ),
]


def read(text):
    return [tuple(part.replace("_", " ") for part in pair.split(":")) for pair in text.split(" ")]


@torch.no_grad()
def score(context, continuation):
    start = len(tokenizer.encode(context).ids)
    ids = tokenizer.encode(context + continuation).ids
    logprobs = torch.log_softmax(model(input_ids=torch.tensor([ids])).logits[0].double(), dim=-1)
    own = [logprobs[at - 1, ids[at]].item() for at in range(start, len(ids))]
    is_greedy = all(logprobs[at - 1].argmax().item() == ids[at] for at in range(start, len(ids)))
    return {"ids": ids, "contextTokens": start, "logprob": round(sum(own), 4), "isGreedy": is_greedy}


items = []
for template, text in families:
    pairs = read(text)
    assert len(pairs) == 20
    answers = list(dict.fromkeys(answer for _, answer in pairs))
    for question, answer in pairs:
        at = answers.index(answer)
        choices = [answers[(at + step) % len(answers)] for step in range(4)]
        context = template.format(question)
        items.append({"context": context, "choices": [score(context, " " + choice) for choice in choices]})

right = sum(item["choices"][0]["logprob"] == max(choice["logprob"] for choice in item["choices"]) for item in items)
print(len(items), "items, of which the first choice is likeliest in", right)

head = {
    "madeBy": "test/golden/make-loglikelihood.py",
    "versions": {m.__name__: m.__version__ for m in (torch, transformers, tokenizers)},
    "model": path.name,
    "modelSha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    "arithmetic": "float32",
}
lines = ",\n".join("    " + json.dumps(item, ensure_ascii=False) for item in items)
body = json.dumps(head, indent=2).removesuffix("\n}")
(pathlib.Path(__file__).parent / "loglikelihood.json").write_text(f'{body},\n  "items": [\n{lines}\n  ]\n}}\n', "utf-8")
