#!/usr/bin/env python3
"""Checks that models with code of their own (modeling_pretrain.py) can be trained further in transformers.

    python3 Tools/check_training.py

Small models with random weights, of several shapes and under every head: gradients reach every parameter, two steps lower the loss,
and what is saved comes back the same, in bfloat16 too. Losses are those of transformers, whatever `problem_type`; answers outside
of what is read teach nothing. Dropout is the last thing that happens to a branch, as in the engine. Tables can be resized, tied or
not; a head that a folder does not have, or has for another number of labels, begins as a new one; outputs are tuples where they are
asked for; what is not supported is refused. `make test-interop` runs it too.

Exits with 1 if anything fails. Needs torch, transformers, safetensors.
"""

import json
import pathlib
import re
import shutil
import sys
import tempfile

import torch
import transformers
from transformers import AutoConfig
from transformers.loss import loss_utils

from check_export import expect, failures, note

CODE = pathlib.Path(__file__).resolve().parent.parent / "Sources/Interchange/CustomCode/modeling_pretrain.py"
HEADS = {
    "AutoModelForPreTraining": "PretrainForReplacedTokenDetection",
    "AutoModelForMaskedLM": "PretrainForMaskedLM",
    "AutoModelForSequenceClassification": "PretrainForSequenceClassification",
    "AutoModelForTokenClassification": "PretrainForTokenClassification",
    "AutoModelForQuestionAnswering": "PretrainForQuestionAnswering",
    "AutoModelForMultipleChoice": "PretrainForMultipleChoice",
}
SIZES = dict(
    vocab_size=97, embedding_size=16, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=40,
    max_position_embeddings=24, pad_token_id=0)
SHAPES = {
    "post-LN": {},
    "peri-LN": dict(norm_forms=["peri"] * 2),
    "peri-LN, RMSNorm, GEGLU, rotary, no biases, untied": dict(
        norm_forms=["peri"] * 2, norm_kind="rms_norm", feed_forward="geglu", positions="rotary", use_bias=False,
        tie_word_embeddings=False),
    "pre-LN, normalized queries, a bias for each layer, head with [CLS]": dict(
        norm_forms=["pre"] * 2, query_key_norm=True, relative_bias="per_layer", detection_head="with_cls", feed_forward="squared_relu"),
    "windows, projections of their own, shared bias, means": dict(
        half_windows=[2, None], global_tokens="every", global_every=5, global_projections="own", relative_bias="shared",
        classifier_pooling="mean"),
    "disentangled, mask decoder": dict(
        positions="none", disentangled=True, position_buckets=6, maximum_relative_distance=9, mask_decoder=True,
        attention_scale=(3 * 16) ** -0.5),
}


def new_folder(parent, name, **settings):
    """A folder as an export leaves it, but without weights."""
    folder = parent / re.sub("[^a-z0-9]+", "-", name.lower())
    folder.mkdir()
    classes = {"AutoConfig": "PretrainConfig", "AutoModel": "PretrainModel", **HEADS}
    config = dict(
        model_type="pretrain", auto_map={key: f"{CODE.stem}.{name}" for key, name in classes.items()}, **SIZES, **settings)
    (folder / "config.json").write_text(json.dumps(config))
    shutil.copy(CODE, folder)
    return folder


def new_model(head, folder, **settings):
    config = AutoConfig.from_pretrained(folder, trust_remote_code=True, **settings)
    torch.manual_seed(1)
    return getattr(transformers, head).from_config(config, trust_remote_code=True)


def load(head, folder, **options):
    model, report = getattr(transformers, head).from_pretrained(
        folder, trust_remote_code=True, output_loading_info=True, **options)
    return model, {kind: names for kind, names in report.items() if names}


def padded():
    """Two texts of different lengths, and token types."""
    generator = torch.Generator().manual_seed(5)
    ids = torch.randint(5, 97, (2, 11), generator=generator)
    mask = torch.ones_like(ids)
    mask[1, 7:] = 0
    return dict(input_ids=ids * mask, attention_mask=mask, token_type_ids=(torch.arange(11) > 5).long() * mask)


