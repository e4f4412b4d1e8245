import Engine

extension RunConfiguration {
    /// What the engine needs of it.
    public var engine: EngineConfiguration {
        EngineConfiguration(
            model: model, parametrization: parametrization, objective: objective, optimizer: optimizer,
            sequenceLength: corpus.sequenceLength, sequencesPerStep: training.sequencesPerStep,
            totalSteps: training.steps, seed: training.seed, lanes: training.lanes, chunkTokens: training.chunkTokens,
            recomputation: training.recomputation, precision: training.precision,
            communication: training.communication)
    }
}
