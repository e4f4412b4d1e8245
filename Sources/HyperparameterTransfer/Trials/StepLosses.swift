import Foundation

/// The loss of every step of a trial, in its folder: what goes on has seen what came before.
///
/// Eight bytes a step, little-endian, step 1 first.
package struct StepLosses {
    private let path: String
    private var file: FileHandle?

    package init(folder: String) { path = "\(folder)/losses.f64" }

    /// Of the steps before one, as far as they are there without a gap.
    package func before(step: Int) -> [Double] {
        guard let data = FileManager.default.contents(atPath: path), data.count >= 8 * (step - 1) else { return [] }
        return (0..<step - 1).map { index in
            let bytes = data[data.startIndex + 8 * index..<data.startIndex + 8 * (index + 1)]
            return Double(bitPattern: bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) })
        }
    }

    /// What cannot be written is not there when the trial goes on, and costs no more than an early verdict.
    package mutating func set(step: Int, _ loss: Double) {
        if file == nil {
            if !FileManager.default.fileExists(atPath: path) {
                _ = FileManager.default.createFile(atPath: path, contents: nil)
            }
            file = FileHandle(forUpdatingAtPath: path)
        }
        try? file?.seek(toOffset: UInt64(8 * (step - 1)))
        try? file?.write(contentsOf: withUnsafeBytes(of: loss.bitPattern.littleEndian) { Data($0) })
    }

    package func remove() { try? FileManager.default.removeItem(atPath: path) }
}
