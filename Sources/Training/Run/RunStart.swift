import Checkpoints
import Configuration
import Corpus
import Foundation

/// Finds out where a run begins: at a checkpoint, whose documents it reads, or at nothing.
struct RunStart {
    /// The checkpoint to load; nil for a new run.
    let reader: CheckpointReader?
    let documents: TrainingCheckpoint.Documents?

    init(
        _ configuration: RunConfiguration, directory: RunDirectory, resume: ResumeMode, report: (RunEvent) -> Void
    ) throws {
        switch resume {
        case .never:
            if let folder = try directory.setAside(checkpointsAfter: nil) {
                report(.note("what the directory held was moved to \(folder)"))
            }
            try directory.checkpoints.prepare(exclusive: true)
            (reader, documents) = (nil, nil)
        case .automatic:
            guard try directory.checkpoints.latest() != nil else {
                (reader, documents) = (nil, nil)
                return
            }
            let found = try directory.checkpoints.loadLatestGood { reader in
                // Damage in the tensors must show now, while an older checkpoint can still be taken.
                try reader.verify()
                return (reader, try TrainingCheckpoint.documents(reader))
            }
            for skipped in found.skipped { report(.warning("passed over a damaged checkpoint: \(skipped)")) }
            (reader, documents) = (found.value.0, found.value.1)
        case .checkpoint(let path):
            let reader = try CheckpointReader(path: path)
            let documents = try TrainingCheckpoint.documents(reader)
            try reader.verify()
            self.reader = reader
            self.documents = documents
        }
        guard let documents, let reader else { return }
        let differences = try ConfigurationGuard.differences(from: documents.configuration, to: configuration)
        guard differences.isEmpty else {
            throw RunError.configurationChanged(checkpoint: reader.path, differences: differences)
        }
        if documents.configuration.training.steps != configuration.training.steps {
            report(
                .note(
                    "training.steps is now \(configuration.training.steps) instead of \(documents.configuration.training.steps); "
                        + "the learning rate follows the new length"))
        }
        // Damaged or abandoned checkpoints of later steps must not be found by the next resume.
        if let folder = try directory.setAside(checkpointsAfter: documents.state.step) {
            report(.note("later checkpoints were moved to \(folder)"))
        }
    }
}
