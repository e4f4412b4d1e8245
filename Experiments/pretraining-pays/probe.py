"""What is in an exported model: linear probes on means of every layer's states, and how large its matrices have grown.

    pretrain export OUTPUT/mlm --output mlm-hf
    python3 Experiments/pretraining-pays/probe.py mlm-hf/discriminator TASKS/sst2 TASKS/trec6

Each task is a folder with train.jsonl and test.jsonl (`text`, `label`). Printed are accuracies on the test texts, of the embeddings first
and of the last layer last, each the best of three strengths of regularization; then root mean square and median singular value of
the first and the last layer's matrices. Needs torch, transformers, scikit-learn and numpy.
"""

import json
import pathlib
import sys
import warnings

import numpy
import torch
import transformers
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

warnings.filterwarnings("ignore")


def means(model, tokenizer, texts):
    """Of all tokens' states: [texts, layers + 1, width]."""
    result = [None] * len(texts)
    order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
    for start in range(0, len(order), 64):
        part = order[start : start + 64]
        batch = tokenizer([texts[index] for index in part], return_tensors="pt", padding=True, truncation=True, max_length=128)
        mask = batch["attention_mask"].unsqueeze(-1).float()
        with torch.no_grad():
            states = model(batch["input_ids"], attention_mask=batch["attention_mask"], output_hidden_states=True).hidden_states
        pooled = torch.stack([(state * mask).sum(1) / mask.sum(1) for state in states], 1).numpy()
        for index, vector in zip(part, pooled):
            result[index] = vector
    return numpy.array(result)


def accuracy(train, labels, test, expected):
    scaler = StandardScaler().fit(train)
    fits = [LogisticRegression(C=c, max_iter=60, tol=1e-3).fit(scaler.transform(train), labels) for c in (0.001, 0.01, 0.1)]
    return max(fit.score(scaler.transform(test), expected) for fit in fits)


folder, tasks = sys.argv[1], sys.argv[2:]
model = transformers.AutoModel.from_pretrained(folder, trust_remote_code=True).eval()
tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
for task in tasks:
    rows = {
        name: [json.loads(line) for line in (pathlib.Path(task) / f"{name}.jsonl").read_text().splitlines() if line]
        for name in ("train", "test")
    }
    states = {name: means(model, tokenizer, [row["text"] for row in some]) for name, some in rows.items()}
    labels = {name: [row["label"] for row in some] for name, some in rows.items()}
    found = [
        accuracy(states["train"][:, layer], labels["train"], states["test"][:, layer], labels["test"])
        for layer in range(states["train"].shape[1])
    ]
    print(f"{task}:", ", ".join(f"{value:.3f}" for value in found), flush=True)
last = f"layers.{model.config.num_hidden_layers - 1}."
for name, tensor in model.state_dict().items():
    if tensor.ndim == 2 and ("layers.0." in name or last in name):
        values = numpy.linalg.svd(tensor.float().numpy(), compute_uv=False)
        print(f"{name} {tuple(tensor.shape)}: {tensor.float().square().mean().sqrt():.4f}, {numpy.median(values):.2f}")
