import Checkpoints
import Foundation
import TestSupport

extension Workspace {
    /// Publishes a checkpoint again with other content, sound as far as checksums tell.
    ///
    /// - Parameters:
    ///   - tensor: changes the values of a tensor, given with the name of its group.
    ///   - document: the new text of a document, given with its name.
    func rewrite(
        _ output: String, step: Int, tensor: (String, MutableTensorView) -> Void = { _, _ in },
        document: (String, String) -> String = { $1 }
    ) throws {
        let reader = try CheckpointReader(path: "\(path)/\(checkpoint(output, step))")
        try reader.republish(
            to: CheckpointDirectory(path: "\(path)/\(output)/checkpoints"), step: step, tensor: tensor,
            document: { Array(document($0, String(decoding: $1, as: UTF8.self)).utf8) },
            clearing: { try FileManager.default.removeItem(atPath: reader.path) })
    }
}
