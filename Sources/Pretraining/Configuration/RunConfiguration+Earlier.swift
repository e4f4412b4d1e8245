import Encoder

extension RunConfiguration {
    /// What settings of an earlier program mean otherwise by now: a model must not become another one without a word.
    ///
    /// - Parameter yaml: all settings of a checkpoint, as the program wrote them that made it.
    /// - Returns: why this program cannot go on with it; nil where nothing has changed.
    package func meaning(changedSince yaml: String) -> String? {
        // A key that came with the changes below; programs write every key.
        guard !yaml.contains("before_first_attention:") else { return nil }
        let normalization = model.normalization
        for shape in [model.discriminatorShape, model.generatorShape] where normalization.placement == .mix {
            let exact = normalization.alpha * Double(shape.layerCount)
            guard abs(exact - exact.rounded()) > 1e-9 else { continue }
            return
                "model.normalization.alpha \(normalization.alpha) of \(shape.layerCount) layers was rounded up when it "
                + "was trained and is rounded down now; use the program that wrote it"
        }
        if model.attention.pattern == .bigBird, model.attention.globalBlocks > 1 {
            return
                "its global blocks were the first ones of a document, and half of them are the last ones now; use the "
                + "program that wrote it"
        }
        return nil
    }
}
