import Foundation

/// What the event files of a folder show, as far as a run that goes on has to know.
package struct TensorBoardHistory {
    static let prefix = "events.out.tfevents."

    /// Names of event files, in the order in which TensorBoard reads them.
    static func files(in directory: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []).filter { $0.hasPrefix(prefix) }
            .sorted()
    }

    private let directory: String

    package init(directory: String) { self.directory = directory }

    /// Whether something of that name is shown at a step: it is in a file, and no later start has had it forgotten.
    package func shows(_ tag: String, step: Int) -> Bool {
        let name = Array(tag.utf8)
        return Self.files(in: directory).reduce(false) { isShown, file in
            let data = FileManager.default.contents(atPath: "\(directory)/\(file)") ?? Data()
            return TensorBoardEvent.events(of: [UInt8](data)).reduce(isShown) { isShown, event in
                let fields = ProtocolBufferField.fields(of: event)
                let eventStep = Int(truncatingIfNeeded: fields.first { $0.number == 2 }?.integer ?? 0)
                if fields.contains(where: { $0.number == 7 }), eventStep <= step { return false }
                guard eventStep == step, let summary = fields.first(where: { $0.number == 5 }) else { return isShown }
                return isShown
                    || ProtocolBufferField.fields(of: summary.bytes).contains { value in
                        ProtocolBufferField.fields(of: value.bytes).contains {
                            $0.number == 1 && $0.bytes.elementsEqual(name)
                        }
                    }
            }
        }
    }
}
