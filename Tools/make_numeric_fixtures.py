#!/usr/bin/env python3
"""Makes the fixtures of the optimizer and of single operations, with PyTorch as the reference.

    python3 Tools/make_numeric_fixtures.py

Needs torch and safetensors. Writes adamw, sage, kernels and bfloat16.safetensors to
Tests/GoldenTests/Fixtures, whose README.md says what they hold. Everything is computed in double precision from inputs that are exact in single.
"""

import math
import pathlib

import torch
from torch.nn import functional

from fixture_file import save_fixture

FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "Tests/GoldenTests/Fixtures"


def single(tensor):
    """The tensor rounded to single precision, in double precision."""
    return tensor.float().double()


def make_bfloat16():
    randomness = torch.Generator().manual_seed(20261128)
    # All magnitudes but denormals, which processors flush; ties both ways, overflow, infinities.
    scale = torch.randint(-125, 127, (400,), generator=randomness).double().exp2()
    values = (torch.randn(400, generator=randomness).double() * scale).float()
    values = values[values.abs() >= 2.0**-126]
    ties = torch.tensor([1.00390625, 1.01171875, -1.00390625, -1.01171875, 1.0039064, 3.4e38, -3.4e38])
    values = torch.cat([values, ties, torch.tensor([0.0, -0.0, float("inf"), float("-inf")])])
    a = torch.randn(13, 37, generator=randomness)
    b = torch.randn(45, 37, generator=randomness)
    tensors = {
        "values": values, "rounded": values.bfloat16().float(), "a": a, "b": b,
        "product": a.bfloat16().double() @ b.bfloat16().double().T,
    }
    save_fixture(tensors, FIXTURES / "bfloat16.safetensors")


def make_adamw():
    randomness = torch.Generator().manual_seed(20260103)
    steps, peak, warmup, maximum_norm = 5, 3e-3, 2, 1.0
    # Linear warmup over 2 steps, then linear decay that would reach 0 at step 6.
    rates = [peak * min((step + 1) / warmup, (steps + 1 - (step + 1)) / (steps + 1 - warmup)) for step in range(steps)]
    settings = {
        "matrix": dict(shape=(3, 4), weight_decay=0.01, multiplier=1.0),
        "bias": dict(shape=(5,), weight_decay=0.0, multiplier=2.0),
        "hidden": dict(shape=(2, 3), weight_decay=0.1, multiplier=0.5),
    }
    parameters = {
        name: torch.nn.Parameter(single(torch.randn(setting["shape"], generator=randomness)))
        for name, setting in settings.items()
    }
    optimizer = torch.optim.AdamW(
        [
            {"params": [parameters[name]], "weight_decay": setting["weight_decay"], "multiplier": setting["multiplier"]}
            for name, setting in settings.items()
        ],
        lr=peak, betas=(0.9, 0.999), eps=1e-6)
    tensors = {f"initial.{name}": parameter.detach().float().clone() for name, parameter in parameters.items()}
    norms = []
    for step, rate in enumerate(rates):
        # Steps 0, 2 and 4 are clipped, 1 and 3 are not.
        scale = 0.1 if step % 2 else 3.0
        for name, parameter in parameters.items():
            parameter.grad = single(scale * torch.randn(parameter.shape, generator=randomness))
            tensors[f"step{step}.gradient.{name}"] = parameter.grad.float()
        norm = torch.nn.utils.clip_grad_norm_(parameters.values(), maximum_norm)
        norms.append(norm.item())
        assert (norm > maximum_norm) == (step % 2 == 0)
        for group in optimizer.param_groups:
            group["lr"] = rate * group["multiplier"]
        optimizer.step()
        for name, parameter in parameters.items():
            state = optimizer.state[parameter]
            tensors[f"step{step}.parameter.{name}"] = parameter.detach().clone()
            tensors[f"step{step}.first_moment.{name}"] = state["exp_avg"].clone()
            tensors[f"step{step}.second_moment.{name}"] = state["exp_avg_sq"].clone()
    tensors["learning_rates"] = torch.tensor(rates, dtype=torch.float64)
    tensors["gradient_norms"] = torch.tensor(norms, dtype=torch.float64)
    for name, setting in settings.items():
        tensors[f"weight_decay.{name}"] = torch.tensor([setting["weight_decay"]], dtype=torch.float64)
        tensors[f"multiplier.{name}"] = torch.tensor([setting["multiplier"]], dtype=torch.float64)
    save_fixture(
        tensors, FIXTURES / "adamw.safetensors",
        {
            "format": "pt", "beta1": "0.9", "beta2": "0.999", "epsilon": "1e-6", "maximum_gradient_norm": "1.0",
            "warmup_steps": str(warmup), "peak_learning_rate": str(peak), "steps": str(steps),
            "bias_correction": "true",
        })


