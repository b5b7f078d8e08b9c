"""Makes tokenizers.json: texts and the token ids that tokenizers which are not ours make of them.

- byteLevel: a small byte-level BPE, trained here by the Rust `tokenizers` library on text-en.txt and the texts below, and
  the ids that the same library gives with each pre-tokenizer that a GGUF file can name. The expressions are those of the
  published tokenizer.json files of GPT-2, SmolLM2, Llama 3, Qwen 2, Mistral Nemo and GPT-4o (o200k).
- sentencepiece: a small BPE with byte fallback, trained here by Google's sentencepiece on the same, and its ids.
- smollm2: ids by the Rust library with the vocabulary and merges of the default model's GGUF file, which is not stored.

Lone surrogates stand in the texts as such; the libraries were given U+FFFD in their place.

Run: python make-tokenizers.py path/to/SmolLM2-135M-Instruct.Q4_1.gguf
Made with tokenizers 0.23.3, sentencepiece 0.2.3, gguf 0.19.0.
"""

import io
import json
import pathlib
import random
import re
import sys

import sentencepiece
from gguf import GGUFReader
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

here = pathlib.Path(__file__).parent
english = (here / "text-en.txt").read_text("utf-8")

texts = [
    "", " ", "  ", "   a", "a ", "a  b", "a   b    c", "\n", "\n\n", " \n ", "\r\n", "a\r\nb\r\n\r\nc", "\t", "\t\tindented",
    "line one\nline two\n\n\nline five   \n   ", "trailing spaces    ", "    leading spaces", "a\u00a0b", "a\u3000b", "a\u2003\u2003b",
    "zero\u200bwidth", "\ufeffbom in front", "in the \ufeff middle", "next\u0085line", "vertical\u000btab\u000cfeed", "nul\u0000inside",
    "\u0001\u0002\u001b[31mred\u001b[0m", "\u007f\u0080\u009f", "Hello", "Hello world", "Hello, world!", " Hello", "HELLO WORLD",
    "helloWorld HelloWorld hello_world hello-world", "It's I'm you're we've he'll she'd don't", "IT'S I'M YOU'RE WE'VE HE'LL SHE'D DON'T",
    "it\u2019s \u201cquoted\u201d \u2018text\u2019", "'s't're've'm'll'd", "'S'T'RE'VE'M'LL'D", "rock 'n' roll's", "''''", "\u017fharp'\u017f",
    "1", "12", "123", "1234", "1234567890", "3.14159", "1,000,000", "-273.15 \u00b0C", "1e-9", "0x1F600", "007", "2026-11-21T10:09:48Z",
    "a1b2c3", "v1.2.3-rc.4", "\u00bd \u00be \u2460 \u2167 \u0663\u0664\u0665 \u0967\u0968\u0969 \uff11\uff12\uff13", "x\u00b2 + y\u00b3", "10\u2070",
    "$100 \u20ac200 \u00a3300 \u00a5400", "50% off!!!", "???!!!...", "a.b,c;d:e", "(parens) [brackets] {braces} <angles>", "a+b=c*d/e-f^g|h&i~j`k\\l",
    "https://example.org/path?query=1&other=two#fragment", "someone@example.org", "C:\\Users\\name\\file.txt", "/usr/local/bin:/usr/bin",
    "#include <stdio.h>\nint main(void) {\n\treturn 0;\n}\n", "def f(x):\n    if x > 0:\n        return x\n    return -x\n",
    "const f = async (x) => { await g(`${x}`); };", "SELECT * FROM t WHERE a = 'b' AND c <> 3;", '{"key": [1, 2.5, null, true], "s": "\\u00e9"}',
    "<html><body class=\"x\">&amp;</body></html>", "for (let i = 0; i < 10; i++) {}", "if (a && b || !c) ? d : e", "x = y // comment\n\n\n# another",
    "--flag=value -x", "a/b/c\n/d/e\n", "!!!\n\n\n???", "...\r\n\r\n...", "end.   \n\n  Next", "=== heading ===\n", "| a | b |\n|---|---|\n",
    "caf\u00e9 na\u00efve r\u00e9sum\u00e9 \u0153uvre", "cafe\u0301 e\u0301e\u0300 n\u0303", "\u00c5ngstr\u00f6m \u00d8rsted \u0141\u00f3d\u017a", "stra\u00dfe STRASSE \u1e9e",
    "\u01c5 \u01c8 \u01cb titlecase", "\u00aa \u00ba \u02b0 modifiers", "El ni\u00f1o comi\u00f3 pi\u00f1a", "\u00bfQu\u00e9? \u00a1S\u00ed!", "Vi\u1ec7t Nam \u0111\u1ea5t n\u01b0\u1edbc",
    "\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440!", "\u0393\u03b5\u03b9\u03ac \u03c3\u03bf\u03c5 \u039a\u03cc\u03c3\u03bc\u03b5", "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd", "\u0645\u0631\u062d\u0628\u0627 \u0628\u0627\u0644\u0639\u0627\u0644\u0645", "\u0646\u064e\u0635\u0651\u064c",
    "\u0928\u092e\u0938\u094d\u0924\u0947 \u0926\u0941\u0928\u093f\u092f\u093e", "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35\u0e0a\u0e32\u0e27\u0e42\u0e25\u0e01", "\u4f60\u597d\uff0c\u4e16\u754c\uff01", "\u4eca\u5929\u662f2026\u5e7411\u670821\u65e5\u3002", "\u3053\u3093\u306b\u3061\u306f\u4e16\u754c", "\u30ab\u30bf\u30ab\u30ca\u30fc\u30d7", "\uc548\ub155\ud558\uc138\uc694 \uc138\uacc4",
    "\U00020000\U00020001 rare ideographs", "\ud55c\uad6d\uc5b4 English \u6df7\u5408 mixed \u0442\u0435\u043a\u0441\u0442", "\U0001f600", "\U0001f600\U0001f601\U0001f602", "hi \U0001f44b\U0001f3fd there",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 family", "\U0001f3f3\ufe0f\u200d\U0001f308 flag", "\U0001f1eb\U0001f1f7\U0001f1e9\U0001f1ea", "1\ufe0f\u20e3 2\ufe0f\u20e3", "\u2764\ufe0f \u2665 \u2603", "\u2190\u2191\u2192\u2193 \u2200x\u2208A \u222b\u221e",
    "\U0001d49c\U0001d4b7 math \U0001d7d8\U0001d7d9", "\U0001f9d1\u200d\U0001f4bb codes", "e\u0301\u0302\u0303\u0304 stack", "\u0301 lone mark", "a\u200d\u200db", "\u202eright to left\u202c", "\u2028line sep\u2029para sep",
    "\ud800", "lone \ud83d high", "lone \ude00 low", "\ude00\ud83d swapped", "\ud83d\ud83d\ude00", "\ufffd replaced \ufffe \uffff", "\U0010ffff last", "\ue000 private \U000f0000",
    "<|im_start|>user\nhi<|im_end|>\n", "<|endoftext|>", "<|endoftext|><|endoftext|>", "a<|im_end|>b", " <|im_end|> ", "<|im_end", "im_end|>", "<|IM_END|>", "<|im_start|", "<<|im_end|>>",
    "<think>why</think>", "a <think> b", "x<think><|im_end|>y", "<s> </s> <unk>", "<0x41> <0x0A>", "\u2581under\u2581score \u2581", "\u0120G dot \u010a", "\u00ad soft\u00adhyphen",
    "a" * 300, "ab" * 150, " " * 200, "\n" * 100, "0" * 100, "!" * 120, "\u00e9" * 80, "\u4e16" * 60, "\U0001f600" * 40, "na" * 50 + " batman", "-" * 90 + "\n" + "=" * 90,
    "The quick brown fox jumps over the lazy dog.", "Pack my box with five dozen liquor jugs!", "A man, a plan, a canal: Panama.",
    "the the the the", "The THE tHe", "antidisestablishmentarianism", "pneumonoultramicroscopicsilicovolcanoconiosis", "supercalifragilistic", "xqzjkvbw", "lock keeper", "locks", "Sluices",
    *english.split("\n\n")[:3],
]

