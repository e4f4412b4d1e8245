/// Small numbers of a run that a checkpoint keeps beside tensors and the loader's state.
public struct RunState: Codable, Sendable, Equatable {
    /// Batches used so far; also the number of the last update unless steps were skipped.
    public var step = 0
    /// Tokens seen in training.
    public var tokens = 0
    /// Updates left out because a gradient was not finite.
    public var skippedSteps = 0
    /// How many of them are the last ones, where nothing has been learned since; nil: none.
    public var skippedInARow: Int?
    /// Changes to the corpus that the user has accepted, with the step after which; in the order of steps.
    public var acceptedChanges: [String] = []
    /// Whether token type 1 has been trained, in this run or in one that it goes on from; nil: no.
    public var trainsTokenTypes: Bool?
    /// Where the weights came from that the run began with; nil: from chance.
    public var startedFrom: String?
    /// Tokens of the longest sequences that those weights had been trained on; nil: none, or not on record.
    public var inheritedLength: Int?
    /// What alarms are about to be given; nil: nothing.
    public var alarms: AlarmState?
    /// What the next step is compared with; nil where none is left out.
    public var spikes: SpikeWatch?

    public init() {}

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        step = try values.decode(Int.self, forKey: .step)
        tokens = try values.decode(Int.self, forKey: .tokens)
        skippedSteps = try values.decode(Int.self, forKey: .skippedSteps)
        skippedInARow = try values.decodeIfPresent(Int.self, forKey: .skippedInARow)
        // Absent where nothing was accepted, and before it could be.
        acceptedChanges = try values.decodeIfPresent([String].self, forKey: .acceptedChanges) ?? []
        trainsTokenTypes = try values.decodeIfPresent(Bool.self, forKey: .trainsTokenTypes)
        startedFrom = try values.decodeIfPresent(String.self, forKey: .startedFrom)
        inheritedLength = try values.decodeIfPresent(Int.self, forKey: .inheritedLength)
        alarms = try values.decodeIfPresent(AlarmState.self, forKey: .alarms)
        spikes = try values.decodeIfPresent(SpikeWatch.self, forKey: .spikes)
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(step, forKey: .step)
        try values.encode(tokens, forKey: .tokens)
        try values.encode(skippedSteps, forKey: .skippedSteps)
        try values.encodeIfPresent(skippedInARow, forKey: .skippedInARow)
        if !acceptedChanges.isEmpty { try values.encode(acceptedChanges, forKey: .acceptedChanges) }
        try values.encodeIfPresent(trainsTokenTypes, forKey: .trainsTokenTypes)
        try values.encodeIfPresent(startedFrom, forKey: .startedFrom)
        try values.encodeIfPresent(inheritedLength, forKey: .inheritedLength)
        try values.encodeIfPresent(alarms, forKey: .alarms)
        try values.encodeIfPresent(spikes, forKey: .spikes)
    }

    private enum CodingKeys: String, CodingKey {
        case step, tokens, skippedSteps, skippedInARow, acceptedChanges, trainsTokenTypes, startedFrom, inheritedLength
        case alarms, spikes
    }

    /// Whether token type 1 has been trained; earlier versions had it in the configuration alone.
    package func trainsTokenTypes(in configuration: RunConfiguration) -> Bool {
        trainsTokenTypes == true || configuration.corpus.pairs
    }

    /// The step whose stage a run begins in: the last one's, whose evaluation may be missing; the next step enters its own.
    var stagedStep: Int { max(step, 1) }

    /// What cannot be: checksums only tell that a file is as it was written.
    ///
    /// - Parameter step: that the checkpoint says it is of.
    package func problem(ofStep step: Int) -> String? {
        guard self.step == step else { return "it is of step \(self.step), the checkpoint of step \(step)" }
        // A step has at least one token, and no run can count more than a configuration admits.
        guard 0...1 << 40 ~= step, step...max(step, 1 << 52) ~= tokens,
            // Replicas count their own, which are up to as many each.
            0...step << 16 ~= skippedSteps, 0...step ~= skippedInARow ?? 0
        else {
            return "a counter is out of range (step \(step), \(tokens) tokens, \(skippedSteps) skipped)"
        }
        guard 1...1 << 40 ~= inheritedLength ?? 1 else {
            return "it began with weights for sequences of \(inheritedLength ?? 0) tokens"
        }
        return alarms?.problem(ofStep: step) ?? spikes?.problem
    }
}
