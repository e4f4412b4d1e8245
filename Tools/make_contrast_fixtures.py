#!/usr/bin/env python3
"""Makes Tests/FineTuningTests/Fixtures/contrast.json and contrast.safetensors: losses over pairs of a batch.

    python3 Tools/make_contrast_fixtures.py

contrast.json: for vectors, PyTorch's loss (cross-entropy of cosines / temperature, one way or both, with negatives, and with what
is the same text masked) and its gradient, and scikit-learn's scores of the same cosines as retrieval.
contrast.safetensors: loss and gradients of an ElectraModel with mean pooling under that loss, tiny and in double precision.
Deterministic. Needs numpy, scikit-learn, torch, transformers, safetensors.
"""

import json
import pathlib

import numpy
import torch
from sklearn.metrics import label_ranking_average_precision_score, top_k_accuracy_score
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence
from transformers import ElectraConfig, ElectraModel

from engine_names import engine_name
from fixture_file import save_fixture

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "Tests/FineTuningTests/Fixtures"
VOCABULARY = 29


def masks(names):
    """What is no candidate, of texts and of partners: the same text again."""
    texts, partners = [row[0] for row in names], [row[1] for row in names]
    negatives = [name for row in names for name in row[2:]]
    count = len(names)
    of_text = [[i != j and (texts[j] == texts[i] or partners[j] in (partners[i], texts[i])) for j in range(count)]
               + [name in (texts[i], partners[i]) for name in negatives] for i in range(count)]
    of_partner = [[i != j and (texts[j] in (texts[i], partners[i]) or partners[j] == partners[i]) for j in range(count)]
                  for i in range(count)]
    return torch.tensor(of_text), torch.tensor(of_partner)


def scores(texts, partners, negatives, temperature):
    candidates = torch.cat([partners, negatives]) if len(negatives) else partners
    return functional.cosine_similarity(texts[:, None], candidates[None], dim=2) / temperature


def contrast(texts, partners, negatives, names, temperature, symmetric):
    table, right = scores(texts, partners, negatives, temperature), torch.arange(len(texts))
    of_text, of_partner = masks(names)
    loss = functional.cross_entropy(table.masked_fill(of_text, -torch.inf), right)
    if symmetric:
        back = table[:, :len(texts)].T.masked_fill(of_partner, -torch.inf)
        loss = (loss + functional.cross_entropy(back, right)) / 2
    return loss


def vector_cases():
    randomness = torch.Generator().manual_seed(5)
    cases = []
    plain = [[[2 * i, 2 * i + 1] for i in range(count)] for count in (1, 7, 5)]
    triples = [[3 * i, 3 * i + 1, 3 * i + 2] for i in range(6)]
    uneven = [[0, 1], [2, 3, 4, 5], [6, 7, 8]]
    # Text 0 twice, partner 1 twice, a text with itself, one that is another's partner, and negatives that are a text and a partner.
    same = [[0, 1], [0, 2], [3, 1], [4, 4], [5, 3], [6, 7, 6, 2]]
    for names, temperature, symmetric in [
            (plain[0], 0.05, False), (plain[1], 0.05, False), (plain[2], 0.5, True), (triples, 0.1, False),
            (triples, 0.05, True), (uneven, 0.2, True), (same, 0.1, False), (same, 0.1, True)]:
        rows = [[(3 * torch.randn(4, generator=randomness)).half().double().requires_grad_() for _ in row] for row in names]
        for row in rows:
            # Partners are somewhat near.
            row[1].data = (row[0].data + row[1].data / 2).half().double()
        texts, partners = (torch.stack([row[i] for row in rows]) for i in (0, 1))
        negatives = [vector for row in rows for vector in row[2:]]
        negatives = torch.stack(negatives) if negatives else torch.zeros(0, 4).double()
        loss = contrast(texts, partners, negatives, names, temperature, symmetric)
        loss.backward()
        table = scores(texts, partners, negatives, 1).detach().masked_fill(masks(names)[0], -2).numpy()
        count, width = table.shape
        truth = numpy.eye(count, width, dtype=int)
        case = {
            "names": names, "temperature": temperature, "symmetric": symmetric, "loss": loss.item(),
            "vectors": [torch.cat(row).tolist() for row in rows],
            "gradient": [torch.cat([vector.grad for vector in row]).tolist() for row in rows]}
        if width > 1:
            case["reciprocal_rank"] = label_ranking_average_precision_score(truth, table)
            case["accuracy"] = float(numpy.mean(table.argmax(1) == numpy.arange(count)))
            if width > 2:
                assert case["accuracy"] == top_k_accuracy_score(numpy.arange(count), table, k=1, labels=numpy.arange(width))
        cases.append(case)
    return cases


def model_case():
    randomness = torch.Generator().manual_seed(47)
    config = ElectraConfig(
        vocab_size=VOCABULARY, embedding_size=8, hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=24, max_position_embeddings=16, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        layer_norm_eps=1e-12)
    model = ElectraModel(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=randomness)
            scale = 0.1 if parameter.dim() == 1 else 0.25
            parameter.copy_((1 + 0.2 * noise if name.endswith("LayerNorm.weight") else scale * noise).half().float())
    model = model.double()
    lengths = [(9, 4, 6), (13, 11, 16), (3, 8, 5), (7, 7, 12), (16, 3, 10)]
    ids = [[torch.randint(5, VOCABULARY, (length,), generator=randomness) for length in row] for row in lengths]
    tensors, losses = {}, {}
    for kind, negatives, symmetric in [("pairs", False, False), ("symmetric", False, True), ("triples", True, False)]:
        model.zero_grad()
        def vectors(column):
            texts = [row[column] for row in ids]
            mask = pad_sequence([torch.ones_like(text) for text in texts], batch_first=True)
            states = model(input_ids=pad_sequence(texts, batch_first=True), attention_mask=mask).last_hidden_state
            return (states * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True)
        names = [[3 * i, 3 * i + 1] + ([3 * i + 2] if negatives else []) for i in range(len(ids))]
        loss = contrast(vectors(0), vectors(1), vectors(2) if negatives else [], names, 0.1, symmetric)
        loss.backward()
        losses[kind] = loss.item()
        for name, parameter in model.named_parameters():
            own = engine_name("discriminator", "electra." + name)
            tensors[own] = parameter.detach().half()
            tensors[f"{kind}.gradient.{own}"] = parameter.grad.float()
    save_fixture(tensors, FOLDER / "contrast.safetensors", {
        "ids": json.dumps([[text.tolist() for text in row] for row in ids]), "losses": json.dumps(losses),
        "vocab_size": str(VOCABULARY)})


def main():
    path = FOLDER / "contrast.json"
    path.write_text(json.dumps(vector_cases(), indent=1) + "\n")
    print(f"{path.name}: {path.stat().st_size} bytes")
    model_case()


if __name__ == "__main__":
    main()
