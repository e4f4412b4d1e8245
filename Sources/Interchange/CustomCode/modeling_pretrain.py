"""Encoders trained with `pretrain`, for Hugging Face Transformers.

    AutoModel.from_pretrained(FOLDER, trust_remote_code=True)

Every shape that the engine trains: Post-LN, Pre-LN, Mix-LN, Peri-LN and LayerNorm Scaling; LayerNorm and RMSNorm; learned,
rotary and relative positions, DeBERTa's disentangled attention and mask decoder; GELU and GEGLU; full, windowed, dilated and global attention. Attention is computed densely
under a mask: the numbers are the engine's, memory grows with the square of the length. Padding may stand on either side.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn
from transformers import PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import (
    BaseModelOutput,
    MaskedLMOutput,
    MultipleChoiceModelOutput,
    QuestionAnsweringModelOutput,
    SequenceClassifierOutput,
    TokenClassifierOutput,
)


class PretrainConfig(PretrainedConfig):
    """Lists have a value for every layer, `dilations` one for every head."""

    model_type = "pretrain"

    def __init__(
        self, vocab_size=30522, embedding_size=128, hidden_size=256, num_hidden_layers=12, num_attention_heads=4,
        intermediate_size=1024, max_position_embeddings=512, type_vocab_size=2, hidden_dropout_prob=0.1,
        attention_probs_dropout_prob=0.1, initializer_range=0.02, layer_norm_eps=1e-12, norm_kind="layer_norm",
        norm_forms=None, norm_scales=None, norm_before_first_attention=True, feed_forward="gelu", use_bias=True,
        positions="learned", rotary_bases=None,
        attention_scale=None, query_key_norm=False, half_windows=None, dilations=None, global_tokens="none", global_every=64, global_ids=None,
        maximum_global_tokens=64, global_projections="shared", relative_bias="none", relative_binning="t5",
        relative_bins=32, relative_maximum_distance=128, disentangled=False, position_buckets=256,
        maximum_relative_distance=512, mask_decoder=False, detection_head="dense", output_multiplier=1.0,
        tie_word_embeddings=True, classifier_dropout=None, classifier_pooling="first", pad_token_id=0, **kwargs,
    ):
        self.vocab_size = vocab_size
        self.embedding_size = embedding_size
        self.hidden_size = hidden_size
        self.num_hidden_layers = num_hidden_layers
        self.num_attention_heads = num_attention_heads
        self.intermediate_size = intermediate_size
        self.max_position_embeddings = max_position_embeddings
        self.type_vocab_size = type_vocab_size
        self.hidden_dropout_prob = hidden_dropout_prob
        self.attention_probs_dropout_prob = attention_probs_dropout_prob
        self.initializer_range = initializer_range
        self.layer_norm_eps = layer_norm_eps
        self.norm_kind = norm_kind
        # Of each layer: post, pre or peri; and what multiplies the norms before its branches.
        self.norm_forms = norm_forms or ["post"] * num_hidden_layers
        self.norm_scales = norm_scales or [1.0] * num_hidden_layers
        # Whether the first layer's attention has a norm; ModernBERT's has none.
        self.norm_before_first_attention = norm_before_first_attention
        self.feed_forward = feed_forward
        self.use_bias = use_bias
        self.positions = positions
        self.rotary_bases = rotary_bases or [10000.0] * num_hidden_layers
        self.attention_scale = attention_scale or (hidden_size // num_attention_heads) ** -0.5
        self.query_key_norm = query_key_norm
        # Keys on either side of the query; none where a layer sees everything.
        self.half_windows = half_windows or [None] * num_hidden_layers
        self.dilations = dilations or [1] * num_attention_heads
        self.global_tokens = global_tokens
        self.global_every = global_every
        self.global_ids = global_ids or []
        self.maximum_global_tokens = maximum_global_tokens
        self.global_projections = global_projections
        self.relative_bias = relative_bias
        self.relative_binning = relative_binning
        self.relative_bins = relative_bins
        self.relative_maximum_distance = relative_maximum_distance
        # DeBERTa's attention: rows of either direction (0: one for each distance), and where distances end.
        self.disentangled = disentangled
        self.position_buckets = position_buckets
        self.maximum_relative_distance = maximum_relative_distance
        # The last layer twice, with absolute positions in the first queries.
        self.mask_decoder = mask_decoder
        # dense, linear or with_cls.
        self.detection_head = detection_head
        self.output_multiplier = output_multiplier
        self.classifier_dropout = classifier_dropout
        # What a classifier of texts reads: first, or the mean of all tokens.
        self.classifier_pooling = classifier_pooling
        super().__init__(pad_token_id=pad_token_id, tie_word_embeddings=tie_word_embeddings, **kwargs)


def make_norm(config, width):
    if config.norm_kind == "rms_norm":
        return nn.RMSNorm(width, eps=config.layer_norm_eps)
    return nn.LayerNorm(width, eps=config.layer_norm_eps, bias=config.use_bias)


class Embeddings(nn.Module):
    def __init__(self, config):
        super().__init__()
        width = config.embedding_size
        self.word = nn.Embedding(config.vocab_size, width)
        self.position = nn.Embedding(config.max_position_embeddings, width) if config.positions == "learned" else None
        self.token_type = nn.Embedding(config.type_vocab_size, width)
        self.norm = make_norm(config, width)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, input_ids, token_type_ids, position_ids):
        x = self.word(input_ids) + self.token_type(token_type_ids)
        if self.position is not None:
            x = x + self.position(position_ids)
        return self.dropout(self.norm(x))


class Sublayer(nn.Module):
    """A branch with its residual connection, in the form of its layer."""

    def __init__(self, config, index, has_norm=True):
        super().__init__()
        self.form = config.norm_forms[index]
        self.scale = config.norm_scales[index]
        self.norm = make_norm(config, config.hidden_size) if has_norm else nn.Identity()
        self.output_norm = make_norm(config, config.hidden_size) if self.form == "peri" else None
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, x, *arguments):
        if self.form == "post":
            return self.norm(x + self.dropout(self.branch(x, *arguments)))
        y = self.branch(self.norm(x) * self.scale, *arguments)
        # Dropout comes last: a norm behind it would fill up what it drops.
        return x + self.dropout(y if self.output_norm is None else self.output_norm(y))


def rotate(x, position_ids, base):
    """Rotary positions, element j with element j + d/2; `x` is [batch, heads, tokens, d]."""
    size = x.shape[-1]
    exponents = torch.arange(0, size, 2, dtype=torch.float64, device=x.device) / size
    angles = position_ids[:, None, :, None].double() * base ** -exponents
    cosine, sine = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x.chunk(2, dim=-1)
    return torch.cat((a * cosine - b * sine, b * cosine + a * sine), dim=-1)


def relative_bins(config, distances):
    """The bin of every distance from query to key: as in T5, or as in COCO-LM's release."""
    distances = distances.clamp(-config.relative_maximum_distance, config.relative_maximum_distance)
    half, limit = config.relative_bins // 2, config.relative_maximum_distance
    exact = half // 2
    size = distances.abs()
    ratio = torch.log(size.double().clamp(min=exact) / exact)
    if config.relative_binning == "t5":
        far = (ratio / math.log(limit / exact) * (half - exact)).floor()
    else:
        far = (ratio / math.log((limit - 1) / exact) * (half - 1 - exact)).ceil()
    size = torch.where(size < exact, size, (exact + far.long()).clamp(max=half - 1))
    if config.relative_binning == "t5":
        return torch.where(distances > 0, half + size, size)
    return half - 1 + torch.where(distances > 0, size, -size)


