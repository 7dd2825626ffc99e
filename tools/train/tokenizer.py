"""tokenizer.py - a byte-pair tokenizer of our own in CLIP's file format, learned from captions.

Vocabulary, in CLIP's order: 256 byte symbols, the same 256 ending a word ("</w>"), one entry a merge,
<|startoftext|>, <|endoftext|>. The last is thus the highest id, which CLIPTextModel's pooling relies on
when its eos_token_id is 2. Radford et al. 2021, the released bpe code; the learning is Sennrich et al. 2016.
"""

import collections
import json
import os
import re

START, END, LENGTH = "<|startoftext|>", "<|endoftext|>", 77


def byte_symbols():
    """byte -> one printable character each, as GPT-2 has it, so that vocab.json needs no escapes."""
    printable = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    rest = [b for b in range(256) if b not in printable]
    table = {b: chr(b) for b in printable}
    table.update({b: chr(256 + i) for i, b in enumerate(rest)})
    return {b: table[b] for b in printable + rest}


def split_words(text):
    """CLIP's pre-tokenisation for plain ASCII, which is all that the captions use."""
    return re.findall(r"'s|'t|'re|'ve|'m|'ll|'d|[a-z]+|[0-9]|[^\sa-z0-9]+", text.lower())


def fuse(symbols, pair):
    out, i = [], 0
    while i < len(symbols):
        if i + 1 < len(symbols) and (symbols[i], symbols[i + 1]) == pair:
            out.append(symbols[i] + symbols[i + 1])
            i += 2
        else:
            out.append(symbols[i])
            i += 1
    return out


class Tokenizer:
    def __init__(self, merges):
        self.symbols, self.merges = byte_symbols(), [tuple(m) for m in merges]
        alone = list(self.symbols.values())
        entries = alone + [s + "</w>" for s in alone] + [a + b for a, b in self.merges] + [START, END]
        self.ids = {e: i for i, e in enumerate(entries)}
        self.rank = {m: i for i, m in enumerate(self.merges)}
        self.start, self.end, self.known = self.ids[START], self.ids[END], {}

    @classmethod
    def learn(cls, captions, limit=1024):
        symbols = byte_symbols()
        count = collections.Counter(w for c in captions for w in split_words(c))
        spelled = {w: [symbols[b] for b in w.encode()] for w in count}
        for s in spelled.values():
            s[-1] += "</w>"
        merges = []
        while len(merges) < limit - 514:
            pairs = collections.Counter()
            for w, s in spelled.items():
                for p in zip(s, s[1:]):
                    pairs[p] += count[w]
            if not pairs:
                break
            best = max(pairs, key=lambda p: (pairs[p], p))
            merges.append(best)
            spelled = {w: fuse(s, best) for w, s in spelled.items()}
        return cls(merges)

    @classmethod
    def load(cls, folder):
        with open(os.path.join(folder, "merges.txt"), encoding="utf-8") as f:
            return cls([tuple(row.split()) for row in f.read().splitlines()[1:]])

    def word(self, w):
        if w not in self.known:
            s = [self.symbols[b] for b in w.encode()]
            s[-1] += "</w>"
            while len(s) > 1:
                best = min(zip(s, s[1:]), key=lambda p: self.rank.get(p, len(self.rank)))
                if best not in self.rank:
                    break
                s = fuse(s, best)
            self.known[w] = [self.ids[e] for e in s]
        return self.known[w]

    def __call__(self, text):
        """-> 77 ids: start, words, end, filled up with end."""
        ids = [i for w in split_words(text) for i in self.word(w)][:LENGTH - 2]
        return [self.start] + ids + [self.end] * (LENGTH - 1 - len(ids))

    def save(self, folder):
        os.makedirs(folder, exist_ok=True)

        def write(name, text):
            with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
                f.write(text)
        special = dict(bos_token=START, eos_token=END, pad_token=END, unk_token=END)
        write("vocab.json", json.dumps(self.ids, ensure_ascii=False))
        write("merges.txt", "#version: 0.2\n" + "".join("%s %s\n" % m for m in self.merges))
        write("special_tokens_map.json", json.dumps(special, indent=1) + "\n")
        write("tokenizer_config.json", json.dumps(dict(
            special, add_prefix_space=False, clean_up_tokenization_spaces=True, do_lower_case=True, errors="replace",
            model_max_length=LENGTH, tokenizer_class="CLIPTokenizer"), indent=1) + "\n")