def sage_step(state, gradient, step, settings, guides):
    """One step of AdamW (Loshchilov & Hutter 2019) with SAGE's factor on every weight's learning rate.

    `guides(now, before)` gives the smoothed importance that is kept, and the factor.
    """
    beta1, beta2 = settings["betas"]
    weights = state["parameter"]
    state["first_moment"] = beta1 * state["first_moment"] + (1 - beta1) * gradient
    state["second_moment"] = beta2 * state["second_moment"] + (1 - beta2) * gradient**2
    state["importance"], factor = guides((weights * gradient).abs(), state["importance"])
    corrected = state["first_moment"] / (1 - beta1**step)
    root = (state["second_moment"] / (1 - beta2**step)).sqrt()
    decayed = weights * (1 - settings["rate"] * settings["weight_decay"])
    state["parameter"] = decayed - settings["rate"] * factor * corrected / (root + settings["epsilon"])


def make_muon():
    """torch.optim.Muon, which orthogonalizes in bfloat16, with both of its scales."""
    randomness = torch.Generator().manual_seed(20260105)
    tensors = {}
    for scaling, adjust in [("spectral", "original"), ("like_adamw", "match_rms_adamw")]:
        for shape in [(8, 24), (24, 8), (16, 16)]:
            name = f"{scaling}.{shape[0]}x{shape[1]}"
            parameter = torch.nn.Parameter(single(torch.randn(shape, generator=randomness)).float())
            optimizer = torch.optim.Muon(
                [parameter], lr=0.03, momentum=0.9, weight_decay=0.1, nesterov=True, adjust_lr_fn=adjust)
            tensors[f"{name}.initial"] = parameter.detach().clone()
            for step in range(3):
                parameter.grad = single(torch.randn(shape, generator=randomness)).float()
                tensors[f"{name}.gradient{step}"] = parameter.grad.clone()
                optimizer.step()
                tensors[f"{name}.parameter{step}"] = parameter.detach().clone()
            tensors[f"{name}.momentum"] = optimizer.state[parameter]["momentum_buffer"].clone()
    save_fixture(tensors, FIXTURES / "muon.safetensors", {"format": "pt"})


def make_sage():
    """SAGE (Liang et al. 2022, arXiv 2202.02664): several steps from the first by algorithm 1 with the engine's rule for
    weights of which nothing is known yet, and one late step by the formulas of the authors' release, which corrects the
    smoothed importance for its start at zero and so knows no such weights."""
    randomness = torch.Generator().manual_seed(20260108)
    settings = dict(betas=(0.9, 0.98), rate=2e-3, epsilon=1e-6, weight_decay=0.1)
    beta3, small, steps, late = 0.7, 1e-12, 6, 400

    def guided(now, before):
        smoothed = torch.where(before == 0, now, beta3 * before + (1 - beta3) * now)
        factor = torch.where(before == 0, torch.ones(()), ((now - smoothed).abs() + small) / (smoothed + small))
        return smoothed, factor

    def released(now, before):
        smoothed = beta3 * before + (1 - beta3) * now
        corrected = smoothed / (1 - beta3**late)
        return smoothed, (now - corrected).abs() / (corrected + settings["epsilon"] ** 2)

    def state_of(parameter):
        return {"parameter": parameter} | {
            name: torch.zeros_like(parameter) for name in ("first_moment", "second_moment", "importance")}

    def check_adamw(parameter, gradients):
        """Without guidance it is torch's AdamW."""
        state, leaf = state_of(parameter.clone()), torch.nn.Parameter(parameter.clone())
        optimizer = torch.optim.AdamW(
            [leaf], lr=settings["rate"], betas=settings["betas"], eps=settings["epsilon"],
            weight_decay=settings["weight_decay"])
        for step, gradient in enumerate(gradients, 1):
            sage_step(state, gradient, step, settings, lambda now, before: (now, 1))
            leaf.grad = gradient.clone()
            optimizer.step()
        torch.testing.assert_close(state["parameter"], leaf.detach(), rtol=1e-12, atol=1e-15)

    # More than two vectors and a rest; one weight starts at 0, one has no gradient in the first two steps.
    parameter = single(torch.randn(21, generator=randomness))
    parameter[3] = 0
    gradients = [single(torch.randn(21, generator=randomness)) for _ in range(steps)]
    for gradient in gradients[:2]:
        gradient[7] = 0
    check_adamw(parameter, gradients)
    tensors = {"initial": parameter.float()}
    state = state_of(parameter)
    for step, gradient in enumerate(gradients):
        tensors[f"step{step}.gradient"] = gradient.float()
        sage_step(state, gradient, step + 1, settings, guided)
        tensors |= {f"step{step}.{name}": value.clone() for name, value in state.items()}
    # The state is rounded, so that the engine can start from the very same.
    state = {name: single(value) for name, value in state.items()}
    gradient = single(torch.randn(21, generator=randomness))
    tensors |= {f"late.initial.{name}": value.float() for name, value in state.items()}
    tensors["late.gradient"] = gradient.float()
    sage_step(state, gradient, late, settings, released)
    tensors |= {f"late.{name}": value for name, value in state.items()}
    save_fixture(
        tensors, FIXTURES / "sage.safetensors",
        {
            "format": "pt", "beta1": "0.9", "beta2": "0.98", "beta3": str(beta3), "epsilon": "1e-6",
            "learning_rate": str(settings["rate"]), "weight_decay": str(settings["weight_decay"]),
            "steps": str(steps), "late_step": str(late),
        })