def batch_of(head, labels=3):
    """Inputs with labels, as the head wants them."""
    batch = padded()
    ids, mask = batch["input_ids"], batch["attention_mask"]
    if head == "AutoModelForPreTraining":
        return batch | dict(labels=(ids % 3 == 0).long())
    if head == "AutoModelForMaskedLM":
        return batch | dict(labels=torch.where((ids % 4 == 0) & (mask == 1), ids, -100))
    if head == "AutoModelForSequenceClassification":
        return batch | dict(labels=torch.tensor([0, labels - 1]))
    if head == "AutoModelForTokenClassification":
        return batch | dict(labels=torch.where(mask == 1, ids % labels, -100))
    if head == "AutoModelForQuestionAnswering":
        return batch | dict(start_positions=torch.tensor([1, 3]), end_positions=torch.tensor([4, 3]))
    return {name: torch.stack([values, values.flip(0)]) for name, values in batch.items()} | dict(labels=torch.tensor([0, 1]))


def train(name, model, batch, steps=2):
    """Steps with dropout; the loss without it before and after."""
    def loss():
        with torch.no_grad():
            return model.eval()(**batch).loss.item()

    before = loss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    for _ in range(steps):
        optimizer.zero_grad()
        model.train()(**batch).loss.backward()
        for part, parameter in model.named_parameters():
            gradient = parameter.grad
            expect(gradient is not None and bool(gradient.isfinite().all()), f"{name}: {part} has no gradient, or a broken one")
        optimizer.step()
    after = loss()
    expect(after < before, f"{name}: the loss was {before:.4f} and is {after:.4f}")


@torch.no_grad()
def outputs(model, batch):
    return model.eval()(**batch, output_hidden_states=True)


def check_round_trip(name, head, model, batch, folder):
    """Saved and loaded, in single precision and in bfloat16, it computes the same."""
    expected = outputs(model, batch)
    model.save_pretrained(folder / "saved")
    again, report = load(head, folder / "saved")
    expect(not report, f"{name}: what was saved is loaded with {report}")
    found = outputs(again, batch)
    expect(type(again).__name__ == type(model).__name__, f"{name}: comes back as a {type(again).__name__}")
    expect(found.keys() == expected.keys() and torch.equal(found[1], expected[1]), f"{name}: comes back otherwise")
    half, report = load(head, folder / "saved", dtype=torch.bfloat16)
    expect(not report and half.dtype == torch.bfloat16, f"{name}: loaded as {half.dtype} with {report}")
    found = outputs(half, batch)
    difference = (found[1].float() - expected[1]).abs().max() / expected[1].abs().max()
    expect(found[1].dtype == torch.bfloat16 and difference < 0.1, f"{name}: in bfloat16 it differs by {difference}")
    half.train()(**batch).loss.backward()
    expect(all(bool(each.grad.isfinite().all()) for each in half.parameters()), f"{name}: broken gradients in bfloat16")
    with torch.autocast("cpu", torch.bfloat16):
        expect(bool(again.train()(**batch).loss.isfinite()), f"{name}: a broken loss under autocast")
    shutil.rmtree(folder / "saved")


def refuses(name, call, word):
    try:
        call()
    except ValueError as error:
        expect(word in str(error), f"{name}: refused with: {error}")
    else:
        expect(False, f"{name}: is not refused")


def check_calls(name, model, batch):
    """Tuples where they are wanted, and words for what there is not."""
    named = outputs(model, batch)
    with torch.no_grad():
        plain = model(**batch, output_hidden_states=True, return_dict=False)
    expect(isinstance(plain, tuple) and len(plain) == len(named), f"{name}: return_dict=False gives a {type(plain).__name__}")
    expect(all(torch.equal(a, b) for a, b in zip(plain[:2], list(named.values())[:2])), f"{name}: the tuple is another")
    # Trainer would divide by the steps of accumulation no more.
    expect(model.accepts_loss_kwargs is False, f"{name}: says that it knows of accumulation")
    refuses(f"{name}: gradient checkpointing", model.gradient_checkpointing_enable, "does not support")
    refuses(f"{name}: attentions", lambda: model(**batch, output_attentions=True), "output_attentions")
    if batch["input_ids"].dim() == 2:
        deep = batch | dict(attention_mask=batch["attention_mask"][:, None, None])
        refuses(f"{name}: a mask of four dimensions", lambda: model(**deep), "[batch, tokens]")


