"""Weighted, long and switching prompts. diffusers' pipelines take embeddings for these, so the embeddings are
made here, from pieces that a person split by hand: [(text, weight)], with ("BREAK", None) between chunks."""

import torch

LONG = (
    "the quiet library full of books and golden dust with a cat sleeping on the warm stones of a garden wall "
    "while a steam train is crossing the bridge over the misty valley and robots and children are playing in the "
    "park at noon under a stormy sky near a field of sunflowers and a bowl of fruit on a wooden table beside the "
    "window of the old lighthouse by the sea with green eyes"
)


def chunks_of(tokenizer, pieces):
    """[[(id, weight)] of at most 75]."""
    chunks = [[]]
    for text, weight in pieces:
        if weight is None:
            chunks.append([])
            continue
        for token in tokenizer(text, add_special_tokens=False).input_ids:
            if len(chunks[-1]) == 75:
                chunks.append([])
            chunks[-1].append((token, weight))
    return chunks


def embed(pipe, pieces, n_chunks):
    """[1][77·n_chunks][d]: each chunk encoded on its own, weighted, and brought back to its mean."""
    tokenizer, parts = pipe.tokenizer, []
    chunks = chunks_of(tokenizer, pieces)
    for chunk in chunks + [[]] * (n_chunks - len(chunks)):
        rest = 75 - len(chunk)
        ids = [tokenizer.bos_token_id] + [token for token, _ in chunk] + [tokenizer.eos_token_id]
        ids += [tokenizer.pad_token_id] * rest
        weights = torch.tensor([1.0] + [weight for _, weight in chunk] + [1.0] * (rest + 1))
        hidden = pipe.text_encoder(torch.tensor([ids])).last_hidden_state
        if (weights != 1).any():
            # In double: the mean is small beside its parts, and fp32 sums of it differ in the fourth digit.
            weighted = hidden.double() * weights[None, :, None]
            hidden = (weighted * (hidden.double().mean() / weighted.mean())).float()
        parts.append(hidden)
    return torch.cat(parts, 1)


def embeddings(pipe, case):
    """For each step (prompt_embeds, negative_prompt_embeds)."""
    stretches = case["pieces"]
    negative = [(case.get("negative_prompt", ""), 1.0)]
    n_chunks = max(len(chunks_of(pipe.tokenizer, pieces)) for pieces in stretches + [negative])
    negative = embed(pipe, negative, n_chunks)
    return [(embed(pipe, pieces, n_chunks), negative) for pieces in stretches]
