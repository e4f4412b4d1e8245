import Configuration

extension FineTuningConfiguration {
    /// Those of a task stand beside `training`, so that one table has both.
    public var uses: [SettingUse] {
        let kind = task.kind
        func of(_ keys: String..., kinds: TaskKind...) -> SettingUse {
            SettingUse(
                keys, isRead: kinds.contains(kind),
                otherwise: "is for kind: \(kinds.map(\.rawValue).joined(separator: " or ")); kind is \(kind.rawValue)")
        }
        let readsWindows = kind == .tokens || kind == .span || training.longTexts == .stride
        return [
            SettingUse(
                "validation_fraction", isRead: task.validation == nil, otherwise: "is not read beside validation"),
            of("text_field", kinds: .classes, .number, .labels, .tokens, .contrastive),
            of("pair_field", kinds: .classes, .number, .labels, .contrastive),
            of("label_separator", kinds: .labels),
            of("words_field", "spans_field", kinds: .tokens),
            of("question_field", "longest_answer", "no_answer_threshold", kinds: .span),
            of("context_field", kinds: .span, .choice),
            of("choices_field", "choice_fields", kinds: .choice),
            SettingUse(
                "choices_field", isRead: task.choiceFields.isEmpty, otherwise: "is not read beside choice_fields"),
            // The first token is what kinds that read token by token say for none.
            SettingUse(
                "training.pooling", isRead: !kind.definition.readsTokens || training.pooling == .first,
                otherwise: "is for texts as a whole; kind: \(kind.rawValue) reads token by token"),
            SettingUse(
                "training.window_overlap", isRead: readsWindows, otherwise: "is only read with long_texts: stride"),
            SettingUse(
                "training.head_learning_rate_factor", isRead: !kind.definition.givesVectors,
                otherwise: "is for a head, which kind: \(kind.rawValue) does not have"),
            SettingUse(
                "training.embedding_learning_rate_factor",
                isRead: training.frozenLayers == 0 && training.adapterSize == nil && training.encoderVector == nil,
                otherwise:
                    "is for embeddings that learn by themselves, not with frozen_layers, adapters or encoder_vector"),
        ]
    }
}