def check_dropout(folder):
    """What dropout takes of a branch is nothing in the sum: no norm comes behind it."""
    for form in ("peri", "pre"):
        here = new_folder(folder, f"dropout {form}", norm_forms=[form] * 2, hidden_dropout_prob=0.5)
        model = new_model("AutoModel", here).train()
        x = torch.randn(4, 9, 32)
        sublayer = model.layers[0].feed_forward
        share = (sublayer(x) == x).float().mean().item()
        expect(0.4 < share < 0.6, f"dropout of {form}: {share:.2f} of a branch is dropped, not a half")
    note("training: dropout where the engine has it")


def check_losses(folder):
    """By problem_type as in transformers, found where it is missing, and answers outside of what is read."""
    head = "AutoModelForSequenceClassification"
    here = new_folder(folder, "losses")
    plain = padded()
    numbers = torch.tensor([[0.0, 1, 1], [1, 0, 1]])
    cases = [
        (None, 1, torch.tensor([0.5, -2]), "regression"), (None, 3, torch.tensor([2, 0]), "single_label_classification"),
        (None, 3, numbers, "multi_label_classification"), ("regression", 3, 2.5 * numbers, "regression"),
        ("regression", 1, torch.tensor([[0.5], [-2]]), "regression"),
        ("single_label_classification", 3, torch.tensor([2, 0]), "single_label_classification"),
        ("multi_label_classification", 3, numbers, "multi_label_classification"),
    ]
    for kind, count, labels, found in cases:
        model = new_model(head, here, num_labels=count, problem_type=kind).eval()
        with torch.no_grad():
            output = model(**plain, labels=labels)
        twin = AutoConfig.from_pretrained(here, trust_remote_code=True, num_labels=count, problem_type=kind)
        expected = loss_utils.ForSequenceClassificationLoss(labels, output.logits, twin)
        expect(torch.allclose(output.loss, expected), f"loss of {kind} with {count} labels: {output.loss}, not {expected}")
        expect(model.config.problem_type == twin.problem_type == found, f"{kind} became {model.config.problem_type}")
    model = new_model("AutoModelForQuestionAnswering", here).eval()
    for start, end in (([1, 3], [4, 9]), ([[1], [3]], [[4], [9]]), ([1, 50], [4, -1])):
        start, end = torch.tensor(start), torch.tensor(end)
        with torch.no_grad():
            output = model(**plain, start_positions=start, end_positions=end)
        expected = loss_utils.ForQuestionAnsweringLoss(output.start_logits, output.end_logits, start, end)
        expect(torch.allclose(output.loss, expected), f"loss of answers at {start.tolist()}: {output.loss}, not {expected}")
    model = new_model("AutoModelForPreTraining", here).eval()
    labels = torch.where(plain["input_ids"] % 5 == 0, -100, plain["input_ids"] % 2)
    with torch.no_grad():
        output = model(**plain, labels=labels)
    kept = (labels >= 0) & plain["attention_mask"].bool()
    expected = torch.nn.functional.binary_cross_entropy_with_logits(output.logits[kept], labels[kept].float())
    expect(torch.allclose(output.loss, expected), f"loss of detection: {output.loss}, not {expected}")
    choices = {name: torch.stack([values, torch.zeros_like(values)]) for name, values in plain.items()}
    here = new_folder(folder, "means", classifier_pooling="mean")
    with torch.no_grad():
        output = new_model("AutoModelForMultipleChoice", here).eval()(**choices)
    expect(bool(output.logits.isfinite().all()), "a choice without a text has no logit")
    note("training: losses as in transformers")