def relative_rows(config, distances):
    """The row of the table of relative positions for every distance from key to query."""
    middle, limit = config.position_buckets // 2, config.maximum_relative_distance
    span = config.position_buckets or limit
    buckets = distances
    if config.position_buckets:
        size = distances.abs().clamp(min=middle).double()
        share = torch.log(size / middle) / math.log((limit - 1) / middle)
        far = (share * (middle - 1) - 1e-9).ceil().long() + middle
        buckets = torch.where(distances.abs() <= middle, distances, far * distances.sign())
    return (buckets + span).clamp(0, 2 * span - 1)


class Attention(Sublayer):
    def __init__(self, config, index):
        super().__init__(config, index, has_norm=index > 0 or config.norm_before_first_attention)
        width = config.hidden_size
        names = ["query", "key", "value", "output"]
        self.is_windowed = config.half_windows[index] is not None
        self.has_global_projections = self.is_windowed and config.global_projections == "own"
        if self.has_global_projections:
            names += ["global_query", "global_key", "global_value"]
        for name in names:
            setattr(self, name, nn.Linear(width, width, bias=config.use_bias))
        if config.relative_bias == "per_layer":
            self.relative_bias = nn.Parameter(torch.zeros(config.num_attention_heads, config.relative_bins))
        self.heads = config.num_attention_heads
        self.query_gain = nn.Parameter(torch.ones(self.heads)) if config.query_key_norm else None
        self.norm_epsilon = config.layer_norm_eps
        self.rotary_base = config.rotary_bases[index] if config.positions == "rotary" else None
        self.attention_scale = config.attention_scale
        self.attention_dropout = config.attention_probs_dropout_prob

    def split(self, projection, x, position_ids=None, gain=None):
        """`gain`: of heads whose vectors are normalized."""
        x = projection(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        if gain is not None:
            x = F.rms_norm(x, x.shape[-1:], eps=self.norm_epsilon) * gain
        return x if self.rotary_base is None or position_ids is None else rotate(x, position_ids, self.rotary_base)

    def attend(self, x, names, position_ids, scores, source=None, relative=None):
        query, key, value = (getattr(self, name) for name in names)
        source = x if source is None else source
        query_gain = key_gain = None
        if self.query_gain is not None:
            query_gain, key_gain = self.query_gain[:, None, None], 1.0
        queries = self.split(query, x, position_ids, query_gain)
        keys = self.split(key, source, position_ids, key_gain)
        if relative is not None:
            scores = scores + self.attention_scale * self.relative_scores(queries, keys, *relative)
        mixed = F.scaled_dot_product_attention(
            queries, keys, self.split(value, source), attn_mask=scores,
            dropout_p=self.attention_dropout if self.training else 0.0, scale=self.attention_scale)
        return mixed.transpose(1, 2).flatten(2)

    def relative_scores(self, queries, keys, table, rows):
        """Content to position and position to content, [batch, heads, tokens, tokens]."""
        table = self.dropout(table)[None]
        shape = (*queries.shape[:2], *rows.shape)
        of_queries = queries @ self.split(self.key, table).transpose(-1, -2)
        of_keys = keys @ self.split(self.query, table).transpose(-1, -2)
        by_query = of_queries.gather(-1, rows.expand(shape))
        by_key = of_keys.gather(-1, rows.T.expand(shape))
        return by_query + by_key.transpose(-1, -2)

    def branch(self, x, position_ids, masks, bias, bins, relative=None, source=None):
        """`masks`: what is added to the scores of all, and to those of global queries with projections of their own."""
        if hasattr(self, "relative_bias"):
            bias = self.relative_bias[:, bins]
        visible, everything, is_global = masks
        if bias is not None:
            visible, everything = visible + bias, everything + bias
        mixed = self.attend(x, ("query", "key", "value"), position_ids, visible, source, relative)
        if self.has_global_projections:
            own = self.attend(x, ("global_query", "global_key", "global_value"), position_ids, everything)
            mixed = torch.where(is_global[:, :, None], own, mixed)
        return self.output(mixed)


class FeedForward(Sublayer):
    def __init__(self, config, index):
        super().__init__(config, index)
        self.is_gated = config.feed_forward == "geglu"
        self.is_squared_relu = config.feed_forward == "squared_relu"
        width = config.intermediate_size * (2 if self.is_gated else 1)
        self.input = nn.Linear(config.hidden_size, width, bias=config.use_bias)
        self.output = nn.Linear(config.intermediate_size, config.hidden_size, bias=config.use_bias)

    def branch(self, x):
        x = self.input(x)
        if self.is_gated:
            x, gate = x.chunk(2, dim=-1)
            return self.output(F.gelu(x) * gate)
        return self.output(F.relu(x).square() if self.is_squared_relu else F.gelu(x))


class Layer(nn.Module):
    def __init__(self, config, index):
        super().__init__()
        self.attention = Attention(config, index)
        self.feed_forward = FeedForward(config, index)

    def forward(self, x, *arguments):
        return self.feed_forward(self.attention(x, *arguments))


class MaskDecoder(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.position = nn.Parameter(torch.zeros(config.max_position_embeddings, config.hidden_size))

    def forward(self, x, layer, position_ids, mask, bias, bins, relative):
        queries = x + self.position[position_ids]
        for _ in range(2):
            queries = layer(queries, position_ids, mask, bias, bins, relative, x)
        return queries


class PretrainPreTrainedModel(PreTrainedModel):
    config_class = PretrainConfig
    base_model_prefix = "encoder"
    _supports_sdpa = True
    # Losses are means over a batch. That `forward` takes any keyword would tell Trainer that they know of accumulation, and it
    # would no longer divide them by its steps.
    accepts_loss_kwargs = False

    def _init_weights(self, module):
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, std=self.config.initializer_range)
            if getattr(module, "bias", None) is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, (nn.LayerNorm, nn.RMSNorm)):
            nn.init.ones_(module.weight)
            if getattr(module, "bias", None) is not None:
                nn.init.zeros_(module.bias)
        else:
            # What is missing in a folder has no values before this.
            for name, parameter in module.named_parameters(recurse=False):
                if name in ("position", "relative_positions"):
                    nn.init.normal_(parameter, std=self.config.initializer_range)
                elif name == "query_gain":
                    nn.init.ones_(parameter)
                else:
                    nn.init.zeros_(parameter)


