"""One training step of ELECTRA in PyTorch, as `pretrain bench step` measures it: random tokens, full sequences, dropout
0.1, vocabulary logits at masked positions only, shared embeddings, clipping, AdamW. Prints one JSON object.

    python3 Benchmarks/pytorch_step.py --preset electra-small --batch 32 --sequence 128 --threads 2 [--processes]
        [--bfloat16] [--compile]

--processes   one process per thread, each with its share of the batch, gradients averaged with gloo; otherwise one process
              with all threads.
--bfloat16    forward pass under autocast: products in bfloat16 by oneDNN, where the processor can.
--compile     the forward pass compiled by inductor.
Needs torch and transformers.
"""

import argparse
import json
import os
import resource
import statistics
import time

import torch
import torch.distributed as distributed
import torch.multiprocessing as multiprocessing
import torch.nn.functional as F
from transformers import ElectraConfig, ElectraForMaskedLM, ElectraForPreTraining

VOCABULARY, MASK_ID, MASK_FRACTION, DISCRIMINATOR_WEIGHT = 30522, 4, 0.15, 50
SHAPES = {
    "electra-small": dict(hidden_size=256, num_attention_heads=4, intermediate_size=1024, embedding_size=128),
    "electra-base": dict(hidden_size=768, num_attention_heads=12, intermediate_size=3072, embedding_size=768),
}
GENERATOR_SHARE = {"electra-small": 4, "electra-base": 3}


class Pair(torch.nn.Module):
    """Generator and discriminator over shared embedding tables."""

    def __init__(self, preset, positions):
        super().__init__()
        common = dict(vocab_size=VOCABULARY, num_hidden_layers=12, max_position_embeddings=positions)
        shape, share = SHAPES[preset], GENERATOR_SHARE[preset]
        narrow = {key: value // share for key, value in shape.items() if key != "embedding_size"}
        self.discriminator = ElectraForPreTraining(ElectraConfig(**common, **shape))
        self.generator = ElectraForMaskedLM(ElectraConfig(**common, **{**shape, **narrow}))
        own, tables = self.generator.electra.embeddings, self.discriminator.electra.embeddings
        for table in ("word_embeddings", "position_embeddings", "token_type_embeddings"):
            setattr(own, table, getattr(tables, table))
        self.generator.generator_lm_head.weight = tables.word_embeddings.weight

    def forward(self, tokens, places):
        targets = tokens.gather(1, places)
        hidden = self.generator.electra(tokens.scatter(1, places, MASK_ID))[0]
        hidden = hidden.gather(1, places[..., None].expand(-1, -1, hidden.shape[-1]))
        logits = self.generator.generator_lm_head(self.generator.generator_predictions(hidden))
        modelling = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
        with torch.no_grad():
            gumbel = -torch.log(-torch.log(torch.rand_like(logits).clamp_(1e-9, 1 - 1e-7)))
            corrupted = tokens.scatter(1, places, (logits + gumbel).argmax(-1))
        detected = self.discriminator(corrupted).logits
        return modelling + DISCRIMINATOR_WEIGHT * F.binary_cross_entropy_with_logits(
            detected, (corrupted != tokens).float())


def measure(rank, options, workers, results):
    torch.set_num_threads(1 if workers > 1 else options.threads)
    torch.manual_seed(rank)
    if workers > 1:
        os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(options.port))
        distributed.init_process_group("gloo", rank=rank, world_size=workers)
    batch = options.batch // workers
    model = Pair(options.preset, max(512, options.sequence)).train()
    parameters = list(model.parameters())
    forward = torch.compile(model) if options.compile else model
    optimizer = torch.optim.AdamW(parameters, lr=5e-4, weight_decay=0.01, fused=True)
    masked = max(1, round(options.sequence * MASK_FRACTION))
    seconds = []
    for step in range(options.warmup + options.steps):
        tokens = torch.randint(5, VOCABULARY, (batch, options.sequence))
        places = torch.rand(batch, options.sequence).topk(masked, 1).indices
        started = time.perf_counter()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=options.bfloat16):
            loss = forward(tokens, places)
        loss.backward()
        if workers > 1:
            flat = torch.cat([parameter.grad.flatten() for parameter in parameters])
            distributed.all_reduce(flat)
            flat /= workers
            for parameter, part in zip(parameters, flat.split([p.numel() for p in parameters])):
                parameter.grad.copy_(part.view_as(parameter))
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if step >= options.warmup:
            seconds.append(time.perf_counter() - started)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    results.put((rank, seconds, memory))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", choices=SHAPES, default="electra-small")
    for name, value in [("batch", 32), ("sequence", 128), ("threads", 2), ("steps", 8), ("warmup", 3), ("port", 29531)]:
        parser.add_argument(f"--{name}", type=int, default=value)
    for name in ("processes", "bfloat16", "compile"):
        parser.add_argument(f"--{name}", action="store_true")
    options = parser.parse_args()
    workers = options.threads if options.processes else 1
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    children = [
        context.Process(target=measure, args=(rank, options, workers, results)) for rank in range(workers)]
    for child in children:
        child.start()
    outcomes = sorted(results.get() for _ in children)
    for child in children:
        child.join()
    seconds = outcomes[0][1]
    print(json.dumps({
        "tokens_per_second": options.batch * options.sequence / statistics.median(seconds),
        "peak_memory_bytes": sum(memory for _, _, memory in outcomes),
        "form": ", ".join(
            ["one process" if workers == 1 else f"{workers} processes", "bfloat16" if options.bfloat16 else "float32"]
            + ["compiled"] * options.compile),
    }))
