import Foundation
import Runs

/// What TensorBoard shows of a run: every file of its folder in the order of names, and later starts in place of what they
/// repeat.
struct EventFiles {
    /// `step tag value`, sorted, without what the clock decides.
    private(set) var entries: [String] = []

    private struct Entry: Hashable {
        var step: UInt64
        var tag: String
        var value: Data
    }

    /// Behind a damaged record nothing of a file is read, as by TensorBoard; what is then missing is found by comparing.
    ///
    /// - Throws: a `Finding` for what is shown twice.
    init(folder: String) throws {
        var shown: [Entry] = []
        for name in ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted() {
            let data = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)")))
            for event in TensorBoardEvent.events(of: data) {
                Self.read(ProtocolBufferField.fields(of: event), into: &shown)
            }
        }
        var seen: Set<String> = []
        for entry in shown where !Self.isTimed(entry.tag) {
            let key = "\(entry.step) \(entry.tag)"
            guard seen.insert(key).inserted else { throw Finding("event files show step \(key) twice") }
            entries.append(key + " " + entry.value.map { String(format: "%02x", $0) }.joined())
        }
        entries.sort()
    }

    private static func isTimed(_ tag: String) -> Bool {
        tag.hasPrefix("_hparams_") || tag.hasPrefix("speed/") || tag.hasSuffix("_per_second")
    }

    private static func read(_ event: [ProtocolBufferField], into shown: inout [Entry]) {
        let step = event.first { $0.number == 2 }?.integer ?? 0
        for field in event {
            if field.number == 7,
                ProtocolBufferField.fields(of: field.bytes).contains(where: { $0.number == 1 && $0.integer == 1 })
            {
                shown.removeAll { $0.step >= step && !$0.tag.hasPrefix("_hparams_") }
            }
            guard field.number == 5 else { continue }
            for value in ProtocolBufferField.fields(of: field.bytes) where value.number == 1 {
                let parts = ProtocolBufferField.fields(of: value.bytes)
                let tag = parts.first { $0.number == 1 }.map { String(decoding: $0.bytes, as: UTF8.self) } ?? ""
                shown.append(Entry(step: step, tag: tag, value: Data(value.bytes)))
            }
        }
    }
}