def returned(config, outputs, return_dict):
    """With names, or as a tuple of what there is, where the call or the configuration wants one."""
    has_names = config.return_dict if return_dict is None else return_dict
    return outputs if has_names else outputs.to_tuple()


class PretrainModel(PretrainPreTrainedModel):
    """The encoder alone."""

    def __init__(self, config):
        super().__init__(config)
        self.embeddings = Embeddings(config)
        self.projection = None
        if config.embedding_size != config.hidden_size:
            self.projection = nn.Linear(config.embedding_size, config.hidden_size, bias=config.use_bias)
        if config.relative_bias == "shared":
            self.relative_bias = nn.Parameter(torch.zeros(config.num_attention_heads, config.relative_bins))
        if config.disentangled:
            span = config.position_buckets or config.maximum_relative_distance
            self.relative_positions = nn.Parameter(torch.zeros(2 * span, config.hidden_size))
            self.relative_norm = make_norm(config, config.hidden_size)
        self.mask_decoder = MaskDecoder(config) if config.mask_decoder else None
        self.layers = nn.ModuleList(Layer(config, index) for index in range(config.num_hidden_layers))
        self.final_norm = make_norm(config, config.hidden_size) if config.norm_forms[-1] != "post" else None
        self.post_init()

    def get_input_embeddings(self):
        return self.embeddings.word

    def set_input_embeddings(self, value):
        self.embeddings.word = value

    def global_rows(self, input_ids, places, is_valid):
        """Which tokens see everything and are seen by all, in windowed layers; `places` are counted from the first one."""
        config = self.config
        if config.global_tokens in ("first", "documents"):
            return (places == 0) & is_valid
        if config.global_tokens == "every":
            chosen = (places % config.global_every == 0) & is_valid
        elif config.global_tokens == "ids":
            chosen = torch.isin(input_ids, torch.tensor(config.global_ids, device=input_ids.device)) & is_valid
        else:
            return torch.zeros_like(is_valid)
        return chosen & (chosen.cumsum(1) <= config.maximum_global_tokens)

    def masks(self, half_window, distances, is_valid, is_global, dtype):
        """What is added to scores, [batch, heads or 1, tokens, tokens]: of all, and of global queries."""
        # Padding sees itself, so that no row is without a key.
        everything = is_valid[:, None, None, :] | (distances == 0)
        visible = everything
        if half_window is not None:
            # One mask for all heads, if they have the same.
            steps = self.config.dilations if len(set(self.config.dilations)) > 1 else self.config.dilations[:1]
            dilations = torch.tensor(steps, device=distances.device)[:, None, None]
            near = (distances.abs() <= half_window * dilations) & (distances % dilations == 0)
            is_shown = near | is_global[:, None, None, :]
            if self.config.global_projections == "shared":
                is_shown = is_shown | is_global[:, None, :, None]
            visible = is_shown & everything
        floor = torch.finfo(dtype).min
        return [
            torch.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill(~mask, floor)
            for mask in (visible, everything)
        ]

    def forward(
        self, input_ids, attention_mask=None, token_type_ids=None, position_ids=None, output_hidden_states=None,
        return_dict=None, output_attentions=None, inputs_embeds=None, **kwargs,
    ):
        if output_attentions or inputs_embeds is not None:
            raise ValueError("output_attentions and inputs_embeds are not supported")
        if attention_mask is not None and attention_mask.dim() != 2:
            raise ValueError(
                f"attention_mask has {attention_mask.dim()} dimensions; [batch, tokens] are needed, 0 where there is padding")
        config, count = self.config, input_ids.shape[1]
        has_table = self.embeddings.position is not None or self.mask_decoder is not None
        if has_table and position_ids is None and count > config.max_position_embeddings:
            raise ValueError(
                f"{count} tokens are more than the {config.max_position_embeddings} positions that the model has; call the "
                "tokenizer with truncation=True")
        rows = torch.arange(count, device=input_ids.device)
        is_valid = (torch.ones_like(input_ids) if attention_mask is None else attention_mask).bool()
        # Counted from the first token that is not padding.
        places = rows.expand_as(input_ids) if attention_mask is None else (is_valid.cumsum(1) - 1).clamp(min=0)
        position_ids = places if position_ids is None else position_ids
        token_type_ids = torch.zeros_like(input_ids) if token_type_ids is None else token_type_ids
        x = self.embeddings(input_ids, token_type_ids, position_ids)
        if self.projection is not None:
            x = self.projection(x)

        distances = rows[None, :] - rows[:, None]
        is_global = self.global_rows(input_ids, places, is_valid)
        masks = {
            width: (*self.masks(width, distances, is_valid, is_global, x.dtype), is_global)
            for width in set(config.half_windows)
        }
        bins = relative_bins(config, distances) if config.relative_bias != "none" else None
        bias = self.relative_bias[:, bins] if config.relative_bias == "shared" else None
        relative = None
        if config.disentangled:
            relative = (self.relative_norm(self.relative_positions), relative_rows(config, -distances))
        states = [x]
        for index, (width, layer) in enumerate(zip(config.half_windows, self.layers)):
            if self.mask_decoder is not None and index == len(self.layers) - 1:
                x = self.mask_decoder(x, layer, position_ids, masks[width], bias, bins, relative)
            else:
                x = layer(x, position_ids, masks[width], bias, bins, relative)
            states.append(x)
        if self.final_norm is not None:
            x = states[-1] = self.final_norm(x)
        keeps = config.output_hidden_states if output_hidden_states is None else output_hidden_states
        outputs = BaseModelOutput(last_hidden_state=x, hidden_states=tuple(states) if keeps else None)
        return returned(config, outputs, return_dict)


