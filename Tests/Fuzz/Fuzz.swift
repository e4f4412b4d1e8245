import Foundation
import FuzzTargets

/// Where libFuzzer's input goes: most parsers read files, as commands do.
private final class FuzzInput: @unchecked Sendable {
    static let shared = FuzzInput()

    private let target: FuzzTarget
    private let folder: String

    private init() {
        let environment = ProcessInfo.processInfo.environment
        guard let target = environment["FUZZ_TARGET"].flatMap(FuzzTarget.init), let folder = environment["FUZZ_FOLDER"]
        else {
            let names = FuzzTarget.allCases.map(\.rawValue).joined(separator: " ")
            fatalError("FUZZ_TARGET has to be one of \(names), and FUZZ_FOLDER a folder for its files")
        }
        self.target = target
        self.folder = folder
        do {
            try target.prepare(folder, tests: "Tests")
        } catch {
            fatalError("\(folder) cannot be prepared: \(error)")
        }
    }

    func read(_ bytes: UnsafeRawBufferPointer) {
        do {
            try target.meet(bytes, in: folder)
        } catch {
            fatalError("\(error)")
        }
    }
}

/// libFuzzer's entry.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    FuzzInput.shared.read(UnsafeRawBufferPointer(start: start, count: count))
    return 0
}
