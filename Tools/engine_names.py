"""The engine's parameter names beside those of Hugging Face's ELECTRA classes.

Written independently of the Swift table, so that the fixtures check it.
"""


def engine_name(network, name):
    """Engine name of a parameter of ElectraForPreTraining ("discriminator") or ElectraForMaskedLM ("generator")."""
    shared = {
        "electra.embeddings.word_embeddings.weight": "embeddings.word",
        "electra.embeddings.position_embeddings.weight": "embeddings.position",
        "electra.embeddings.token_type_embeddings.weight": "embeddings.token_type",
        "electra.embeddings.LayerNorm.weight": "embeddings.norm.gain",
        "electra.embeddings.LayerNorm.bias": "embeddings.norm.bias",
    }
    heads = {
        "discriminator_predictions.dense": "head.dense",
        "discriminator_predictions.dense_prediction": "head.output",
        "generator_predictions.dense": "head.dense",
        "generator_predictions.LayerNorm": "head.norm",
        "electra.embeddings_project": "projection",
    }
    parts = {
        "attention.self.query": "attention.query",
        "attention.self.key": "attention.key",
        "attention.self.value": "attention.value",
        "attention.output.dense": "attention.output",
        "attention.output.LayerNorm": "attention.norm",
        "intermediate.dense": "feed_forward.input",
        "output.dense": "feed_forward.output",
        "output.LayerNorm": "feed_forward.norm",
    }
    if name in shared:
        return shared[name]
    if name == "generator_lm_head.bias":
        return "generator.head.bias"
    module, kind = name.rsplit(".", 1)
    if module.endswith("LayerNorm") and kind == "weight":
        kind = "gain"
    if module in heads:
        return f"{network}.{heads[module]}.{kind}"
    prefix, index, part = module.removeprefix("electra.encoder.").split(".", 2)
    assert prefix == "layer", name
    return f"{network}.layers.{index}.{parts[part]}.{kind}"


def named_parameters(network, model):
    """(engine name, parameter) for every parameter; one that is tied to another appears once."""
    return [(engine_name(network, name), parameter) for name, parameter in model.named_parameters()]