# Random ones, of fragments that pre-tokenizers treat differently.
draw = random.Random(7)
fragments = ["a", "B", "word", "Word", "\u00e9", "\u4e16", "\U0001f600", "1", "23", "456", " ", "  ", "\n", "\r\n", "\t", ".", "!", "'s", "'LL", "/", "-", "_", "\u0301", "\u00bd", "\u3000", "\u0085", "\ufeff", "\u01c5", "\u02b0", "<|im_end|>", "<think>"]
texts += ["".join(draw.choice(fragments) for _ in range(draw.randint(3, 24))) for _ in range(60)]


def sound(text):
    """The text as any UTF-8 library can take it: paired surrogates joined, lone ones replaced."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


sound_texts = [sound(text) for text in texts]

gpt2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
llama3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
qwen2 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
tekken = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
gpt4o = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def split(pattern):
    return [pre_tokenizers.Split(Regex(pattern), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]


byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
variants = {
    "gpt-2": ([byte_level], False),
    "smollm": ([pre_tokenizers.Digits(individual_digits=True), byte_level], False),
    "llama-bpe": (split(llama3), True),
    "qwen2": (split(qwen2), False),
    "tekken": (split(tekken), True),
    "gpt-4o": (split(gpt4o), False),
}


def build(vocabulary, merges, pre, special, added):
    steps, ignore_merges = variants[pre]
    tokenizer = Tokenizer(models.BPE(vocabulary, [tuple(merge) for merge in merges], ignore_merges=ignore_merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps)
    tokenizer.add_special_tokens(special)
    tokenizer.add_tokens([AddedToken(token, normalized=False) for token in added])
    return tokenizer


def ids_of(tokenizer):
    return [encoding.ids for encoding in tokenizer.encode_batch(sound_texts, add_special_tokens=False)]


# A small byte-level BPE. Trained on words cut at spaces only, so that its merges reach across what pre-tokenizers cut.
special, added = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], ["<think>"]
training_texts = [english, *(text for text in sound_texts if "<" not in text)]
trained = Tokenizer(models.BPE())
trained.pre_tokenizer = pre_tokenizers.Sequence(
    [pre_tokenizers.Split(Regex(r"\S* ?\S{1,12}|\s+"), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
)
trained.train_from_iterator(
    training_texts,
    trainers.BpeTrainer(vocab_size=900, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=special + added, show_progress=False),
)
state = json.loads(trained.to_str())["model"]
vocabulary, merges = state["vocab"], [tuple(m) if isinstance(m, list) else tuple(m.split(" ")) for m in state["merges"]]
tokens = sorted(vocabulary, key=vocabulary.get)

# A small SentencePiece BPE. Shipped as pieces, scores and GGUF's numbers of the kinds.
model = io.BytesIO()
sentencepiece.SentencePieceTrainer.train(
    sentence_iterator=iter([line for text in training_texts for line in re.split(r"[\n\x00]", text) if line]),
    model_writer=model, model_type="bpe", vocab_size=900, byte_fallback=True, character_coverage=0.98,
    normalization_rule_name="identity", remove_extra_whitespaces=False, split_digits=True, minloglevel=2,
)
pieces = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())


def kind_of(id):
    if pieces.is_unknown(id):
        return 2
    if pieces.is_control(id):
        return 3
    return 6 if pieces.is_byte(id) else 1


fields = GGUFReader(sys.argv[1]).fields
real_tokens = fields["tokenizer.ggml.tokens"].contents()
real_kinds = fields["tokenizer.ggml.token_type"].contents()
real_merges = [merge.split(" ", 1) for merge in fields["tokenizer.ggml.merges"].contents()]
real = build(
    {token: id for id, token in enumerate(real_tokens)}, real_merges, "smollm",
    [token for token, kind in zip(real_tokens, real_kinds) if kind == 3], [],
)

golden = {
    "madeBy": "test/golden/make-tokenizers.py",
    "texts": texts,
    "byteLevel": {
        "tokens": tokens,
        "kinds": [3 if token in special else 4 if token in added else 1 for token in tokens],
        "merges": [" ".join(merge) for merge in merges],
        "ids": {pre: ids_of(build(vocabulary, merges, pre, special, added)) for pre in variants},
        "plainIds": ids_of(build({t: i for t, i in vocabulary.items() if t not in special}, merges, "smollm", [], added)),
    },
    "sentencepiece": {
        "tokens": [pieces.id_to_piece(id) for id in range(len(pieces))],
        "scores": [round(pieces.get_score(id), 6) for id in range(len(pieces))],
        "kinds": [kind_of(id) for id in range(len(pieces))],
        "ids": [pieces.encode(text) for text in sound_texts],
    },
    "smollm2": {"ids": ids_of(real)},
}
path = here / "tokenizers.json"
path.write_text(json.dumps(golden, separators=(",", ":"), indent=0).replace(",\n", ",").replace("[\n", "[").replace("\n]", "]") + "\n", "utf-8")
print(len(texts), "texts,", path.stat().st_size, "bytes,", len(tokens), "and", len(pieces), "tokens")
