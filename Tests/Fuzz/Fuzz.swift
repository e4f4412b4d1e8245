import Foundation

/// Where libFuzzer's input goes: most parsers read files, as commands do.
private final class FuzzInput: @unchecked Sendable {
    static let shared = FuzzInput()

    private let target: FuzzTarget
    private let path: String

    private init() {
        let environment = ProcessInfo.processInfo.environment
        guard let target = environment["FUZZ_TARGET"].flatMap(FuzzTarget.init), let folder = environment["FUZZ_FOLDER"]
        else {
            let names = FuzzTarget.allCases.map(\.rawValue).joined(separator: " ")
            fatalError("FUZZ_TARGET has to be one of \(names), and FUZZ_FOLDER a folder for its files")
        }
        self.target = target
        path = "\(folder)/\(target.rawValue)"
    }

    func read(_ bytes: UnsafeRawBufferPointer) {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        guard file >= 0, write(file, bytes.baseAddress, bytes.count) == bytes.count, close(file) == 0 else {
            fatalError("\(path) cannot be written")
        }
        try? target.read(path, bytes)
    }
}

/// libFuzzer's entry.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    FuzzInput.shared.read(UnsafeRawBufferPointer(start: start, count: count))
    return 0
}