def make_gelu(tensors):
    edges = torch.tensor([0.0, -0.0, 1e-30, -1e-30, 1e-6, -1e-6, -5.5, 5.5, -13.0, 13.0, -40.0, 40.0, -1e4, 1e4, -3e38])
    x = torch.cat([torch.linspace(-9, 9, 241), edges]).float().double().requires_grad_()
    # By erfc: x * (1 + erf(x / sqrt(2))) / 2 cancels for negative x, and so does PyTorch's own function.
    y = x * 0.5 * torch.special.erfc(-x * math.sqrt(0.5))
    y.sum().backward()
    torch.testing.assert_close(y, functional.gelu(x), rtol=0, atol=1e-14)
    tensors |= {"gelu.x": x.detach().float(), "gelu.y": y.detach(), "gelu.derivative": x.grad}


def make_layer_norm(tensors, randomness):
    width = 24
    scales = torch.tensor([1.0, 1e-3, 1e3, 1.0, 1e2, 1e-1])[:, None]
    offsets = torch.tensor([0.0, 0.0, 0.0, 100.0, -300.0, 1.0])[:, None]
    x = single(scales * torch.randn(6, width, generator=randomness) + offsets).requires_grad_()
    gain = single(1 + 0.3 * torch.randn(width, generator=randomness)).requires_grad_()
    bias = single(0.3 * torch.randn(width, generator=randomness)).requires_grad_()
    upstream = single(torch.randn(6, width, generator=randomness))
    tensors |= {
        "layer_norm.x": x.detach().float(), "layer_norm.gain": gain.detach().float(),
        "layer_norm.bias": bias.detach().float(), "layer_norm.upstream": upstream.float(),
    }
    for epsilon in (1e-12, 1e-5):
        for tensor in (x, gain, bias):
            tensor.grad = None
        y = functional.layer_norm(x, (width,), gain, bias, epsilon)
        (y * upstream).sum().backward()
        prefix = f"layer_norm.epsilon_{epsilon:.0e}"
        tensors |= {
            f"{prefix}.y": y.detach(), f"{prefix}.gradient.x": x.grad, f"{prefix}.gradient.gain": gain.grad,
            f"{prefix}.gradient.bias": bias.grad,
        }


def make_cross_entropy(tensors, randomness):
    scales = torch.tensor([1.0, 1e-4, 5.0, 30.0, 1e3, 1e4, 0.0, 1.0])[:, None]
    offsets = torch.tensor([0.0, 0.0, -50.0, 80.0, 0.0, 0.0, 3.0, 1e4])[:, None]
    logits = single(scales * torch.randn(8, 33, generator=randomness) + offsets).requires_grad_()
    targets = torch.randint(0, 33, (8,), generator=randomness)
    targets[3] = logits[3].argmax()
    targets[4] = logits[4].argmin()
    losses = functional.cross_entropy(logits, targets, reduction="none")
    losses.sum().backward()
    tensors |= {
        "cross_entropy.logits": logits.detach().float(), "cross_entropy.targets": targets.int(),
        "cross_entropy.losses": losses.detach(), "cross_entropy.gradient": logits.grad,
        "cross_entropy.probabilities": torch.softmax(logits.detach(), dim=-1),
    }


def make_binary_cross_entropy(tensors):
    edges = torch.tensor([-1e4, -100.0, -88.0, 88.0, 100.0, 1e4, 1e-8, -1e-8])
    values = torch.cat([torch.linspace(-20, 20, 81), edges])
    logits = torch.cat([values, values]).float().double().requires_grad_()
    labels = torch.cat([torch.zeros(len(values)), torch.ones(len(values))]).double()
    losses = functional.binary_cross_entropy_with_logits(logits, labels, reduction="none")
    losses.sum().backward()
    tensors |= {
        "binary_cross_entropy.logits": logits.detach().float(), "binary_cross_entropy.labels": labels.int(),
        "binary_cross_entropy.losses": losses.detach(), "binary_cross_entropy.gradient": logits.grad,
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    make_adamw()
    make_muon()
    make_sage()
    make_bfloat16()
    randomness = torch.Generator().manual_seed(20260104)
    tensors = {}
    make_gelu(tensors)
    make_layer_norm(tensors, randomness)
    make_cross_entropy(tensors, randomness)
    make_binary_cross_entropy(tensors)
    save_fixture(tensors, FIXTURES / "kernels.safetensors", {"format": "pt"})
