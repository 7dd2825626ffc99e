"""What transformers' CLIPTokenizer makes of texts, for tests/unit/engine/text/tokenizer_test.c.

    python3 tests/reference/tokenizer_goldens.py

Reads the vocabulary of two checkpoints of tests/golden/models (one pads with the end token, one with "!") and
writes tests/golden/tokenizer/{sd1,sd2}.json: a list of {"text", "ids"}, ids without start and end, and for some
texts "padded", as the pipelines call the tokenizer."""

import json
import os
import random

from transformers import CLIPTokenizer

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.join(HERE, "..", "golden")

WRITTEN = [
    "", " ", "\n\t ", "a", "a red fox in the snow", "A RED Fox,  in\tthe\nsnow!", "hello there!! how's it going?",
    "'s 't 're 've 'm 'll 'd 'S 'T 'RE 'x ''s '''", "don't we'll I'm they've", "café cafe\u0301 CAFÉ CAFE\u0301",
    "<|endoftext|>", "a<|endoftext|>b", "a <|startoftext|> b<|endoftext|><|endoftext|>", "<|EndOfText|>",
    "<|EndOfText|>!!", "<|STARTOFTEXT|>'s", "!<|EndOfText|>", "<|endoftext", "<|EndOf\u00a0Text|>", "x<|EndOfText|>>",
    "!", "!!!", "hi !there", "a!b!", "! !", "wow!<|endoftext|>!", "\u0130stanbul \u1e9e \u03a3\u0391\u03a3 \u01c5 \u212a \u212b \ufb01",
    "1234 \u00bd \u00b2 \u2167 \u0663 \u4e00 3.14", "\u4e2d\u6587 \u65e5\u672c\u8a9e \ud55c\uad6d\uc5b4 \u1112\u1161\u11ab \u1112\u1161 \uac00\u11a7 \uac00\u11a8",
    "\U0001f642 \U0001f469\u200d\U0001f680 \U0001f3f3\ufe0f\u200d\U0001f308 \U0001f1e9\U0001f1ea", "\x00a\x01b\x1f \x7f\x85c\x1c",
    "a\u00a0b\u2003c\u3000d\u200be\ufeff", "(a:1.2) [b|c] \\(d\\)", "_under_score_ --dash-- a/b\\c",
    "e\u0323\u0301 e\u0301\u0323 a\u0308\u0304 \u1e69 s\u0307\u0323", "\u0344 \u0958 \u2126 \ufb1d \U0001d160 \u0f73",
    "\u05d1\u05bc\u05b0 \u0e01\u0e33 \u0915\u094d\u0937 \u0627\u0644\u0639\u0631\u0628\u064a\u0629", "\u0301\u0302abc", "\uffff \U0010ffff \ue000",
    "the " * 100, "snow, " * 60, "a" * 300, "ab" * 200, "fox!" * 40,
]

# One of each row of the tables in engine/text/unicode.c and nfc.c, and its neighbours.
ROWS = """1C89-1C8A A7CB-A7CD A7CE A7D2 A7D4 A7DA-A7DC 105C0 105F3 10D4A 10D50 10D65 10D6F 10D85 10EC2 11380 11389
1138B 1138E 11390 113B5 113B7 113D1 113D3 11BC0 11BE0 13460 143FA 16100 1611D 16D40 16D6C 18CFF 1E5D0 1E5ED 1E5F0
2EBF0 2EE5D 10D40 10D49 116D0 116E3 11BF0 11BF9 16130 16139 16D70 16D79 1CCF0 1CCF9 1E5F1 1E5FA 16EA0 16EB8
7FD 898 89F 8CA 8D3 9FE C3C D3B-D3C EBA 1715 1ABF 1ACE 1DF6 1DFA A82C 10D24 10D27 10EAB 10EFD 10EFF 10F46 10F50
10F82 10F85 11070 1133B 1145E 11839 1183A 1193D 1193E 11943 119E0 11A34 11A47 11A99 11D42 11D44 11D97 11F41 16FF0
1E08F 1E130 1E136 1E2AE 1E2EC 1E4EC 1E4EF 11935 11930 11938""".split()


def of_the_tables():
    texts = []
    for row in ROWS:
        first, _, last = row.partition("-")
        for c in {int(first, 16), int(last or first, 16)}:
            texts += [f"a{chr(c)}b 1{chr(c)}", f"e{chr(c)}\u0323\u0301{chr(c)}\u0334"]
    return texts + ["\U00011935\U00011930 \U00011938\u0334"]


def at_random(n):
    rng = random.Random(20)
    ranges = [(32, 127), (32, 127), (0, 0x250), (0x300, 0x370), (0x370, 0x3000), (0x3000, 0xD800), (0xE000, 0x110000)]
    texts = []
    for _ in range(n):
        text = ""
        for _ in range(rng.randint(1, 12)):
            text += chr(rng.randrange(*rng.choice(ranges)))
        texts.append(text)
    return texts


def main():
    texts = WRITTEN + of_the_tables() + at_random(150)
    os.makedirs(os.path.join(GOLDEN, "tokenizer"), exist_ok=True)
    for model in ("sd1", "sd2"):
        tokenizer = CLIPTokenizer.from_pretrained(os.path.join(GOLDEN, "models", model, "tokenizer"))
        cases = []
        for text in texts:
            case = {"text": text, "ids": tokenizer(text, add_special_tokens=False)["input_ids"]}
            if text in WRITTEN[:12] + WRITTEN[-5:-2]:
                case["padded"] = tokenizer(text, padding="max_length", max_length=77, truncation=True)["input_ids"]
            cases.append(case)
        with open(os.path.join(GOLDEN, "tokenizer", model + ".json"), "w", encoding="ascii") as file:
            file.write("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")


if __name__ == "__main__":
    main()
