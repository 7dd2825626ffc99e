"""A small CLIP vocabulary: the 256 byte symbols, the same at a word's end, a few hundred merges learnt from
the sentences below, and the two special tokens. Real files of the real format, 30 kB instead of 1.4 MB."""

import collections
import json
import os

SENTENCES = """
a red fox in the snow under a pale moon
an oil painting of the old harbour in the evening light
a castle on a hill above the clouds at sunrise
portrait of a woman with green eyes and a silver crown
the astronaut rides a white horse across the desert
a bowl of fruit on a wooden table beside the window
a highly detailed photograph of the mountains in winter
watercolour drawing of a small village by the sea
neon city street at night in the rain with reflections
a cat sleeping on the warm stones of a garden wall
steam train crossing the bridge over the misty valley
the quiet library full of books and golden dust
blurry low quality bad anatomy watermark text cropped ugly
sharp focus studio lighting dramatic cinematic masterpiece
a ship in a bottle on the shelf of the lighthouse keeper
robots and children playing in the park at noon
abstract shapes blue and orange on black
a field of sunflowers under a stormy sky
the dragon guards the tower while the knight waits
macro photo of a bee on a purple flower
""".split()

N_MERGES = 600


def byte_symbols():
    """The printable character that stands for each byte, and the order in which CLIP numbers them."""
    printable = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    others = [byte for byte in range(256) if byte not in printable]
    symbols = {byte: chr(byte) for byte in printable}
    symbols.update({byte: chr(256 + i) for i, byte in enumerate(others)})
    return symbols, printable + others


def learn_merges(words, n_merges):
    """Byte-pair encoding (Sennrich et al. 2016): joins the commonest pair, again and again."""
    counts = collections.Counter(words)
    split = {word: tuple(word[:-1]) + (word[-1] + "</w>",) for word in counts}
    merges = []
    while len(merges) < n_merges:
        pairs = collections.Counter()
        for word, parts in split.items():
            for pair in zip(parts, parts[1:]):
                pairs[pair] += counts[word]
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        for word, parts in split.items():
            joined, i = [], 0
            while i < len(parts):
                if i + 1 < len(parts) and (parts[i], parts[i + 1]) == best:
                    joined.append(parts[i] + parts[i + 1])
                    i += 2
                else:
                    joined.append(parts[i])
                    i += 1
            split[word] = tuple(joined)
    return merges


def build():
    symbols, order = byte_symbols()
    merges = learn_merges(SENTENCES, N_MERGES)
    tokens = [symbols[byte] for byte in order]
    tokens += [token + "</w>" for token in tokens]
    for pair in merges:
        token = "".join(pair)
        if token not in tokens:
            tokens.append(token)
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    return {token: i for i, token in enumerate(tokens)}, merges


VOCAB, MERGES = build()
VOCAB_SIZE = len(VOCAB)
START, END = VOCAB["<|startoftext|>"], VOCAB["<|endoftext|>"]


def write(folder, pad="<|endoftext|>"):
    os.makedirs(folder, exist_ok=True)
    special = {
        "bos_token": "<|startoftext|>",
        "eos_token": "<|endoftext|>",
        "pad_token": pad,
        "unk_token": "<|endoftext|>",
    }
    config = {
        "add_prefix_space": False,
        "clean_up_tokenization_spaces": True,
        "do_lower_case": True,
        "errors": "replace",
        "model_max_length": 77,
        "tokenizer_class": "CLIPTokenizer",
        **special,
    }
    with open(os.path.join(folder, "vocab.json"), "w", encoding="utf-8") as file:
        json.dump(VOCAB, file, ensure_ascii=False, separators=(",", ":"))
    with open(os.path.join(folder, "merges.txt"), "w", encoding="utf-8") as file:
        file.write("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in MERGES))
    for name, value in (("tokenizer_config.json", config), ("special_tokens_map.json", special)):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            json.dump(value, file, indent=2)
            file.write("\n")