def check_resizing(folder):
    """More tokens, and fewer, in models that predict them and in others."""
    batch = batch_of("AutoModelForMaskedLM")
    for is_tied in (True, False):
        here = new_folder(folder, f"resized {is_tied}", tie_word_embeddings=is_tied)
        for head in ("AutoModelForMaskedLM", "AutoModelForTokenClassification"):
            for count in (120, 97, 90):
                name = f"{head}, tied {is_tied}, of {count} tokens"
                model = new_model(head, here)
                if head == "AutoModelForMaskedLM":
                    torch.nn.init.normal_(model.head.bias)
                inputs = {name: values.clamp(max=80) for name, values in batch.items() if name != "labels"}
                before = outputs(model, inputs)
                model.resize_token_embeddings(count, mean_resizing=False)
                after = outputs(model, inputs)
                kept = min(count, 97)
                expect(model.config.vocab_size == count, f"{name}: the configuration says {model.config.vocab_size}")
                expect(torch.allclose(after.hidden_states[-1], before.hidden_states[-1]), f"{name}: computes otherwise")
                if head == "AutoModelForMaskedLM":
                    expect(after.logits.shape[-1] == count, f"{name}: logits of {after.logits.shape[-1]} tokens")
                    expect(torch.allclose(after.logits[..., :kept], before.logits[..., :kept]), f"{name}: other logits")
                    train(name, model, batch_of(head) | inputs)
                model.eval()
                check_round_trip(name, head, model, inputs | dict(labels=inputs["input_ids"] % 2), here)
    note("training: tables resized")


def check_new_heads(folder):
    """Parameters that a folder lacks, or has for another number of labels, begin as those of a new model."""
    transformers.logging.set_verbosity_error()
    settings = dict(query_key_norm=True, relative_bias="per_layer")
    here = new_folder(folder, "encoder alone", **settings)
    encoder = new_model("AutoModel", here)
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.normal_()
    encoder.save_pretrained(here / "saved")
    for head in HEADS:
        model, report = load(head, here / "saved", **(dict(num_labels=7) if "Classification" in head else {}))
        own = dict(encoder.named_parameters())
        expect(report.keys() == {"missing_keys"}, f"{head} of an encoder: {report}")
        for name, parameter in model.named_parameters():
            if name.startswith("encoder."):
                expect(torch.equal(parameter, own[name.removeprefix("encoder.")]), f"{head} of an encoder: {name} is another")
                continue
            is_matrix = parameter.dim() == 2
            is_new = (0.01 < parameter.std() < 0.03) if is_matrix else bool((parameter == float("norm.weight" in name)).all())
            expect(is_new, f"{head} of an encoder: {name} is not as in a new model")
    model = new_model("AutoModelForSequenceClassification", here, num_labels=3)
    model.save_pretrained(here / "three")
    # The parameters are a folder's that has none of these.
    other, report = load("AutoModelForSequenceClassification", here / "three", num_labels=5, ignore_mismatched_sizes=True)
    names = {str(key[0]) if isinstance(key, tuple) else str(key) for key in report.get("mismatched_keys", [])}
    expect(names == {"classifier.4.weight", "classifier.4.bias"}, f"other labels: {report}")
    expect(other.classifier[4].weight.shape == (5, 32) and bool((other.classifier[4].bias == 0).all()), "other labels: no new head")
    expect(torch.equal(other.classifier[1].weight, model.classifier[1].weight), "other labels: another dense layer")
    # As a folder of before these parameters would come.
    lacking = new_folder(folder, "lacking", mask_decoder=True, disentangled=True, positions="none", **settings)
    model = new_model("AutoModel", lacking)
    lost = ("query_gain", "relative_bias", "relative_positions", "mask_decoder.position")
    state = {name: value for name, value in model.state_dict().items() if not name.endswith(lost)}
    model.save_pretrained(lacking / "saved", state_dict=state)
    found, _ = load("AutoModel", lacking / "saved")
    for name, parameter in found.named_parameters():
        if name.endswith(("query_gain", "relative_bias")):
            expect(bool((parameter == float(name.endswith("gain"))).all()), f"lacking: {name} is not as in a new model")
        elif name.endswith(lost):
            expect(0.01 < parameter.std() < 0.03, f"lacking: {name} is not as in a new model")
    transformers.logging.set_verbosity_warning()
    note("training: new heads")


def check_training(folder):
    check_dropout(folder)
    check_losses(folder)
    for name, shape in SHAPES.items():
        here = new_folder(folder, name, **shape)
        for head in HEADS:
            labels = dict(num_labels=3) if "Classification" in head else {}
            model, batch = new_model(head, here, **labels), batch_of(head)
            train(f"{name}, {head}", model, batch)
            check_round_trip(f"{name}, {head}", head, model, batch, here)
            check_calls(f"{name}, {head}", model, batch)
        note(f"training: {name}")
    check_resizing(folder)
    check_new_heads(folder)


def main():
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        check_training(pathlib.Path(folder))
    note(f"{len(failures)} failures" if failures else "all is well")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
