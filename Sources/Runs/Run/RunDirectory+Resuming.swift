import Checkpoints

extension RunDirectory {
    /// Opens what a run begins with: the newest good checkpoint, a given one, or nothing.
    ///
    /// - Parameters:
    ///   - note: called with what was moved and what was passed over.
    ///   - open: makes the beginning of a run from a checkpoint, or anew from nil. It has to read all of the checkpoint,
    ///     which verifies it, so that damage shows while an older one can still be taken.
    /// - Returns: what `open` returned, and the step of the checkpoint.
    public func resume<Beginning>(
        _ mode: ResumeMode, note: (Resumption) -> Void, _ open: (CheckpointReader?) throws -> Beginning
    ) throws -> (beginning: Beginning, step: Int?) {
        let found: (beginning: Beginning, step: Int?)
        switch mode {
        case .never:
            if let folder = try setAside(checkpointsAfter: nil) { note(.setAside(folder: folder)) }
            try checkpoints.prepare(exclusive: true)
            return (try open(nil), nil)
        case .automatic:
            guard try checkpoints.latest() != nil else { return (try open(nil), nil) }
            let good = try checkpoints.loadLatestGood { (try open($0), $0.manifest.step) }
            for skipped in good.skipped { note(.passedOver(skipped)) }
            found = good.value
        case .checkpoint(let path):
            let reader = try CheckpointReader(path: path)
            found = (try open(reader), reader.manifest.step)
        }
        // Damaged or abandoned checkpoints of later steps must not be found by the next resume.
        if let step = found.step, let folder = try setAside(checkpointsAfter: step) {
            note(.laterSetAside(folder: folder))
        }
        return found
    }
}

/// What happened to a directory while a run was resumed.
public enum Resumption: Sendable, CustomStringConvertible {
    case setAside(folder: String)
    case laterSetAside(folder: String)
    case passedOver(SkippedCheckpoint)

    public var description: String {
        switch self {
        case .setAside(let folder): "what the directory held was moved to \(folder)"
        case .laterSetAside(let folder): "later checkpoints were moved to \(folder)"
        case .passedOver(let checkpoint): "passed over a damaged checkpoint: \(checkpoint)"
        }
    }

    /// Whether it needs attention.
    public var isWarning: Bool {
        if case .passedOver = self { true } else { false }
    }
}
