import Foundation

/// The loss of every step of a trial, in its folder: what goes on has seen what came before.
///
/// Eight bytes a step, little-endian, step 1 first; zeros for steps that were skipped.
package struct StepLosses {
    private let path: String
    private var file: FileHandle?

    package init(folder: String) { path = "\(folder)/losses.f64" }

    /// Of the steps before one, without those that were skipped.
    package func before(step: Int) -> [Double] {
        guard let data = FileManager.default.contents(atPath: path) else { return [] }
        return (0..<min(step - 1, data.count / 8)).compactMap { index in
            let bytes = data[data.startIndex + 8 * index..<data.startIndex + 8 * (index + 1)]
            let bits = bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
            return bits == 0 ? nil : Double(bitPattern: bits)
        }
    }

    /// What cannot be written is not there when the trial goes on, and costs no more than an early verdict; nor is a trial that an
    /// earlier version began, of which there are no first losses.
    package mutating func set(step: Int, _ loss: Double) {
        if file == nil {
            if !FileManager.default.fileExists(atPath: path) {
                guard step <= DivergenceWatch.firstSteps else { return }
                _ = FileManager.default.createFile(atPath: path, contents: nil)
            }
            file = FileHandle(forUpdatingAtPath: path)
        }
        try? file?.seek(toOffset: UInt64(8 * (step - 1)))
        try? file?.write(contentsOf: withUnsafeBytes(of: loss.bitPattern.littleEndian) { Data($0) })
    }

    package func remove() { try? FileManager.default.removeItem(atPath: path) }
}