def first_states(states, attention_mask):
    """Of every text's first token, which padding may stand before, [batch, width]."""
    if attention_mask is None:
        return states[:, 0]
    return states[torch.arange(states.shape[0], device=states.device), attention_mask.long().argmax(1)]


class DetectionHead(nn.Module):
    def __init__(self, config):
        super().__init__()
        width = config.hidden_size
        self.norm = make_norm(config, width) if config.detection_head == "with_cls" else None
        self.dense = nn.Linear(width, width) if config.detection_head != "linear" else None
        self.output = nn.Linear(width, 1)
        self.multiplier = config.output_multiplier

    def forward(self, x, attention_mask=None):
        if self.norm is not None:
            x = self.norm(x + first_states(x, attention_mask)[:, None])
        if self.dense is not None:
            x = F.gelu(self.dense(x))
        return F.linear(x, self.output.weight * self.multiplier, self.output.bias).squeeze(-1)


class PretrainForReplacedTokenDetection(PretrainPreTrainedModel):
    """The logit of every token to be a replaced one; labels are 1 where tokens are replaced, and negative (-100) where none
    is judged."""

    def __init__(self, config):
        super().__init__(config)
        self.encoder = PretrainModel(config)
        self.head = DetectionHead(config)
        self.post_init()

    def forward(self, input_ids, attention_mask=None, labels=None, return_dict=None, **kwargs):
        outputs = self.encoder(input_ids, attention_mask=attention_mask, return_dict=True, **kwargs)
        logits = self.head(outputs.last_hidden_state, attention_mask)
        loss = None
        if labels is not None:
            is_judged = labels >= 0
            if attention_mask is not None:
                is_judged = is_judged & attention_mask.bool()
            loss = F.binary_cross_entropy_with_logits(
                logits, labels.to(logits.dtype), weight=is_judged.to(logits.dtype), reduction="sum") / is_judged.sum()
        outputs = TokenClassifierOutput(loss=loss, logits=logits, hidden_states=outputs.hidden_states)
        return returned(self.config, outputs, return_dict)


