/// Parts of configurations of models that train within moments, as YAML.
public enum TinyModels {
    /// Two layers of 32 and a generator; to stand at the beginning of a line.
    public static let twoLayers = """
        model:
          hidden_size: 32
          layer_count: 2
          head_count: 2
          intermediate_size: 64
          embedding_size: 16
          positions: rotary
          dropout: 0.1
          attention_dropout: 0.1
          generator: {width_multiplier: 0.5}
          normalization: {placement: mix}
        tokenizer: {vocabulary_size: 400}
        optimizer: {peak_learning_rate: 1e-3, warmup_steps: 10}
        """

    /// One layer of 128, to be searched by a proxy.
    public static let target = """
        model:
          hidden_size: 128
          layer_count: 1
          head_count: 4
          intermediate_size: 128
          embedding_size: 128
          positions: rotary
          dropout: 0
          attention_dropout: 0
          generator: {width_multiplier: 0.5}
          initialization: {scheme: fan_in}
        tokenizer: {vocabulary_size: 400}
        optimizer: {peak_learning_rate: 2e-3, warmup_steps: 5}
        evaluation: {tokens: 300}
        """
}