class LanguageModelHead(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.embedding_size)
        self.norm = make_norm(config, config.embedding_size)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))
        # A tied output has the word table instead.
        self.output = None
        if not config.tie_word_embeddings:
            self.output = nn.Linear(config.embedding_size, config.vocab_size, bias=False)
        self.multiplier = config.output_multiplier

    def forward(self, x, words):
        x = self.norm(F.gelu(self.dense(x)))
        table = words.weight if self.output is None else self.output.weight
        return F.linear(x, table) * self.multiplier + self.bias

    def resize(self, count):
        """As many biases as tokens; new ones are 0."""
        kept = self.bias.data[:count]
        self.bias = nn.Parameter(F.pad(kept, (0, count - len(kept))), requires_grad=self.bias.requires_grad)


class PretrainForMaskedLM(PretrainPreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.encoder = PretrainModel(config)
        self.head = LanguageModelHead(config)
        self.post_init()

    def get_output_embeddings(self):
        return self.head.output

    def set_output_embeddings(self, value):
        self.head.output = value

    def resize_token_embeddings(self, *arguments, **options):
        words = super().resize_token_embeddings(*arguments, **options)
        self.head.resize(words.num_embeddings)
        return words

    def forward(self, input_ids, attention_mask=None, labels=None, return_dict=None, **kwargs):
        outputs = self.encoder(input_ids, attention_mask=attention_mask, return_dict=True, **kwargs)
        logits = self.head(outputs.last_hidden_state, self.encoder.embeddings.word)
        loss = None if labels is None else F.cross_entropy(logits.flatten(0, 1), labels.flatten())
        outputs = MaskedLMOutput(loss=loss, logits=logits, hidden_states=outputs.hidden_states)
        return returned(self.config, outputs, return_dict)


def classifier(config, outputs):
    """What fine-tuning puts on top of ELECTRA: dropout, dense layer, GELU, dropout, output."""
    rate = config.hidden_dropout_prob if config.classifier_dropout is None else config.classifier_dropout
    dense = nn.Linear(config.hidden_size, config.hidden_size)
    return nn.Sequential(
        nn.Dropout(rate), dense, nn.GELU(), nn.Dropout(rate), nn.Linear(config.hidden_size, outputs))


def pooled(config, states, attention_mask):
    """The first token's states, or the mean of all but padding."""
    if config.classifier_pooling != "mean":
        return first_states(states, attention_mask)
    is_valid = torch.ones(states.shape[:2], device=states.device) if attention_mask is None else attention_mask
    # A row without a text, as batches of choices may have it, has the mean 0.
    shares = is_valid / is_valid.sum(1, keepdim=True).clamp(min=1)
    return (states * shares[:, :, None].to(states.dtype)).sum(1)


def classification_loss(config, logits, labels):
    """By `problem_type`, which is found once as transformers finds it where there is none: one label is a regression, integers
    are classes, other numbers tell for each label whether it is given."""
    if config.problem_type is None:
        is_class = labels.dtype in (torch.long, torch.int)
        config.problem_type = (
            "regression" if config.num_labels == 1
            else "single_label_classification" if is_class else "multi_label_classification")
    if config.problem_type == "regression":
        return F.mse_loss(logits, labels.view_as(logits).to(logits.dtype))
    if config.problem_type == "single_label_classification":
        return F.cross_entropy(logits, labels.flatten())
    if config.problem_type == "multi_label_classification":
        return F.binary_cross_entropy_with_logits(logits, labels.to(logits.dtype))
    raise ValueError(f"problem_type {config.problem_type!r} is unknown")


class PretrainForSequenceClassification(PretrainPreTrainedModel):
    """Reads the first token, or the mean of all but padding."""

    def __init__(self, config):
        super().__init__(config)
        self.encoder = PretrainModel(config)
        self.classifier = classifier(config, config.num_labels)
        self.post_init()

    def forward(self, input_ids, attention_mask=None, labels=None, return_dict=None, **kwargs):
        outputs = self.encoder(input_ids, attention_mask=attention_mask, return_dict=True, **kwargs)
        logits = self.classifier(pooled(self.config, outputs.last_hidden_state, attention_mask))
        loss = None if labels is None else classification_loss(self.config, logits, labels)
        outputs = SequenceClassifierOutput(loss=loss, logits=logits, hidden_states=outputs.hidden_states)
        return returned(self.config, outputs, return_dict)


class PretrainForTokenClassification(PretrainPreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.encoder = PretrainModel(config)
        rate = config.hidden_dropout_prob if config.classifier_dropout is None else config.classifier_dropout
        self.dropout = nn.Dropout(rate)
        self.classifier = nn.Linear(config.hidden_size, config.num_labels)
        self.post_init()

    def forward(self, input_ids, attention_mask=None, labels=None, return_dict=None, **kwargs):
        outputs = self.encoder(input_ids, attention_mask=attention_mask, return_dict=True, **kwargs)
        logits = self.classifier(self.dropout(outputs.last_hidden_state))
        loss = None if labels is None else F.cross_entropy(logits.flatten(0, 1), labels.flatten())
        outputs = TokenClassifierOutput(loss=loss, logits=logits, hidden_states=outputs.hidden_states)
        return returned(self.config, outputs, return_dict)


class PretrainForQuestionAnswering(PretrainPreTrainedModel):
    """Where an answer begins and ends; at the first token where there is none."""

    def __init__(self, config):
        super().__init__(config)
        self.encoder = PretrainModel(config)
        self.qa_outputs = nn.Linear(config.hidden_size, 2)
        self.post_init()

    def forward(
        self, input_ids, attention_mask=None, start_positions=None, end_positions=None, return_dict=None, **kwargs,
    ):
        outputs = self.encoder(input_ids, attention_mask=attention_mask, return_dict=True, **kwargs)
        start, end = self.qa_outputs(outputs.last_hidden_state).unbind(-1)
        loss = None
        if start_positions is not None and end_positions is not None:
            # Answers outside of what is read teach nothing.
            count = start.shape[1]
            loss = sum(
                F.cross_entropy(logits, places.flatten().clamp(0, count), ignore_index=count)
                for logits, places in ((start, start_positions), (end, end_positions))) / 2
        outputs = QuestionAnsweringModelOutput(
            loss=loss, start_logits=start, end_logits=end, hidden_states=outputs.hidden_states)
        return returned(self.config, outputs, return_dict)


class PretrainForMultipleChoice(PretrainPreTrainedModel):
    """Inputs are `[batch, choices, tokens]`; reads each as sequence classification does."""

    def __init__(self, config):
        super().__init__(config)
        self.encoder = PretrainModel(config)
        self.classifier = classifier(config, 1)
        self.post_init()

    def forward(
        self, input_ids, attention_mask=None, token_type_ids=None, position_ids=None, labels=None, return_dict=None,
        **kwargs,
    ):
        ids, mask, types, places = (
            None if x is None else x.flatten(0, 1) for x in (input_ids, attention_mask, token_type_ids, position_ids))
        outputs = self.encoder(
            ids, attention_mask=mask, token_type_ids=types, position_ids=places, return_dict=True, **kwargs)
        logits = self.classifier(pooled(self.config, outputs.last_hidden_state, mask)).view(input_ids.shape[:2])
        loss = None if labels is None else F.cross_entropy(logits, labels)
        outputs = MultipleChoiceModelOutput(loss=loss, logits=logits, hidden_states=outputs.hidden_states)
        return returned(self.config, outputs, return_dict)
